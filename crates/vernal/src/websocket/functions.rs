//! A handler made of functions, one for each event that it is told of.

use std::future::Future;

use bytes::Bytes;

use crate::websocket::answer::IntoEvent;
use crate::websocket::{
    CloseReason, Event, EventKind, Handshake, KeepFrame, WebsocketHandler, WebsocketRequest, WebsocketSession,
};

type OnHandshake = Box<dyn for<'a> Fn(&'a WebsocketRequest) -> Event<'a, Handshake> + Send + Sync>;
type OnOpen = Box<dyn for<'a> Fn(&'a WebsocketSession) -> Event<'a> + Send + Sync>;
type On<A> = Box<dyn for<'a> Fn(&'a WebsocketSession, A) -> Event<'a> + Send + Sync>;
type OnFrame = Box<dyn for<'a> Fn(&'a WebsocketSession, bool, Bytes) -> Event<'a, KeepFrame> + Send + Sync>;

/// A handler made of functions; events without one are passed over, and a ping is answered with a pong.
///
/// The closures are given sessions of their own, which are cheap to clone, and what they return is awaited.
///
/// ```
/// use vernal::websocket::FunctionHandler;
/// use vernal::{App, Route};
///
/// let echo = FunctionHandler::new("echo")
///     .on_open(|session| async move { session.send_text("welcome").await })
///     .on_text_message(|session, message| async move { session.send_text(message).await });
/// let app = App::builder().websocket(Route::path("/echo"), echo).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
#[derive(Default)]
pub struct FunctionHandler {
    name: String,
    blocking: Vec<EventKind>,
    handshake: Option<OnHandshake>,
    open: Option<OnOpen>,
    text_message: Option<On<String>>,
    binary_message: Option<On<Bytes>>,
    binary_frame: Option<OnFrame>,
    ping_message: Option<On<Bytes>>,
    pong_message: Option<On<Bytes>>,
    close: Option<On<CloseReason>>,
}

/// Takes a closure that owns its session and returns a future.
macro_rules! closures {
    ($($(#[$doc:meta])* $method:ident($($name:ident: $argument:ty),*) -> $answer:ty => $slot:ident;)*) => {
        $($(#[$doc])*
        pub fn $method<F, R>(
            mut self,
            function: impl Fn(WebsocketSession, $($argument),*) -> F + Send + Sync + 'static,
        ) -> Self
        where
            F: Future<Output = R> + Send + 'static,
            R: IntoEvent<$answer>,
        {
            self.$slot = Some(Box::new(move |session, $($name),*| {
                let called = function(session.clone(), $($name),*);
                Event::future(async move { called.await.into_event() })
            }));
            self
        })*
    };
}

impl FunctionHandler {
    /// A handler that the log calls so, without any function.
    pub fn new(name: impl Into<String>) -> Self {
        FunctionHandler { name: name.into(), ..FunctionHandler::default() }
    }

    /// Answers clients that want to open a connection; must not block.
    pub fn on_handshake<R: IntoEvent<Handshake>>(
        mut self,
        function: impl Fn(&WebsocketRequest) -> R + Send + Sync + 'static,
    ) -> Self {
        self.handshake = Some(Box::new(move |request| Event::Ready(function(request).into_event())));
        self
    }

    closures! {
        /// Is told that a connection is open.
        on_open() -> () => open;
        /// Is given whole text messages.
        on_text_message(message: String) -> () => text_message;
        /// Is given whole binary messages.
        on_binary_message(message: Bytes) -> () => binary_message;
        /// Is given the frames of binary messages that come in several.
        on_binary_frame(fin: bool, payload: Bytes) -> KeepFrame => binary_frame;
        /// Is given pings; nobody else answers them then.
        on_ping_message(message: Bytes) -> () => ping_message;
        /// Is given pongs.
        on_pong_message(message: Bytes) -> () => pong_message;
        /// Is told that a connection has ended.
        on_close(reason: CloseReason) -> () => close;
    }

    pub(super) fn name_mut(&mut self) -> &mut String {
        &mut self.name
    }

    /// Adds a function that an attribute declared.
    pub(super) fn add(&mut self, function: EventFunction, may_block: bool) {
        if may_block {
            self.blocking.push(function.kind());
        }
        match function {
            EventFunction::Handshake(call) => self.handshake = Some(Box::new(call)),
            EventFunction::Open(call) => self.open = Some(Box::new(call)),
            EventFunction::TextMessage(call) => self.text_message = Some(Box::new(call)),
            EventFunction::BinaryMessage(call) => self.binary_message = Some(Box::new(call)),
            EventFunction::BinaryFrame(call) => self.binary_frame = Some(Box::new(call)),
            EventFunction::PingMessage(call) => self.ping_message = Some(Box::new(call)),
            EventFunction::PongMessage(call) => self.pong_message = Some(Box::new(call)),
            EventFunction::Close(call) => self.close = Some(Box::new(call)),
        }
    }
}

impl WebsocketHandler for FunctionHandler {
    fn name(&self) -> &str {
        &self.name
    }

    fn may_block(&self, event: EventKind) -> bool {
        self.blocking.contains(&event)
    }

    fn on_handshake<'a>(&'a self, request: &'a WebsocketRequest) -> Event<'a, Handshake> {
        self.handshake.as_ref().map_or_else(|| Event::Ready(Ok(Handshake::accept())), |call| call(request))
    }

    fn on_open<'a>(&'a self, session: &'a WebsocketSession) -> Event<'a> {
        self.open.as_ref().map_or_else(Event::done, |call| call(session))
    }

    fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
        self.text_message.as_ref().map_or_else(Event::done, |call| call(session, message))
    }

    fn on_binary_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.binary_message.as_ref().map_or_else(Event::done, |call| call(session, message))
    }

    fn on_binary_frame<'a>(
        &'a self,
        session: &'a WebsocketSession,
        fin: bool,
        payload: Bytes,
    ) -> Event<'a, KeepFrame> {
        match &self.binary_frame {
            Some(call) => call(session, fin, payload),
            None => Event::Ready(Ok(KeepFrame::Yes)),
        }
    }

    fn on_ping_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        match &self.ping_message {
            Some(call) => call(session, message),
            None => Event::future(async move { session.send_pong(message).await }),
        }
    }

    fn on_pong_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.pong_message.as_ref().map_or_else(Event::done, |call| call(session, message))
    }

    fn on_close<'a>(&'a self, session: &'a WebsocketSession, reason: CloseReason) -> Event<'a> {
        self.close.as_ref().map_or_else(Event::done, |call| call(session, reason))
    }
}

