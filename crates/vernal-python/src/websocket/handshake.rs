//! The handshake as a job: a Python function lets a client in, or refuses it (`spec/06` section 3).

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use tokio::sync::oneshot;
use vernal::Request;
use vernal::websocket::{EventKind, Handshake, WebsocketRequest};

use super::Connection;
use super::event::{Returned, Task, awaited};
use super::names::Names;
use crate::run::Step;

/// A client that wants to connect.
pub(crate) struct HandshakeJob {
    request: Box<Request>,
    asking: Asking,
}

/// What is needed to answer it.
struct Asking {
    connection: Arc<Connection>,
    /// The subprotocols that the client offers.
    offered: Vec<String>,
    way_back: oneshot::Sender<Handshake>,
}

impl HandshakeJob {
    pub(super) fn new(
        connection: &Arc<Connection>,
        request: &WebsocketRequest,
        way_back: oneshot::Sender<Handshake>,
    ) -> HandshakeJob {
        let offered = request.subprotocols().map(str::to_owned).collect();
        let asking = Asking { connection: Arc::clone(connection), offered, way_back };
        HandshakeJob { request: Box::new(request.copy()), asking }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.asking.connection
    }

    pub(super) fn run(self, py: Python<'_>) -> Step {
        let HandshakeJob { request, asking } = self;
        if asking.way_back.is_closed() {
            return Step::Done;
        }
        match asking.call(py, request).and_then(awaited) {
            Ok(Returned::Value(value)) => asking.finish(py, Ok(value)),
            Ok(Returned::Coroutine(coroutine)) => {
                return Step::Await(coroutine, Box::new(move |py, result| asking.finish(py, result)));
            }
            Err(error) => asking.finish(py, Err(error)),
        }
        Step::Done
    }
}

impl Asking {
    fn call<'py>(&self, py: Python<'py>, request: Box<Request>) -> PyResult<Bound<'py, PyAny>> {
        let handler = self.connection.handler(py)?;
        let request = self.connection.asking_request(py, request)?;
        if !self.connection.knows(&handler, EventKind::Handshake)? {
            return Ok(py.None().into_bound(py));
        }
        handler.call_method1(intern!(py, "on_handshake"), (request,))
    }

    /// Answers the client; one that is refused is seen off by `on_close`.
    fn finish(self, py: Python<'_>, result: PyResult<Py<PyAny>>) {
        let answer = result.and_then(|value| self.answer(value.bind(py)));
        let answer = answer.unwrap_or_else(|error| {
            self.connection.report(py, EventKind::Handshake, &error);
            Handshake::refuse(500)
        });
        let is_refused = answer.refusal().is_some();
        // looked up before the answer, with which the connection may end
        let seen = self.connection.refused(py);
        // nobody may wait any more
        let _ = self.way_back.send(answer);
        if is_refused
            && self.connection.has(EventKind::Close)
            && let Some((handler, request)) = seen
        {
            let connection = Arc::clone(&self.connection);
            self.connection.submit(Task::Refused(RefusedJob { connection, handler, request }));
            // the threads that do so otherwise may all be waiting by now
            self.connection.endpoint.runner.flush();
        }
    }

    /// What the function has said, for the engine.
    fn answer(&self, result: &Bound<'_, PyAny>) -> PyResult<Handshake> {
        if result.is_none() {
            return Ok(Handshake::accept());
        }
        let names = Names::get(result.py())?;
        let answer = names.handshake_answer.bind(result.py()).call1((result,))?;
        let (status, fields): (i64, Vec<(String, String)>) = answer.extract()?;
        let status = u16::try_from(status).ok().filter(|status| *status == 0 || (200..600).contains(status));
        let Some(status) = status else {
            return Err(PyValueError::new_err("a handshake is refused with a status of 200 to 599"));
        };
        let mut handshake = Handshake::refuse(status);
        let mut has_subprotocol = false;
        for (name, value) in fields {
            let chooses =
                name.eq_ignore_ascii_case("sec-websocket-protocol") && handshake.refusal().is_none();
            if chooses && (!self.may_choose(&value) || std::mem::replace(&mut has_subprotocol, true)) {
                continue;
            }
            handshake = handshake.header(name, value);
        }
        Ok(handshake)
    }

    /// A client must break off when it is told of a subprotocol that it has not offered (RFC 6455 section 4.1).
    fn may_choose(&self, subprotocol: &str) -> bool {
        let is_offered = self.offered.iter().any(|offered| offered == subprotocol);
        if !is_offered {
            let handler = &self.connection.endpoint.name;
            tracing::warn!(
                handler,
                subprotocol,
                "the client has not offered this subprotocol: it is not told of it"
            );
        }
        is_offered
    }
}

/// The end of a client that was refused.
pub(crate) struct RefusedJob {
    connection: Arc<Connection>,
    handler: Py<PyAny>,
    request: Py<PyAny>,
}

impl RefusedJob {
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Calls `on_close` with a session that never was open, and without a reason.
    pub(super) fn run(self, py: Python<'_>) -> Step {
        match self.call(py).and_then(awaited) {
            Ok(Returned::Value(_)) => {}
            Ok(Returned::Coroutine(coroutine)) => {
                return Step::Await(coroutine, Box::new(move |py, result| self.finish(py, result.err())));
            }
            Err(error) => self.finish(py, Some(error)),
        }
        Step::Done
    }

    fn call<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if !self.connection.knows(self.handler.bind(py), EventKind::Close)? {
            return Ok(py.None().into_bound(py));
        }
        let session = Names::get(py)?.refused_session.bind(py).call1((&self.request,))?;
        self.handler.bind(py).call_method1(intern!(py, "on_close"), (session, py.None()))
    }

    fn finish(self, py: Python<'_>, error: Option<PyErr>) {
        if let Some(error) = error {
            self.connection.report(py, EventKind::Close, &error);
        }
    }
}
