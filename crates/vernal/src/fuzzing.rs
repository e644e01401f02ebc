//! What `fuzz/` tries with any bytes. It is no API.
//!
//! Each function panics where a promise about its input is broken. The promises are written down beside what makes
//! them, and the property tests hold them against random values of their own.

use http::HeaderValue;
use tokio::runtime::{Builder, Runtime};

use crate::accept::{self, Serving};
use crate::{cookie, parse, respond, websocket};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Bytes on a new connection, through the socket, hyper and the door: whole and in pieces.
pub fn request_head(bytes: &[u8]) {
    thread_local! {
        static SERVER: (Runtime, Serving) = (runtime(), accept::pieces::serving());
    }
    let length = 1 + bytes.len() % 7;
    SERVER.with(|(runtime, serving)| runtime.block_on(accept::pieces::check(serving, bytes, length)));
}

/// An octet of options, see `websocket::pieces::check`, and the bytes of a client after its handshake.
pub fn websocket_frames(bytes: &[u8]) {
    let Some((options, frames)) = bytes.split_first() else { return };
    websocket::pieces::check(*options, frames, &[7, 1, 30, 1000]);
}

/// A line with the content type, ended by a line feed, and a body.
pub fn multipart(bytes: &[u8]) {
    thread_local! {
        static RUNTIME: Runtime = runtime();
    }
    let mut halves = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(content_type), Some(body)) = (halves.next(), halves.next()) else { return };
    let content_type = String::from_utf8_lossy(content_type);
    let places: Vec<_> = body.iter().step_by(5).map(|byte| usize::from(*byte) % 23).collect();
    RUNTIME.with(|runtime| runtime.block_on(parse::pieces::check(body, &content_type, &places, 64)));
}

/// The value of a `Cookie` field.
pub fn cookie(bytes: &[u8]) {
    if let Ok(field) = HeaderValue::from_bytes(bytes) {
        cookie::check(&field);
    }
}

/// The length of a file in decimal digits, a space, and the value of a `Range` field.
pub fn range(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some((length, field)) = text.split_once(' ')
        && let Ok(length) = length.parse()
    {
        respond::check_ranges(field, length);
    }
}
