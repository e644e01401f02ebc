//! Answers to handshakes that are as plain as their handlers made them.
//!
//! hyper adds to every answer what an answer over HTTP should have. Where an app wants its WebSockets
//! [apart from HTTP](crate::websocket::WebsocketSettings::apart_from_http), the head is written here, and the
//! [`Socket`](crate::accept::socket::Socket) sends it in the place of hyper's.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER};
use http::{HeaderValue, StatusCode};

use crate::accept::http::response_head::response_head;
use crate::respond::OutgoingBody;
use crate::websocket::Plain;

/// The head that goes out for an answer, if it is one of these; after one that refuses the connection ends.
pub(crate) fn head(response: &mut http::Response<OutgoingBody>, title_case: bool) -> Option<Box<[u8]>> {
    response.extensions_mut().remove::<Plain>()?;
    let status = response.status();
    let its_own =
        response.headers().iter().filter(|(name, _)| !matches!(**name, SERVER | DATE | CONTENT_LENGTH));
    let fields = its_own.map(|(name, value)| (spelling(name.as_str()), value));
    let head = response_head(status, response.extensions(), fields, title_case);
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
