//! The end: nothing new is accepted, what runs may finish.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Counts connections and tells them when the server ends. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Drain(Arc<Inner>);

struct Inner {
    stage: AtomicU8,
    stage_reached: Notify,
    room: Arc<Semaphore>,
    open: AtomicUsize,
    cut: AtomicUsize,
    closed: Notify,
}

/// Connections are not kept any longer than their request takes.
pub(crate) const ENDING: u8 = 1;
/// The deadline is over: connections end at once.
pub(crate) const CUT: u8 = 2;

impl Drain {
    /// For at most so many connections at the same time.
    pub(crate) fn new(connections: usize) -> Self {
        Drain(Arc::new(Inner {
            stage: AtomicU8::new(0),
            stage_reached: Notify::new(),
            room: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            open: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            closed: Notify::new(),
        }))
    }

    /// Begins to end; does nothing the second time.
    pub(crate) fn begin(&self) {
        self.enter(ENDING);
    }

    fn enter(&self, stage: u8) {
        self.0.stage.fetch_max(stage, Ordering::AcqRel);
        self.0.stage_reached.notify_waiters();
    }

    /// Done once the end has come so far.
    pub(crate) async fn reached(&self, stage: u8) {
        loop {
            let mut notified = pin!(self.0.stage_reached.notified());
            notified.as_mut().enable();
            if self.0.stage.load(Ordering::Acquire) >= stage {
                return;
            }
            notified.await;
        }
    }

    /// Awaits the future, but only until the end begins.
    pub(crate) async fn unless_begun<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let (mut begun, mut future) = (pin!(self.reached(ENDING)), pin!(future));
        poll_fn(|context| match begun.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(context).map(Some),
        })
        .await
    }

    /// Room for one more connection; waits while there is none.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.room).acquire_owned().await.ok()
    }

    /// Counts a connection, which takes the room, until the answer is dropped.
    pub(crate) fn connection(&self, room: Option<OwnedSemaphorePermit>) -> OpenConnection {
        self.0.open.fetch_add(1, Ordering::AcqRel);
        OpenConnection { drain: self.clone(), _room: room }
    }

    /// Waits until all connections have ended; at the deadline cuts those that have not, and says how many they were.
    pub(crate) async fn wait(&self, deadline: Duration) -> usize {
        let all_ended = async {
            loop {
                let mut closed = pin!(self.0.closed.notified());
                closed.as_mut().enable();
                if self.open() == 0 {
                    return;
                }
                closed.await;
            }
        };
        if tokio::time::timeout(deadline, all_ended).await.is_err() {
            // every event loop waits and cuts; the first of them sees all
            self.0.cut.fetch_max(self.open(), Ordering::AcqRel);
            self.enter(CUT);
        }
        self.0.cut.load(Ordering::Acquire)
    }

    fn open(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }
}

/// A connection that is served.
pub(crate) struct OpenConnection {
    drain: Drain,
    _room: Option<OwnedSemaphorePermit>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.drain.0.open.fetch_sub(1, Ordering::AcqRel);
        self.drain.0.closed.notify_waiters();
    }
}
