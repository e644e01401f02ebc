//! Coroutines that never wait, run without a task for each.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;

use super::context::JobContext;
use crate::names::Names;

/// The way through an event loop for coroutines that never wait; `asyncio.current_task()` is one that all share.
pub(super) struct Passage {
    event_loop: Py<PyAny>,
    task: Py<PyAny>,
    enter: Py<PyAny>,
    leave: Py<PyAny>,
}

impl Passage {
    /// For the loop of the calling thread.
    pub(super) fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Passage> {
        let py = event_loop.py();
        let tasks = py.import("asyncio.tasks")?;
        let nothing = Names::get(py)?.nothing.bind(py).call0()?;
        Ok(Passage {
            task: event_loop.call_method1("create_task", (nothing,))?.unbind(),
            enter: tasks.getattr("_enter_task")?.unbind(),
            leave: tasks.getattr("_leave_task")?.unbind(),
            event_loop: event_loop.clone().unbind(),
        })
    }

    /// Does this with the shared task as the current one.
    pub(super) fn within(&self, py: Python<'_>, work: impl FnOnce()) -> PyResult<()> {
        self.enter.call1(py, (&self.event_loop, &self.task))?;
        work();
        self.leave.call1(py, (&self.event_loop, &self.task))?;
        Ok(())
    }

    /// Runs a coroutine to its end.
    pub(super) fn run(&self, context: &JobContext, coroutine: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = coroutine.py();
        let send = coroutine.getattr(intern!(py, "send"))?;
        match context.call(py, (send, py.None())) {
            Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                Ok(stop.value(py).getattr(intern!(py, "value"))?.unbind())
            }
            Err(error) => Err(error),
            Ok(_) => {
                coroutine.call_method0("close")?;
                Err(PyRuntimeError::new_err("a coroutine waits that has no await"))
            }
        }
    }
}
