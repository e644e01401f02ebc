//! The runtime for what is waited for outside of the server's own threads: timers, files, bodies that Python reads.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tokio::runtime::Runtime;

use crate::forked::PerProcess;

static RUNTIME: PerProcess<Mutex<Option<&'static Runtime>>> = PerProcess::new(Mutex::new(None));

/// The runtime of this process; its thread begins with the first use.
pub(crate) fn runtime() -> PyResult<&'static Runtime> {
    let mut known = RUNTIME.get().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = *known {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("vernal-runtime")
        .enable_all()
        .build()?;
    // there is one in a process, and it ends with it
    Ok(known.insert(Box::leak(Box::new(runtime))))
}

/// Forgets the runtime in a process that was forked: threads stay behind in the parent.
pub(crate) fn begin_anew() {
    RUNTIME.begin_anew(Mutex::new(None));
}

/// Calls something of Python on a thread that may wait for the interpreter.
pub(crate) fn call_later(callback: Py<PyAny>) {
    let call = move || {
        // none when the interpreter is about to end: then nobody waits any more
        Python::try_attach(|py| {
            if let Err(error) = callback.call0(py) {
                error.write_unraisable(py, None);
            }
        });
    };
    match runtime() {
        Ok(runtime) => drop(runtime.spawn_blocking(call)),
        Err(error) => tracing::error!(%error, "no thread could be started to wake who waits"),
    }
}
