//! When all that a stream has handed to its connection has gone out.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::sync::Notify;

/// The connection, which is woken by what it is handed, counts the times that it writes. A stream that has to know notes the
/// count when it has handed something over, and waits for a time that began later.
#[derive(Default)]
pub(super) struct Flushes {
    begun: AtomicU64,
    done: AtomicU64,
    waiting: AtomicU32,
    changed: Notify,
}

impl Flushes {
    /// The connection begins to write what it has been handed.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// It has written all of it.
    pub(super) fn end(&self) {
        self.done.store(self.begun.load(Ordering::SeqCst), Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.changed.notify_waiters();
        }
    }

    /// What to wait for to know that all has gone out that has been handed over by now.
    pub(super) fn note(&self) -> Note {
        Note(self.begun.load(Ordering::SeqCst))
    }

    /// Waits until all that has gone out.
    pub(super) async fn reached(&self, note: Note) {
        let _waiting = Waiting::begin(&self.waiting);
        loop {
            let changed = self.changed.notified();
            if self.done.load(Ordering::SeqCst) > note.0 {
                return;
            }
            changed.await;
        }
    }
}

/// A moment, as the connection counts.
#[derive(Clone, Copy)]
pub(super) struct Note(u64);

/// Somebody who waits; no longer, once it is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
