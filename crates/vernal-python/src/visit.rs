//! A request on its visit to Python: what the package's `LiveRequest` and `LiveResponse` stand on.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple, PyType};
use vernal::controller::Call;
use vernal::{Request, Response, Stream};

use crate::bind;
use crate::controller::PyController;
use crate::fields;
use crate::host::Host;
use crate::names::Names;
use crate::reader::Reader;
use crate::respond::{self, Failure, Parts, Resource};
use crate::stream::{self, Pieces, Writer};

/// A request on its visit to Python.
///
/// What is asked of it is read from the engine's request at that moment; nothing is copied beforehand.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Visit {
    request: Arc<Request>,
    controller: Option<Arc<PyController>>,
    answering: Mutex<Answering>,
    views: Mutex<Views>,
}

/// The package's view of a visit. Each of them has the visit as well, so they must be let go in the end.
#[derive(Default)]
struct Views {
    request: Option<Py<PyAny>>,
    response: Option<Py<PyAny>>,
}

/// How many bytes of a streamed answer may wait for the client where nobody can wait, because that would keep an event
/// loop from all others.
const MOST_WAITING: usize = 64 * 1024 * 1024;

/// How far the answer is.
enum Answering {
    Open(Call),
    /// The head has gone out, pieces follow.
    Streaming(Writer),
    Sent,
}

impl Visit {
    pub(crate) fn new(call: Call, controller: Option<Arc<PyController>>) -> Visit {
        Visit {
            request: Arc::clone(call.request()),
            controller,
            answering: Mutex::new(Answering::Open(call)),
            views: Mutex::default(),
        }
    }

    pub(crate) fn engine_request(&self) -> &Arc<Request> {
        &self.request
    }

