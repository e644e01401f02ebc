//! How long a WebSocket client may keep its connection waiting.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::websocket::session::Terms;

/// What the time has come for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing was heard of the client; a ping may find out more.
    Ping,
    /// It did not answer the ping.
    Silent,
    /// It takes nothing of what waits for it.
    Unread,
    /// The end takes too long.
    Ended,
}

/// One timer a connection. No message sets it: they leave a mark, which is looked at when it fires.
pub(crate) struct Deadline {
    send_timeout: Duration,
    close_timeout: Duration,
    ping_interval: Option<Duration>,
    heard: bool,
    pinged: bool,
    ping_due: Instant,
    blocked: Option<Instant>,
    ending: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(terms: &Terms) -> Self {
        let ping_interval = Some(terms.ping_interval).filter(|interval| !interval.is_zero());
        Deadline {
            send_timeout: terms.send_timeout,
            close_timeout: terms.close_timeout,
            ping_interval,
            heard: false,
            pinged: false,
            ping_due: later(Instant::now(), terms.ping_interval),
            blocked: None,
            ending: None,
            timer: None,
        }
    }

    /// Something has arrived.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    /// Something was written.
    pub(crate) fn wrote(&mut self) {
        self.blocked = None;
        if self.ending.is_some() {
            self.ending();
        }
    }

    /// Nothing can be written.
    pub(crate) fn blocked(&mut self) {
        self.blocked.get_or_insert_with(Instant::now);
    }

    /// The connection is about to end, or its end has come one step nearer.
    pub(crate) fn ending(&mut self) {
        self.ending = Some(Instant::now());
    }

    /// Waits for the next thing that the time comes for.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        loop {
            let Some((at, due)) = self.next() else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if at < timer.deadline() {
                timer.as_mut().reset(at);
            }
            std::task::ready!(timer.as_mut().poll(context));
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

    fn next(&self) -> Option<(Instant, Due)> {
        if let Some(ending) = self.ending {
            return Some((later(ending, self.close_timeout), Due::Ended));
        }
        let ping = self.ping_interval.map(|_| (self.ping_due, Due::Ping));
        let unread = self.blocked.map(|since| (later(since, self.send_timeout), Due::Unread));
        ping.into_iter().chain(unread).min_by_key(|(at, _)| *at)
    }
}

/// A time so far away that it has no name is as good as never: a century.
fn later(time: Instant, duration: Duration) -> Instant {
    time.checked_add(duration).unwrap_or_else(|| time + Duration::from_secs(100 * 365 * 24 * 3600))
}
