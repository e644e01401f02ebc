//! The Python classes and functions that conversations meet, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

pub(super) struct Names {
    /// `LiveWebsocketSession(connection, request)`
    pub(super) session: Py<PyAny>,
    /// `LiveWebsocketRequest(source)`
    pub(super) request: Py<PyAny>,
    /// `WebsocketCloseReason(message, code, reason)`
    pub(super) close_reason: Py<PyAny>,
    /// `WebsocketException(reason, graceful)`
    pub(super) exception: Py<PyAny>,
    /// `refused_session(request)`: the session of a client that was refused.
    pub(super) refused_session: Py<PyAny>,
    /// `handshake_answer(result)`: status and fields.
    pub(super) handshake_answer: Py<PyAny>,
    /// `wait_for(awaitable)`: a coroutine.
    pub(super) wait_for: Py<PyAny>,
    /// `failed(event, exception, traceback)`: logs it once; its text.
    pub(super) failed: Py<PyAny>,
}

impl Names {
    /// The names; imported on first use.
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Names> {
        static NAMES: PyOnceLock<Names> = PyOnceLock::new();
        NAMES.get_or_try_init(py, || Names::import(py))
    }

    fn import(py: Python<'_>) -> PyResult<Names> {
        let live = py.import("simple_http_server._live_websocket")?;
        let models = py.import("simple_http_server.models.websocket")?;
        let errors = py.import("simple_http_server.websocket_request_handler")?;
        Ok(Names {
            session: live.getattr("LiveWebsocketSession")?.unbind(),
            request: live.getattr("LiveWebsocketRequest")?.unbind(),
            close_reason: models.getattr("WebsocketCloseReason")?.unbind(),
            exception: errors.getattr("WebsocketException")?.unbind(),
            refused_session: live.getattr("refused_session")?.unbind(),
            handshake_answer: live.getattr("handshake_answer")?.unbind(),
            wait_for: live.getattr("wait_for")?.unbind(),
            failed: live.getattr("failed")?.unbind(),
        })
    }
}
