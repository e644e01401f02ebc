//! The body of a request, piece by piece, for a coroutine of Python.

use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::runtime::Runtime;
use vernal::{BodyReader, HttpError};

use crate::respond::Failure;

/// The body of a request.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Reader(Arc<Mutex<Option<BodyReader>>>);

impl Reader {
    pub(crate) fn new(reader: BodyReader) -> Reader {
        Reader(Arc::new(Mutex::new(Some(reader))))
    }

    fn take(&self) -> PyResult<BodyReader> {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        reader.ok_or_else(|| PyRuntimeError::new_err("this body is being read already"))
    }

    fn give_back(&self, reader: BodyReader) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader);
    }
}

#[pymethods]
impl Reader {
    /// Up to this many bytes, all that is left for 0, if they are there; none where they have to be waited for.
    fn read_at_once<'py>(&self, py: Python<'py>, wanted: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        if wanted == 0 {
            return Ok(None);
        }
        let mut reader = self.take()?;
        let _inside = runtime()?.enter();
        let read = {
            let reading = pin!(reader.read(wanted));
            reading.poll(&mut Context::from_waker(Waker::noop()))
        };
        self.give_back(reader);
        match read {
            Poll::Ready(Ok(piece)) => Ok(Some(PyBytes::new(py, &piece))),
            Poll::Ready(Err(error)) => Err(Failure::from(error).into_python(py)),
            Poll::Pending => Ok(None),
        }
    }

    /// The same, waited for; `settle(piece, None)` or `settle(None, error)` is called on another thread.
    fn read_later(&self, wanted: usize, settle: Py<PyAny>) -> PyResult<()> {
        let mut reader = self.take()?;
        let place = Arc::clone(&self.0);
        runtime()?.spawn(async move {
            let read = read(&mut reader, wanted).await;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader);
            // on a thread that may wait for the interpreter
            let _ = tokio::task::spawn_blocking(move || settle_with(read, &settle)).await;
        });
        Ok(())
    }
}

async fn read(reader: &mut BodyReader, wanted: usize) -> Result<Bytes, HttpError> {
    if wanted > 0 {
        return reader.read(wanted).await;
    }
    let mut whole = Vec::new();
    while let Some(piece) = reader.chunk().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
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

/// A runtime for what Python waits for; its thread begins with the first body that is read so.
fn runtime() -> PyResult<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("vernal-reader")
        .enable_time()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}
