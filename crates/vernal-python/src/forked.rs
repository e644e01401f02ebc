//! Forks: what a process has for itself, and not in common with the one that it was forked from.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::{log, runtime};

/// A value that each process has for itself.
///
/// One that was forked can't go on with what it finds: a lock that another thread held at that moment stays locked for
/// ever, since that thread is not there to release it.
pub(crate) struct PerProcess<T: 'static> {
    value: T,
    /// That of the process which was forked from the one of `value`.
    next: OnceLock<&'static PerProcess<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new(value: T) -> PerProcess<T> {
        PerProcess { value, next: OnceLock::new() }
    }

    /// The value of this process.
    pub(crate) fn get(&'static self) -> &'static T {
        &self.last().value
    }

    /// Gives a process that was forked its own value, while it has a single thread.
    pub(crate) fn begin_anew(&'static self, value: T) {
        let _ = self.last().next.set(Box::leak(Box::new(PerProcess::new(value))));
    }

    fn last(&'static self) -> &'static PerProcess<T> {
        let mut last = self;
        while let Some(next) = last.next.get() {
            last = next;
        }
        last
    }
}

/// Has processes that Python forks begin anew.
pub(crate) fn begin_anew_in_children(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let begin = wrap_pyfunction!(begin_anew, module)?;
    let options = [("after_in_child", begin)].into_py_dict(py)?;
    py.import("os")?.call_method("register_at_fork", (), Some(&options))?;
    Ok(())
}

#[pyfunction]
fn begin_anew() {
    log::begin_anew();
    runtime::begin_anew();
}
