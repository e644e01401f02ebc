//! A Python callable as a controller.

use std::sync::Arc;

use pyo3::exceptions::{PyAssertionError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use vernal::bind::{BodyUse, Param};
use vernal::controller::{Answer, Call, Controller};
use vernal::{HttpError, Request, Response};

use crate::argument::{Argument, Kind};
use crate::bind::{bind, json_body};
use crate::names::Names;
use crate::respond::{Failure, Parts, type_name};
use crate::run::{Job, Runner, Step};
use crate::visit::Visit;

/// What all controllers of an app have in common.
pub(crate) struct Settings {
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) filters: crate::app::Filters,
    pub(crate) session_factory: Py<PyAny>,
    pub(crate) session_cookie: String,
    /// Whether clients are told the text of exceptions that are no `HttpError`.
    pub(crate) expose_errors: bool,
    /// Whether answers are those of the original where better ones would differ.
    pub(crate) compatible: bool,
}

/// A Python callable, as a controller that is called where Python runs.
pub(crate) struct PyController {
    pub(crate) callable: Callable,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) body_use: BodyUse,
    /// Whether an argument is bound by a class of the user's own.
    pub(crate) binds_by_flow: bool,
    pub(crate) settings: Arc<Settings>,
    pub(crate) location: vernal::Location,
}

/// What is called.
pub(crate) enum Callable {
    /// A function, or a method of the one object of its class.
    Function(Py<PyAny>),
    /// A method of an object that is made for each request.
    Method { make: Py<PyAny>, function: Py<PyAny> },
}

impl Callable {
    /// The callable for one request, with the object that comes first among its arguments.
    fn object<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
        match self {
            Callable::Function(function) => Ok((function.bind(py).clone(), None)),
            Callable::Method { make, function } => {
                Ok((function.bind(py).clone(), Some(make.bind(py).call0()?)))
            }
        }
    }
}

/// What the engine is given: a handle on the controller, which jobs share.
pub(crate) struct Shared(pub(crate) Arc<PyController>);

impl Controller for Shared {
    fn params(&self) -> &[Param] {
        &[]
    }

    fn body_use(&self) -> BodyUse {
        self.0.body_use
    }

    fn call<'r>(&'r self, _: &'r Request) -> Answer<'r> {
        Answer::Ready(Err(HttpError::new(500).explain("Python is called elsewhere").into()))
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn take(&self, call: Call) {
        self.0.settings.runner.submit(Job::Controller(Arc::clone(&self.0), call));
    }
}

impl PyController {
    /// Calls, on a thread that has the interpreter.
    pub(crate) fn run(self: Arc<Self>, py: Python<'_>, call: Call) -> Step {
        if !call.is_awaited() {
            return Step::Done;
        }
        let filters = match self.settings.filters.matching(py, call.request().path()) {
            Ok(filters) => filters,
            Err(error) => {
                call.answer(Err(Failure::Python(error).into_engine(self.settings.expose_errors)));
                return Step::Done;
            }
        };
        if filters.is_empty() && !self.binds_by_flow {
            self.call_directly(py, call)
        } else {
            self.call_by_flow(py, call, filters)
        }
    }

    /// The short way: no filter, no binding of the user's own.
    fn call_directly(self: Arc<Self>, py: Python<'_>, call: Call) -> Step {
        let mut visiting = Visiting::new(call, &self);
        let returned = visiting.bind_all(py).and_then(|values| Ok(self.invoke(py, values)?));
        visiting.go_on(py, returned)
    }

    /// The long way: filters, bindings and the controller, one after another, in a coroutine of Python.
    fn call_by_flow(self: Arc<Self>, py: Python<'_>, call: Call, filters: Vec<Py<PyAny>>) -> Step {
        let mut visiting = Visiting::new(call, &self);
        let flow = visiting.visit(py).and_then(|visit| {
            let (filters, target) = (PyTuple::new(py, filters)?, FlowTarget(self));
            Names::get(py)?.flow.bind(py).call1((visit, filters, target))
        });
        visiting.begin_flow(py, flow)
    }

