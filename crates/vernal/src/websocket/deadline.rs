//! How long a WebSocket client may keep its connection waiting.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::websocket::session::Terms;
use crate::websocket::timers::sleep_until;

/// What the time has come for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing was heard of the client; a ping may find out more.
    Ping,
    /// It did not answer the ping.
    Silent,
    /// It takes nothing of what waits for it, or too little.
    Unread,
    /// The end takes too long.
    Ended,
}

/// One timer a connection. No message sets it: they leave a mark, which is looked at when it fires.
pub(crate) struct Deadline {
    send_timeout: Duration,
    write_rate: usize,
    close_timeout: Duration,
    ping_interval: Option<Duration>,
    heard: bool,
    pinged: bool,
    ping_due: Instant,
    slow: Option<Slow>,
    ending: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whom the timer is going to wake, if it stands as it should.
    set_for: Option<Waker>,
}

impl Deadline {
    pub(crate) fn new(terms: &Terms) -> Self {
        let ping_interval = Some(terms.ping_interval).filter(|interval| !interval.is_zero());
        Deadline {
            send_timeout: terms.send_timeout,
            write_rate: terms.write_rate,
            close_timeout: terms.close_timeout,
            ping_interval,
            heard: false,
            pinged: false,
            ping_due: later(Instant::now(), terms.ping_interval),
            slow: None,
            ending: None,
            timer: None,
            set_for: None,
        }
    }

    /// Something has arrived.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    /// So many bytes were written.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        if let Some(slow) = &mut self.slow {
            slow.wrote(bytes);
        }
        if self.ending.is_some() {
            self.ending();
        }
    }

    /// Nothing can be written.
    pub(crate) fn blocked(&mut self) {
        let slow = self.slow.get_or_insert_default();
        if slow.blocked.is_none() {
            slow.blocked = Some(Instant::now());
            self.set_for = None;
        }
    }

    /// The client has taken all that there was for it.
    pub(crate) fn caught_up(&mut self) {
        self.slow = None;
    }

    /// The connection is about to end, or its end has come one step nearer.
    pub(crate) fn ending(&mut self) {
        self.ending = Some(Instant::now());
        self.set_for = None;
    }

    /// Waits for the next thing that the time comes for.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        if self.is_set_for(context.waker()) {
            return Poll::Pending;
        }
        loop {
            let Some((at, due)) = self.next() else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if at < timer.deadline() {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(context).is_pending() {
                self.set_for = Some(context.waker().clone());
                return Poll::Pending;
            }
            if Instant::now() < at {
                timer.as_mut().reset(at);
                continue;
            }
            if due != Due::Ping && due != Due::Silent {
                return Poll::Ready(due);
            }
            let interval = self.ping_interval.unwrap_or_default();
            self.ping_due = later(Instant::now(), interval);
            let heard = std::mem::take(&mut self.heard);
            let pinged = std::mem::replace(&mut self.pinged, !heard);
            if !heard {
                return Poll::Ready(if pinged { Due::Silent } else { Due::Ping });
            }
        }
    }

    /// Whether there is nothing to do but to wait for the timer, as it was set for the same task before.
    fn is_set_for(&self, waker: &Waker) -> bool {
        let is_running = self.timer.as_ref().is_some_and(|timer| !timer.is_elapsed());
        is_running && self.set_for.as_ref().is_some_and(|known| known.will_wake(waker))
    }

    fn next(&self) -> Option<(Instant, Due)> {
        let other = match self.ending {
            Some(ending) => Some((later(ending, self.close_timeout), Due::Ended)),
            None => self.ping_interval.map(|_| (self.ping_due, Due::Ping)),
        };
        let unread = self.slow.as_ref().and_then(|slow| {
            let patience = slow.patience(self.send_timeout, self.write_rate);
            slow.blocked.map(|since| (later(since, patience), Due::Unread))
        });
        other.into_iter().chain(unread).min_by_key(|(at, _)| *at)
    }
}

/// A client that the server has had to wait for, until it has taken all that there is for it.
#[derive(Default)]
struct Slow {
    /// Since when nothing can be written, while that is so.
    blocked: Option<Instant>,
    /// How long that was before.
    waited: Duration,
    /// Bytes that it has taken since it first made the server wait; those which the system took before say nothing of it.
    written: u64,
}

impl Slow {
    fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(bytes as u64);
        if let Some(since) = self.blocked.take() {
            self.waited += since.elapsed();
        }
    }

    /// How long nothing may be written this time: the timeout, and less where the client has taken less than so many
    /// bytes a second on average; 0 asks for none.
    fn patience(&self, timeout: Duration, rate: usize) -> Duration {
        if rate == 0 {
            return timeout;
        }
        let earned = Duration::from_millis(self.written.saturating_mul(1000) / rate as u64);
        timeout.min(timeout.saturating_add(earned).saturating_sub(self.waited))
    }
}

/// A time so far away that it has no name is as good as never: a century.
fn later(time: Instant, duration: Duration) -> Instant {
    time.checked_add(duration).unwrap_or_else(|| time + Duration::from_secs(100 * 365 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_little_is_waited_for_less_and_less() {
        let timeout = Duration::from_secs(30);
        for (waited, written, rate, left) in [
            (0, 0, 500, 30),
            (20, 0, 500, 10),
            (30, 0, 500, 0),
            (300, 0, 500, 0),
            (20, 10_000, 500, 30),
            (40, 10_000, 500, 10),
            (60, 10_000, 500, 0),
            (60, 10_000, 0, 30),
            (u64::MAX, u64::MAX, usize::MAX, 0),
            (0, u64::MAX, 1, 30),
        ] {
            let slow = Slow { blocked: None, waited: Duration::from_secs(waited), written };
            let patience = slow.patience(timeout, rate);
            assert_eq!(
                patience,
                Duration::from_secs(left),
                "{waited} s for {written} bytes, {rate} a second"
            );
        }
        let slow = Slow { blocked: None, waited: Duration::ZERO, written: u64::MAX };
        assert_eq!(slow.patience(Duration::MAX, 1), Duration::MAX);
    }
}
