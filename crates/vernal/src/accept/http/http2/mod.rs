//! HTTP/2 (RFC 9113).
//!
//! h2 speaks the protocol: frames, flow control, HPACK, the states of streams. What is added here: which requests reach
//! the app, when a client has kept the server waiting too long, and what it may not do too often.

mod account;
mod arrive;
mod body;
mod flushes;
mod frames;
mod socket;
mod stream;
#[cfg(feature = "websocket")]
mod tunnel;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, Handshake};
use h2::{Ping, PingPong, Reason};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use self::account::Account;
pub(crate) use self::account::Running;
use self::flushes::Flushes;
use self::socket::{Socket, Traffic};
use self::stream::Exchange;
use crate::Limits;
use crate::accept::stream::Stream;
use crate::accept::watch::now;
use crate::accept::{CUT, ENDING, Present, Serving};
use crate::app::App;
use crate::request::Connection;

/// What a client sends first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Streams that may be reset before the app has seen their request; more is rapid reset (CVE-2023-44487).
const RESET_UNSEEN: usize = 20;
/// Streams that may end by a mistake of the client (CVE-2025-8671).
const RESET_BY_MISTAKE: usize = 100;
/// Bytes of an answer that wait in the connection for the socket.
const SEND_BUFFER: usize = 128 * 1024;
/// How long a client may take to notice the end.
const LINGER: Duration = Duration::from_secs(1);
/// The connection is looked at so often at least.
const LOOK: Duration = Duration::from_secs(5);
/// Speaks HTTP/2 until the connection ends. These bytes have been read before.
pub(crate) async fn converse(
    stream: Stream,
    early: Bytes,
    connection: &Arc<Connection>,
    serving: &Arc<Serving>,
    present: &mut Present,
) {
    let traffic = Arc::new(Traffic::default());
    let header_bytes = connection.app.limits().header_bytes;
    let socket = Socket::new(stream, &early, header_bytes, Arc::clone(&traffic));
    let mut conversation = Conversation {
        state: State::Handshaking(builder(&connection.app).handshake(socket)),
        connection,
        serving,
        account: Arc::new(Account::new(connection.app.limits().control_frames)),
        pings: None,
        requests: 0,
        leaving: None,
        is_told: false,
        opened: now(),
        lingering: None,
        blocked: None,
        asked: None,
        timer: None,
        flushes: Arc::default(),
        traffic,
    };

    let mut ending = pin!(serving.drain.reached(ENDING));
    let mut awaited = ENDING;
    let ended = poll_fn(|context| {
        while ending.as_mut().poll(context).is_ready() {
            match awaited {
                ENDING => conversation.leave(),
                _ => return Poll::Ready(None),
            }
            awaited = CUT;
            ending.set(serving.drain.reached(CUT));
        }
        match conversation.poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => {
                if conversation.traffic.lingers.load(Ordering::Relaxed) {
                    present.close();
                }
                conversation.poll_deadline(context).map(|()| None)
            }
        }
    })
    .await;
    if let Some(Err(error)) = ended {
        tracing::debug!(peer = ?connection.peer, %error, "an HTTP/2 connection ended early");
    }
}

fn builder(app: &App) -> server::Builder {
    let limits = app.limits();
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(limits.streams)
        .initial_window_size(limits.stream_window.min(MAX_WINDOW))
        .initial_connection_window_size(limits.connection_window.clamp(MIN_WINDOW, MAX_WINDOW))
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESET_UNSEEN)
        .max_local_error_reset_streams(Some(RESET_BY_MISTAKE))
        .max_send_buffer_size(SEND_BUFFER);
    #[cfg(feature = "websocket")]
    if app.has_endpoints() {
        // browsers that are told so open their WebSockets on this connection (RFC 8441 section 3)
        builder.enable_connect_protocol();
    }
    builder
}

/// RFC 9113 section 6.9.1.
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// What every connection begins with (RFC 9113 section 6.9.2).
const MIN_WINDOW: u32 = 65_535;

