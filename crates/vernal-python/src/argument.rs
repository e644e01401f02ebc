//! The arguments of a Python callable, as data; `simple_http_server._signature` finds them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use vernal::bind::BodyUse;

/// One argument of a callable.
pub(crate) struct Argument {
    /// Its name in Python.
    pub(crate) name: Py<PyString>,
    /// The name under which the request carries the value.
    pub(crate) effective: String,
    /// The same as a text of Python.
    pub(crate) effective_name: Py<PyString>,
    pub(crate) kind: Kind,
    /// What is passed when the request has no value; none if the callable gives no default.
    pub(crate) default: Option<Py<PyAny>>,
    /// Whether the default itself says that the request must have a value.
    pub(crate) required: bool,
    /// Whether it is passed by position.
    pub(crate) positional: bool,
    /// The object of Python that this was read from.
    pub(crate) object: Py<PyAny>,
}

/// How an argument is bound (`spec/03` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Str,
    Int,
    Float,
    Bool,
    List(Item),
    Dict,
    Parameter,
    Parameters,
    Header,
    PathValue,
    RegGroup(usize),
    RegGroups,
    BytesBody,
    ModelDict,
    Request,
    Response,
    Session,
    /// By one of the package's binding classes, which needs nothing but a look at the request.
    Class,
    /// Likewise, unless it is what was wanted: then no class is needed.
    JsonBody,
    /// By a binding class of the user's own, which may be asynchronous.
    Custom,
    /// Whatever the default is.
    Default,
}

/// How the elements of a list are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Str,
    Int,
    Float,
    Bool,
    Dict,
    Parameter,
}

impl Argument {
    /// Reads what `_signature.analyse` found.
    pub(crate) fn from_python(object: &Bound<'_, PyAny>) -> PyResult<(Argument, BodyUse)> {
        let py = object.py();
        let kind: String = object.getattr("kind")?.extract()?;
        let item: Option<String> = object.getattr("item")?.extract()?;
        let default = object.getattr("default")?;
        let missing = py.import("simple_http_server._signature")?.getattr("MISSING")?;
        let body_use = match kind.as_str() {
            "str" | "int" | "float" | "bool" | "list" | "dict" | "parameter" | "parameters"
            | "model_dict" | "multipart" => BodyUse::Form,
            "json_body" | "bytes_body" => BodyUse::Whole,
            "reader" => BodyUse::Stream,
            "request" | "custom" => BodyUse::FormOrJson,
            _ => BodyUse::Nothing,
        };
        let argument = Argument {
            name: object.getattr("name")?.cast_into::<PyString>()?.unbind(),
            effective: object.getattr("effective_name")?.extract()?,
            effective_name: object.getattr("effective_name")?.cast_into::<PyString>()?.unbind(),
            kind: Kind::named(&kind, item.as_deref(), object.getattr("group")?.extract()?)?,
            default: (!default.is(&missing)).then(|| default.unbind()),
            required: object.getattr("required")?.extract()?,
            positional: object.getattr("positional")?.extract()?,
            object: object.clone().unbind(),
        };
        Ok((argument, body_use))
    }
}

impl Kind {
    /// Whether it is a view of the request or the response, or bound by a class of Python.
    pub(crate) fn needs_visit(self) -> bool {
        let is_view = matches!(self, Kind::Request | Kind::Response | Kind::Session);
        is_view || matches!(self, Kind::Class | Kind::JsonBody | Kind::Custom)
    }

    fn named(kind: &str, item: Option<&str>, group: usize) -> PyResult<Kind> {
        Ok(match kind {
            "str" => Kind::Str,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "bool" => Kind::Bool,
            "list" => Kind::List(Item::named(item.unwrap_or("str"))?),
            "dict" => Kind::Dict,
            "parameter" => Kind::Parameter,
            "parameters" => Kind::Parameters,
            "header" => Kind::Header,
            "path_value" => Kind::PathValue,
            "reg_group" => Kind::RegGroup(group),
            "reg_groups" => Kind::RegGroups,
            "bytes_body" => Kind::BytesBody,
            "model_dict" => Kind::ModelDict,
            "request" => Kind::Request,
            "response" => Kind::Response,
            "session" => Kind::Session,
            "headers" | "cookie" | "cookies" | "multipart" | "reader" | "environment" => Kind::Class,
            "json_body" => Kind::JsonBody,
            "custom" => Kind::Custom,
            "default" => Kind::Default,
            other => return Err(PyValueError::new_err(format!("no kind of argument: {other}"))),
        })
    }
}

impl Item {
    fn named(item: &str) -> PyResult<Item> {
        Ok(match item {
            "str" => Item::Str,
            "int" => Item::Int,
            "float" => Item::Float,
            "bool" => Item::Bool,
            "dict" => Item::Dict,
            "parameter" => Item::Parameter,
            other => return Err(PyValueError::new_err(format!("no kind of element: {other}"))),
        })
    }
}
