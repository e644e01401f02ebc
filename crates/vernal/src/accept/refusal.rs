//! The answer to bytes that are no request.
//!
//! Most are found by the [`Inspector`](super::http::inspect::Inspector). hyper answers the others itself, with a bare head and no way to say more. That head is recognised on its way out and
//! held back; when the connection has ended, the app's error page is written in its place.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::accept::http::response_head::response_head;
use crate::accept::socket::Remains;
use crate::accept::stream::Stream;
use crate::respond::OutgoingBody;

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
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now())) {
        parts.headers.entry(DATE).or_insert(date);
    }
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value));
    let mut wire = response_head(parts.status, &parts.extensions, fields, title_case);
    if !head_only {
        wire.extend_from_slice(&body);
    }
    wire.into()
}
