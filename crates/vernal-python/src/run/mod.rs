//! Who calls Python: threads of their own, an event loop, or the caller's own thread.

pub(crate) mod event_loop;
pub(crate) mod here;
pub(crate) mod pool;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use pyo3::prelude::*;
use vernal::HttpError;
use vernal::controller::Call;

use crate::controller::PyController;
use crate::error_page::PageJob;
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
    /// Takes a job, from a thread that does not have the interpreter and must not wait for it.
    fn submit(&self, job: Job);

    /// Whether what it runs may keep its thread waiting.
    fn may_wait(&self) -> bool {
        true
    }
}

impl Job {
    /// Does the job, or begins it.
    pub(crate) fn run(self, py: Python<'_>) -> Step {
        match self {
            Job::Controller(controller, call) => controller.run(py, call),
            Job::ErrorPage(page) => page.run(py),
            Job::Websocket(task) => task.run(py),
        }
    }

    /// What the log calls it.
    pub(crate) fn name(&self, py: Python<'_>) -> String {
        match self {
            Job::Controller(controller, _) => controller.name(py),
            Job::ErrorPage(_) => "an error page".to_owned(),
            Job::Websocket(task) => task.name(),
        }
    }

    /// Answers that there is no room for it.
    pub(crate) fn refuse(self) {
        match self {
            Job::Controller(_, call) => {
                let explain = "The server has too much to do.";
                call.answer(Err(HttpError::new(503).explain(explain).into()));
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
