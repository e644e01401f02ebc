//! A server: started, asked, stopped from Python.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::{Bound as BoundServer, Handle};

use crate::app::App;
use crate::run::Runner;
use crate::run::event_loop::{Drain, EventLoop};
use crate::run::pool::Pool;
use crate::settings;

/// A server of an app. It serves on threads of the engine's own; Python runs where it says.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Server {
    handle: Handle,
    bound: Mutex<Option<BoundServer>>,
    drain: Mutex<Option<Py<Drain>>>,
}

#[pymethods]
impl Server {
    /// Checks what the app declares and binds the port. Controllers run on at most this many threads, or, for 0, in the
    /// event loop of the calling thread.
    #[new]
    fn new(
        py: Python<'_>,
        app: &Bound<'_, App>,
        options: &Bound<'_, PyDict>,
        threads: usize,
    ) -> PyResult<Server> {
        let (runner, drain): (Arc<dyn Runner>, _) = if threads > 0 {
            (Arc::new(Pool::new(threads)), None)
        } else {
            let event_loop = py.import("asyncio")?.call_method0("get_running_loop")?;
            let (runner, drain) = EventLoop::attach(&event_loop)?;
            (Arc::new(runner), Some(drain))
        };
        let server = vernal::Server::of(app.get().builder(py, runner)?);
        let server = server.handle_signals(false).title_case_headers(true);
        let server = settings::apply_to_server(server, options)?;
        let handle = server.handle();
        match py.detach(|| server.bind()) {
            Ok(bound) => Ok(Server { handle, bound: Mutex::new(Some(bound)), drain: Mutex::new(drain) }),
            Err(error) => {
                if let Some(drain) = drain {
                    drain.get().close(py)?;
                }
                Err(start_error(error))
            }
        }
    }

    /// Serves, on threads of the engine's own, and returns. `ended(error)` is called on one of them at the end, with what
    /// went wrong or with `None`.
    fn start(&self, ended: Py<PyAny>) -> PyResult<()> {
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner).take();
        let bound = bound.ok_or_else(|| PyRuntimeError::new_err("this server has been started before"))?;
        let serve = move || {
            let result = bound.start().map_err(start_error);
            Python::attach(|py| {
                let error = result.err().map(|error| error.into_value(py));
                if let Err(error) = ended.call1(py, (error,)) {
                    error.write_unraisable(py, None);
                }
            });
        };
        std::thread::Builder::new().name("vernal".to_owned()).spawn(serve)?;
        Ok(())
    }

    /// Ends: nothing new is taken, what runs has until the deadline, in seconds, or that of the settings.
    #[pyo3(signature = (deadline=None))]
    fn stop(&self, deadline: Option<f64>) -> PyResult<()> {
        // a port that was bound and never served is closed by this
        drop(self.bound.lock().unwrap_or_else(PoisonError::into_inner).take());
        match deadline.map(Duration::try_from_secs_f64) {
            Some(Ok(deadline)) => self.handle.stop_within(deadline),
            Some(Err(error)) => return Err(PyValueError::new_err(error.to_string())),
            None => self.handle.stop(),
        }
        Ok(())
    }

    /// Takes no more work for the event loop; called on its thread when the server has ended. The tasks that are left.
    fn detach_loop(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let drain = self.drain.lock().unwrap_or_else(PoisonError::into_inner).take();
        match drain {
            Some(drain) => {
                drain.get().close(py)?;
                Ok(drain.get().tasks(py))
            }
            None => Ok(Vec::new()),
        }
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

/// A reason not to start, as the exception that Python has for it.
pub(crate) fn start_error(error: vernal::Error) -> PyErr {
    let text = error.to_string();
    match () {
        () if error.is_bind() => PyOSError::new_err(text),
        () if error.is_declaration() || error.is_configuration() => PyValueError::new_err(text),
        () => PyRuntimeError::new_err(text),
    }
}
