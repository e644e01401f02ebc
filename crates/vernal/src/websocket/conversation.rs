//! One connection, from after its handshake until it has ended.

mod transfer;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::unconstrained;

use crate::accept::{Drain, ENDING};
use crate::guard::{CatchPanic, catch_panic};
use crate::websocket::deadline::{Deadline, Due};
use crate::websocket::deflate::Inflater;
use crate::websocket::frame::Opcode;
use crate::websocket::incoming::{Decoder, Incoming};
use crate::websocket::input::Input;
use crate::websocket::outgoing::{CloseAsked, Pieces, Signals};
use crate::websocket::violation::Violation;
use crate::websocket::wire::Wire;
use crate::websocket::{CloseReason, Event, KeepFrame, SendError, WebsocketHandler, WebsocketSession};
use crate::{Error, Result};

/// After so many turns without a rest, other tasks have theirs.
const TURNS: usize = 64;

/// The payload of the server's own pings; the pongs that bring it back are not events.
const KEEP_ALIVE: &[u8] = b"vernal keep-alive";

/// Holds the conversation with one client until it has ended; then the handler has been told why.
///
/// Everything happens in this one task: it runs the handler's events, one at a time, while it reads ahead up to the
/// next one and writes what was sent.
pub(crate) async fn converse<S>(
    stream: S,
    early: Bytes,
    session: WebsocketSession,
    handler: Arc<dyn WebsocketHandler>,
    drain: Drain,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wire = Arc::new(Mutex::new(Wire::new(stream)));
    session.set_stand_in(&wire);
    let reason = {
        let mut ending = pin!(drain.reached(ENDING));
        let mut awaited = 0;
        let mut conversation = Conversation::new(&wire, early, &session, &*handler);
        conversation.open();
        poll_fn(|context| {
            // a stage that was awaited once wakes this task; asking for it again would take the lock of all connections
            while drain.has_reached(awaited) {
                match awaited {
                    0 => {}
                    ENDING => conversation.go_away(),
                    _ => return Poll::Ready(conversation.cut()),
                }
                awaited += 1;
                ending.set(drain.reached(awaited));
                let _ = pin!(unconstrained(ending.as_mut())).poll(context);
            }
            conversation.poll(context)
        })
        .await
    };
    drop(wire);
    session.outgoing().end();
    session.notify_room();
    tracing::debug!(session = session.id(), reason = ?reason, "WebSocket connection ended");
    let closing = match catch_panic(|| handler.on_close(&session, reason)) {
        Ok(Event::Ready(done)) => done,
        Ok(Event::Pending(future) | Event::Elsewhere(future)) => CatchPanic(future).await,
        Err(error) => Err(error),
    };
    if let Err(error) = closing {
        report(&*handler, "on_close", &error);
    }
}

/// Says which handler failed; that a client had gone already is no failure of its handler.
fn report(handler: &dyn WebsocketHandler, event: &'static str, error: &Error) {
    if is_closed(error) {
        tracing::debug!(handler = handler.name(), event, "nothing was sent to a client that had gone");
    } else {
        tracing::error!(handler = handler.name(), event, %error, "WebSocket handler failed");
    }
}

fn is_closed(error: &Error) -> bool {
    error.downcast_ref::<SendError>() == Some(&SendError::Closed)
}

type Awaited<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// An event that is not done yet.
enum Running<'a> {
    Event { name: &'static str, future: CatchPanic<'a, ()>, is_elsewhere: bool },
    Frame { fin: bool, payload: Bytes, future: CatchPanic<'a, KeepFrame> },
}

