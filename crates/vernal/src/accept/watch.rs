//! How long a connection may keep the server waiting.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Limits;

#[cfg(test)]
mod tests;

/// What a connection is doing, as its socket and its service see it. One of these a connection; no timer runs for a
/// request, since a deadline is only computed when the connection's one timer fires.
#[derive(Default)]
pub(crate) struct Watch {
    stage: AtomicU8,
    requests: AtomicU32,
    in_flight: AtomicU32,
    answers: AtomicU32,
    blocked: AtomicBool,
    put_off: AtomicBool,
    flush: AtomicU8,
    heads: AtomicU32,
    since: AtomicU64,
    /// Bytes of the answer that have gone out since the client first made the server wait for it, and for how many
    /// milliseconds it did.
    written: AtomicU64,
    waited: AtomicU64,
    has_waited: AtomicBool,
    /// Bytes that have gone out since the connection's task had its turn.
    turn: AtomicUsize,
}

/// Bytes that a connection may write before the others of its thread have their turn. The system takes megabytes at
/// once from an answer without an end, and a thread has thousands of connections.
const TURN: usize = 64 * 1024;

/// Nobody waits for a flush; somebody does; it has been.
const UNWATCHED: u8 = 0;
const AWAITED: u8 = 1;
const FLUSHED: u8 = 2;

/// Nothing has come of the first request.
const FRESH: u8 = 3;
const IDLE: u8 = 0;
const HEADER: u8 = 1;
const BUSY: u8 = 2;

impl Watch {
    pub(crate) fn new() -> Self {
        let watch = Watch::default();
        watch.enter(FRESH);
        watch
    }

    /// Bytes have arrived.
    pub(crate) fn received(&self) {
        match self.stage.load(Ordering::Relaxed) {
            IDLE => self.enter(HEADER),
            // its time counts from the opening of the connection
            FRESH => self.stage.store(HEADER, Ordering::Relaxed),
            _ => {}
        }
    }

    /// So many heads have been found whole and right.
    pub(crate) fn received_heads(&self, heads: u32) {
        if heads > 0 {
            add(&self.heads, heads);
        }
    }

    /// Whether a further request has arrived, which the app has not seen yet.
    pub(crate) fn has_further_head(&self) -> bool {
        self.heads.load(Ordering::Relaxed) > 0
    }

    /// So many bytes have gone out; `None` where none could because the client does not read.
    pub(crate) fn wrote(&self, bytes: Option<usize>) {
        if let Some(bytes) = bytes {
            self.turn.store(self.turn.load(Ordering::Relaxed).saturating_add(bytes), Ordering::Relaxed);
            let written = self.written.load(Ordering::Relaxed);
            self.written.store(written.saturating_add(bytes as u64), Ordering::Relaxed);
        }
        let was_blocked = self.blocked.load(Ordering::Relaxed);
        if was_blocked == bytes.is_some() {
            if was_blocked {
                let waited = self.waited.load(Ordering::Relaxed) + self.since();
                self.waited.store(waited, Ordering::Relaxed);
            } else if !self.has_waited.load(Ordering::Relaxed) {
                // what the system has taken until now does not say how fast the client reads
                self.has_waited.store(true, Ordering::Relaxed);
                self.written.store(0, Ordering::Relaxed);
            }
            self.blocked.store(!was_blocked, Ordering::Relaxed);
            self.since.store(now(), Ordering::Relaxed);
        }
    }

    /// The connection's task has its turn.
    pub(crate) fn begin_turn(&self) {
        self.turn.store(0, Ordering::Relaxed);
    }

    /// Whether so much was written that it is the turn of others.
    pub(crate) fn is_turn_over(&self) -> bool {
        self.turn.load(Ordering::Relaxed) >= TURN
    }

    /// The time that a client has left to read something of its answer.
    fn patience(&self, limits: &Limits) -> Duration {
        let since = Duration::from_millis(self.since());
        let gap = limits.write_timeout.saturating_sub(since);
        if limits.write_rate == 0 {
            return gap;
        }
        let earned = self.written.load(Ordering::Relaxed) as f64 / limits.write_rate as f64;
        let waited = Duration::from_millis(self.waited.load(Ordering::Relaxed)) + since;
        gap.min(limits.write_timeout.saturating_add(Duration::from_secs_f64(earned)).saturating_sub(waited))
    }

