//! The body of a request, piece by piece, for a coroutine of Python.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream as _;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::task::AbortHandle;
use vernal::{BodyReader, HttpError};

use crate::host::input::Input;
use crate::respond::Failure;
use crate::runtime::{call_later, runtime};

/// The body of a request.
///
/// What comes while somebody waits stays here until it is read, so a read that is given up loses nothing.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Reader {
    reading: Arc<Mutex<Reading>>,
    /// Where more of it is read, if that is the reader's to do.
    input: Option<Arc<Input>>,
}

/// A body, and what has come of it.
struct Reading {
    body: BodyReader,
    /// What nobody has been given yet.
    come: Vec<u8>,
    /// Why no more comes, where nobody has been told yet.
    failure: Option<HttpError>,
    /// The task of who waits.
    waiting: Option<AbortHandle>,
}

impl Reader {
    pub(crate) fn new(body: BodyReader, input: Option<Arc<Input>>) -> Reader {
        let reading = Reading { body, come: Vec::new(), failure: None, waiting: None };
        Reader { reading: Arc::new(Mutex::new(reading)), input }
    }

    /// What there is.
    fn poll(&self, wanted: usize) -> PyResult<Poll<Result<Bytes, HttpError>>> {
        let mut reading = self.lock()?;
        let _inside = runtime()?.enter();
        Ok(reading.read(wanted, &mut Context::from_waker(Waker::noop())))
    }

    /// For one reader at a time.
    fn lock(&self) -> PyResult<MutexGuard<'_, Reading>> {
        let reading = lock(&self.reading);
        match reading.waiting {
            Some(_) => Err(PyRuntimeError::new_err("this body is being read already")),
            None => Ok(reading),
        }
    }
}

fn lock(reading: &Mutex<Reading>) -> MutexGuard<'_, Reading> {
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Reader {
    /// Up to this many bytes, all that is left for 0, if they are there; none where they have to be waited for.
    fn read_at_once<'py>(&self, py: Python<'py>, wanted: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        loop {
            match self.poll(wanted)? {
                Poll::Ready(Ok(piece)) => return Ok(Some(PyBytes::new(py, &piece))),
                Poll::Ready(Err(error)) => return Err(Failure::from(error).into_python(py)),
                // nothing is locked meanwhile: it may block
                Poll::Pending => match &self.input {
                    Some(input) if input.bring(py)? => {}
                    _ => return Ok(None),
                },
            }
        }
    }

    /// Waits for as many, and calls this on another thread when they can be read. Nobody else may read until
    /// `end_waiting` is called.
    fn wait(&self, wanted: usize, ready: Py<PyAny>) -> PyResult<()> {
        let mut reading = self.lock()?;
        let place = Arc::clone(&self.reading);
        let task = runtime()?.spawn(async move {
            poll_fn(|context| lock(&place).arrive(wanted, context)).await;
            call_later(ready);
        });
        reading.waiting = Some(task.abort_handle());
        Ok(())
    }

    /// Waits no more, whether anything has come or not.
    fn end_waiting(&self) {
        let waiting = lock(&self.reading).waiting.take();
        if let Some(task) = waiting {
            task.abort();
        }
    }
}

impl Reading {
    /// Up to this many bytes, or all that is left for 0.
    fn read(&mut self, wanted: usize, context: &mut Context<'_>) -> Poll<Result<Bytes, HttpError>> {
        ready!(self.arrive(wanted, context));
        if let Some(failure) = self.failure.take() {
            return Poll::Ready(Err(failure));
        }
        let mut come = std::mem::take(&mut self.come);
        if wanted > 0 && come.len() > wanted {
            self.come = come.split_off(wanted);
        }
        Poll::Ready(Ok(come.into()))
    }

    /// Has what is wanted come, as far as there is any.
    fn arrive(&mut self, wanted: usize, context: &mut Context<'_>) -> Poll<()> {
        while self.failure.is_none() && (wanted == 0 || self.come.is_empty()) {
            match ready!(Pin::new(&mut self.body).poll_next(context)) {
                Some(Ok(piece)) => self.come.extend_from_slice(&piece),
                Some(Err(error)) => self.failure = Some(error),
                None => break,
            }
        }
        Poll::Ready(())
    }
}