struct Conversation<'a, S> {
    wire: &'a Mutex<Wire<S>>,
    session: &'a WebsocketSession,
    handler: &'a dyn WebsocketHandler,
    decoder: Decoder,
    input: Input,
    /// The event after the one that runs.
    next: Option<Incoming>,
    running: Option<Running<'a>>,
    /// The queue has something that follows what is being written.
    more_to_write: bool,
    signals: &'a Signals,
    /// Why it ends, once it does.
    outcome: Option<CloseReason>,
    /// Nothing the client sends matters any more: it broke the protocol, or has said its last.
    deaf: bool,
    /// The client has ended its side of the stream.
    client_ended: bool,
    /// Everything was written, the close frame last, and the stream was ended.
    shut: bool,
    /// The stream is of no use any more, in either direction.
    lost: bool,
    deadline: Deadline,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'a, S> {
    fn new(
        wire: &'a Mutex<Wire<S>>,
        early: Bytes,
        session: &'a WebsocketSession,
        handler: &'a dyn WebsocketHandler,
    ) -> Self {
        let terms = session.terms();
        let inflater = terms.deflate.as_ref().map(Inflater::new);
        Conversation {
            wire,
            session,
            handler,
            decoder: Decoder::new(terms.frame, terms.message, inflater),
            input: Input::new(early),
            next: None,
            running: None,
            more_to_write: false,
            signals: session.signals(),
            outcome: None,
            deaf: false,
            client_ended: false,
            shut: false,
            lost: false,
            deadline: Deadline::new(terms),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        self.signals.begin_turn();
        let wire = &mut *self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TURNS {
            let awaited_event = self.awaits_event();
            let mut moved = self.poll_read(wire, context);
            moved |= self.poll_events(context);
            moved |= self.poll_write(wire, context);
            if self.lost {
                wire.writing = Pieces::default();
            }
            if let Some(reason) = self.ended() {
                return Poll::Ready(reason);
            }
            // what waits for an event from now on has to be woken at its end
            moved |= self.awaits_event() && !awaited_event;
            if moved {
                continue;
            }
            if let Poll::Ready(due) = self.deadline.poll(context) {
                self.meet(due);
                continue;
            }
            self.input.rest();
            if self.sleep(context) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Gets ready to be woken, unless there is something to do.
    fn sleep(&self, context: &mut Context<'_>) -> bool {
        let mut outgoing = self.session.outgoing();
        let sleeps = outgoing.sleep(context.waker());
        let has_room = outgoing.has_room_for_others();
        drop(outgoing);
        if has_room {
            self.session.notify_room();
        }
        sleeps
    }

    /// Why it ended, once it has: nothing is to be written or waited for, and no event runs.
    fn ended(&mut self) -> Option<CloseReason> {
        let has_ended = self.lost || (self.client_ended && self.shut);
        if has_ended && self.running.is_none() { self.outcome.take() } else { None }
    }

    // Events.

    fn open(&mut self) {
        let (handler, session) = (self.handler, self.session);
        self.call("on_open", || handler.on_open(session));
    }

    /// Runs events until one of them has to wait, or there is none. Says whether there were any.
    fn poll_events(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        loop {
            // an event that need not wait is done before what follows it is looked at, which may be a close
            if self.running.is_some() {
                let is_awaited = self.awaits_event();
                if self.poll_running(context).is_pending() {
                    self.read_ahead();
                    if is_awaited || !self.awaits_event() {
                        return moved;
                    }
                }
            } else {
                self.read_ahead();
                let Some(incoming) = self.next.take() else { return moved };
                self.begin(incoming);
            }
            moved = true;
        }
    }

    /// Whether something has to be done at the end of the event that runs. Where nothing has, nobody need be woken for it
    /// that is done elsewhere: it shows when the client sends something.
    fn awaits_event(&self) -> bool {
        let is_elsewhere = matches!(self.running, Some(Running::Event { is_elsewhere: true, .. }));
        !is_elsewhere || self.next.is_some() || self.outcome.is_some() || self.client_ended || self.lost
    }

    /// Finds the next event. What to keep of a frame has to be known before the frame after it is read.
    fn read_ahead(&mut self) {
        let in_frame = matches!(self.running, Some(Running::Frame { .. }));
        if self.deaf || in_frame || self.next.is_some() {
            return;
        }
        if !self.input.is_empty() {
            match self.decoder.decode(self.input.unread()) {
                Ok((taken, incoming)) => {
                    self.input.consume(taken);
                    self.arrived(incoming);
                }
                Err(violation) => self.fail(violation),
            }
        }
        if self.client_ended && self.next.is_none() && self.outcome.is_none() {
            self.session.outgoing().refuse();
            self.session.notify_room();
            let CloseReason { message, code, reason } = vanished(None);
            self.end_with(&message, code, reason);
        }
    }

    fn arrived(&mut self, incoming: Option<Incoming>) {
        match incoming {
            Some(Incoming::Close(close)) => self.client_closes(close),
            Some(Incoming::Pong(payload)) if payload == KEEP_ALIVE => {}
            // once a close frame was sent no message matters (section 7.1.2)
            Some(_) if self.outcome.is_some() => {}
            incoming => self.next = incoming,
        }
    }

    fn begin(&mut self, incoming: Incoming) {
        let (handler, session) = (self.handler, self.session);
        if self.outcome.is_some() || session.is_closed() {
            return;
        }
        match incoming {
            Incoming::Text(text) => {
                self.call("on_text_message", || handler.on_text_message(session, text));
            }
            Incoming::Binary(message) => {
                self.call("on_binary_message", || handler.on_binary_message(session, message));
            }
            Incoming::BinaryFrame { fin, payload } => {
                let kept = payload.clone();
                match catch_panic(|| handler.on_binary_frame(session, fin, payload)) {
                    Ok(Event::Pending(future) | Event::Elsewhere(future)) => {
                        let future = CatchPanic(future);
                        self.running = Some(Running::Frame { fin, payload: kept, future });
                    }
                    Ok(Event::Ready(keep)) => self.frame_done(fin, &kept, keep),
                    Err(error) => self.frame_done(fin, &kept, Err(error)),
                }
            }
            Incoming::Ping(payload) => {
                self.call("on_ping_message", || handler.on_ping_message(session, payload));
            }
            Incoming::Pong(payload) => {
                self.call("on_pong_message", || handler.on_pong_message(session, payload));
            }
            Incoming::Close(close) => self.client_closes(close),
        }
    }

    fn call(&mut self, name: &'static str, event: impl FnOnce() -> Event<'a>) {
        match catch_panic(event) {
            Ok(Event::Pending(future)) => self.run(name, future, false),
            Ok(Event::Elsewhere(future)) => self.run(name, future, true),
            Ok(Event::Ready(done)) => self.event_done(name, done),
            Err(error) => self.event_done(name, Err(error)),
        }
    }

    fn run(&mut self, name: &'static str, future: Awaited<'a>, is_elsewhere: bool) {
        self.running = Some(Running::Event { name, future: CatchPanic(future), is_elsewhere });
    }

    fn poll_running(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut unheard = Context::from_waker(Waker::noop());
        let context = if self.awaits_event() { context } else { &mut unheard };
        match &mut self.running {
            None => {}
            Some(Running::Event { name, future, .. }) => {
                let name = *name;
                let done = std::task::ready!(Pin::new(future).poll(context));
                self.running = None;
                self.event_done(name, done);
            }
            Some(Running::Frame { fin, payload, future }) => {
                let keep = std::task::ready!(Pin::new(future).poll(context));
                let (fin, payload) = (*fin, std::mem::take(payload));
                self.running = None;
                self.frame_done(fin, &payload, keep);
            }
        }
        Poll::Ready(())
    }

    fn frame_done(&mut self, fin: bool, payload: &[u8], keep: Result<KeepFrame>) {
        match keep {
            Ok(KeepFrame::Yes) => self.decoder.keep(payload),
            Ok(KeepFrame::No) => {}
            Err(error) => return self.event_done("on_binary_frame", Err(error)),
        }
        if fin
            && let Some(message) = self.decoder.take_kept()
            && self.outcome.is_none()
        {
            let (handler, session) = (self.handler, self.session);
            self.call("on_binary_message", || handler.on_binary_message(session, message));
        }
    }

    fn event_done(&mut self, event: &'static str, done: Result<()>) {
        let Err(error) = done else { return };
        report(self.handler, event, &error);
        if !is_closed(&error) {
            self.session.outgoing().close(1011, "internal error");
            self.end_with("Errors occur when handling message!", Some(1011), String::new());
        }
    }

    // The end.

    fn end_with(&mut self, message: &str, code: Option<u16>, reason: String) {
        if self.outcome.is_none() {
            self.outcome = Some(CloseReason { message: message.to_owned(), code, reason });
            self.deadline.ending();
        }
    }

    fn client_closes(&mut self, close: Option<(u16, String)>) {
        let (code, reason) = close.map_or((None, String::new()), |(code, reason)| (Some(code), reason));
        self.session.outgoing().echo_close(code);
        self.session.notify_room();
        self.end_with("Client asked to close connection.", code, reason);
        self.deaf = true;
    }

    /// Fails the connection (section 7.1.7).
    fn fail(&mut self, violation: Violation) {
        let Violation { code, reason } = violation;
        tracing::debug!(session = self.session.id(), code, reason, "WebSocket client failed");
        self.session.outgoing().close(code, reason);
        self.session.notify_room();
        self.end_with(reason, Some(code), String::new());
        self.deaf = true;
    }

    /// The server ends.
    fn go_away(&mut self) {
        self.session.outgoing().close(1001, "server is shutting down");
        self.session.notify_room();
    }

    /// The deadline of the server's end is over.
    fn cut(&mut self) -> CloseReason {
        self.running = None;
        self.vanish();
        self.outcome.take().unwrap_or_else(|| vanished(self.session.outgoing().asked()))
    }

    /// The client is not there any more, or counts as gone.
    fn vanish(&mut self) {
        if !std::mem::replace(&mut self.lost, true) {
            let CloseReason { message, code, reason } = vanished(self.session.outgoing().asked());
            self.end_with(&message, code, reason);
            self.session.outgoing().end();
            self.session.notify_room();
            self.deadline.caught_up();
            self.deadline.ending();
        }
    }

    fn meet(&mut self, due: Due) {
        match due {
            Due::Ping => {
                // a client that leaves everything unread is dealt with by another deadline
                let _ = self.session.outgoing().control(Opcode::Ping, KEEP_ALIVE);
            }
            Due::Silent => {
                tracing::debug!(session = self.session.id(), "WebSocket client does not answer");
                self.vanish();
            }
            Due::Unread => {
                tracing::debug!(session = self.session.id(), "WebSocket client does not read");
                self.vanish();
            }
            Due::Ended if !self.lost => self.vanish(),
            Due::Ended => {
                tracing::debug!(session = self.session.id(), "WebSocket event outlived its connection");
                self.running = None;
            }
        }
    }
}

const SERVER_ASKED: &str = "Server asked to close connection.";

/// Why a connection ended whose client is gone, if the server had not asked for it.
fn vanished(asked: Option<&CloseAsked>) -> CloseReason {
    match asked {
        Some(CloseAsked { code, reason }) => {
            CloseReason { message: SERVER_ASKED.to_owned(), code: Some(*code), reason: reason.clone() }
        }
        None => CloseReason {
            message: "Client closed connection.".to_owned(),
            code: Some(1006),
            reason: String::new(),
        },
    }
}

#[cfg(test)]
mod tests;
