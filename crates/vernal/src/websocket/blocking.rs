//! Events that may block run on the blocking pool, as plain `fn` controllers do.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::Result;
use crate::guard::catch_panic;
use crate::websocket::{
    CloseReason, Event, EventKind, Handshake, KeepFrame, WebsocketHandler, WebsocketRequest, WebsocketSession,
};

/// A handler some of whose events may block. Its handshake is called where the request is at hand.
pub(super) struct Blocking {
    handler: Arc<dyn WebsocketHandler>,
    leave: Arc<Semaphore>,
}

impl Blocking {
    /// With leave for so many threads to block; see [`App::blocking`](crate::app::App::blocking).
    pub(super) fn new(handler: Arc<dyn WebsocketHandler>, leave: Arc<Semaphore>) -> Self {
        Blocking { handler, leave }
    }

    /// Calls on a thread that may block, if this event may.
    fn call<'a, T: Send + 'static>(
        &'a self,
        event: EventKind,
        session: &'a WebsocketSession,
        call: impl for<'h> FnOnce(&'h dyn WebsocketHandler, &'h WebsocketSession) -> Event<'h, T> + Send + 'static,
    ) -> Event<'a, T> {
        if !self.handler.may_block(event) {
            return call(&*self.handler, session);
        }
        let (handler, session) = (Arc::clone(&self.handler), session.clone());
        let runtime = Handle::current();
        Event::future(on_thread(&self.leave, move || call(&*handler, &session).wait_on_thread(&runtime)))
    }
}

/// Calls on a thread that may block; a panic becomes an error.
pub(super) async fn on_thread<T: Send + 'static>(
    leave: &Arc<Semaphore>,
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let leave = Arc::clone(leave).acquire_owned().await?;
    let call = move || {
        let answer = catch_panic(call).and_then(|answer| answer);
        drop(leave);
        answer
    };
    tokio::task::spawn_blocking(call).await?
}

impl WebsocketHandler for Blocking {
    fn name(&self) -> &str {
        self.handler.name()
    }

    fn may_block(&self, event: EventKind) -> bool {
        self.handler.may_block(event)
    }

    fn on_handshake<'a>(&'a self, request: &'a WebsocketRequest) -> Event<'a, Handshake> {
        self.handler.on_handshake(request)
    }

    fn on_open<'a>(&'a self, session: &'a WebsocketSession) -> Event<'a> {
        self.call(EventKind::Open, session, |handler, session| handler.on_open(session))
    }

    fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
        self.call(EventKind::TextMessage, session, |handler, session| {
            handler.on_text_message(session, message)
        })
    }

    fn on_binary_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.call(EventKind::BinaryMessage, session, |handler, session| {
            handler.on_binary_message(session, message)
        })
    }

    fn on_binary_frame<'a>(
        &'a self,
        session: &'a WebsocketSession,
        fin: bool,
        payload: Bytes,
    ) -> Event<'a, KeepFrame> {
        self.call(EventKind::BinaryFrame, session, move |handler, session| {
            handler.on_binary_frame(session, fin, payload)
        })
    }

    fn on_ping_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.call(EventKind::PingMessage, session, |handler, session| {
            handler.on_ping_message(session, message)
        })
    }

    fn on_pong_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.call(EventKind::PongMessage, session, |handler, session| {
            handler.on_pong_message(session, message)
        })
    }

    fn on_close<'a>(&'a self, session: &'a WebsocketSession, reason: CloseReason) -> Event<'a> {
        self.call(EventKind::Close, session, |handler, session| handler.on_close(session, reason))
    }
}
