//! ASGI (version 3): requests that come as a `scope` and messages, for the coroutine that sends the answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use http::Version;
use http::response::Parts;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use vernal::{HttpError, Request};

use super::Host;
use super::begun::Begun;
use super::body::{Arriving, Body};
use super::exchange::{Exchange, Next};
use super::fields::{is_hop_by_hop, target, text, value};
use crate::app::App;
use crate::run::attention::{LONG, complain};
use crate::run::{Job, Step};
use crate::visit::Environment;

/// A request of an ASGI server, and its answer, for `_asgi.py`.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct AsgiExchange {
    exchange: Exchange,
    body: Arc<Body>,
}

/// Status and fields of an answer.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Head {
    #[pyo3(get)]
    status: u16,
    /// Pairs of bytes, the names in lower case.
    #[pyo3(get)]
    headers: Py<PyList>,
    /// The body, if all of it is there; else its pieces follow.
    #[pyo3(get)]
    whole: Option<Py<PyBytes>>,
}

/// What an exchange waits for.
#[pyclass(frozen, eq, module = "simple_http_server._engine")]
#[derive(PartialEq)]
pub(crate) enum Wait {
    /// More of the request's body.
    Body,
    /// Something that rings.
    Engine,
}

#[pymethods]
impl AsgiExchange {
    /// `fetch` is a coroutine function that brings more of the body.
    #[new]
    fn new(app: &Bound<'_, App>, scope: Bound<'_, PyDict>, fetch: Py<PyAny>) -> PyResult<Self> {
        let app = app.get().hosted(app.py())?;
        let body = Arc::<Body>::default();
        let request = request_of(&scope, Host::Asgi(Arc::new(fetch)), Arc::clone(&body));
        let exchange = Exchange::new(app, request);
        body.ring(Waker::from(Arc::clone(exchange.alarm())));
        Ok(AsgiExchange { exchange, body })
    }

    /// The next step: a `Head`, a piece of the body, `None` at its end, a `Begun`, or a `Wait`.
    fn advance(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        loop {
            return Ok(match self.exchange.next()? {
                Next::Job(job) => match run(py, job) {
                    Step::Done => continue,
                    Step::Await(coroutine, finish) => Py::new(py, Begun::new(coroutine, finish))?.into_any(),
                },
                Next::Head(head, whole) => Py::new(py, Head::new(py, &head, whole)?)?.into_any(),
                Next::Piece(piece) => PyBytes::new(py, &piece).into_any().unbind(),
                Next::End => py.None(),
                Next::Waits if self.body.is_wanted() => Py::new(py, Wait::Body)?.into_any(),
                Next::Waits => Py::new(py, Wait::Engine)?.into_any(),
            });
        }
    }

    /// Adds a piece of the request's body.
    fn feed(&self, piece: &[u8], more: bool) {
        if !piece.is_empty() {
            self.body.feed(Bytes::copy_from_slice(piece));
        }
        if !more {
            self.body.end();
        }
    }

    /// Ends the request's body before its end.
    fn break_off(&self) {
        self.body.break_off("the client has gone".to_owned());
    }

    /// Whether somebody waits for more of the request's body.
    #[getter]
    fn wants_body(&self) -> bool {
        self.body.is_wanted()
    }

    /// Calls this once, on another thread, when there may be something to do. False if there may be already.
    fn listen(&self, listener: Option<Py<PyAny>>) -> bool {
        self.exchange.alarm().listen(listener)
    }

    /// Calls this once, on another thread, when there may be something more to do than now.
    fn listen_anew(&self, listener: Py<PyAny>) {
        self.exchange.alarm().listen_anew(listener);
    }

    /// Gives the request up.
    fn close(&self) {
        self.exchange.close();
    }
}

/// Does a job on the thread of an event loop; one that keeps the loop from all others is named in the log.
fn run(py: Python<'_>, job: Job) -> Step {
    let location = job.location();
    let began = Instant::now();
    let step = job.run(py);
    let took = began.elapsed();
    if took > LONG
        && let Some(location) = location
    {
        complain(py, location, took);
    }
    step
}

