//! What a conversation and its senders tell each other without the lock of the queue.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Most messages come and go while no one else looks at the queue; this spares them the lock where a look is enough.
///
/// All but `written` is changed to `true` under the lock alone, and a conversation rests only after it has looked once
/// more under the lock: what is read here may be old, but not for long.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// There is something in the queue that the conversation has not seen.
    news: AtomicBool,
    /// The conversation has to be woken to see it.
    asleep: AtomicBool,
    /// Something was written in its place since it fell asleep.
    stood_in: AtomicBool,
    /// Nothing more is accepted.
    closed: AtomicBool,
    /// Bytes that were written since the beginning; the count wraps. Whoever has the wire changes it.
    written: AtomicUsize,
}

impl Signals {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire)
    }

    pub(super) fn set_news(&self, news: bool) {
        self.news.store(news, Ordering::Release);
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }

    pub(super) fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
    }

    /// The conversation begins a turn, and is going to look at the queue before it sleeps again.
    pub(crate) fn begin_turn(&self) {
        self.wake_up();
        self.stood_in.store(false, Ordering::Relaxed);
    }

    /// Whether somebody may write in the place of the conversation: once while it sleeps, since what comes after that is
    /// better gathered.
    pub(crate) fn may_stand_in(&self) -> bool {
        !self.stood_in.load(Ordering::Relaxed)
    }

    /// Somebody has written in its place.
    pub(super) fn stand_in(&self) {
        self.stood_in.store(true, Ordering::Relaxed);
    }

    /// The conversation is going to look at the queue before it sleeps again.
    pub(super) fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// So many bytes were written.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.written.store(self.written().wrapping_add(bytes), Ordering::Release);
    }

    pub(super) fn written(&self) -> usize {
        self.written.load(Ordering::Acquire)
    }
}
