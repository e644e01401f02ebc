//! The body of a request, piece by piece, for a coroutine of Python.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream as _;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vernal::{BodyReader, HttpError};

use crate::respond::Failure;
use crate::runtime::runtime;

/// The body of a request.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Reader(Arc<Mutex<Option<Reading>>>);

/// A body, and what has come of it.
struct Reading {
    body: BodyReader,
    /// What nobody has been given yet.
    come: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(body: BodyReader) -> Reader {
        Reader(Arc::new(Mutex::new(Some(Reading { body, come: Vec::new() }))))
    }

    fn take(&self) -> PyResult<Reading> {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        reading.ok_or_else(|| PyRuntimeError::new_err("this body is being read already"))
    }

    fn give_back(&self, reading: Reading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }
}

#[pymethods]
impl Reader {
    /// Up to this many bytes, all that is left for 0, if they are there; none where they have to be waited for.
    fn read_at_once<'py>(&self, py: Python<'py>, wanted: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut reading = self.take()?;
        let _inside = runtime()?.enter();
        let read = reading.poll(wanted, &mut Context::from_waker(Waker::noop()));
        self.give_back(reading);
        match read {
            Poll::Ready(Ok(piece)) => Ok(Some(PyBytes::new(py, &piece))),
            Poll::Ready(Err(error)) => Err(Failure::from(error).into_python(py)),
            Poll::Pending => Ok(None),
        }
    }

    /// The same, waited for; `settle(piece, None)` or `settle(None, error)` is called on another thread.
    fn read_later(&self, wanted: usize, settle: Py<PyAny>) -> PyResult<()> {
        let mut reading = self.take()?;
        let place = Arc::clone(&self.0);
        runtime()?.spawn(async move {
            let read = poll_fn(|context| reading.poll(wanted, context)).await;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
            // on a thread that may wait for the interpreter
            let _ = tokio::task::spawn_blocking(move || settle_with(read, &settle)).await;
        });
        Ok(())
    }
}

impl Reading {
    /// Up to this many bytes, or all that is left for 0; what has come stays here while there is more to wait for.
    fn poll(&mut self, wanted: usize, context: &mut Context<'_>) -> Poll<Result<Bytes, HttpError>> {
        while wanted == 0 || self.come.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(context)) {
                Some(piece) => self.come.extend_from_slice(&piece?),
                None => break,
            }
        }
        let mut come = std::mem::take(&mut self.come);
        if wanted > 0 && come.len() > wanted {
            self.come = come.split_off(wanted);
        }
        Poll::Ready(Ok(come.into()))
    }
}

fn settle_with(read: Result<Bytes, HttpError>, settle: &Py<PyAny>) {
    Python::attach(|py| {
        let settled = match read {
            Ok(piece) => settle.call1(py, (PyBytes::new(py, &piece), py.None())),
            Err(error) => settle.call1(py, (py.None(), Failure::from(error).into_python(py))),
        };
        if let Err(error) = settled {
            error.write_unraisable(py, None);
        }
    });
}
