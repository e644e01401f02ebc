//! WSGI (PEP 3333): requests that come as an `environ`, answers that go through `start_response`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::thread::ThreadId;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, UPGRADE};
use http::response::Parts;
use http::{HeaderValue, Method, StatusCode, Version};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use vernal::respond::Reason;
use vernal::{Headers, HttpError, Request};

use super::Host;
use super::begun::Begun;
use super::exchange::{Exchange, Next};
use super::fields::{bytes_of, is_hop_by_hop, target, text};
use super::input::Input;
use crate::app::App;
use crate::fields::latin_1;
use crate::run::Step;
use crate::visit::Environment;

/// A request of a WSGI server, and its answer.
pub(crate) struct Wsgi {
    exchange: Exchange,
    /// The request's body, where it has one.
    input: Option<Arc<Input>>,
    start_response: Py<PyAny>,
    /// The server's: what is written on it can be passed on at once.
    thread: ThreadId,
    out: Mutex<Out>,
}

/// How far the answer is.
#[derive(Default)]
struct Out {
    has_started: bool,
    /// What `start_response` has returned; some servers return nothing.
    write: Option<Py<PyAny>>,
    /// Pieces that could not be written.
    kept: VecDeque<Bytes>,
    /// Why the server can send no more.
    failure: Option<PyErr>,
}

impl Wsgi {
    /// The next step: a coroutine to be run, what the server wants returned, or none if there is something to wait for.
    fn advance(self: &Arc<Self>, py: Python<'_>, waits: bool) -> PyResult<Option<Py<PyAny>>> {
        loop {
            if let Some(body) = self.begun_body(py)? {
                return Ok(Some(body));
            }
            match self.exchange.next()? {
                Next::Job(job) => {
                    if let Step::Await(coroutine, finish) = job.run(py) {
                        return Ok(Some(Py::new(py, Begun::new(coroutine, finish))?.into_any()));
                    }
                }
                Next::Head(head, Some(whole)) => {
                    self.start(py, &head)?;
                    let pieces = (!whole.is_empty()).then(|| PyBytes::new(py, &whole));
                    return Ok(Some(PyList::new(py, pieces)?.into_any().unbind()));
                }
                Next::Head(head, None) => self.start(py, &head)?,
                Next::Piece(piece) => self.lock().kept.push_back(piece),
                Next::End => return Ok(Some(PyList::empty(py).into_any().unbind())),
                Next::Waits if self.brings_body(py)? => {}
                Next::Waits if waits => self.exchange.alarm().wait(py)?,
                Next::Waits => return Ok(None),
            }
        }
    }

    /// Reads a piece of the request's body, where that is what the engine waits for.
    fn brings_body(&self, py: Python<'_>) -> PyResult<bool> {
        self.input.as_ref().map_or(Ok(false), |input| input.bring(py))
    }

    /// The rest of an answer that has started.
    fn begun_body(self: &Arc<Self>, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        {
            let mut out = self.lock();
            if let Some(failure) = out.failure.take() {
                return Err(failure);
            }
            if !out.has_started {
                return Ok(None);
            }
        }
        Ok(Some(Py::new(py, Pieces(Arc::clone(self)))?.into_any()))
    }

    /// Passes on what a controller has written, if this is the server's thread.
    pub(super) fn pass_on(&self, py: Python<'_>) {
        if std::thread::current().id() != self.thread {
            return;
        }
        if let Err(failure) = self.try_pass_on(py) {
            self.exchange.close();
            self.lock().failure = Some(failure);
        }
    }

    fn try_pass_on(&self, py: Python<'_>) -> PyResult<()> {
        loop {
            match self.exchange.next_of_engine()? {
                Next::Head(head, whole) => {
                    self.start(py, &head)?;
                    self.write(py, whole.unwrap_or_default())?;
                }
                Next::Piece(piece) => self.write(py, piece)?,
                Next::End | Next::Waits | Next::Job(_) => return Ok(()),
            }
        }
    }

    fn start(&self, py: Python<'_>, head: &Parts) -> PyResult<()> {
        let fields = PyList::empty(py);
        for (name, value) in head.headers.iter().filter(|(name, _)| !is_hop_by_hop(name)) {
            fields.append((Headers::title_case(name.as_str()), latin_1(value.as_bytes())))?;
        }
        // a server may insist on one
        let has_body = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if has_body && !head.headers.contains_key(CONTENT_TYPE) {
            fields.append(("Content-Type", "application/octet-stream"))?;
        }
        let write = self.start_response.bind(py).call1((status_line(head), fields))?;
        let mut out = self.lock();
        out.has_started = true;
        out.write = write.is_callable().then(|| write.unbind());
        Ok(())
    }

