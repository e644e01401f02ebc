//! The other conversation: WebSocket (RFC 6455, RFC 7692, RFC 8441).

mod conversation;
mod deadline;
mod deflate;
mod frame;
mod handler;
mod incoming;
mod input;
mod outgoing;
mod payload;
mod request;
mod send_error;
mod send_file;
mod session;
mod text;
mod violation;

pub use deflate::DeflateSettings;
pub use handler::{CloseReason, Event, Handshake, KeepFrame, WebsocketHandler};
pub use payload::{BinaryPayload, TextPayload};
pub use request::WebsocketRequest;
pub use send_error::SendError;
pub use session::WebsocketSession;