    /// Whether a flush was put off and has not been made up for; see [`Socket`](super::socket::Socket).
    pub(crate) fn put_off(&self, is_put_off: bool) {
        self.put_off.store(is_put_off, Ordering::Relaxed);
    }

    /// Whether a flush waits to be made up for.
    pub(crate) fn is_put_off(&self) -> bool {
        self.put_off.load(Ordering::Relaxed)
    }

    /// Whether all that was handed to the socket has gone out since this was first asked. Where not, the task that asks is
    /// woken when it has.
    pub(crate) fn has_flushed(&self) -> bool {
        match self.flush.load(Ordering::Relaxed) {
            FLUSHED => {
                self.flush.store(UNWATCHED, Ordering::Relaxed);
                true
            }
            _ => {
                self.flush.store(AWAITED, Ordering::Relaxed);
                false
            }
        }
    }

    /// All has gone out; whether somebody waits for that.
    pub(crate) fn flushed(&self) -> bool {
        let is_awaited = self.flush.load(Ordering::Relaxed) == AWAITED;
        if is_awaited {
            self.flush.store(FLUSHED, Ordering::Relaxed);
        }
        is_awaited
    }

    /// There is nothing to read; whether all that has arrived was whole messages.
    pub(crate) fn starved(&self, between_messages: bool) {
        let busy = self.stage.load(Ordering::Relaxed) == BUSY;
        if busy && self.in_flight.load(Ordering::Relaxed) == 0 {
            self.enter(if between_messages { IDLE } else { HEADER });
        }
    }

    /// A request goes to the app; the answer is out when the guard is dropped.
    pub(crate) fn begin_request(&self) {
        self.stage.store(BUSY, Ordering::Relaxed);
        self.written.store(0, Ordering::Relaxed);
        self.waited.store(0, Ordering::Relaxed);
        self.has_waited.store(false, Ordering::Relaxed);
        add(&self.requests, 1);
        add(&self.in_flight, 1);
        add(&self.heads, u32::MAX);
    }

    /// How many requests this connection has made.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// An answer is complete, or will be with what is written next.
    pub(crate) fn end_request(&self) {
        add(&self.in_flight, u32::MAX);
        add(&self.answers, 1);
    }

    /// How many answers this connection has had.
    pub(crate) fn answers(&self) -> u32 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Whether a request is on its way and not whole yet.
    pub(crate) fn is_in_header(&self) -> bool {
        matches!(self.stage.load(Ordering::Relaxed), HEADER | FRESH)
    }

    /// Whether it is the client's turn, who has sent nothing yet and has read all there is.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage.load(Ordering::Relaxed), IDLE | FRESH) && !self.is_blocked()
    }

    /// Whether the client does not read what is written to it.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Whether a request is with the app, or its answer is not complete yet.
    pub(crate) fn is_answering(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// The time until the connection has kept the server waiting too long; zero when it has.
    pub(crate) fn remaining(&self, limits: &Limits, idle: Duration) -> Duration {
        let header = limits.header_timeout;
        let allowed = match self.stage.load(Ordering::Relaxed) {
            _ if self.is_blocked() => return self.patience(limits),
            IDLE => idle,
            HEADER | FRESH => header,
            _ => return header.min(idle).max(Duration::from_millis(1)),
        };
        allowed.saturating_sub(Duration::from_millis(self.since()))
    }

    /// Milliseconds since the connection began to do what it does.
    fn since(&self) -> u64 {
        now().saturating_sub(self.since.load(Ordering::Relaxed))
    }

    fn enter(&self, stage: u8) {
        self.since.store(now(), Ordering::Relaxed);
        self.stage.store(stage, Ordering::Relaxed);
    }
}

/// Adds, and wraps; for -1, add the greatest number. One task at a time counts, so nothing has to be locked for it.
fn add(count: &AtomicU32, number: u32) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
}

/// Milliseconds since the first connection.
pub(crate) fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}

/// Holds a connection busy while an answer of unknown length is on its way.
pub(crate) struct InFlight(pub(crate) std::sync::Arc<crate::request::Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.watch.end_request();
    }
}
