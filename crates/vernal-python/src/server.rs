//! A server: started, asked, stopped from Python.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::{Bound as BoundServer, Handle};

use crate::app::App;
use crate::mistake::{mistake, unusable};
use crate::run::Runner;
use crate::run::event_loop::{Drain, EventLoop};
use crate::run::pool::Pool;
use crate::settings;

/// A server of an app. It serves on threads of the engine's own; Python runs where it says.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Server {
    handle: Handle,
    bound: Mutex<Option<BoundServer>>,
    is_stopped: AtomicBool,
    runner: Arc<dyn Runner>,
    /// The same, where it is one for an event loop.
    event_loop: Option<Arc<EventLoop>>,
    drain: Mutex<Option<Py<Drain>>>,
    /// What serves; it calls Python at its end.
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Whether it is about to, or has.
    is_ending: Arc<AtomicBool>,
}

#[pymethods]
impl Server {
    /// Checks what the app declares and binds the port. Controllers run on at most this many threads, or, for 0, in an
    /// event loop that is attached later. No thread is started yet: until `start`, the process may be forked.
    #[new]
    fn new(
        py: Python<'_>,
        app: &Bound<'_, App>,
        options: &Bound<'_, PyDict>,
        threads: &Bound<'_, PyAny>,
    ) -> PyResult<Server> {
        let threads = threads.extract::<usize>().map_err(|error| unusable("max_workers", threads, error))?;
        let waiting = settings::waiting(options)?;
        let event_loop = (threads == 0).then(|| Arc::new(EventLoop::new(waiting)));
        let runner: Arc<dyn Runner> = match &event_loop {
            Some(event_loop) => Arc::clone(event_loop) as Arc<dyn Runner>,
            None => Arc::new(Pool::new(threads, waiting)),
        };
        let server = app.get().server(py, Arc::clone(&runner))?;
        let submitted = Arc::clone(&runner);
        let server =
            server.handle_signals(false).title_case_headers(true).before_waiting(move || submitted.flush());
        let server = settings::apply_to_server(server, options)?;
        let handle = server.handle();
        let bound = py.detach(|| server.bind()).map_err(start_error)?;
        Ok(Server {
            handle,
            bound: Mutex::new(Some(bound)),
            is_stopped: AtomicBool::new(false),
            runner,
            event_loop,
            drain: Mutex::default(),
            thread: Mutex::default(),
            is_ending: Arc::default(),
        })
    }

    /// Has controllers run in this loop, which is the one of the calling thread.
    fn attach_loop(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(queue) = &self.event_loop {
            let drain = queue.attach(event_loop)?;
            *lock(&self.drain) = Some(drain);
        }
        Ok(())
    }

    /// Serves, on threads of the engine's own, and returns. `ended(error)` is called on one of them at the end, with what
    /// went wrong or with `None`; at once where the server has been stopped before.
    fn start(&self, py: Python<'_>, ended: Py<PyAny>) -> PyResult<()> {
        let bound = lock(&self.bound).take();
        let Some(bound) = bound else {
            if self.is_stopped.load(Ordering::Acquire) {
                ended.call1(py, (py.None(),))?;
                return Ok(());
            }
            return Err(PyRuntimeError::new_err("this server has been started before"));
        };
        let is_ending = Arc::clone(&self.is_ending);
        let serve = move || {
            let served = catch_unwind(AssertUnwindSafe(|| bound.start()));
            let result = match served {
                Ok(result) => result.map_err(start_error),
                Err(_) => Err(PyRuntimeError::new_err("there was a panic in the engine")),
            };
            is_ending.store(true, Ordering::Release);
            // none where the interpreter is ending: nobody waits any more
            let _ = Python::try_attach(|py| {
                let error = result.err().map(|error| error.into_value(py));
                if let Err(error) = ended.call1(py, (error,)) {
                    error.write_unraisable(py, None);
                }
            });
        };
        let thread = std::thread::Builder::new().name("vernal".to_owned()).spawn(serve)?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    /// Ends: nothing new is taken, what runs has until the deadline, in seconds, or that of the settings.
    #[pyo3(signature = (deadline=None))]
    fn stop(&self, deadline: Option<f64>) -> PyResult<()> {
        self.is_stopped.store(true, Ordering::Release);
        match deadline.map(Duration::try_from_secs_f64) {
            Some(Ok(deadline)) => self.handle.stop_within(deadline),
            Some(Err(error)) => return Err(PyValueError::new_err(error.to_string())),
            None => self.handle.stop(),
        }
        // A port that was bound and never served is closed by this. It may run code of Python, and a signal's handler
        // among it, which stops the server again: the lock is not held.
        let bound = lock(&self.bound).take();
        drop(bound);
        Ok(())
    }

    /// Puts another app in the place of the one that is served: for requests that come from now on.
    fn replace(&self, py: Python<'_>, app: &Bound<'_, App>) -> PyResult<()> {
        let app = app.get().server(py, Arc::clone(&self.runner))?.build().map_err(start_error)?;
        self.handle.replace(app);
        Ok(())
    }

    /// Takes no more work for the event loop; called on its thread when the server has ended. The tasks that are left.
    fn detach_loop(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let drain = lock(&self.drain).take();
        match drain {
            Some(drain) => {
                drain.get().close(py)?;
                Ok(drain.get().tasks(py))
            }
            None => Ok(Vec::new()),
        }
    }

    /// Takes no more work for the threads, when the server has ended, and gives those that work this many seconds: those
    /// that work after them, as Python calls them.
    fn close(&self, py: Python<'_>, patience: f64) -> Vec<u64> {
        self.wait_for_thread(py);
        self.runner.close(py, Duration::try_from_secs_f64(patience).unwrap_or_default())
    }

    /// Whether requests are taken.
    #[getter]
    fn is_ready(&self) -> bool {
        self.handle.is_ready()
    }

    /// Host and port, where there is a TCP port.
    #[getter]
    fn address(&self) -> Option<(String, u16)> {
        let address = self.handle.local_addr()?;
        Some((address.ip().to_string(), address.port()))
    }
}

impl Server {
    /// Waits until the thread that has said that the server has ended is through with Python: the interpreter may end
    /// next, and a thread that it takes away from Python then ends the process.
    fn wait_for_thread(&self, py: Python<'_>) {
        if !self.is_ending.load(Ordering::Acquire) {
            return;
        }
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            // a panic has been caught and told of
            let _ = py.detach(|| thread.join());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reason not to start, as the exception that Python has for it.
pub(crate) fn start_error(error: vernal::Error) -> PyErr {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => PyOSError::new_err((code, text)),
        None if error.is_bind() => PyOSError::new_err(text),
        None if error.is_declaration() || error.is_configuration() => mistake(text),
        None => PyRuntimeError::new_err(text),
    }
}
