//! Coroutines that never wait, run without a task for each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;

use super::context::JobContext;
use crate::names::Names;

/// Of how many functions it is remembered whether they wait; more are only made at run time.
const FUNCTIONS: usize = 10_000;

/// The way through an event loop for coroutines that never wait; `asyncio.current_task()` is one that all share.
pub(super) struct Passage {
    event_loop: Py<PyAny>,
    task: Py<PyAny>,
    enter: Py<PyAny>,
    leave: Py<PyAny>,
    set_running_loop: Py<PyAny>,
    /// Whether a coroutine may ever wait, by its code, which is kept so that no other takes its place.
    waits: Mutex<HashMap<usize, (Py<PyAny>, bool)>>,
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
            set_running_loop: py.import("asyncio.events")?.getattr("_set_running_loop")?.unbind(),
            event_loop: event_loop.clone().unbind(),
            waits: Mutex::default(),
        })
    }

    /// The task that all share; it has nothing to do.
    pub(super) fn task<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.task.bind(py)
    }

    /// Whether there is no place in the function where the coroutine may wait.
    pub(super) fn takes(&self, coroutine: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = coroutine.py();
        let code = coroutine.getattr(intern!(py, "cr_code"))?;
        let key = code.as_ptr() as usize;
        let lock = || self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&key).map(|(_, may_wait)| *may_wait);
        if let Some(may_wait) = known {
            return Ok(!may_wait);
        }
        let may_wait = Names::get(py)?.may_wait.call1(py, (&code,))?.is_truthy(py)?;
        let mut waits = lock();
        if waits.len() < FUNCTIONS {
            waits.insert(key, (code.unbind(), may_wait));
        }
        Ok(!may_wait)
    }

    /// Does this with the shared task as the current one, within the loop, which runs.
    pub(super) fn within<T>(&self, py: Python<'_>, work: impl FnOnce() -> T) -> PyResult<T> {
        self.enter.call1(py, (&self.event_loop, &self.task))?;
        // also after a panic: nobody else could enter
        let _entered = Entered { passage: self, py };
        Ok(work())
    }

    /// The same while the loop does not run.
    pub(super) fn beside<T>(&self, py: Python<'_>, work: impl FnOnce() -> T) -> PyResult<T> {
        self.set_running_loop.call1(py, (&self.event_loop,))?;
        let done = self.within(py, work);
        self.set_running_loop.call1(py, (py.None(),))?;
        done
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

/// Leaves the shared task when it is dropped.
struct Entered<'a, 'py> {
    passage: &'a Passage,
    py: Python<'py>,
}

impl Drop for Entered<'_, '_> {
    fn drop(&mut self) {
        let Passage { leave, event_loop, task, .. } = self.passage;
        if let Err(error) = leave.call1(self.py, (event_loop, task)) {
            error.write_unraisable(self.py, None);
        }
    }
}
