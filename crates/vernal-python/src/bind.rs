//! Names to values: the arguments of a Python callable, from the request (`spec/03` section 2).

use pyo3::exceptions::{PyRecursionError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};
use vernal::{HttpError, ParamValue, Request};

use crate::argument::{Argument, Item, Kind};
use crate::fields::header;
use crate::json::from_json;
use crate::names::Names;
use crate::respond::Failure;
use crate::uploaded::Uploaded;
use crate::visit::Visit;

type Bind<'py> = Result<Bound<'py, PyAny>, Failure>;

/// The value of an argument.
///
/// `visit` is needed by arguments that are views of the request and the response; others do without one.
pub(crate) fn bind<'py>(
    py: Python<'py>,
    argument: &Argument,
    request: &Request,
    visit: Option<&Bound<'py, Visit>>,
) -> Bind<'py> {
    let bound = match argument.kind {
        Kind::Request => required_visit(visit).and_then(|visit| Ok(Visit::live_request(visit)?))?,
        Kind::Response => required_visit(visit).and_then(|visit| Ok(Visit::live_response(visit)?))?,
        Kind::Session => {
            let request = required_visit(visit).and_then(|visit| Ok(Visit::live_request(visit)?))?;
            request.call_method1(intern!(py, "get_session"), (true,))?
        }
        Kind::Class | Kind::JsonBody | Kind::Custom => {
            let visit = required_visit(visit)?;
            Names::get(py)?.bind.bind(py).call1((visit, argument.object.bind(py)))?
        }
        _ => bind_plain(py, argument, request)?,
    };
    if bound.is_none() && argument.default.is_none() {
        let explain = format!("Parameter[{}] is required! ", argument.name.bind(py));
        return Err(HttpError::new(400).message("Missing Paramter").explain(explain).into());
    }
    Ok(bound)
}

fn required_visit<'a, 'py>(visit: Option<&'a Bound<'py, Visit>>) -> Result<&'a Bound<'py, Visit>, Failure> {
    visit.ok_or_else(|| HttpError::new(500).explain("this argument needs a visit").into())
}

/// The value of an argument that is read from the engine's request alone.
fn bind_plain<'py>(py: Python<'py>, argument: &Argument, request: &Request) -> Bind<'py> {
    let names = Names::get(py)?;
    let name = argument.effective.as_str();
    let value = match argument.kind {
        Kind::Str => match text_param(request, name)? {
            Some(text) => Some(named_text(py, &names.parameter, &argument.name, text)?),
            None => match &argument.default {
                Some(default) if !default.is_none(py) => {
                    Some(names.parameter.bind(py).call1((&argument.name, default))?)
                }
                _ => None,
            },
        },
        Kind::Int => text_param(request, name)?.map(|text| to_int(py, text, name)).transpose()?,
        Kind::Float => text_param(request, name)?.map(|text| to_float(py, text, name)).transpose()?,
        Kind::Bool => text_param(request, name)?.map(|text| to_bool(py, text)),
        Kind::List(item) => Some(list(py, argument, item, request)?),
        Kind::Dict => Some(match text_param(request, name)? {
            Some(text) => json_text(py, request, text)
                .map_err(|_| bad_request(format!("Parameter[{name}] should be a JSON string.")))?,
            None => copy_of_default(py, argument, || PyDict::new(py).into_any())?,
        }),
        Kind::Parameter => Some(match text_param(request, name)? {
            Some(text) => named_text(py, &names.parameter, &argument.effective_name, text)?,
            None if argument.required => return Err(missing("Parameter", name)),
            None => default_or(py, argument, || names.parameter.bind(py).call1((name,)))?,
        }),
        Kind::Parameters => Some(match param_values(py, request, name)? {
            Some(values) => names.parameters.bind(py).call1((name, values))?,
            None if argument.required => return Err(missing("Parameter", name)),
            None => copy_of_default_or(py, argument, || names.parameters.bind(py).call1((name,)))?,
        }),
        Kind::Header => Some(match header(request, name) {
            Some(value) => named_text(py, &names.header, &argument.effective_name, &value)?,
            None if argument.required => return Err(missing("Header", name)),
            None => default_or(py, argument, || names.header.bind(py).call1((name,)))?,
        }),
        Kind::PathValue => Some(path_value(py, request, argument, names)?),
        Kind::RegGroup(group) => Some(reg_group(py, request, group, names)?),
        Kind::RegGroups => Some(names.reg_groups.bind(py).call1((groups(py, request)?,))?),
        Kind::BytesBody => Some(names.bytes_body.bind(py).call1((PyBytes::new(py, body(request)),))?),
        Kind::ModelDict => Some(model_dict(py, request, names)?),
        Kind::Request | Kind::Response | Kind::Session => None,
        Kind::Class | Kind::JsonBody | Kind::Custom | Kind::Default => None,
    };
    Ok(match (value, &argument.default) {
        (Some(value), _) => value,
        (None, Some(default)) => default.bind(py).clone(),
        (None, None) => py.None().into_bound(py),
    })
}

