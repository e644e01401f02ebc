//! What an HTTP/2 connection has under way, and what it has cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use crate::accept::watch::now;

/// Control frames that each second forgives, so that a quiet connection may send its pings for ever.
const FORGIVEN: i64 = 10;
/// Control frames that a request or a piece of an answer calls for: updates of two windows, a priority.
const CALLED_FOR: i64 = 4;

/// Shared by the connection and its streams, which are tasks of their own.
pub(crate) struct Account {
    /// Requests that the app is busy with; those whose client has gone as well.
    running: AtomicU32,
    /// When the last request ended, in milliseconds.
    since: AtomicU64,
    /// Control frames that may still come.
    credit: AtomicI64,
    limit: i64,
    /// When credit was last given for time that has passed.
    forgiven: AtomicU64,
}

impl Account {
    /// With so many control frames to begin with.
    pub(super) fn new(control_frames: u32) -> Self {
        Account {
            running: AtomicU32::new(0),
            since: AtomicU64::new(now()),
            credit: AtomicI64::new(i64::from(control_frames)),
            limit: i64::from(control_frames),
            forgiven: AtomicU64::new(now()),
        }
    }

    /// Counts a request until what this answers is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    pub(super) fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    /// Since when nothing is running, in milliseconds.
    pub(super) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// Something was done for the client that calls for control frames.
    pub(super) fn earn(&self) {
        self.credit.fetch_add(CALLED_FOR, Ordering::Relaxed);
    }

    /// So many control frames have come; whether they are too many.
    pub(super) fn spend(&self, frames: u32) -> bool {
        let frames = i64::from(frames);
        if self.credit.fetch_sub(frames, Ordering::Relaxed) >= frames {
            return false;
        }
        let now = now();
        let passed = now.saturating_sub(self.forgiven.swap(now, Ordering::Relaxed));
        let forgiven = i64::try_from(passed).unwrap_or(i64::MAX).saturating_mul(FORGIVEN) / 1000;
        let forgiven = forgiven.min(self.limit);
        self.credit.fetch_add(forgiven, Ordering::Relaxed) + forgiven < 0
    }
}

/// A request that is being answered.
pub(crate) struct Running(Arc<Account>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.since.store(now(), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_frames_are_paid_for_by_work() {
        let account = Account::new(3);
        assert!(!account.spend(3));
        account.earn();
        assert!(!account.spend(4));
        assert!(account.spend(100));
    }

    #[test]
    fn a_request_runs_until_everything_of_it_is_gone() {
        let account = Arc::new(Account::new(0));
        let (one, two) = (account.begin(), account.begin());
        drop(one);
        assert_eq!(account.running(), 1);
        drop(two);
        assert_eq!(account.running(), 0);
    }
}
