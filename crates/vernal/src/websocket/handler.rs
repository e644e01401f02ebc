//! Who is told what happens on a WebSocket connection.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::bind::Param;
use crate::websocket::{Handshake, WebsocketRequest, WebsocketSession};
use crate::{HttpError, Result};

/// Answers the events of WebSocket connections. The attributes implement it; by hand it needs no attribute.
///
/// The events of one connection are called one at a time, in the order in which they arrived. One that fails or
/// panics is logged with the handler's name, and closes the connection with code 1011.
///
/// A singleton serves all connections of its endpoint; what belongs to one connection is kept in the session.
///
/// ```
/// use vernal::websocket::{Event, WebsocketHandler, WebsocketSession};
/// use vernal::{App, Route};
///
/// struct Echo;
///
/// impl WebsocketHandler for Echo {
///     fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
///         Event::future(async move { session.send_text(message).await })
///     }
/// }
///
/// let app = App::builder().websocket(Route::path("/echo"), Echo).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub trait WebsocketHandler: Send + Sync + 'static {
    /// What the log calls this handler.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// Whether this event may block its thread: then it runs on the blocking pool, unless the server was told
    /// `prefer_coroutine(true)`.
    fn may_block(&self, event: EventKind) -> bool {
        let _ = event;
        false
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

/// What may happen on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A client wants to open it.
    Handshake,
    /// It is open.
    Open,
    /// A whole text message has arrived.
    TextMessage,
    /// A whole binary message has arrived.
    BinaryMessage,
    /// A frame of a binary message has arrived.
    BinaryFrame,
    /// A ping has arrived.
    PingMessage,
    /// A pong has arrived.
    PongMessage,
    /// It has ended.
    Close,
}

impl EventKind {
    /// The name of the method of [`WebsocketHandler`] that is told.
    pub fn method(self) -> &'static str {
        match self {
            EventKind::Handshake => "on_handshake",
            EventKind::Open => "on_open",
            EventKind::TextMessage => "on_text_message",
            EventKind::BinaryMessage => "on_binary_message",
            EventKind::BinaryFrame => "on_binary_frame",
            EventKind::PingMessage => "on_ping_message",
            EventKind::PongMessage => "on_pong_message",
            EventKind::Close => "on_close",
        }
    }
}

/// What an event answers: there at once, or later.
pub enum Event<'a, T = ()> {
    /// There at once; nothing was allocated for it.
    Ready(Result<T>),
    /// There when the future is done.
    Pending(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>),
    /// There when it has been done elsewhere: the future does nothing itself, it only hears of the end. It is not polled
    /// before somebody wants to know, which may be when the client sends its next message.
    Elsewhere(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>),
}

impl<'a, T> Event<'a, T> {
    /// The answer of an asynchronous event.
    pub fn future(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Event::Pending(Box::pin(future))
    }

    /// The answer of an event that is done elsewhere, on a thread of its own or in another event loop.
    ///
    /// The future only hears of the end, and may not be polled before the client's next message: whatever does the event goes
    /// on without it, and where it fails, closes the connection itself.
    ///
    /// ```
    /// use tokio::sync::oneshot;
    /// use vernal::websocket::{Event, SendError, WebsocketHandler, WebsocketSession};
    ///
    /// struct Echo;
    ///
    /// impl WebsocketHandler for Echo {
    ///     fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
    ///         let (done, waits) = oneshot::channel();
    ///         let session = session.clone();
    ///         std::thread::spawn(move || done.send(session.try_send_text(message)));
    ///         Event::elsewhere(async { waits.await.map_err(|_| SendError::Closed)? })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let app = vernal::App::builder().websocket(vernal::Route::path("/echo"), Echo).build()?;
    /// let mut client = vernal::testing::Client::new(app).websocket("/echo").connect().await.expect("it is let in");
    /// client.send_text("hello").await?;
    /// assert_eq!(client.receive_text().await, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn elsewhere(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Event::Elsewhere(Box::pin(future))
    }

    /// The answer of a plain function: at once, where all its arguments are there at once.
    pub fn immediate(params: &[Param], future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        if !params.iter().all(Param::is_immediate) {
            return Event::future(future);
        }
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Event::Ready(result),
            Poll::Pending => {
                let explain = "an argument of a WebSocket event was not there at once";
                Event::Ready(Err(HttpError::new(500).explain(explain).into()))
            }
        }
    }

    /// Waits on a thread that may block.
    pub(crate) fn wait_on_thread(self, runtime: &tokio::runtime::Handle) -> Result<T> {
        match self {
            Event::Ready(result) => result,
            Event::Pending(future) | Event::Elsewhere(future) => runtime.block_on(future),
        }
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

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// What happened, in words: `Client asked to close connection.`, for example.
    pub message: String,
    /// The close code; none where the client's close frame had none, 1006 where the connection ended without any (RFC
    /// 6455 section 7.1.5).
    pub code: Option<u16>,
    /// The reason that came with the code; empty if none did.
    pub reason: String,
}
