//! What a handler says to a client that wants to open a connection, and what its functions may return.

use http::StatusCode;

use crate::websocket::KeepFrame;
use crate::{Error, Headers, Result};

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";

/// The answer to a client that wants to open a connection.
///
/// ```
/// use vernal::websocket::{Handshake, WebsocketRequest};
///
/// fn shake(request: &WebsocketRequest) -> Handshake {
///     if request.param("token") != Some("secret") {
///         return Handshake::refuse(401).header("WWW-Authenticate", "Bearer");
///     }
///     match request.choose_subprotocol(&["chat.v2", "chat.v1"]) {
///         Some(chosen) => Handshake::accept().subprotocol(chosen),
///         None => Handshake::refuse(400),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Handshake {
    /// The status that refuses; none accepts.
    pub(crate) status: Option<u16>,
    pub(crate) headers: Headers,
}

impl Handshake {
    /// Opens the connection.
    pub fn accept() -> Self {
        Handshake { status: None, headers: Headers::new() }
    }

    /// Refuses with this status, without a body; 0 and 101 accept (`spec/06` section 3). Over HTTP/2, where any status
    /// of success opens the connection, refusing with one is a mistake: it is logged and the client gets a 500.
    ///
    /// Return an [`HttpError`](crate::HttpError) instead where the client is to see an error page.
    pub fn refuse(status: u16) -> Self {
        Handshake { status: (status != 0 && status != 101).then_some(status), headers: Headers::new() }
    }

    /// The status that refuses; none where the connection is to be opened.
    pub fn refusal(&self) -> Option<u16> {
        self.status
    }

    /// Adds a header field to the answer.
    pub fn header(mut self, name: impl AsRef<str>, value: impl std::fmt::Display) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Agrees to a subprotocol (RFC 6455 section 1.9). One that the client has not offered is a mistake of the
    /// server: it is logged and the client gets a 500.
    pub fn subprotocol(mut self, name: impl AsRef<str>) -> Self {
        self.headers.insert(SUBPROTOCOL, name.as_ref());
        self
    }

    /// The subprotocol that was agreed to.
    pub(crate) fn chosen_subprotocol(&self) -> Option<&str> {
        self.headers.get(SUBPROTOCOL)
    }
}

/// Accepts.
impl From<()> for Handshake {
    fn from((): ()) -> Self {
        Handshake::accept()
    }
}

/// Refuses, unless the status is 0 or 101.
impl From<u16> for Handshake {
    fn from(status: u16) -> Self {
        Handshake::refuse(status)
    }
}

/// Refuses, unless the status is 101.
impl From<StatusCode> for Handshake {
    fn from(status: StatusCode) -> Self {
        Handshake::refuse(status.as_u16())
    }
}

/// Accepts with these fields.
impl From<Headers> for Handshake {
    fn from(headers: Headers) -> Self {
        Handshake { status: None, headers }
    }
}

/// Refuses with these fields, unless the status is 0 or 101.
impl From<(u16, Headers)> for Handshake {
    fn from((status, headers): (u16, Headers)) -> Self {
        Handshake { headers, ..Handshake::refuse(status) }
    }
}

/// What a function that is told of an event may return.
#[diagnostic::on_unimplemented(
    message = "a WebSocket event cannot return `{Self}`",
    label = "no answer to this event",
    note = "an event returns nothing, or `Result<()>`; a handshake `Handshake`, a status or `Headers`; a binary frame `KeepFrame` or `bool`; each of these may be in a `Result`"
)]
pub trait IntoEvent<T> {
    /// The answer, or why there is none.
    ///
    /// # Errors
    ///
    /// The error that the function returned.
    fn into_event(self) -> Result<T>;
}

impl<T, V: IntoEvent<T>, E: Into<Error>> IntoEvent<T> for Result<V, E> {
    fn into_event(self) -> Result<T> {
        self.map_err(Into::into)?.into_event()
    }
}

impl IntoEvent<()> for () {
    fn into_event(self) -> Result<()> {
        Ok(())
    }
}

macro_rules! handshakes {
    ($($type:ty),*) => {
        $(impl IntoEvent<Handshake> for $type {
            fn into_event(self) -> Result<Handshake> { Ok(self.into()) }
        })*
    };
}

handshakes!(Handshake, (), u16, StatusCode, Headers, (u16, Headers));

impl IntoEvent<KeepFrame> for KeepFrame {
    fn into_event(self) -> Result<KeepFrame> {
        Ok(self)
    }
}

/// Whether the frame is kept.
impl IntoEvent<KeepFrame> for bool {
    fn into_event(self) -> Result<KeepFrame> {
        Ok(if self { KeepFrame::Yes } else { KeepFrame::No })
    }
}

/// The frame has been dealt with.
impl IntoEvent<KeepFrame> for () {
    fn into_event(self) -> Result<KeepFrame> {
        Ok(KeepFrame::No)
    }
}
