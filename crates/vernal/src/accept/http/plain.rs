//! Answers to handshakes that are as plain as their handlers made them.
//!
//! hyper adds to every answer what an answer over HTTP should have. Where an app wants its WebSockets
//! [apart from HTTP](crate::websocket::WebsocketSettings::apart_from_http), the head is written here, and the
//! [`Socket`](crate::accept::socket::Socket) sends it in the place of hyper's.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER};
use http::{HeaderValue, StatusCode};

use crate::accept::refusal::make_title_case;
use crate::respond::{OutgoingBody, Reason};
use crate::websocket::Plain;

/// The head that goes out for an answer, if it is one of these; after one that refuses the connection ends.
pub(crate) fn head(response: &mut http::Response<OutgoingBody>, title_case: bool) -> Option<Box<[u8]>> {
    response.extensions_mut().remove::<Plain>()?;
    let status = response.status();
    let mut head = format!("HTTP/1.1 {} ", status.as_u16()).into_bytes();
    let phrase = status.canonical_reason().unwrap_or_default().as_bytes();
    head.extend_from_slice(response.extensions().get().map_or(phrase, Reason::as_bytes));
    head.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        if matches!(*name, SERVER | DATE | CONTENT_LENGTH) {
            continue;
        }
        let start = head.len();
        head.extend_from_slice(spelling(name.as_str()).as_bytes());
        if title_case {
            make_title_case(&mut head[start..]);
        }
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    if status != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Some(head.into())
}

/// The names of RFC 6455 as they are written there.
fn spelling(name: &str) -> &str {
    match name {
        "sec-websocket-accept" => "Sec-WebSocket-Accept",
        "sec-websocket-protocol" => "Sec-WebSocket-Protocol",
        "sec-websocket-extensions" => "Sec-WebSocket-Extensions",
        name => name,
    }
}
