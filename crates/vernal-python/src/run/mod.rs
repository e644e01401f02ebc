//! Who calls Python: threads of their own, an event loop, or the caller's own thread.

pub(crate) mod attention;
pub(crate) mod context;
pub(crate) mod event_loop;
pub(crate) mod here;
mod passage;
pub(crate) mod pool;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use pyo3::prelude::*;
use vernal::controller::Call;
use vernal::{HttpError, Location, Response};

use crate::controller::PyController;
use crate::error_page::PageJob;
use crate::run::context::JobContext;
use crate::websocket;

/// Something that wants the interpreter.
pub(crate) enum Job {
    /// A request for a controller.
    Controller(Arc<PyController>, Call),
    /// The page of an error.
    ErrorPage(PageJob),
    /// An event of a WebSocket connection.
    Websocket(Box<websocket::Task>),
}

/// What is left to do of a job.
pub(crate) enum Step {
    /// Nothing.
    Done,
    /// To run the coroutine to its end, and to call this with its result.
    Await(Py<PyAny>, Finish),
}

/// What is called with the result of a coroutine.
pub(crate) type Finish = Box<dyn FnOnce(Python<'_>, PyResult<Py<PyAny>>) + Send>;

/// Runs jobs.
pub(crate) trait Runner: Send + Sync {
    /// Takes a job, from a thread that does not have the interpreter and must not wait for it. Those who do the jobs may
    /// be woken later, by [`flush`](Runner::flush).
    fn submit(&self, job: Job);

    /// Wakes those who do the jobs, if there are new ones; called when the thread that submitted them begins to wait.
    fn flush(&self) {}

    /// Whether a job may wait for something on its thread; not where others wait for the thread.
    fn may_wait(&self) -> bool {
        true
    }

    /// Takes no more jobs, refuses those that wait, and gives those that run this long to end: the threads that have
    /// not, as Python calls them.
    fn close(&self, _: Python<'_>, _: Duration) -> Vec<u64> {
        Vec::new()
    }
}

impl Job {
    /// Does the job, or begins it. A panic ends the job alone, which is answered with a 500.
    pub(crate) fn run(self, py: Python<'_>) -> Step {
        guarded(|| match self {
            Job::Controller(controller, call) => controller.run(py, call),
            Job::ErrorPage(page) => page.run(py),
            Job::Websocket(task) => task.run(py),
        })
        .unwrap_or(Step::Done)
    }

    /// Does the job, or begins it, in a context of its own.
    pub(crate) fn run_in_context(self, py: Python<'_>) -> PyResult<(JobContext, Step)> {
        let context = JobContext::new(py)?;
        let step = context.run(py, |py| self.run(py))?;
        Ok((context, step))
    }

    /// The function that it calls, for the log.
    pub(crate) fn location(&self) -> Option<Location> {
        match self {
            Job::Controller(controller, _) => Some(controller.location),
            Job::ErrorPage(_) => None,
            Job::Websocket(task) => task.location(),
        }
    }

    /// Answers that there is no room for it.
    pub(crate) fn refuse(self) {
        match self {
            Job::Controller(_, call) => {
                let error = HttpError::new(503).explain("The server has too much to do.");
                call.fail(error, Response::default().header("Retry-After", "1"));
            }
            Job::ErrorPage(page) => drop(page),
            Job::Websocket(task) => drop(task),
        }
    }

    /// Whether it is taken however many wait: a connection has one event at a time, so there are no more of them than
    /// connections, and the end of one must be told.
    pub(crate) fn always_has_room(&self) -> bool {
        matches!(self, Job::Websocket(_))
    }
}

/// Calls this with the result of a coroutine, in the context of its job.
pub(crate) fn settle_in_context(
    py: Python<'_>,
    context: &JobContext,
    finish: Finish,
    result: PyResult<Py<PyAny>>,
) -> PyResult<()> {
    context.run(py, |py| {
        settle(py, finish, result);
        Step::Done
    })?;
    Ok(())
}

/// Calls this with the result of a coroutine; a panic goes no further.
pub(crate) fn settle(py: Python<'_>, finish: Finish, result: PyResult<Py<PyAny>>) {
    guarded(|| finish(py, result));
}

/// What this returns; none where it panics. What it owned has been dropped then, calls without an answer among it.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    // nothing of what the closures own is used after a panic
    let result = catch_unwind(AssertUnwindSafe(work));
    if result.is_err() {
        tracing::error!("a request was given up: there was a panic in the engine");
    }
    result.ok()
}

/// The result of a future that has nothing to wait for; none, and the end of the future, where it has.
pub(crate) fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The result of a future that waits for nothing but this thread.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_goes_no_further_and_lets_go_what_it_owned() {
        let owned = Arc::new(());
        let moved = Arc::clone(&owned);
        let result: Option<()> = guarded(move || {
            let _moved = moved;
            panic!("in a job")
        });
        assert_eq!((result, Arc::strong_count(&owned)), (None, 1));
        assert_eq!(guarded(|| 1), Some(1));
    }
}
