//! What the package's `LiveWebsocketSession` and `LiveWebsocketRequest` stand on.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use tokio::runtime::Handle;
use vernal::Request;
use vernal::websocket::{SendError, WebsocketSession};

use super::names::Names;
use crate::run::{at_once, now_or_never, pool};
use crate::{bind, fields};

/// A message of so many bytes is taken without the interpreter: it may have to be compressed.
const LARGE: usize = 64 * 1024;

/// A file of so many bytes may be sent from memory.
const IN_MEMORY: u64 = 16 * 1024 * 1024;

/// A connection of the engine: the interface `Connection` of `_live_websocket.py`.
///
/// What is sent goes into the queue of the connection. Where that is full, a thread waits until there is room, which is
/// until the client has read something, or was cut off because it doesn't; a thread that runs an event loop does not
/// wait, since nothing else would run meanwhile.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct WebsocketConnection {
    session: WebsocketSession,
    runtime: Option<Handle>,
}

impl WebsocketConnection {
    pub(super) fn new(session: WebsocketSession, runtime: Option<Handle>) -> WebsocketConnection {
        WebsocketConnection { session, runtime }
    }
}

#[pymethods]
impl WebsocketConnection {
    #[getter]
    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn send_text(&self, text: &Bound<'_, PyString>, chunk_size: usize) -> PyResult<()> {
        let py = text.py();
        let text = text.to_str()?;
        send(py, text.len(), self.session.send_text_in_chunks(text, chunk_size))
    }

    fn send_binary(&self, data: &Bound<'_, PyBytes>, chunk_size: usize) -> PyResult<()> {
        let bytes = data.as_bytes();
        send(data.py(), bytes.len(), self.session.send_binary_in_chunks(bytes, chunk_size))
    }

    /// Sends a file. In an event loop it is sent while the loop goes on; what is sent after it follows it all the same.
    fn send_file(&self, py: Python<'_>, path: PathBuf, chunk_size: usize) -> PyResult<()> {
        let Some(runtime) = &self.runtime else {
            return Err(PyRuntimeError::new_err("this connection belongs to no server"));
        };
        let waits = may_wait(py)?;
        let sent = py.detach(|| match waits {
            true => runtime.block_on(self.session.send_file_in_chunks(&path, chunk_size)),
            false => self.send_file_meanwhile(runtime, path, chunk_size),
        });
        sent.map_err(|error| not_sent(py, &error))
    }

    fn send_ping(&self, payload: &Bound<'_, PyBytes>) -> PyResult<()> {
        send(payload.py(), 0, self.session.send_ping(payload.as_bytes()))
    }

    fn send_pong(&self, payload: &Bound<'_, PyBytes>) -> PyResult<()> {
        send(payload.py(), 0, self.session.send_pong(payload.as_bytes()))
    }

    /// Closes with code 1000.
    fn close(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        send(py, 0, self.session.close(1000, reason))
    }
}

impl WebsocketConnection {
    /// Has a file sent by the runtime. While another one is under way its place among the messages can only be taken by
    /// what is in memory.
    fn send_file_meanwhile(&self, runtime: &Handle, path: PathBuf, chunk_size: usize) -> vernal::Result<()> {
        match self.session.begin_file(&path, chunk_size) {
            Ok(rest) => {
                runtime.spawn(async move {
                    if let Err(error) = rest.await {
                        tracing::warn!(path = %path.display(), %error, "a file was not sent to its end");
                    }
                });
                Ok(())
            }
            Err(error) if error.downcast_ref() == Some(&SendError::Full) => {
                let unreadable = |_| SendError::File(path.display().to_string());
                if std::fs::metadata(&path).map_err(unreadable)?.len() > IN_MEMORY {
                    return Err(error);
                }
                let content = std::fs::read(&path).map_err(unreadable)?;
                now_or_never(self.session.send_binary_in_chunks(content, chunk_size)).unwrap_or(Err(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// Puts something into the queue, at once where there is room.
fn send(
    py: Python<'_>,
    length: usize,
    sending: impl Future<Output = vernal::Result<()>> + Send,
) -> PyResult<()> {
    let mut sending = pin!(sending);
    let mut begin = || sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let begun = if length < LARGE { begin() } else { py.detach(begin) };
    let sent = match begun {
        Poll::Ready(sent) => sent,
        Poll::Pending if may_wait(py)? => py.detach(|| at_once(sending)),
        Poll::Pending => Err(SendError::Full.into()),
    };
    sent.map_err(|error| not_sent(py, &error))
}

/// Whether this thread may wait: not where it runs an event loop, unless the loop belongs to a thread of the pool, where
/// nothing is kept waiting but the one event that sends.
fn may_wait(py: Python<'_>) -> PyResult<bool> {
    if pool::is_here() {
        return Ok(true);
    }
    // an event loop runs only where asyncio was imported
    let modules = py.import("sys")?.getattr(intern!(py, "modules"))?.cast_into::<PyDict>()?;
    match modules.get_item(intern!(py, "asyncio"))? {
        Some(asyncio) => Ok(asyncio.call_method0(intern!(py, "_get_running_loop"))?.is_none()),
        None => Ok(true),
    }
}

/// Why something was not sent, as the exception of the package.
fn not_sent(py: Python<'_>, error: &vernal::Error) -> PyErr {
    let is_closed = error.downcast_ref::<SendError>() == Some(&SendError::Closed);
    let text = match is_closed {
        true => "The WebSocket connection is closed.".to_owned(),
        false => error.to_string(),
    };
    match Names::get(py).and_then(|names| names.exception.bind(py).call1((text, is_closed))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// The request of a connection: the interface `RequestSource` of `_live_websocket.py`.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct WebsocketSource(Source);

/// Whose request it is.
enum Source {
    /// That of a client that wants to connect.
    Asking(Box<Request>),
    /// That of one that has connected.
    Open(WebsocketSession),
}

impl WebsocketSource {
    /// What a client that wants to connect has asked for.
    pub(crate) fn asking(request: Box<Request>) -> WebsocketSource {
        WebsocketSource(Source::Asking(request))
    }

    pub(super) fn open(session: WebsocketSession) -> WebsocketSource {
        WebsocketSource(Source::Open(session))
    }

    fn request(&self) -> &Request {
        match &self.0 {
            Source::Asking(request) => request,
            Source::Open(session) => session.request(),
        }
    }
}

#[pymethods]
impl WebsocketSource {
    #[getter]
    fn path(&self) -> &str {
        self.request().path()
    }

    #[getter]
    fn query_string(&self) -> &str {
        self.request().query()
    }

    /// All header fields, their names in title case.
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields::headers(py, self.request())
    }

    fn path_values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        bind::path_values(py, self.request())
    }

    fn reg_groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        bind::groups(py, self.request())
    }

    /// The parameters of the query: a name, and the list of its values.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        bind::parameters(py, self.request()).map_err(|failure| failure.into_python(py))
    }
}