    fn write(&self, py: Python<'_>, piece: Bytes) -> PyResult<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let write = self.lock().write.as_ref().map(|write| write.clone_ref(py));
        match write {
            Some(write) => drop(write.bind(py).call1((PyBytes::new(py, &piece),))?),
            None => self.lock().kept.push_back(piece),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status_line(head: &Parts) -> String {
    let standard = || head.status.canonical_reason().unwrap_or_default().to_owned();
    let reason = head.extensions.get::<Reason>().map_or_else(standard, |reason| latin_1(reason.as_bytes()));
    format!("{} {reason}", head.status.as_str())
}

/// A request of a WSGI server, for `_wsgi.py`.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct WsgiExchange(Arc<Wsgi>);

#[pymethods]
impl WsgiExchange {
    #[new]
    fn new(app: &Bound<'_, App>, environ: Bound<'_, PyDict>, start_response: Py<PyAny>) -> PyResult<Self> {
        let py = app.py();
        let app = app.get().hosted(py)?;
        let request = request_of(&environ);
        let input = request.as_ref().ok().and_then(|(_, input)| input.clone());
        let wsgi = Arc::new_cyclic(|wsgi: &Weak<Wsgi>| {
            let request = request.map(|(mut request, input)| {
                request.extensions.insert(Host::Wsgi { exchange: Weak::clone(wsgi), input });
                request
            });
            Wsgi {
                exchange: Exchange::new(app, request),
                input,
                start_response,
                thread: std::thread::current().id(),
                out: Mutex::default(),
            }
        });
        if let Some(input) = &wsgi.input {
            input.body().ring(Waker::from(Arc::clone(wsgi.exchange.alarm())));
        }
        Ok(WsgiExchange(wsgi))
    }

    /// The next step: a `Begun`, or what the server wants returned. Where there is something to wait for, waits, or
    /// answers `None`.
    fn advance(&self, py: Python<'_>, waits: bool) -> PyResult<Option<Py<PyAny>>> {
        self.0.advance(py, waits)
    }

    /// Passes on what has been written so far.
    fn pass_on(&self, py: Python<'_>) {
        self.0.pass_on(py);
    }

    /// Calls this once, on another thread, when there may be something to do. False if there may be already.
    fn listen(&self, listener: Option<Py<PyAny>>) -> bool {
        self.0.exchange.alarm().listen(listener)
    }

    /// Gives the request up.
    fn close(&self) {
        self.0.exchange.close();
    }
}

/// The body of an answer, piece by piece.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Pieces(Arc<Wsgi>);

#[pymethods]
impl Pieces {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        loop {
            if let Some(piece) = self.0.lock().kept.pop_front() {
                return Ok(Some(PyBytes::new(py, &piece)));
            }
            match self.0.exchange.next()? {
                Next::Piece(piece) => return Ok(Some(PyBytes::new(py, &piece))),
                Next::Waits if self.0.brings_body(py)? => {}
                Next::Waits => self.0.exchange.alarm().wait(py)?,
                Next::End | Next::Head(..) | Next::Job(_) => return Ok(None),
            }
        }
    }

    /// The server wants no more.
    fn close(&self) {
        self.0.exchange.close();
    }
}

/// The request that an `environ` has, and where its body is to be read.
///
/// # Errors
///
/// What the client is answered instead: for a request that is none, and for one that asks for a WebSocket.
fn request_of(environ: &Bound<'_, PyDict>) -> Result<(Request, Option<Arc<Input>>), HttpError> {
    let py = environ.py();
    let bytes = |key| text(environ, key).map(|value| bytes_of(&value)).unwrap_or_default();
    let method = bytes(intern!(py, "REQUEST_METHOD"));
    let target = target(&bytes(intern!(py, "PATH_INFO")), &bytes(intern!(py, "QUERY_STRING")));
    let mut request = Request::raw(&method, &target)?.with_fields(fields(environ))?;
    if bytes(intern!(py, "SERVER_PROTOCOL")) == b"HTTP/1.0" {
        request = request.with_version(Version::HTTP_10);
    }
    if asks_for_websocket(&request) {
        let explain = "A WSGI server can't speak WebSocket; an ASGI server can.";
        return Err(HttpError::new(501).explain(explain));
    }
    if let Some(peer) = peer(environ) {
        request = request.with_peer(peer);
    }
    request = request.with_https(bytes(intern!(py, "wsgi.url_scheme")) == b"https");
    let input = Input::of(environ, &bytes(intern!(py, "CONTENT_LENGTH")))?.map(Arc::new);
    if let Some(input) = &input {
        request = request.with_body_stream(input.stream());
    }
    request.extensions.insert(Environment(Arc::new(environ.clone().into_any().unbind())));
    Ok((request, input))
}

/// The other end of the server's connection.
fn peer(environ: &Bound<'_, PyDict>) -> Option<SocketAddr> {
    let py = environ.py();
    let address: IpAddr = text(environ, intern!(py, "REMOTE_ADDR"))?.to_string_lossy().parse().ok()?;
    let port = text(environ, intern!(py, "REMOTE_PORT"));
    let port = port.and_then(|port| port.to_string_lossy().parse().ok()).unwrap_or_default();
    Some(SocketAddr::new(address, port))
}

/// The header fields; `HTTP_X_FOO` is `X-Foo`.
fn fields(environ: &Bound<'_, PyDict>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut fields = Vec::with_capacity(16);
    for (key, value) in environ.iter() {
        let (Ok(key), Ok(value)) = (key.cast::<PyString>(), value.cast::<PyString>()) else { continue };
        let Ok(key) = key.to_str() else { continue };
        let name = match key {
            "CONTENT_TYPE" | "CONTENT_LENGTH" => key,
            // those two have keys of their own
            "HTTP_CONTENT_TYPE" | "HTTP_CONTENT_LENGTH" => continue,
            _ => match key.strip_prefix("HTTP_") {
                Some(name) => name,
                None => continue,
            },
        };
        let value = bytes_of(value);
        if !value.is_empty() || key.starts_with("HTTP_") {
            fields.push((name.replace('_', "-").into_bytes(), value));
        }
    }
    fields
}

fn asks_for_websocket(request: &Request) -> bool {
    let upgrade = request.headers.as_map().get(UPGRADE).map(HeaderValue::as_bytes);
    request.method == Method::GET && upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case(b"websocket"))
}
