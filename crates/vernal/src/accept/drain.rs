//! The end: nothing new is accepted, what runs may finish.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Counts connections and tells them when the server ends. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Drain(Arc<Inner>);

struct Inner {
    begun: AtomicBool,
    notify: Notify,
    permits: Arc<Semaphore>,
    connections: usize,
}

impl Drain {
    /// For at most so many connections at the same time.
    pub(crate) fn new(connections: usize) -> Self {
        let connections = connections.clamp(1, u32::MAX as usize >> 1);
        Drain(Arc::new(Inner {
            begun: AtomicBool::new(false),
            notify: Notify::new(),
            permits: Arc::new(Semaphore::new(connections)),
            connections,
        }))
    }

    /// Begins to end; does nothing the second time.
    pub(crate) fn begin(&self) {
        self.0.begun.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    /// Done once the end has begun.
    pub(crate) async fn begun(&self) {
        let notified = self.0.notify.notified();
        let mut notified = std::pin::pin!(notified);
        notified.as_mut().enable();
        if !self.has_begun() {
            notified.await;
        }
    }

    /// Awaits the future, but only until the end begins.
    pub(crate) async fn unless_begun<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let (mut begun, mut future) = (pin!(self.begun()), pin!(future));
        poll_fn(|context| match begun.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(context).map(Some),
        })
        .await
    }

    /// Room for one more connection; waits while there is none.
    pub(crate) async fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.permits).acquire_owned().await.ok()
    }

    /// Waits until all connections have ended, and says how many had not at the deadline.
    pub(crate) async fn wait(&self, deadline: Duration) -> usize {
        let all = self.0.connections as u32;
        match tokio::time::timeout(deadline, self.0.permits.acquire_many(all)).await {
            Ok(_) => 0,
            Err(_) => self.0.connections - self.0.permits.available_permits(),
        }
    }
}
