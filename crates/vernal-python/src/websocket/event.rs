//! The events of an open connection as jobs.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::PyException;
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyString};
use tokio::sync::oneshot;
use vernal::websocket::{CloseReason, EventKind, KeepFrame, WebsocketSession};

use super::Connection;
use super::handshake::{HandshakeJob, RefusedJob};
use super::names::Names;
use super::objects::Objects;
use crate::run::{Step, at_once, now_or_never};

/// What conversations want of Python.
pub(crate) enum Task {
    Handshake(HandshakeJob),
    Refused(RefusedJob),
    Event(EventJob),
    /// To give back what a connection had.
    Release(Objects),
}

impl Task {
    pub(crate) fn run(self, py: Python<'_>) -> Step {
        match self {
            Task::Handshake(job) => job.run(py),
            Task::Refused(job) => job.run(py),
            Task::Event(job) => job.run(py),
            Task::Release(objects) => {
                drop(objects);
                Step::Done
            }
        }
    }

    /// The handler, for the log.
    pub(crate) fn location(&self) -> Option<vernal::Location> {
        match self {
            Task::Handshake(job) => Some(job.connection().endpoint.location),
            Task::Refused(job) => Some(job.connection().endpoint.location),
            Task::Event(job) => Some(job.connection.endpoint.location),
            Task::Release(_) => None,
        }
    }
}

/// What has happened on a connection.
pub(super) enum Told {
    Open,
    Text(String),
    Binary(Bytes),
    Frame { fin: bool, payload: Bytes },
    Ping(Bytes),
    Pong(Bytes),
    Close(CloseReason),
}

impl Told {
    pub(super) fn kind(&self) -> EventKind {
        match self {
            Told::Open => EventKind::Open,
            Told::Text(_) => EventKind::TextMessage,
            Told::Binary(_) => EventKind::BinaryMessage,
            Told::Frame { .. } => EventKind::BinaryFrame,
            Told::Ping(_) => EventKind::PingMessage,
            Told::Pong(_) => EventKind::PongMessage,
            Told::Close(_) => EventKind::Close,
        }
    }
}

/// An event that is to be called, for which its connection waits.
pub(crate) struct EventJob {
    connection: Arc<Connection>,
    session: WebsocketSession,
    told: Told,
    way_back: WayBack,
}

/// The way back from an event. Where it is given up without an answer, because the runner takes no more jobs or there was a
/// panic, the connection cannot go on, and is closed.
pub(super) struct WayBack {
    answer: Option<oneshot::Sender<KeepFrame>>,
    session: WebsocketSession,
}

impl WayBack {
    pub(super) fn new(session: &WebsocketSession) -> (WayBack, oneshot::Receiver<KeepFrame>) {
        let (answer, answered) = oneshot::channel();
        (WayBack { answer: Some(answer), session: session.clone() }, answered)
    }

    fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    fn answer(mut self, keep: KeepFrame) {
        if let Some(answer) = self.answer.take() {
            // nobody may wait any more
            let _ = answer.send(keep);
        }
    }
}

impl Drop for WayBack {
    fn drop(&mut self) {
        if self.answer.take().is_some() {
            // 1011 may be sent, and closing waits for nothing
            let _ = at_once(self.session.close(1011, "internal error"));
        }
    }
}

impl EventJob {
    pub(super) fn new(
        connection: &Arc<Connection>,
        session: &WebsocketSession,
        told: Told,
        way_back: WayBack,
    ) -> EventJob {
        EventJob { connection: Arc::clone(connection), session: session.clone(), told, way_back }
    }

    /// Calls the event; nothing but the end of a connection is told of one that has ended meanwhile.
    fn run(self, py: Python<'_>) -> Step {
        let EventJob { connection, session, told, way_back } = self;
        let event = told.kind();
        if !way_back.is_awaited() && event != EventKind::Close {
            return Step::Done;
        }
        let ending = Ending { connection, session, event, way_back };
        match ending.call(py, told).and_then(awaited) {
            Ok(Returned::Value(value)) => ending.finish(py, Ok(value)),
            Ok(Returned::Coroutine(coroutine)) => {
                return Step::Await(coroutine, Box::new(move |py, result| ending.finish(py, result)));
            }
            Err(error) => ending.finish(py, Err(error)),
        }
        Step::Done
    }
}

/// What a function has returned.
pub(super) enum Returned {
    Value(Py<PyAny>),
    Coroutine(Py<PyAny>),
}

/// Tells what can be awaited from what is there; most events return nothing.
pub(super) fn awaited(returned: Bound<'_, PyAny>) -> PyResult<Returned> {
    let py = returned.py();
    if returned.is_none() {
        return Ok(Returned::Value(returned.unbind()));
    }
    if returned.get_type().is(crate::names::Names::coroutine(py)) {
        return Ok(Returned::Coroutine(returned.unbind()));
    }
    match returned.hasattr(intern!(py, "__await__"))? {
        true => Ok(Returned::Coroutine(Names::get(py)?.wait_for.bind(py).call1((returned,))?.unbind())),
        false => Ok(Returned::Value(returned.unbind())),
    }
}

