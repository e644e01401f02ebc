//! A Python object as the handler of WebSocket connections (`spec/06`).
//!
//! The engine tells a [`Handler`] what happens on its connection. What the Python object has an event for becomes a job
//! of the runner ([`event`]), and the engine waits for its end before it tells of the next: the events of a connection
//! come one at a time. What it has no event for never leaves the engine.

mod event;
mod handshake;
mod names;
mod objects;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pyo3::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use vernal::websocket::{
    CloseReason, Event, EventKind, Handshake, KeepFrame, SendError, WebsocketHandler, WebsocketRequest,
    WebsocketSession,
};
use vernal::{HttpError, Route};

pub(crate) use event::Task;
pub(crate) use session::{WebsocketConnection, WebsocketSource};

use crate::run::{Job, Runner};
use crate::websocket::event::{EventJob, Told, WayBack};
use crate::websocket::handshake::HandshakeJob;
use crate::websocket::objects::Objects;

/// An endpoint as Python declares it: a `_declarations.WebsocketEndpoint`.
pub(crate) struct Declared {
    /// The declaration itself.
    pub(crate) object: Py<PyAny>,
    pub(crate) route: Route,
    pub(crate) location: vernal::Location,
    name: String,
    factory: Py<PyAny>,
    events: Vec<EventKind>,
}

impl Declared {
    /// Reads a declaration.
    pub(crate) fn from_python(declared: &Bound<'_, PyAny>, expression: Option<String>) -> PyResult<Declared> {
        let route = match expression {
            Some(expression) => Route::regexp(expression),
            None => Route::path(declared.getattr("endpoint")?.extract::<String>()?),
        };
        let name: String = declared.getattr("location")?.extract()?;
        let events = declared.getattr("events")?;
        let mut known = Vec::new();
        for kind in ALL {
            if events.contains(kind.method())? {
                known.push(kind);
            }
        }
        Ok(Declared {
            object: declared.clone().unbind(),
            route,
            location: location(&name),
            name,
            factory: declared.getattr("handler_factory")?.unbind(),
            events: known,
        })
    }

    /// The route and the place of the declaration, and what makes a handler for each connection.
    pub(crate) fn endpoint(
        &self,
        py: Python<'_>,
        runner: &Arc<dyn Runner>,
        expose_errors: bool,
    ) -> (Route, vernal::Location, vernal::websocket::HandlerScope) {
        let endpoint = Arc::new(Endpoint {
            name: self.name.clone(),
            location: self.location,
            factory: self.factory.clone_ref(py),
            events: self.events.clone(),
            runner: Arc::clone(runner),
            expose_errors,
        });
        let make = move || -> Arc<dyn WebsocketHandler> { Arc::new(Handler::new(Arc::clone(&endpoint))) };
        (self.route.clone(), self.location, vernal::websocket::HandlerScope::PerConnection(Box::new(make)))
    }
}

const ALL: [EventKind; 8] = [
    EventKind::Handshake,
    EventKind::Open,
    EventKind::TextMessage,
    EventKind::BinaryMessage,
    EventKind::BinaryFrame,
    EventKind::PingMessage,
    EventKind::PongMessage,
    EventKind::Close,
];

/// `name (file:line)` as the place of a declaration.
fn location(text: &str) -> vernal::Location {
    let known = || {
        let (name, place) = text.strip_suffix(')')?.rsplit_once(" (")?;
        let (file, line) = place.rsplit_once(':')?;
        Some(vernal::Location::interned(name, "WebSocket", file, line.parse().ok()?))
    };
    known().unwrap_or_else(|| vernal::Location::interned(text, "WebSocket", "", 0))
}

/// What all connections of an endpoint have in common.
struct Endpoint {
    /// The handler and where it stands, for the log.
    name: String,
    location: vernal::Location,
    factory: Py<PyAny>,
    events: Vec<EventKind>,
    runner: Arc<dyn Runner>,
    expose_errors: bool,
}