/// A text that knows the name it comes from: a `Parameter`, a `Header`, a `PathValue`.
///
/// The `__new__` of these classes would do the same, in Python.
fn named_text<'py>(
    py: Python<'py>,
    class: &Py<PyType>,
    name: &Py<PyString>,
    text: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let value = Names::get(py)?.new_text.bind(py).call1((class, text))?;
    value.setattr(intern!(py, "name"), name)?;
    Ok(value)
}

/// The body as `JSONBody`, where it is an object; what is wrong with any other is said by the binding class.
pub(crate) fn json_body<'py>(py: Python<'py>, request: &Request) -> PyResult<Option<Bound<'py, PyAny>>> {
    const JSON: &str = "application/json";
    let content_type = request.headers.get("content-type").and_then(|given| given.get(..JSON.len()));
    if !content_type.is_some_and(|given| given.eq_ignore_ascii_case(JSON)) {
        return Ok(None);
    }
    let body = body(request);
    let (Ok(text), Ok(())) = (std::str::from_utf8(body), request.check_json_depth(body)) else {
        return Ok(None);
    };
    let names = Names::get(py)?;
    match from_json(py, text) {
        Ok(value) => match value.cast_into::<PyDict>() {
            Ok(object) => Ok(Some(names.json_body.bind(py).call1((object,))?)),
            Err(_) => Ok(None),
        },
        Err(error) if error.is_instance_of::<PyValueError>(py) => Ok(None),
        Err(error) if error.is_instance_of::<PyRecursionError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The first text of a parameter; a file is no text (`spec/08` C13).
fn text_param<'r>(request: &'r Request, name: &str) -> Result<Option<&'r str>, HttpError> {
    let params = request.params()?;
    match params.get(name) {
        None if params.contains(name) => {
            Err(HttpError::bad_request(format!("Parameter[{name}] should be text, not a file.")))
        }
        text => Ok(text),
    }
}

fn bad_request(explain: String) -> Failure {
    HttpError::bad_request(explain).into()
}

fn missing(what: &str, name: &str) -> Failure {
    let explain = format!("{what}[{name}] is required.");
    HttpError::new(400).message(format!("Missing {what}")).explain(explain).into()
}

/// What Python's `int` makes of a text; plain numbers do not need it.
fn to_int<'py>(py: Python<'py>, text: &str, name: &str) -> Bind<'py> {
    let wrong = || bad_request(format!("Parameter[{name}] should be an int. "));
    python_int(py, text).ok_or_else(wrong)
}

fn python_int<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyAny>> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(PyInt::new(py, number).into_any());
    }
    Names::get(py).ok()?.int.bind(py).call1((text,)).ok()
}

fn to_float<'py>(py: Python<'py>, text: &str, name: &str) -> Bind<'py> {
    let wrong = || bad_request(format!("Parameter[{name}] should be an float. "));
    python_float(py, text).ok_or_else(wrong)
}

/// Rust and Python read the same number from what both take; the rest is for Python to decide.
fn python_float<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyAny>> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'E'));
    if let (true, Ok(number)) = (plain, text.parse::<f64>()) {
        return Some(PyFloat::new(py, number).into_any());
    }
    Names::get(py).ok()?.float.bind(py).call1((text,)).ok()
}

fn to_bool<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyAny> {
    let is_false = text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false");
    PyBool::new(py, !is_false).to_owned().into_any()
}

fn json_text<'py>(py: Python<'py>, request: &Request, text: &str) -> PyResult<Bound<'py, PyAny>> {
    request.check_json_depth(text.as_bytes()).map_err(|error| Failure::from(error).into_python(py))?;
    from_json(py, text)
}

/// All values of a name, converted (`spec/08` C1).
fn list<'py>(py: Python<'py>, argument: &Argument, item: Item, request: &Request) -> Bind<'py> {
    let name = argument.effective.as_str();
    let Some(values) = param_values(py, request, name)? else {
        return copy_of_default(py, argument, || PyList::empty(py).into_any());
    };
    if item == Item::Str {
        return Ok(values.into_any());
    }
    let wrong = |what: &str| bad_request(format!("One of the parameter[{name}] is not {what}. "));
    let converted = PyList::empty(py);
    for value in values.iter() {
        let Ok(text) = value.cast::<PyString>() else { return Err(wrong("text")) };
        let text = text.to_str()?;
        converted.append(match item {
            Item::Str => value,
            Item::Int => python_int(py, text).ok_or_else(|| wrong("int"))?,
            Item::Float => python_float(py, text).ok_or_else(|| wrong("float"))?,
            Item::Bool => to_bool(py, text),
            Item::Dict => json_text(py, request, text).map_err(|_| wrong("JSON string"))?,
            Item::Parameter => named_text(py, &Names::get(py)?.parameter, &argument.effective_name, text)?,
        })?;
    }
    Ok(converted.into_any())
}