/// An event that has been called.
struct Ending {
    connection: Arc<Connection>,
    session: WebsocketSession,
    event: EventKind,
    way_back: WayBack,
}

impl Ending {
    fn call<'py>(&self, py: Python<'py>, told: Told) -> PyResult<Bound<'py, PyAny>> {
        let handler = self.connection.handler(py)?;
        if !self.connection.has(self.event) {
            return Ok(py.None().into_bound(py));
        }
        if !self.connection.knows(&handler, self.event)? {
            if let Told::Ping(message) = told {
                let _ = now_or_never(self.session.send_pong(message));
            }
            return Ok(py.None().into_bound(py));
        }
        let session = self.connection.session(py, &self.session)?;
        match told {
            Told::Open => handler.call_method1(intern!(py, "on_open"), (session,)),
            Told::Text(text) => {
                handler.call_method1(intern!(py, "on_text_message"), (session, PyString::new(py, &text)))
            }
            Told::Binary(message) => {
                handler.call_method1(intern!(py, "on_binary_message"), (session, PyBytes::new(py, &message)))
            }
            Told::Frame { fin, payload } => handler
                .call_method1(intern!(py, "on_binary_frame"), (session, fin, PyBytes::new(py, &payload))),
            Told::Ping(message) => {
                handler.call_method1(intern!(py, "on_ping_message"), (session, PyBytes::new(py, &message)))
            }
            Told::Pong(message) => {
                handler.call_method1(intern!(py, "on_pong_message"), (session, PyBytes::new(py, &message)))
            }
            Told::Close(reason) => {
                handler.call_method1(intern!(py, "on_close"), (session, close_reason(py, reason)?))
            }
        }
    }

    /// Lets the connection go on.
    fn finish(self, py: Python<'_>, result: PyResult<Py<PyAny>>) {
        let keep = result.and_then(|value| match self.event {
            EventKind::BinaryFrame => value.bind(py).eq(PyBool::new(py, true)),
            _ => Ok(true),
        });
        let keep = keep.unwrap_or_else(|error| {
            self.fail(py, &error);
            false
        });
        self.way_back.answer(if keep { KeepFrame::Yes } else { KeepFrame::No });
    }

    /// Closes the connection and writes to the log why; that a client has gone is no failure of the handler.
    fn fail(&self, py: Python<'_>, error: &PyErr) {
        let is_closed = self.session.is_closed();
        if is_closed && self.event != EventKind::Close && tells_of_the_end(py, error) {
            tracing::debug!(
                handler = self.connection.endpoint.name,
                "nothing was sent to a client that had gone"
            );
            return;
        }
        let text = self.connection.report(py, self.event, error);
        let during = if self.event == EventKind::Open { "on_open" } else { "on_message" };
        let reason = match self.connection.endpoint.expose_errors {
            true => format!("Error occurs when {during}. {text}"),
            false => format!("Error occurs when {during}."),
        };
        // 1011 may be sent, and closing waits for nothing
        let _ = at_once(self.session.close(1011, &reason));
    }
}

/// Whether an exception says only that the connection has ended, or that the event was given up for that.
fn tells_of_the_end(py: Python<'_>, error: &PyErr) -> bool {
    let of_sending = Names::get(py).is_ok_and(|names| error.is_instance(py, names.exception.bind(py)));
    of_sending || (!error.is_instance_of::<PyException>(py) && error.is_instance_of::<CancelledError>(py))
}

/// Why a connection ended (`spec/06` section 6): a code and a reason come from the client's close frame alone.
fn close_reason<'py>(py: Python<'py>, reason: CloseReason) -> PyResult<Bound<'py, PyAny>> {
    let CloseReason { message, code, reason } = reason;
    let make = Names::get(py)?.close_reason.bind(py);
    match message == "Client asked to close connection." {
        true => make.call1((message, code, reason)),
        false => make.call1((message,)),
    }
}

impl Connection {
    /// What the log calls an event.
    pub(super) fn event_name(&self, event: EventKind) -> String {
        format!("{} of the WebSocket handler {}", event.method(), self.endpoint.name)
    }

    /// Writes an exception to the log, once and with its traceback; its text.
    pub(super) fn report(&self, py: Python<'_>, event: EventKind, error: &PyErr) -> String {
        let name = self.event_name(event);
        let written = Names::get(py).and_then(|names| {
            let given = (&name, error.value(py), error.traceback(py));
            names.failed.bind(py).call1(given)?.extract()
        });
        written.unwrap_or_else(|failure: PyErr| {
            tracing::error!(event = name, %error, %failure, "a WebSocket handler failed, and could not be logged");
            String::new()
        })
    }
}