/// A function for one event; what the attributes generate.
#[derive(Clone, Copy)]
pub enum EventFunction {
    /// `#[websocket_handshake]`
    Handshake(for<'a> fn(&'a WebsocketRequest) -> Event<'a, Handshake>),
    /// `#[websocket_open]`
    Open(for<'a> fn(&'a WebsocketSession) -> Event<'a>),
    /// `#[websocket_message(kind = "text")]`
    TextMessage(for<'a> fn(&'a WebsocketSession, String) -> Event<'a>),
    /// `#[websocket_message(kind = "binary")]`
    BinaryMessage(for<'a> fn(&'a WebsocketSession, Bytes) -> Event<'a>),
    /// `#[websocket_message(kind = "binary_frame")]`
    BinaryFrame(for<'a> fn(&'a WebsocketSession, bool, Bytes) -> Event<'a, KeepFrame>),
    /// `#[websocket_message(kind = "ping")]`
    PingMessage(for<'a> fn(&'a WebsocketSession, Bytes) -> Event<'a>),
    /// `#[websocket_message(kind = "pong")]`
    PongMessage(for<'a> fn(&'a WebsocketSession, Bytes) -> Event<'a>),
    /// `#[websocket_close]`
    Close(for<'a> fn(&'a WebsocketSession, CloseReason) -> Event<'a>),
}

impl EventFunction {
    /// The event that it is for.
    pub fn kind(&self) -> EventKind {
        match self {
            EventFunction::Handshake(_) => EventKind::Handshake,
            EventFunction::Open(_) => EventKind::Open,
            EventFunction::TextMessage(_) => EventKind::TextMessage,
            EventFunction::BinaryMessage(_) => EventKind::BinaryMessage,
            EventFunction::BinaryFrame(_) => EventKind::BinaryFrame,
            EventFunction::PingMessage(_) => EventKind::PingMessage,
            EventFunction::PongMessage(_) => EventKind::PongMessage,
            EventFunction::Close(_) => EventKind::Close,
        }
    }
}