/// The default, copied where callers could change what others get (`spec/08` C4).
fn copy_of_default<'py>(
    py: Python<'py>,
    argument: &Argument,
    empty: impl FnOnce() -> Bound<'py, PyAny>,
) -> Bind<'py> {
    copy_of_default_or(py, argument, || Ok(empty()))
}

fn copy_of_default_or<'py>(
    py: Python<'py>,
    argument: &Argument,
    empty: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> Bind<'py> {
    match &argument.default {
        Some(default) if default.is_none(py) => Ok(default.bind(py).clone()),
        Some(default) => {
            let default = default.bind(py);
            if let Ok(list) = default.cast_exact::<PyList>() {
                return Ok(list.get_slice(0, list.len()).into_any());
            }
            Ok(py.import("copy")?.call_method1("copy", (default,))?)
        }
        None => Ok(empty()?),
    }
}

fn default_or<'py>(
    py: Python<'py>,
    argument: &Argument,
    empty: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> Bind<'py> {
    match &argument.default {
        Some(default) => Ok(default.bind(py).clone()),
        None => Ok(empty()?),
    }
}

/// All values of a parameter, texts and files; none if there is none of this name.
fn param_values<'py>(
    py: Python<'py>,
    request: &Request,
    name: &str,
) -> Result<Option<Bound<'py, PyList>>, Failure> {
    let params = request.params()?;
    let mut values = params.iter().filter(|(found, _)| *found == name).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let list = PyList::empty(py);
    for (_, value) in values {
        list.append(param_value(py, value)?)?;
    }
    Ok(Some(list))
}

fn param_value<'py>(py: Python<'py>, value: ParamValue<'_>) -> PyResult<Bound<'py, PyAny>> {
    match value {
        ParamValue::Text(text) => Ok(PyString::new(py, text).into_any()),
        ParamValue::File(file) => Uploaded::new_object(py, file),
    }
}

/// All parameters as `request.parameters` has them.
pub(crate) fn parameters<'py>(py: Python<'py>, request: &Request) -> Result<Bound<'py, PyDict>, Failure> {
    let parameters = PyDict::new(py);
    for (name, value) in request.params()?.iter() {
        let value = param_value(py, value)?;
        match parameters.get_item(name)? {
            Some(values) => values.cast_into::<PyList>().map_err(PyErr::from)?.append(value)?,
            None => parameters.set_item(name, PyList::new(py, [value])?)?,
        }
    }
    Ok(parameters)
}

/// A value where there is one, the list of them where there are several.
fn model_dict<'py>(py: Python<'py>, request: &Request, names: &Names) -> Bind<'py> {
    let model = names.model_dict.bind(py).call0()?;
    for (name, values) in parameters(py, request)?.iter() {
        let values = values.cast_into::<PyList>().map_err(PyErr::from)?;
        match values.len() {
            1 => model.set_item(name, values.get_item(0)?)?,
            _ => model.set_item(name, values)?,
        }
    }
    Ok(model)
}

/// The body, as far as it has been read.
pub(crate) fn body(request: &Request) -> &[u8] {
    request.body().map_or(&[], |body| body)
}

fn path_value<'py>(py: Python<'py>, request: &Request, argument: &Argument, names: &Names) -> Bind<'py> {
    let name = argument.effective.as_str();
    if let Some(wildcard) = request.path_wildcard() {
        return Ok(PyString::new(py, wildcard).into_any());
    }
    match request.path_value(name) {
        Some(value) => Ok(named_text(py, &names.path_value, &argument.effective_name, value)?),
        None => {
            let explain = format!("path name[{name}] not in your url mapping!");
            Err(HttpError::new(500).explain(explain).into())
        }
    }
}

/// The path values under their names; a wildcard's is `__path_wildcard`.
pub(crate) fn path_values<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    for (name, value) in request.path_values() {
        values.set_item(if name.is_empty() { "__path_wildcard" } else { name }, value)?;
    }
    Ok(values)
}

/// The groups of the regular expression; `None` for one that took no part (`spec/08` B8).
pub(crate) fn groups<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, request.groups().collect::<Vec<_>>())
}

fn reg_group<'py>(py: Python<'py>, request: &Request, group: usize, names: &Names) -> Bind<'py> {
    let groups: Vec<_> = request.groups().collect();
    match groups.get(group) {
        // one that took no part has no text (`spec/08` B8)
        Some(value) => {
            let given = PyDict::new(py);
            given.set_item("group", group)?;
            given.set_item("_value", value.unwrap_or_default())?;
            Ok(names.reg_group.bind(py).call((), Some(&given))?)
        }
        None => {
            let explain = format!(
                "RegGroup required an element at {group}, but the reg length is only {}",
                groups.len()
            );
            Err(bad_request(explain))
        }
    }
}