    /// The package's view of the request, made when it is first asked for.
    pub(crate) fn live_request<'py>(slf: &Bound<'py, Visit>) -> PyResult<Bound<'py, PyAny>> {
        let class = &Names::get(slf.py())?.live_request;
        Visit::view(slf, class, |views| &mut views.request)
    }

    /// The package's view of the response, made when it is first asked for.
    pub(crate) fn live_response<'py>(slf: &Bound<'py, Visit>) -> PyResult<Bound<'py, PyAny>> {
        let class = &Names::get(slf.py())?.live_response;
        Visit::view(slf, class, |views| &mut views.response)
    }

    fn view<'py>(
        slf: &Bound<'py, Visit>,
        class: &Py<PyType>,
        place: fn(&mut Views) -> &mut Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Some(view) = place(&mut slf.get().views()) {
            return Ok(view.bind(py).clone());
        }
        // Python runs here, and may ask for the same
        let made = class.bind(py).call1((slf,))?.unbind();
        Ok(place(&mut slf.get().views()).get_or_insert(made).bind(py).clone())
    }

    /// The response, if anybody has asked for one.
    pub(crate) fn opened_response<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.views().response.as_ref().map(|response| response.bind(py).clone())
    }

    /// Whether answers are those of the original where better ones would differ.
    fn is_compatible(&self) -> bool {
        self.controller.as_ref().is_none_or(|controller| controller.settings.compatible)
    }

    /// Whether the client is told the text of exceptions that are no `HttpError`.
    fn exposes_errors(&self) -> bool {
        self.controller.as_ref().is_some_and(|controller| controller.settings.expose_errors)
    }

    pub(crate) fn has_live_request(&self) -> bool {
        self.views().request.is_some()
    }

    /// Lets the views go: the visit and they would keep each other for ever.
    pub(crate) fn release(&self) {
        let views = std::mem::take(&mut *self.views());
        drop(views);
    }

    fn views(&self) -> std::sync::MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers; an error's page has the fields that were set so far (`spec/04` section 7).
    pub(crate) fn answer_with(&self, py: Python<'_>, answer: vernal::Result<Response>) {
        let Answering::Open(call) = self.take() else { return };
        match (answer, self.opened_response(py)) {
            (Err(error), Some(response)) => {
                let so_far = Parts::of_response(&response, self.is_compatible())
                    .map_err(Failure::from)
                    .and_then(Parts::into_fields);
                call.fail(error, so_far.unwrap_or_default());
            }
            (answer, _) => call.answer(answer),
        }
    }

    /// Ends a stream.
    pub(crate) fn end(&self) {
        drop(self.take());
    }

    /// Breaks a stream off: the client sees that it is not whole.
    pub(crate) fn break_off(&self) {
        if let Answering::Streaming(writer) = self.take() {
            writer.break_off();
        }
    }

    /// Answers, unless something has been sent already.
    pub(crate) fn answer(&self, answer: vernal::Result<Response>) {
        if let Answering::Open(call) = self.take() {
            call.answer(answer);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.lock(), Answering::Open(_))
    }

    fn host(&self) -> Option<&Host> {
        self.request.extensions.get()
    }

    /// Has the host send what there is to be sent, where it can.
    fn pass_on(&self, py: Python<'_>) {
        if let Some(host) = self.host() {
            host.pass_on(py);
        }
    }

    fn channel(&self) -> (Writer, Pieces) {
        let may_wait =
            self.controller.as_ref().is_none_or(|controller| controller.settings.runner.may_wait());
        match (self.host(), may_wait) {
            (None, true) => stream::channel(),
            (None, false) => stream::channel_without_waiting(MOST_WAITING),
            (Some(Host::Asgi(_)), _) => stream::channel_without_waiting(MOST_WAITING),
            // its own thread takes each piece at once
            (Some(Host::Wsgi { .. }), _) => stream::channel_without_waiting(usize::MAX),
        }
    }

    /// From now on the answer is a stream; the call that it answers, if nothing has been sent yet.
    fn open_stream(&self, writer: Writer) -> Option<Call> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, Answering::Sent) {
            Answering::Open(call) => {
                *state = Answering::Streaming(writer);
                Some(call)
            }
            before => {
                *state = before;
                None
            }
        }
    }

    fn take(&self) -> Answering {
        std::mem::replace(&mut *self.lock(), Answering::Sent)
    }

    /// Whoever holds it must not run Python, which may ask for the same, here or on another thread.
    fn lock(&self) -> std::sync::MutexGuard<'_, Answering> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Visit {
    /// The request as the package sees it.
    #[getter]
    fn request<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Visit::live_request(slf)
    }

    /// The response as the package sees it.
    #[getter]
    fn response<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Visit::live_response(slf)
    }

    #[getter]
    fn method(&self) -> &str {
        self.request.method.as_str()
    }

    #[getter]
    fn path(&self) -> &str {
        self.request.path()
    }

    #[getter]
    fn query_string(&self) -> &str {
        self.request.query()
    }

    #[getter]
    fn scheme(&self) -> &'static str {
        self.request.scheme()
    }

    #[getter]
    fn client(&self) -> Option<String> {
        self.request.client_ip().map(|address| address.to_string())
    }

    /// The value of a cookie that the client sent.
    fn cookie(&self, name: &str) -> Option<&str> {
        self.request.cookie(name).map(vernal::Cookie::value)
    }

    /// The value of a header field; several are joined as RFC 9110 section 5.3 has it.
    fn header(&self, name: &str) -> Option<String> {
        fields::header(&self.request, name)
    }

    /// All header fields, their names in title case.
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields::headers(py, &self.request)
    }

    /// All parameters: a name, and the list of its values, texts and uploaded files.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        bind::parameters(py, &self.request).map_err(|failure| failure.into_python(py))
    }

    /// The body, as far as it has been read.
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, bind::body(&self.request))
    }

    fn path_values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        bind::path_values(py, &self.request)
    }

    fn reg_groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        bind::groups(py, &self.request)
    }

    /// Reads the body piece by piece; there is nothing left of one that has been read.
    fn reader(&self) -> Reader {
        let input = self.host().and_then(Host::input).cloned();
        Reader::new(self.request.body_reader(), input)
    }

    /// Whether answers are those of the original where better ones would differ.
    #[getter]
    fn compatible(&self) -> bool {
        self.is_compatible()
    }

    /// Where the app's sessions come from.
    #[getter]
    fn session_factory<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.controller.as_ref().map(|controller| controller.settings.session_factory.bind(py).clone())
    }

    /// Looks whether a JSON text is nested deeper than it may be.
    fn check_json_depth(&self, py: Python<'_>, text: &[u8]) -> PyResult<()> {
        self.request.check_json_depth(text).map_err(|error| Failure::from(error).into_python(py))
    }

    /// The file that the path names, among the app's resources.
    fn resource(&self, py: Python<'_>) -> PyResult<Resource> {
        let found = py.detach(|| self.request.resource());
        found.map(Resource).map_err(|error| Failure::from(error).into_python(py))
    }

    /// What another server has said of the request: the WSGI environment, the ASGI scope.
    #[getter]
    fn environment<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.request.extensions.get::<Environment>().map(|environment| environment.0.bind(py).clone())
    }

    /// The coroutine function that brings more of the body, where the host has to be asked for it.
    #[getter]
    fn fetch<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match self.host() {
            Some(Host::Asgi(fetch)) => Some(fetch.bind(py).clone()),
            _ => None,
        }
    }

    /// Binds an argument that needs no binding class of the user's own.
    fn bind<'py>(slf: &Bound<'py, Self>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let Some(controller) = &slf.get().controller else {
            return Err(PyAssertionError::new_err("nothing is bound for what is no controller"));
        };
        let Some(argument) = controller.arguments.get(index) else {
            return Err(PyAssertionError::new_err(format!("there is no argument {index}")));
        };
        bind::bind(py, argument, slf.get().engine_request(), Some(slf))
            .map_err(|failure| failure.into_python(py))
    }

    /// Whether an answer, or its beginning, has been sent.
    #[getter]
    fn is_sent(&self) -> bool {
        !self.is_open()
    }

    /// Sends a whole response now.
    fn send(
        slf: &Bound<'_, Self>,
        status: Bound<'_, PyAny>,
        headers: &Bound<'_, PyDict>,
        cookies: &Bound<'_, PyList>,
        body: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let parts = Parts::given(slf.get().is_compatible(), status, headers, cookies, body.clone())?;
        let expose = slf.get().exposes_errors();
        let answer = parts.into_response(slf.py()).map_err(|failure| match &slf.get().controller {
            Some(controller) => failure.told(&controller.unsendable("sent", &body), expose),
            None => failure.into_engine(expose),
        });
        slf.get().answer(answer);
        slf.get().pass_on(slf.py());
        Ok(())
    }

    /// Answers with an error.
    fn send_error(&self, py: Python<'_>, code: u16, message: Option<String>, explain: String) {
        self.answer_with(py, Err(respond::http_error(code, message, explain).into()));
    }

    /// Begins a streamed answer.
    fn begin(
        &self,
        status: Bound<'_, PyAny>,
        headers: &Bound<'_, PyDict>,
        cookies: &Bound<'_, PyList>,
    ) -> PyResult<()> {
        if !self.is_open() {
            return Err(has_been_sent());
        }
        let py = status.py();
        let none = py.None().into_bound(py);
        let mut response = Parts::given(self.is_compatible(), status, headers, cookies, none)?
            .into_head()
            .map_err(|failure| failure.into_python(py))?;
        let (writer, pieces) = self.channel();
        response.set_body(Stream::bytes(pieces));
        if self.is_compatible() {
            response = response.until_close();
        }
        self.open_stream(writer).ok_or_else(has_been_sent)?.answer(Ok(response));
        self.pass_on(py);
        Ok(())
    }

    /// Adds a piece to a streamed answer; waits while the client does not read, unless that is an event loop's thread.
    /// False when the client has gone, or has left too much unread.
    fn write(&self, py: Python<'_>, piece: &Bound<'_, PyAny>) -> PyResult<bool> {
        let writer = match &*self.lock() {
            Answering::Streaming(writer) => writer.clone(),
            Answering::Open(_) | Answering::Sent => {
                return Err(has_been_sent());
            }
        };
        let piece = Bytes::from(piece.extract::<Vec<u8>>()?);
        let is_taken = writer.write(py, piece);
        self.pass_on(py);
        Ok(is_taken)
    }

    /// Ends what is being sent; a response of which nothing has been sent is given up.
    fn close(&self) {
        drop(self.take());
    }
}

fn has_been_sent() -> PyErr {
    PyAssertionError::new_err("This response has been sent")
}

/// What another server has said of the request; among the request's extensions.
#[derive(Clone)]
pub(crate) struct Environment(pub(crate) Arc<Py<PyAny>>);
