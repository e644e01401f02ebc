//! Promises about any bytes on a connection, tried with random ones: through the socket, hyper and the door.

use proptest::prelude::*;
use proptest::sample::select;

use crate::accept::http::pieces;
use crate::properties::run_for;

/// What requests are made of, and what spoils them.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /\u{0} HTTP/1.1\r\n",
    "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
    "OPTIONS * HTTP/1.1\r\n",
    "Host: x\r\n",
    "Connection: close\r\n",
    "Content-Length: 2\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Upgrade: foo\r\nConnection: upgrade\r\n",
    "Expect: 100-continue\r\n",
    "X: y\r\n",
    " folded\r\n",
    "5\r\nabcde\r\n",
    "0\r\n\r\n",
    "0\r\nTrailer: x\r\n\r\n",
    "abcde",
    "\r\n",
    "\n",
    "\r",
    " ",
    ":",
    ";",
    "ffffffffffffffff\r\n",
];

fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => select(PIECES).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..8),
    ];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn any_bytes_get_well_formed_answers_and_an_end_however_they_are_cut() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let serving = pieces::serving();
    run_for((input(), 1..40_usize), |(bytes, length)| {
        runtime.block_on(pieces::check(&serving, &bytes, length));
        Ok(())
    });
}
