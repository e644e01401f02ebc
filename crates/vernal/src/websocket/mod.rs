//! The other conversation: WebSocket (RFC 6455, RFC 7692, RFC 8441).
//!
//! A handler is told what happens on a connection ([`WebsocketHandler`], by attribute
//! [`macro@websocket_handler`](crate::websocket_handler)) or functions are, one for each event
//! ([`macro@websocket_message`](crate::websocket_message), [`FunctionHandler`]). What it sends goes through the
//! [`WebsocketSession`], which may be kept and used from anywhere. Connections in the same room are told the same:
//! [`Rooms`].
//!
//! | event | told | unless it is handled |
//! |---|---|---|
//! | `on_handshake` | a client wants to connect | it may |
//! | `on_open` | the connection is open | |
//! | `on_text_message`, `on_binary_message` | a whole message | it is passed over |
//! | `on_binary_frame` | a frame of a binary message that comes in several | it is kept for the message |
//! | `on_ping_message` | a ping | it is answered with a pong |
//! | `on_pong_message` | a pong | |
//! | `on_close` | the connection has ended, and why | |
//!
//! The events of a connection come one at a time. An event that fails or panics is logged and closes its connection
//! with 1011. At a stop of the server, connections are closed with 1001. Filters do not run: `on_handshake` is the
//! place to refuse a client.

mod answer;
mod belongings;
mod blocking;
mod conversation;
mod deadline;
mod deflate;
pub(crate) mod endpoint;
mod frame;
mod functions;
mod handler;
mod handshake;
mod incoming;
mod input;
mod outgoing;
mod payload;
mod request;
mod rooms;
mod send_error;
mod send_file;
mod session;
mod settings;
mod text;
mod timers;
mod violation;
mod wire;

pub use answer::{Handshake, IntoEvent};
pub use deflate::DeflateSettings;
pub use endpoint::HandlerScope;
pub use functions::{EventFunction, FunctionHandler};
pub use handler::{CloseReason, Event, EventKind, KeepFrame, WebsocketHandler};
pub use payload::{BinaryPayload, TextPayload};
pub use request::WebsocketRequest;
pub use rooms::{LocalRooms, Room, RoomError, RoomMessage, RoomTransport, Rooms};
pub use send_error::SendError;
pub use session::WebsocketSession;
pub use settings::WebsocketSettings;

pub(crate) use endpoint::EndpointId;
pub(crate) use handshake::{Accepted, Plain, Upgrade};
#[cfg(feature = "fuzzing")]
pub(crate) use incoming::pieces;
pub(crate) use rooms::InProcess;
