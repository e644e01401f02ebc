//! The answer to bytes that are no request.
//!
//! Most are found by the [`Inspector`](super::http::inspect::Inspector). hyper answers the others itself, with a bare head and no way to say more. That head is recognised on its way out and
//! held back; when the connection has ended, the app's error page is written in its place.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::accept::socket::Remains;
use crate::accept::stream::Stream;
use crate::respond::{OutgoingBody, Reason};

/// The status, if these bytes have the form of hyper's own answer.
pub(crate) fn status(head: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(head).ok()?.strip_prefix("HTTP/1.")?.strip_suffix("\r\n\r\n")?;
    let status = head.get(2..5)?.parse().ok()?;
    let is_empty = head.lines().any(|line| line.eq_ignore_ascii_case("content-length: 0"));
    (is_empty && matches!(status, 400 | 414 | 431)).then_some(status)
}

/// Writes the answers that are still waiting and the error page.
pub(crate) async fn send(
    remains: Remains,
    page: http::Response<OutgoingBody>,
    head_only: bool,
    title_case: bool,
) {
    let mut stream = remains.stream;
    let write = async {
        stream.write_all(&remains.unsent).await?;
        stream.write_all(&wire_form(page, head_only, title_case)).await
    };
    match tokio::time::timeout(LINGER, write).await {
        Ok(Ok(())) => linger(stream).await,
        Ok(Err(error)) => tracing::debug!(%error, "the client went away before it was told what was wrong"),
        Err(_) => {}
    }
}

/// Says that nothing more comes, and waits a moment for the client to read the last answer and end: a socket that is closed with unread bytes resets
/// the connection, and the answer may be lost (RFC 9112 section 9.6).
pub(crate) async fn linger(mut stream: Stream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    // not in the future itself, which would make every connection's task so much larger
    let mut piece = vec![0; 4096];
    let read = async {
        let mut room = LINGER_BYTES;
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            room = room.saturating_sub(length);
            if room == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, read).await;
}

/// How long a client may take to notice the end.
const LINGER: Duration = Duration::from_secs(1);
/// How much it may send until then.
const LINGER_BYTES: usize = 16 << 20;

/// The page as bytes; one that is no plain text or bytes is sent without its body.
fn wire_form(page: http::Response<OutgoingBody>, head_only: bool, title_case: bool) -> Bytes {
    let (mut parts, body) = page.into_parts();
    let body = body.into_memory().unwrap_or_default();
    let mut wire = BytesMut::with_capacity(256 + body.len());
    let phrase = parts.status.canonical_reason().unwrap_or_default().as_bytes();
    let phrase = parts.extensions.get().map_or(phrase, Reason::as_bytes);
    wire.extend_from_slice(format!("HTTP/1.1 {} ", parts.status.as_u16()).as_bytes());
    wire.extend_from_slice(phrase);
    wire.extend_from_slice(b"\r\n");
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now())) {
        parts.headers.entry(DATE).or_insert(date);
    }
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    for (name, value) in &parts.headers {
        let start = wire.len();
        wire.extend_from_slice(name.as_str().as_bytes());
        if title_case {
            make_title_case(&mut wire[start..]);
        }
        wire.extend_from_slice(b": ");
        wire.extend_from_slice(value.as_bytes());
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    if !head_only {
        wire.extend_from_slice(&body);
    }
    wire.freeze()
}

/// `content-type` as `Content-Type`, the way hyper does it.
pub(crate) fn make_title_case(name: &mut [u8]) {
    let mut is_first = true;
    for byte in name {
        if is_first {
            byte.make_ascii_uppercase();
        }
        is_first = *byte == b'-';
    }
}
