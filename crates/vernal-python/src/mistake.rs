//! Mistakes of an application that are found before anything is served.

use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;

/// A `ConfigurationError` with this text.
pub(crate) fn mistake(text: impl Into<String>) -> PyErr {
    Python::attach(|py| {
        let class =
            py.import("simple_http_server._location").and_then(|module| module.getattr("ConfigurationError"));
        match class.and_then(|class| class.call1((text.into(),))) {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    })
}

/// Says which option cannot have which value, unless the error is a mistake that says so itself.
pub(crate) fn unusable(option: &str, value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = value.py();
    if error.is_instance_of::<PyAssertionError>(py) {
        return error;
    }
    let shown = value.repr().map_or_else(|_| value.get_type().to_string(), |shown| shown.to_string());
    mistake(format!("{option} cannot be {shown}: {}", error.value(py)))
}
