//! Contexts of `contextvars`: what a job sets is its own affair.

use std::cell::RefCell;

use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::Step;

/// The context of a job: a copy of what its thread has, which no job changes.
pub(crate) struct JobContext(Py<PyAny>);

type Work = Box<dyn FnOnce(Python<'_>) -> Step>;

thread_local! {
    /// What `Context.run` is about to call on this thread.
    static WORK: RefCell<Option<Work>> = const { RefCell::new(None) };
    /// What that has answered.
    static STEP: RefCell<Option<Step>> = const { RefCell::new(None) };
}

#[pyfunction]
fn work(py: Python<'_>) {
    if let Some(work) = WORK.take() {
        STEP.set(Some(work(py)));
    }
}

impl JobContext {
    pub(crate) fn new(py: Python<'_>) -> PyResult<JobContext> {
        static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let copy = COPY.import(py, "contextvars", "copy_context")?;
        Ok(JobContext(copy.call0()?.unbind()))
    }

    /// Does this in the context.
    pub(crate) fn run(
        &self,
        py: Python<'_>,
        what: impl FnOnce(Python<'_>) -> Step + 'static,
    ) -> PyResult<Step> {
        static CALLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let function =
            CALLED.get_or_try_init(py, || Ok::<_, PyErr>(wrap_pyfunction!(work, py)?.into_any().unbind()))?;
        WORK.set(Some(Box::new(what)));
        let called = self.call(py, (function,));
        // what was not called is given up
        drop(WORK.take());
        let step = STEP.take();
        called?;
        Ok(step.unwrap_or(Step::Done))
    }

    /// Calls a function of Python in the context: the first of these, with the others.
    pub(crate) fn call<'py>(
        &self,
        py: Python<'py>,
        function: impl PyCallArgs<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.0.bind(py).call_method1(intern!(py, "run"), function)
    }
}