    /// What the log says of an answer that cannot be sent: the exception that says why knows nothing of who gave it.
    pub(crate) fn unsendable(&self, given: &str, value: &Bound<'_, PyAny>) -> String {
        let vernal::Location { function, file, line, .. } = self.location;
        let place = if file.is_empty() { function.to_owned() } else { format!("{function} ({file}:{line})") };
        let name = type_name(value);
        format!("The answer of {place}, which has {given} a value of type {name}, cannot be sent")
    }

    /// Calls with these arguments.
    fn invoke<'py>(&self, py: Python<'py>, values: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let (function, object) = self.callable.object(py)?;
        let mut named = None;
        let mut positional = Vec::with_capacity(values.len() + 1);
        positional.extend(object);
        for (argument, value) in self.arguments.iter().zip(values) {
            match argument.positional {
                true => positional.push(value),
                false => named.get_or_insert_with(|| PyDict::new(py)).set_item(&argument.name, value)?,
            }
        }
        match named {
            // without a tuple, as Python itself calls
            None => match &positional[..] {
                [] => function.call0(),
                [one] => function.call1((one,)),
                [one, two] => function.call1((one, two)),
                [one, two, three] => function.call1((one, two, three)),
                _ => function.call1(PyTuple::new(py, positional)?),
            },
            Some(named) => function.call(PyTuple::new(py, positional)?, Some(&named)),
        }
    }
}

/// The controller as the coroutine of the long way sees it.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct FlowTarget(Arc<PyController>);

#[pymethods]
impl FlowTarget {
    /// The arguments, as `_signature` found them.
    #[getter]
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.arguments.iter().map(|argument| argument.object.bind(py)))
    }

    /// Calls with these arguments.
    fn invoke<'py>(&self, py: Python<'py>, values: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.0.invoke(py, values)
    }
}

/// A request that is with Python; the visit is made when somebody needs one.
struct Visiting {
    call: Option<Call>,
    visit: Option<Py<Visit>>,
    controller: Arc<PyController>,
}

impl Visiting {
    fn new(call: Call, controller: &Arc<PyController>) -> Visiting {
        Visiting { call: Some(call), visit: None, controller: Arc::clone(controller) }
    }

    fn visit<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, Visit>> {
        if let Some(call) = self.call.take() {
            self.visit = Some(Py::new(py, Visit::new(call, Some(Arc::clone(&self.controller))))?);
        }
        let visit = self.visit.as_ref().map(|visit| visit.bind(py).clone());
        visit.ok_or_else(|| PyAssertionError::new_err("this call has been answered"))
    }

    /// The request, as long as nobody has a view of it that could say something else.
    fn request(&self) -> Option<&Request> {
        self.call.as_ref().map(|call| &**call.request())
    }