struct Conversation<'a> {
    state: State,
    connection: &'a Arc<Connection>,
    serving: &'a Arc<Serving>,
    account: Arc<Account>,
    pings: Option<PingPong>,
    requests: u32,
    /// The client has been told that no more requests are taken; since when, in milliseconds.
    leaving: Option<u64>,
    /// The client has been told why the connection ends.
    is_told: bool,
    opened: u64,
    /// Since when there is nothing but the client's end to wait for.
    lingering: Option<u64>,
    /// Since when nothing can be written, and how much had been.
    blocked: Option<(u64, u64)>,
    /// When the client was last asked whether it is there, and when it had last been heard of.
    asked: Option<(u64, u64)>,
    timer: Option<Pin<Box<Sleep>>>,
    flushes: Arc<Flushes>,
    traffic: Arc<Traffic>,
}

enum State {
    Handshaking(Handshake<Socket, Bytes>),
    Open(server::Connection<Socket, Bytes>),
}

impl Conversation<'_> {
    /// No more requests are taken; those that are here are answered.
    fn leave(&mut self) {
        if self.leaving.is_none() {
            self.leaving = Some(now());
            self.timer = None;
            if let State::Open(open) = &mut self.state {
                open.graceful_shutdown();
            }
        }
    }

    /// The connection ends at once, for this reason.
    fn hang_up(&mut self, reason: Reason) {
        if let (false, State::Open(open)) = (self.is_told, &mut self.state) {
            open.abrupt_shutdown(reason);
        }
        self.is_told = true;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        if let Some(pings) = &mut self.pings {
            // the pong itself says nothing: any bytes show that the client is there
            let _ = pings.poll_pong(context);
        }
        loop {
            self.flushes.begin();
            match &mut self.state {
                State::Handshaking(handshake) => match Pin::new(handshake).poll(context)? {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(mut open) => {
                        self.pings = self.serving.settings.ping_interval.and_then(|_| open.ping_pong());
                        if self.leaving.is_some() {
                            open.graceful_shutdown();
                        }
                        self.state = State::Open(open);
                    }
                },
                State::Open(open) => match open.poll_accept(context)? {
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Ready(Some((request, respond))) => self.begin(request, respond),
                    Poll::Pending => match self.fault() {
                        Some(reason) => self.hang_up(reason),
                        None => {
                            // it waits for the client to read, or to send something
                            if self.traffic.flushed.load(Ordering::Relaxed) {
                                self.flushes.end();
                            }
                            return Poll::Pending;
                        }
                    },
                },
            }
        }
    }

    /// A request, in a task of its own.
    fn begin(&mut self, request: http::Request<h2::RecvStream>, mut respond: server::SendResponse<Bytes>) {
        // a client that resets what it asked for makes room for more in h2's count, but not in this one; as many again
        // may be about to end
        if self.account.running() >= self.connection.app.limits().streams.saturating_mul(2) {
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        self.requests += 1;
        let settings = &self.serving.settings;
        if !settings.keep_alive || self.requests == settings.keep_alive_max_requests {
            self.leave();
        }
        let running = self.account.begin();
        let account = Arc::clone(&self.account);
        let connection =
            self.serving.replaced(self.connection).unwrap_or_else(|| Arc::clone(self.connection));
        let (serving, flushes) = (Arc::clone(self.serving), Arc::clone(&self.flushes));
        let stream = Exchange { respond, connection, account, serving, flushes };
        tokio::spawn(stream.answer(request, running));
    }

    /// Why the connection has to end, unless the client knows: its frames are wrong, or more of those that do nothing
    /// than are called for.
    fn fault(&self) -> Option<Reason> {
        let fault = self.traffic.fault.load(Ordering::Relaxed);
        let frames = self.traffic.control.swap(0, Ordering::Relaxed);
        match fault {
            _ if self.is_told => None,
            0 => (frames > 0 && self.account.spend(frames)).then_some(Reason::ENHANCE_YOUR_CALM),
            fault => Some(fault.into()),
        }
    }

    /// Ready when the client has kept the server waiting too long. What the connection is doing is only looked at when
    /// its one timer fires, so that a request sets none.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(timer) = &mut self.timer else {
                let Some(patience) = self.patience() else { return Poll::Ready(()) };
                self.timer = Some(Box::pin(tokio::time::sleep(patience)));
                // whoever has just been told something has to be polled to send it
                context.waker().wake_by_ref();
                continue;
            };
            // without `unconstrained` the timer would not be heard of where the task has used up its budget
            if pin!(unconstrained(timer.as_mut())).poll(context).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }

    /// How long the connection need not be looked at; none if it is to end now.
    fn patience(&mut self) -> Option<Duration> {
        let (header, idle) =
            (self.connection.app.limits().header_timeout, self.serving.settings.idle_timeout);
        if self.traffic.lingers.load(Ordering::Relaxed) {
            return left(LINGER, *self.lingering.get_or_insert_with(now));
        }
        let has_streams = matches!(&self.state, State::Open(open) if open.has_streams());
        let is_blocked = self.traffic.blocked.load(Ordering::Relaxed);
        let is_idle = !has_streams && self.account.running() == 0;
        let mut next = header.min(idle);

        // the rest of a frame's head, or of a header block
        let incomplete = self.traffic.incomplete.load(Ordering::Relaxed);
        if incomplete != 0 {
            next = next.min(left(header, incomplete)?);
        }
        // the first request
        if self.requests == 0 && is_idle && self.leaving.is_none() {
            match (left(header, self.opened), &self.state) {
                (Some(time), _) => next = next.min(time),
                (None, State::Handshaking(_)) => return None,
                (None, State::Open(_)) => self.leave(),
            }
        }
        // a further request
        if self.requests > 0 && is_idle && self.leaving.is_none() {
            match left(idle, self.account.since()) {
                Some(time) => next = next.min(time),
                None => self.leave(),
            }
        }
        // the answer to the announcement of the end
        if let Some(leaving) = self.leaving
            && is_idle
            && !is_blocked
        {
            next = next.min(left(LINGER, leaving)?);
        }
        if !is_idle {
            next = next.min(if self.leaving.is_some() { LINGER } else { LOOK });
        }
        if is_blocked {
            next = next.min(self.blocked()?);
        } else {
            self.blocked = None;
        }
        if let Some(interval) = self.serving.settings.ping_interval {
            // a stream may begin before this is looked at again
            next = next.min(if has_streams { self.ping(interval)? } else { interval });
        }
        Some(next.max(Duration::from_millis(1)))
    }

    /// Nothing can be written: how long the client may take to read some; none if it has read too little.
    fn blocked(&mut self) -> Option<Duration> {
        let (time, least) = slowest(self.connection.app.limits());
        let sent = self.traffic.sent.load(Ordering::Relaxed);
        let (since, before) = *self.blocked.get_or_insert_with(|| (now(), sent));
        if let Some(left) = left(time, since) {
            return Some(left);
        }
        self.blocked = Some((now(), sent));
        (sent - before >= least).then_some(time)
    }

    /// Asks a client that has been silent for the interval whether it is there; none if it has not answered for another.
    fn ping(&mut self, interval: Duration) -> Option<Duration> {
        let received = self.traffic.received.load(Ordering::Relaxed);
        if let Some(time) = left(interval, received) {
            return Some(time);
        }
        if let Some((asked, heard)) = self.asked
            && heard == received
        {
            return left(interval, asked);
        }
        if let Some(pings) = &mut self.pings {
            // fails where one is on its way already
            let _ = pings.send_ping(Ping::opaque());
        }
        self.asked = Some((now(), received));
        Some(interval)
    }
}

/// A time, and the bytes that a client has to take in it where answers wait for it.
fn slowest(limits: &Limits) -> (Duration, u64) {
    let time = limits.write_timeout.max(Duration::from_millis(1));
    let least = (limits.write_rate as u64).saturating_mul(time.as_secs().max(1));
    (time, least.max(1))
}

/// What is left of a time that began then; none if nothing is.
fn left(time: Duration, since: u64) -> Option<Duration> {
    let left = time.saturating_sub(Duration::from_millis(now().saturating_sub(since)));
    (!left.is_zero()).then_some(left)
}