impl Head {
    fn new(py: Python<'_>, head: &Parts, whole: Option<Bytes>) -> PyResult<Head> {
        let headers = PyList::empty(py);
        for (name, value) in head.headers.iter().filter(|(name, _)| !is_hop_by_hop(name)) {
            let name = PyBytes::new(py, name.as_str().as_bytes());
            headers.append((name, PyBytes::new(py, value.as_bytes())))?;
        }
        let whole = whole.map(|whole| PyBytes::new(py, &whole).unbind());
        Ok(Head { status: head.status.as_u16(), headers: headers.unbind(), whole })
    }
}

/// The request that a scope has.
///
/// # Errors
///
/// What the client is answered instead.
fn request_of(scope: &Bound<'_, PyDict>, host: Host, body: Arc<Body>) -> Result<Request, HttpError> {
    let mut request = request_head(scope)?.with_body_stream(Arriving(body));
    request.extensions.insert(Environment(Arc::new(scope.clone().into_any().unbind())));
    request.extensions.insert(host);
    Ok(request)
}

/// What a scope says of a request, whatever follows.
///
/// # Errors
///
/// What the client is answered instead.
pub(super) fn request_head(scope: &Bound<'_, PyDict>) -> Result<Request, HttpError> {
    let py = scope.py();
    let get = |key| value(scope, key);
    let text = |key| text(scope, key).map(|text| text.to_string_lossy().into_owned());
    let path = text(intern!(py, "path")).unwrap_or_default();
    let root = text(intern!(py, "root_path")).unwrap_or_default();
    let query = get(intern!(py, "query_string"));
    let query = query.and_then(|query| query.extract::<Vec<u8>>().ok()).unwrap_or_default();
    let method = text(intern!(py, "method")).unwrap_or_else(|| "GET".to_owned());
    let target = target(below(&path, &root).as_bytes(), &query);
    let fields: Vec<(Vec<u8>, Vec<u8>)> = match get(intern!(py, "headers")) {
        Some(fields) => pairs(&fields).map_err(|error| {
            HttpError::bad_request(format!("The server's header fields are wrong: {error}."))
        })?,
        None => Vec::new(),
    };
    let mut request = Request::raw(method.as_bytes(), &target)?.with_fields(fields)?;
    request = match text(intern!(py, "http_version")).as_deref() {
        Some("1.0") => request.with_version(Version::HTTP_10),
        Some("2") => request.with_version(Version::HTTP_2),
        Some("3") => request.with_version(Version::HTTP_3),
        _ => request,
    };
    if let Some(peer) = get(intern!(py, "client")).and_then(|client| peer(&client)) {
        request = request.with_peer(peer);
    }
    let scheme = text(intern!(py, "scheme"));
    Ok(request.with_https(matches!(scheme.as_deref(), Some("https" | "wss"))))
}

/// The other end of the server's connection: an address and a port, or the path of a socket and nothing.
fn peer(client: &Bound<'_, PyAny>) -> Option<SocketAddr> {
    let address: String = client.get_item(0).ok()?.extract().ok()?;
    let port = client.get_item(1).and_then(|port| port.extract::<u16>()).unwrap_or_default();
    Some(SocketAddr::new(address.parse().ok()?, port))
}

/// The path below the one where the application is mounted: hosts have both in the path of the scope.
fn below<'p>(path: &'p str, root: &str) -> &'p str {
    match path.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

fn pairs(fields: &Bound<'_, PyAny>) -> PyResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let bytes = |value: &Bound<'_, PyAny>| Ok::<_, PyErr>(value.extract::<&[u8]>()?.to_vec());
    fields
        .try_iter()?
        .map(|field| {
            let field = field?;
            Ok((bytes(&field.get_item(0)?)?, bytes(&field.get_item(1)?)?))
        })
        .collect()
}
