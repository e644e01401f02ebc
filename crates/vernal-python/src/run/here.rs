//! The caller's own thread, for WSGI and ASGI: whoever polls the engine is given the jobs that come of it, and runs them.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::{Job, Runner};

thread_local! {
    /// The jobs of the poll that is under way on this thread; none outside of one.
    static POLLED: RefCell<Option<VecDeque<Job>>> = const { RefCell::new(None) };
}

/// Leaves jobs to the thread that polls.
pub(crate) struct Here;

impl Runner for Here {
    fn submit(&self, job: Job) {
        let left = POLLED.with_borrow_mut(|polled| match polled {
            Some(jobs) => {
                jobs.push_back(job);
                None
            }
            None => Some(job),
        });
        if let Some(job) = left {
            tracing::error!("a controller was called where nobody runs Python");
            job.refuse();
        }
    }
}

/// Does what polls the engine; answers what that answers and the jobs that came of it.
pub(crate) fn polling<T>(poll: impl FnOnce() -> T) -> (T, VecDeque<Job>) {
    // a job that is run may poll another app
    let _outer = Outer(POLLED.replace(Some(VecDeque::new())));
    let polled = poll();
    (polled, POLLED.take().unwrap_or_default())
}

/// Puts back what an outer poll has, also after a panic.
struct Outer(Option<VecDeque<Job>>);

impl Drop for Outer {
    fn drop(&mut self) {
        POLLED.set(self.0.take());
    }
}