    /// The values of all arguments, in the order in which those without a default come first (`spec/03` section 1).
    fn bind_all<'py>(&mut self, py: Python<'py>) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let controller = Arc::clone(&self.controller);
        let mut values = Vec::with_capacity(controller.arguments.len());
        for argument in &controller.arguments {
            if argument.kind == Kind::JsonBody
                && let Some(request) = self.request()
                && let Some(body) = json_body(py, request)?
            {
                values.push(body);
                continue;
            }
            values.push(match (argument.kind.needs_visit(), &self.call) {
                (false, Some(call)) => bind(py, argument, call.request(), None)?,
                _ => {
                    let visit = self.visit(py)?;
                    bind(py, argument, visit.get().engine_request(), Some(&visit))?
                }
            });
        }
        Ok(values)
    }

    /// Waits for a coroutine; anything else is the answer.
    fn go_on(self, py: Python<'_>, returned: Result<Bound<'_, PyAny>, Failure>) -> Step {
        match returned {
            Ok(coroutine) if coroutine.get_type().is(Names::coroutine(py)) => self.go_on_later(coroutine),
            returned => self.finish_now(py, returned),
        }
    }

    /// Waits for a coroutine.
    fn go_on_later(self, coroutine: Bound<'_, PyAny>) -> Step {
        let finish = move |py: Python<'_>, result: PyResult<Py<PyAny>>| {
            self.finish(py, result.map_err(Failure::from));
        };
        Step::Await(coroutine.unbind(), Box::new(finish))
    }

    /// Goes on with a coroutine as far as that can be done without an event loop; most of those that run filters need
    /// none.
    fn begin_flow(self, py: Python<'_>, coroutine: PyResult<Bound<'_, PyAny>>) -> Step {
        let coroutine = match coroutine {
            Ok(coroutine) => coroutine,
            Err(error) => return self.finish_now(py, Err(error.into())),
        };
        match coroutine.call_method1(intern!(py, "send"), (py.None(),)) {
            Ok(_) => self.go_on_later(coroutine),
            Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                let returned = stop.value(py).getattr(intern!(py, "value"));
                self.finish_now(py, returned.map_err(Failure::from))
            }
            Err(error) => self.finish_now(py, Err(error.into())),
        }
    }

    fn finish_now(self, py: Python<'_>, returned: Result<Bound<'_, PyAny>, Failure>) -> Step {
        self.finish(py, returned.map(Bound::unbind));
        Step::Done
    }

    /// Answers with what was returned, or with why nothing was.
    fn finish(mut self, py: Python<'_>, returned: Result<Py<PyAny>, Failure>) {
        if self.visit.as_ref().is_some_and(|visit| !visit.get().is_open()) {
            return self.conclude(returned);
        }
        let expose = self.controller.settings.expose_errors;
        let answer = match returned {
            Ok(returned) => {
                let returned = returned.into_bound(py);
                self.assemble(py, &returned).map_err(|failure| {
                    let what = self.controller.unsendable("returned", &returned);
                    failure.told(&what, expose)
                })
            }
            Err(failure) => Err(failure.into_engine(expose)),
        };
        match (self.call.take(), &self.visit) {
            (Some(call), _) => call.answer(answer),
            (None, Some(visit)) => visit.get().answer_with(py, answer),
            (None, None) => {}
        }
    }

    /// After the controller has answered itself an error can only be logged (`spec/08` A38), and a stream ends; the original's
    /// clients cannot see that it is not whole.
    fn conclude(&self, returned: Result<Py<PyAny>, Failure>) {
        let has_failed = returned.is_err();
        if let Err(failure) = returned {
            let error = failure.into_engine(false);
            tracing::debug!(%error, "the answer had been sent before");
        }
        match &self.visit {
            Some(visit) if has_failed && !self.controller.settings.compatible => visit.get().break_off(),
            Some(visit) => visit.get().end(),
            None => {}
        }
    }

    /// The response: what the response object has, what was returned, the cookie of the session.
    fn assemble<'py>(&mut self, py: Python<'py>, returned: &Bound<'py, PyAny>) -> Result<Response, Failure> {
        let opened = self.visit.as_ref().and_then(|visit| visit.get().opened_response(py));
        let compatible = self.controller.settings.compatible;
        let mut parts = Parts::new(compatible);
        let mut is_the_response = false;
        if let Some(response) = &opened {
            parts = Parts::of_response(response, compatible)?;
            is_the_response = returned.is(response);
        }
        if !is_the_response {
            parts.add_returned(returned.clone())?;
        }
        if let Some(cookie) = self.session_cookie(py)? {
            parts.add_cookie(cookie);
        }
        parts.into_response(py)
    }

    /// The cookie of the session, where the request has opened one or came with the cookie of one.
    fn session_cookie(&mut self, py: Python<'_>) -> PyResult<Option<String>> {
        let is_opened = self.visit.as_ref().is_some_and(|visit| visit.get().has_live_request());
        let request = self.call.as_ref().map(Call::request);
        let names_one =
            |request: &Request| request.cookie(&self.controller.settings.session_cookie).is_some();
        let came_with_one = match (&self.visit, request) {
            (Some(visit), _) => names_one(visit.get().engine_request()),
            (None, Some(request)) => names_one(request),
            (None, None) => false,
        };
        if !is_opened && !came_with_one {
            return Ok(None);
        }
        let request = Visit::live_request(&self.visit(py)?)?;
        request.call_method0(intern!(py, "_session_cookie"))?.extract()
    }
}

impl Drop for Visiting {
    fn drop(&mut self) {
        if let Some(visit) = &self.visit {
            visit.get().release();
        }
    }
}
