//! The answer to bytes that are no request.
//!
//! hyper answers them itself, with a bare head and no way to say more. That head is recognised on its way out and
//! held back; when the connection has ended, the app's error page is written in its place.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::respond::OutgoingBody;

/// The field that tells an empty answer of the app from one of hyper's.
pub(crate) const MARK: (&str, &str) = ("server", "vernal");

/// Finds hyper's own answer at the end of what is being written: where it begins, and its status.
pub(crate) fn find(bytes: &[u8]) -> Option<(usize, u16)> {
    const HEAD: &[u8] = b"HTTP/1.1 4";
    const LONGEST: usize = 160;
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let from = bytes.len().saturating_sub(LONGEST);
    let start = from + bytes[from..].windows(HEAD.len()).rposition(|window| window == HEAD)?;
    let head = std::str::from_utf8(&bytes[start..]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let own = head.contains("\r\ncontent-length: 0\r\n") && !head.contains("\r\nserver: vernal\r\n");
    (own && matches!(status, 400 | 414 | 431)).then_some((start, status))
}

/// Writes the error page, then waits a moment for the client to read it: a socket that is closed with unread bytes
/// resets the connection, and the answer is lost.
pub(crate) async fn send(mut stream: TcpStream, page: http::Response<OutgoingBody>) {
    let write = async {
        stream.write_all(&wire_form(page)).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(1), write).await {
        tracing::debug!(%error, "the client went away before it was told what was wrong");
    }
}

/// The page as bytes; one that is no plain text or bytes is sent without its body.
fn wire_form(page: http::Response<OutgoingBody>) -> Bytes {
    let (parts, body) = page.into_parts();
    let body = body.into_bytes();
    let mut wire = BytesMut::with_capacity(256 + body.len());
    let phrase = parts.status.canonical_reason().unwrap_or_default();
    wire.extend_from_slice(format!("HTTP/1.1 {} {phrase}\r\n", parts.status.as_u16()).as_bytes());
    for (name, value) in &parts.headers {
        wire.extend_from_slice(name.as_str().as_bytes());
        wire.extend_from_slice(b": ");
        wire.extend_from_slice(value.as_bytes());
        wire.extend_from_slice(b"\r\n");
    }
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    wire.extend_from_slice(format!("date: {date}\r\nconnection: close\r\n").as_bytes());
    wire.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    wire.extend_from_slice(&body);
    wire.freeze()
}
