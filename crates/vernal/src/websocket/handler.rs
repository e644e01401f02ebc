//! Who is told what happens on a WebSocket connection.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::websocket::{WebsocketRequest, WebsocketSession};
use crate::{Headers, Result};

/// Answers the events of WebSocket connections. The attributes implement it; by hand it needs no attribute.
///
/// The events of one connection are called one at a time, in the order in which they arrived. One that fails or
/// panics is logged with the handler's name, and closes the connection with code 1011.
pub trait WebsocketHandler: Send + Sync + 'static {
    /// What the log calls this handler.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// A client wants to open a connection. Failing refuses it with the error's status.
    fn on_handshake<'a>(&'a self, request: &'a WebsocketRequest) -> Event<'a, Handshake> {
        let _ = request;
        Event::Ready(Ok(Handshake::accept()))
    }

    /// The connection is open.
    fn on_open<'a>(&'a self, session: &'a WebsocketSession) -> Event<'a> {
        let _ = session;
        Event::done()
    }

    /// A whole text message.
    fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
        let _ = (session, message);
        Event::done()
    }

    /// A whole binary message; of one that came in frames, those that [`on_binary_frame`](Self::on_binary_frame) kept.
    fn on_binary_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        let _ = (session, message);
        Event::done()
    }

    /// A frame of a binary message that comes in several; whether it is kept for the message.
    fn on_binary_frame<'a>(
        &'a self,
        session: &'a WebsocketSession,
        fin: bool,
        payload: Bytes,
    ) -> Event<'a, KeepFrame> {
        let _ = (session, fin, payload);
        Event::Ready(Ok(KeepFrame::Yes))
    }

    /// A ping; by default it is answered with a pong.
    fn on_ping_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        Event::future(async move { session.send_pong(message).await })
    }

    /// A pong.
    fn on_pong_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        let _ = (session, message);
        Event::done()
    }

    /// The connection has ended; called exactly once, after everything else.
    fn on_close<'a>(&'a self, session: &'a WebsocketSession, reason: CloseReason) -> Event<'a> {
        let _ = (session, reason);
        Event::done()
    }
}

/// What an event answers: there at once, or later.
pub enum Event<'a, T = ()> {
    /// There at once; nothing was allocated for it.
    Ready(Result<T>),
    /// There when the future is done.
    Pending(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>),
}

impl<'a, T> Event<'a, T> {
    /// The answer of an asynchronous event.
    pub fn future(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Event::Pending(Box::pin(future))
    }
}

impl Event<'_> {
    /// The answer of an event that has nothing to do.
    pub fn done() -> Self {
        Event::Ready(Ok(()))
    }
}

/// Whether a frame becomes a part of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepFrame {
    /// It is kept until the message is whole.
    Yes,
    /// It has been dealt with.
    No,
}

/// The answer to a client that wants to open a connection.
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

    /// Refuses with this status; 0 and 101 accept (`spec/06` section 3).
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
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// What happened, in words: `Client asked to close connection.`, for example.
    pub message: String,
    /// The close code; none where no close frame with a code was exchanged.
    pub code: Option<u16>,
    /// The reason that came with the code; empty if none did.
    pub reason: String,
}