/// A connection, as its jobs know it.
struct Connection {
    endpoint: Arc<Endpoint>,
    /// Where files are read that are sent; none where the connection belongs to no runtime.
    runtime: Option<Handle>,
    objects: Mutex<Objects>,
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, event: EventKind) -> bool {
        self.endpoint.events.contains(&event)
    }

    /// Whether the handler has a method for an event that it may have. Of a class that is known before; what a function
    /// makes is asked.
    fn knows(&self, handler: &Bound<'_, PyAny>, event: EventKind) -> PyResult<bool> {
        let is_class = self.endpoint.events.len() < ALL.len();
        Ok(is_class || handler.hasattr(event.method())?)
    }

    fn submit(&self, task: Task) {
        self.endpoint.runner.submit(Job::Websocket(Box::new(task)));
    }
}

/// What the engine tells of one connection.
struct Handler(Arc<Connection>);

impl Handler {
    fn new(endpoint: Arc<Endpoint>) -> Handler {
        let runtime = Handle::try_current().ok();
        Handler(Arc::new(Connection { endpoint, runtime, objects: Mutex::default() }))
    }

    /// Has an event called where Python runs; says whether a frame is kept.
    fn tell(
        &self,
        session: &WebsocketSession,
        told: Told,
    ) -> impl Future<Output = vernal::Result<KeepFrame>> + use<> {
        let (way_back, done) = WayBack::new(session);
        let job = EventJob::new(&self.0, session, told, way_back);
        self.0.submit(Task::Event(job));
        // without an answer the connection has been closed
        async move { done.await.map_err(|_| SendError::Closed.into()) }
    }

    /// An event that answers nothing; done where nobody wants to hear of it.
    fn event(&self, session: &WebsocketSession, told: Told) -> Event<'static> {
        if !self.0.has(told.kind()) {
            return Event::done();
        }
        let done = self.tell(session, told);
        Event::elsewhere(async move { done.await.map(|_| ()) })
    }
}

fn ending() -> HttpError {
    HttpError::new(503).explain("The server is ending.")
}

impl WebsocketHandler for Handler {
    fn name(&self) -> &str {
        &self.0.endpoint.name
    }

    fn on_handshake<'a>(&'a self, request: &'a WebsocketRequest) -> Event<'a, Handshake> {
        if !self.0.has(EventKind::Handshake) {
            return Event::Ready(Ok(Handshake::accept()));
        }
        let (way_back, answer) = oneshot::channel();
        self.0.submit(Task::Handshake(HandshakeJob::new(&self.0, request, way_back)));
        Event::future(async move { answer.await.map_err(|_| ending().into()) })
    }

    /// Makes the object of the handler, too, where that was not done for the handshake.
    fn on_open<'a>(&'a self, session: &'a WebsocketSession) -> Event<'a> {
        if !self.0.has(EventKind::Open) && !self.0.lock().is_empty() {
            return Event::done();
        }
        let done = self.tell(session, Told::Open);
        Event::future(async move { done.await.map(|_| ()) })
    }

    fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
        self.event(session, Told::Text(message))
    }

    fn on_binary_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.event(session, Told::Binary(message))
    }

    fn on_binary_frame<'a>(
        &'a self,
        session: &'a WebsocketSession,
        fin: bool,
        payload: Bytes,
    ) -> Event<'a, KeepFrame> {
        if !self.0.has(EventKind::BinaryFrame) {
            return Event::Ready(Ok(KeepFrame::Yes));
        }
        Event::future(self.tell(session, Told::Frame { fin, payload }))
    }

    fn on_ping_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        if !self.0.has(EventKind::PingMessage) {
            return Event::future(async move { session.send_pong(message).await });
        }
        self.event(session, Told::Ping(message))
    }

    fn on_pong_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.event(session, Told::Pong(message))
    }

    fn on_close<'a>(&'a self, session: &'a WebsocketSession, reason: CloseReason) -> Event<'a> {
        self.event(session, Told::Close(reason))
    }
}

impl Drop for Handler {
    /// Nothing of Python's is given back on a thread of the engine.
    fn drop(&mut self) {
        let objects = std::mem::take(&mut *self.0.lock());
        if !objects.is_empty() {
            self.0.submit(Task::Release(objects));
        }
    }
}
