//! Which handler takes a WebSocket connection of an ASGI server.
//!
//! The endpoints are the routes of an app of their own, whose controllers do nothing but be found.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::bind::Param;
use vernal::controller::{Answer, Call, Controller};
use vernal::{HttpError, Request, Response};

use super::asgi::request_head;
use crate::app::App;
use crate::respond::Failure;
use crate::run::at_once;
use crate::runtime::runtime;
use crate::websocket::WebsocketSource;

thread_local! {
    /// What the search that is under way on this thread has found.
    static FOUND: RefCell<Option<(usize, Arc<Request>)>> = const { RefCell::new(None) };
}

/// An endpoint, by its number among those of the app.
pub(crate) struct Endpoint(pub(crate) usize);

impl Controller for Endpoint {
    fn params(&self) -> &[Param] {
        &[]
    }

    fn call<'r>(&'r self, _: &'r Request) -> Answer<'r> {
        Answer::Ready(Err(HttpError::new(500).explain("an endpoint is found, not called").into()))
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn take(&self, call: Call) {
        FOUND.set(Some((self.0, Arc::clone(call.request()))));
        call.answer(Ok(Response::default()));
    }
}

/// The endpoint for a connection, as it was declared, and the request; none where there is no such path.
///
/// # Errors
///
/// An `HttpError` where pages of the client's `Origin` may not connect.
#[pyfunction]
pub(crate) fn find_websocket(
    app: &Bound<'_, App>,
    scope: &Bound<'_, PyDict>,
) -> PyResult<Option<(Py<PyAny>, WebsocketSource)>> {
    let py = app.py();
    let endpoints = app.get().endpoints(py)?;
    let Ok(request) = request_head(scope) else { return Ok(None) };
    let _inside = runtime()?.enter();
    drop(at_once(endpoints.handle(request)));
    let Some((number, request)) = FOUND.take() else { return Ok(None) };
    endpoints.check_origin(&request).map_err(|error| Failure::from(error).into_python(py))?;
    let Some(request) = Arc::into_inner(request) else { return Ok(None) };
    Ok(app.get().endpoint(py, number).map(|declared| (declared, WebsocketSource::asking(Box::new(request)))))
}
