//! A job that goes on in a coroutine, for whoever drives it.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use crate::run::{Finish, settle};

/// A coroutine that is to be run to its end, and what is to be told its result.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Begun {
    /// What is to be awaited.
    #[pyo3(get)]
    coroutine: Py<PyAny>,
    finish: Mutex<Option<Finish>>,
}

impl Begun {
    pub(crate) fn new(coroutine: Py<PyAny>, finish: Finish) -> Begun {
        Begun { coroutine, finish: Mutex::new(Some(finish)) }
    }

    fn end(&self, py: Python<'_>, result: PyResult<Py<PyAny>>) {
        let finish = self.finish.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(finish) = finish {
            settle(py, finish, result);
        }
    }
}

#[pymethods]
impl Begun {
    /// Takes the result.
    fn finish(&self, py: Python<'_>, result: Py<PyAny>) {
        self.end(py, Ok(result));
    }

    /// Takes the exception that there was instead of one.
    fn fail(&self, py: Python<'_>, error: Bound<'_, PyBaseException>) {
        self.end(py, Err(PyErr::from_value(error.into_any())));
    }
}
