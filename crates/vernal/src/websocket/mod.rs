//! The other conversation: WebSocket (RFC 6455, RFC 7692, RFC 8441).

mod handler;
mod request;
mod session;

pub use handler::{CloseReason, Event, Handshake, KeepFrame, WebsocketHandler};
pub use request::WebsocketRequest;
pub use session::WebsocketSession;
