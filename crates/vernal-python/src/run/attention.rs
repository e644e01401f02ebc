//! Who keeps the event loop from all others is named in the log.
//!
//! A thread asks the loop to come by, again and again while there is something to do, and looks at what it is doing when
//! it does not come: so a coroutine that blocks between two `await`s is found as well, in the middle of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use vernal::Location;

use super::event_loop::Queue;
use crate::names::Names;

/// How long somebody may keep the loop before the log names it.
pub(crate) const LONG: Duration = Duration::from_millis(100);

/// How often the loop is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What is known of the loop.
#[derive(Default)]
pub(super) struct Attention {
    thread: Mutex<Option<Thread>>,
    /// Whether the thread waits until there is something to do.
    ///
    /// Whoever wakes the loop says so (`Queue::wake`) and then looks here; the thread says here that it rests and then looks
    /// whether the loop is awake. One of them must see the other, so both places are in one order (`SeqCst`).
    rests: AtomicBool,
    /// Tasks that have not ended.
    running: AtomicUsize,
    /// Whether the loop is running jobs at present.
    is_working: AtomicBool,
    /// Whether the one who keeps the loop at present has been named.
    is_named: AtomicBool,
}

impl Attention {
    pub(super) fn began(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn ended(&self) {
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn works(&self, works: bool) {
        self.is_working.store(works, Ordering::Release);
    }

    fn is_wanted(&self) -> bool {
        self.is_working.load(Ordering::Acquire) || self.running.load(Ordering::Acquire) > 0
    }

    /// There is something to do.
    pub(super) fn call(&self) {
        if self.rests.load(Ordering::SeqCst)
            && self.rests.swap(false, Ordering::SeqCst)
            && let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner)
        {
            thread.unpark();
        }
    }

    /// Names a function that has kept the loop for so long, unless that has been done while it did.
    pub(super) fn complain(&self, py: Python<'_>, location: Location, took: Duration) {
        if self.is_named.swap(false, Ordering::AcqRel) {
            return;
        }
        complain(py, location, took);
    }
}

/// Names a function that has kept an event loop for so long.
pub(crate) fn complain(py: Python<'_>, location: Location, took: Duration) {
    let milliseconds = took.as_millis() as u64;
    let given = (location.function, location.file, location.line, milliseconds);
    let named = Names::get(py).and_then(|names| names.kept_loop.call1(py, given));
    if let Err(error) = named {
        error.write_unraisable(py, None);
    }
}

/// Looks at the loop of this thread until its queue is closed.
pub(super) fn pay(queue: &Arc<Queue>, thread: u64) -> std::io::Result<()> {
    let weak = Arc::downgrade(queue);
    let looking = std::thread::Builder::new().name("vernal-attention".to_owned());
    let handle = looking.spawn(move || watch(&weak, thread))?;
    *queue.attention.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle.thread().clone());
    Ok(())
}

fn watch(queue: &Weak<Queue>, thread: u64) {
    let mut seen = 0;
    while let Some(queue) = queue.upgrade() {
        if queue.is_closed() {
            return;
        }
        let turns = queue.turns();
        let is_busy = queue.attention.is_wanted() || turns != seen;
        if !is_busy {
            queue.attention.rests.store(true, Ordering::SeqCst);
            // whoever did something in between has not seen that nobody looks
            let is_idle = queue.turns() == seen && !queue.is_awake() && !queue.attention.is_wanted();
            if is_idle && !queue.is_closed() {
                drop(queue);
                std::thread::park();
                continue;
            }
            queue.attention.rests.store(false, Ordering::SeqCst);
        }
        queue.wake();
        let asked = Instant::now();
        while queue.turns() == turns && asked.elapsed() < LONG {
            std::thread::sleep(LOOK);
        }
        if queue.turns() == turns && !queue.is_closed() {
            queue.attention.is_named.store(name(thread), Ordering::Release);
            while queue.turns() == turns && !queue.is_closed() {
                std::thread::sleep(LOOK);
            }
        }
        seen = queue.turns();
    }
}

/// Has Python name what this thread is doing; whether it is something of the application's.
fn name(thread: u64) -> bool {
    // none where the interpreter is ending
    let named = Python::try_attach(|py| -> PyResult<bool> {
        Names::get(py)?.blocks_loop.call1(py, (thread,))?.extract(py)
    });
    matches!(named, Some(Ok(true)))
}
