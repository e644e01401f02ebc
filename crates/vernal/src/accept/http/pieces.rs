//! A conversation about any bytes, and what is promised of it: for the property tests and for `fuzz/`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::accept::http::http1::{self, Outcome};
use crate::accept::stream::Stream;
use crate::accept::{ConnectionSettings, Drain, Peers, Serving, Watch};
use crate::request::Connection;
use crate::{App, Limits, Request, Route, controller};

/// Panics unless the answers to these bytes are well-formed, have an end, and are the same when the bytes come in
/// pieces of this length, up to one that need not wait for the body.
pub(crate) async fn check(serving: &Serving, bytes: &[u8], length: usize) {
    let whole = conversation(serving, bytes, usize::MAX).await;
    let cut = conversation(serving, bytes, length).await;
    // which answers have no body is the client's to know; where it has asked for such, only their begin is looked at
    if [&b"HEAD"[..], b"CONNECT"].iter().any(|method| memchr::memmem::find(bytes, method).is_some()) {
        for answers in [whole, cut] {
            assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."));
        }
        return;
    }
    let final_ones = |answers: &[u8]| -> Vec<u16> {
        statuses(answers).into_iter().filter(|status| *status >= 200).collect()
    };
    let (whole, cut) = (final_ones(&whole), final_ones(&cut));
    let (fewer, more) = if whole.len() < cut.len() { (&whole, &cut) } else { (&cut, &whole) };
    // a connection may end with an answer that did not wait for the body, as long as that has not arrived
    let may_end = fewer.last().is_some_and(|status| *status != 200);
    assert!(
        whole == cut || may_end && more.starts_with(fewer),
        "{whole:?} whole, but {cut:?} in pieces of {length}"
    );
}

/// A server of one app that answers with what it is sent.
pub(crate) fn serving() -> Serving {
    let echo = controller::from_async_fn(|request: &Request| {
        Box::pin(async move { Ok::<_, crate::Error>(request.bytes().await?.clone()) })
    });
    let app = App::builder().route(Route::path("/"), echo).limits(Limits::default()).build();
    Serving {
        app: app.expect("an app"),
        settings: ConnectionSettings {
            keep_alive: true,
            keep_alive_max_requests: 0,
            idle_timeout: Duration::from_secs(60),
            title_case_headers: false,
            proxy_protocol: false,
            #[cfg(feature = "http2")]
            http2: false,
            #[cfg(feature = "http2")]
            ping_interval: None,
        },
        replacement: Arc::default(),
        drain: Drain::new(1, Duration::from_secs(1)),
        peers: Peers::new(0),
        #[cfg(feature = "tls")]
        tls: None,
    }
}

/// Sends the bytes in pieces of at most this length, then ends; what came back until the server ended.
pub(crate) async fn conversation(serving: &Serving, bytes: &[u8], length: usize) -> Vec<u8> {
    let (server, mut client) = UnixStream::pair().expect("a pair of sockets");
    let connection = Arc::new(Connection::new(serving.app.clone(), None, Watch::new()));
    let serve = async {
        let (mut stream, mut early) = (Stream::Unix(server), Bytes::new());
        while let Outcome::Rests(resting, unread) =
            Box::pin(http1::converse(stream, early, &connection, serving)).await
        {
            (stream, early) = (resting, unread);
        }
    };
    let ask = async {
        for piece in bytes.chunks(length) {
            if client.write_all(piece).await.is_err() {
                break; // it has been refused before its end
            }
            tokio::task::yield_now().await;
        }
        let _ = client.shutdown().await;
        let mut answers = Vec::new();
        // a reset ends it as well
        let _ = client.read_to_end(&mut answers).await;
        answers
    };
    let both = async { tokio::join!(serve, ask).1 };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("every conversation ends")
}

/// The statuses of the answers, which must follow one another without a gap.
fn statuses(mut answers: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !answers.is_empty() {
        let end = answers.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&answers[..end]).expect("a head is text");
        let status: u16 = head.strip_prefix("HTTP/1.").expect("a version")[2..5].parse().expect("a status");
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = field("content-length: ").map_or(0, |length| length.parse().expect("a length"));
        answers = &answers[end + 4..];
        if status >= 200 && status != 204 {
            assert!(length <= answers.len(), "{head} announces more than comes");
            answers = &answers[length..];
        }
        statuses.push(status);
    }
    statuses
}
