//! The end: nothing new is accepted, what runs may finish.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout_at};

/// Counts connections and tells them when the server ends. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Drain(Arc<Inner>);

struct Inner {
    stage: AtomicU8,
    stage_reached: Notify,
    room: Arc<Semaphore>,
    /// Loops that accept, and connections, until nothing is left of them.
    present: AtomicUsize,
    /// Connections that have not had all their answers.
    open: AtomicUsize,
    /// Requests answered since the end began.
    answered: AtomicUsize,
    changed: Notify,
    deadline: Mutex<Deadline>,
}

/// When the end began, and how long it may take.
struct Deadline {
    began: Option<Instant>,
    within: Duration,
}

/// Connections are not kept any longer than their request takes.
pub(crate) const ENDING: u8 = 1;
/// It is over, or the deadline is: connections end at once.
pub(crate) const CUT: u8 = 2;

/// How long a connection on which nothing is under way is kept when the end begins. A request that the client has just
/// sent is answered, with `Connection: close`; without this it would cross the end of the connection on its way.
pub(crate) const GRACE: Duration = Duration::from_millis(250);
/// How long what was cut may take to say so; a moment, unless the machine is busy or a handler does not end.
const AFTERMATH: Duration = Duration::from_secs(1);

/// What a drain has come to.
pub(crate) struct Drained {
    /// Requests answered since the end began.
    pub(crate) answered: usize,
    /// Connections that were cut.
    pub(crate) cut: usize,
    pub(crate) took: Duration,
}

impl Drain {
    /// For at most so many connections at the same time, which have so long to end.
    pub(crate) fn new(connections: usize, within: Duration) -> Self {
        Drain(Arc::new(Inner {
            stage: AtomicU8::new(0),
            stage_reached: Notify::new(),
            room: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            present: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            changed: Notify::new(),
            deadline: Mutex::new(Deadline { began: None, within }),
        }))
    }

    /// Begins to end. Later calls change nothing but the deadline, which can become shorter only.
    pub(crate) fn begin(&self, within: Option<Duration>) {
        {
            let mut deadline = self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
            match (deadline.began, within) {
                (None, within) => {
                    deadline.began = Some(Instant::now());
                    deadline.within = within.unwrap_or(deadline.within);
                }
                (Some(began), Some(within)) => {
                    deadline.within = deadline.within.min(began.elapsed().saturating_add(within));
                }
                (Some(_), None) => {}
            }
        }
        self.enter(ENDING);
        self.0.changed.notify_waiters();
    }

    /// Ends at once.
    pub(crate) fn cut(&self) {
        self.enter(CUT);
        self.0.changed.notify_waiters();
    }

    fn enter(&self, stage: u8) {
        // once for each stage: who waits for the next one is woken by that one alone
        if self.0.stage.fetch_max(stage, Ordering::SeqCst) < stage {
            self.0.stage_reached.notify_waiters();
        }
    }

    /// Whether the end has come so far.
    pub(crate) fn has_reached(&self, stage: u8) -> bool {
        self.0.stage.load(Ordering::SeqCst) >= stage
    }

    /// Done once the end has come so far.
    pub(crate) async fn reached(&self, stage: u8) {
        loop {
            let mut notified = pin!(self.0.stage_reached.notified());
            notified.as_mut().enable();
            if self.has_reached(stage) {
                return;
            }
            notified.await;
        }
    }

    /// Awaits the future, but only until the end begins.
    pub(crate) async fn unless_begun<F: Future>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        self.unless(ENDING, future).await
    }

    /// Awaits the future, but only until the end has come so far. Stays with the task that polls it first.
    /// (Pinned by the caller, the future has one place; as an argument that is pinned here it would have two.)
    pub(crate) async fn unless<F: Future>(&self, stage: u8, mut future: Pin<&mut F>) -> Option<F::Output> {
        let mut reached = pin!(self.reached(stage));
        let mut awaits = false;
        poll_fn(|context| {
            if self.has_reached(stage) {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            // only what has to wait is told of the end, and asks for that once: it takes the lock of all connections
            if !std::mem::replace(&mut awaits, true) {
                return pin!(unconstrained(reached.as_mut())).poll(context).map(|()| None);
            }
            Poll::Pending
        })
        .await
    }

    /// Until when a connection on which nothing is under way is kept, once the end has begun.
    pub(crate) fn grace(&self) -> Instant {
        let deadline = self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.began.unwrap_or_else(Instant::now) + GRACE.min(deadline.within / 4)
    }

    /// Room for one more connection; waits while there is none.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.room).acquire_owned().await.ok()
    }

    /// Counts a loop that accepts connections, or a conversation within one, until the answer is dropped.
    pub(crate) fn present(&self) -> Present {
        self.0.present.fetch_add(1, Ordering::AcqRel);
        Present { drain: self.clone(), is_open: false, room: None }
    }

    /// Counts a connection, which takes the room, until the answer is dropped.
    pub(crate) fn connection(&self, room: Option<OwnedSemaphorePermit>) -> Present {
        self.0.present.fetch_add(1, Ordering::AcqRel);
        self.0.open.fetch_add(1, Ordering::AcqRel);
        Present { drain: self.clone(), is_open: true, room }
    }

    /// Counts a request that is answered although the server ends.
    pub(crate) fn answered(&self) {
        self.0.answered.fetch_add(1, Ordering::AcqRel);
    }

    /// Waits, once the end has begun, until nothing is left; at the deadline, or when told to, cuts what is.
    pub(crate) async fn finish(&self) -> Drained {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            let (began, within) = {
                let deadline = self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
                (deadline.began.unwrap_or_else(Instant::now), deadline.within)
            };
            let is_over = self.0.present.load(Ordering::SeqCst) == 0 || self.has_reached(CUT);
            // a deadline that no clock can show is none
            let end = began.checked_add(within).unwrap_or_else(|| began + Duration::from_secs(1 << 30));
            if is_over || timeout_at(end, changed).await.is_err() {
                let cut = self.0.open.load(Ordering::Acquire);
                self.cut();
                self.aftermath().await;
                let answered = self.0.answered.load(Ordering::Acquire);
                return Drained { answered, cut, took: began.elapsed() };
            }
        }
    }

    /// Lets what was cut say so: a WebSocket handler is told of every end.
    pub(crate) async fn aftermath(&self) {
        let end = Instant::now() + AFTERMATH;
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.0.present.load(Ordering::SeqCst) == 0 || timeout_at(end, changed).await.is_err() {
                return;
            }
        }
    }
}

/// A connection, or a loop that accepts them.
pub(crate) struct Present {
    drain: Drain,
    is_open: bool,
    /// Given back when the connection has ended.
    room: Option<OwnedSemaphorePermit>,
}

impl Present {
    /// Whether the connection was accepted with room for it.
    pub(crate) fn has_room(&self) -> bool {
        self.room.is_some()
    }

    /// Waits for room, where the connection was accepted without.
    pub(crate) async fn wait_for_room(&mut self) {
        if self.room.is_none() {
            self.room = self.drain.room().await;
        }
    }

    /// Everything is answered; what is left is waiting for the client to notice.
    pub(crate) fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.drain.0.open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.close();
        self.drain.0.present.fetch_sub(1, Ordering::SeqCst);
        // nobody waits for it before the end; the order is total, so that either this or `finish` sees the other
        if self.drain.has_reached(ENDING) {
            self.drain.0.changed.notify_waiters();
        }
    }
}
