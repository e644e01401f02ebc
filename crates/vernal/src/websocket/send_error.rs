//! Why something was not sent.

use std::error::Error as StdError;
use std::fmt;

/// Why a message was not sent. It is what is behind the [`Error`](crate::Error) of the sending methods of
/// [`WebsocketSession`](crate::websocket::WebsocketSession): `error.downcast_ref::<SendError>()`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection has ended, or is about to.
    Closed,
    /// The client leaves too much unread: [`Limits::websocket_queue`](crate::Limits::websocket_queue).
    Full,
    /// A ping or pong of more than 125 bytes.
    ControlTooLong(usize),
    /// A close code that must not be sent: allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999.
    CloseCode(u16),
    /// A file that cannot be read.
    File(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Closed => f.write_str("the WebSocket connection is closed"),
            SendError::Full => f.write_str("the client leaves too much unread"),
            SendError::ControlTooLong(length) => {
                write!(f, "a ping or pong may have 125 bytes, this one has {length}")
            }
            SendError::CloseCode(code) => write!(
                f,
                "the close code {code} must not be sent; allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999"
            ),
            SendError::File(path) => write!(f, "File in {path} does not exist or is not accessible."),
        }
    }
}

impl StdError for SendError {}
