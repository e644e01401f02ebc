//! The Python objects of one connection: its handler, its request, its session; each made when it is first needed.

use pyo3::prelude::*;
use vernal::Request;
use vernal::websocket::WebsocketSession;

use super::names::Names;
use super::session::{WebsocketConnection, WebsocketSource};
use super::{Connection, Endpoint};

/// What has been made so far.
#[derive(Default)]
pub(crate) struct Objects {
    handler: Option<Py<PyAny>>,
    request: Option<Py<PyAny>>,
    session: Option<Py<PyAny>>,
}

impl Objects {
    pub(super) fn is_empty(&self) -> bool {
        self.handler.is_none() && self.request.is_none() && self.session.is_none()
    }
}

impl Connection {
    /// The object whose methods are the events.
    pub(super) fn handler<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Endpoint { factory, .. } = &*self.endpoint;
        self.once(py, |objects| &mut objects.handler, || factory.bind(py).call0())
    }

    /// The request of a client that wants to connect.
    pub(super) fn asking_request<'py>(
        &self,
        py: Python<'py>,
        request: Box<Request>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.request(py, WebsocketSource::asking(request))
    }

    /// The session, with the request that opened it.
    pub(super) fn session<'py>(
        &self,
        py: Python<'py>,
        session: &WebsocketSession,
    ) -> PyResult<Bound<'py, PyAny>> {
        let make = || {
            let request = self.request(py, WebsocketSource::open(session.clone()))?;
            let connection = WebsocketConnection::new(session.clone(), self.runtime.clone());
            Names::get(py)?.session.bind(py).call1((Bound::new(py, connection)?, request))
        };
        self.once(py, |objects| &mut objects.session, make)
    }

    /// The handler and the request of a client that was refused, where the handler could be made.
    pub(super) fn refused(&self, py: Python<'_>) -> Option<(Py<PyAny>, Py<PyAny>)> {
        let objects = self.lock();
        let of = |made: &Option<Py<PyAny>>| made.as_ref().map(|made| made.clone_ref(py));
        Some((of(&objects.handler)?, of(&objects.request)?))
    }

    fn request<'py>(&self, py: Python<'py>, source: WebsocketSource) -> PyResult<Bound<'py, PyAny>> {
        let make = || Names::get(py)?.request.bind(py).call1((Bound::new(py, source)?,));
        self.once(py, |objects| &mut objects.request, make)
    }

    /// One of the objects; made without the lock, since that may run what an application has written.
    fn once<'py>(
        &self,
        py: Python<'py>,
        place: impl Fn(&mut Objects) -> &mut Option<Py<PyAny>>,
        make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(made) = place(&mut self.lock()) {
            return Ok(made.bind(py).clone());
        }
        let made = make()?;
        *place(&mut self.lock()) = Some(made.clone().unbind());
        Ok(made)
    }
}
