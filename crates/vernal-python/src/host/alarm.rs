//! Who waits for the engine, and is woken by it: a thread, or a callback.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Duration;

use pyo3::prelude::*;

use crate::runtime::call_later;

/// How long a thread waits before it asks whether there was a signal.
const WATCHFULNESS: Duration = Duration::from_millis(200);

/// The waker of an exchange.
#[derive(Default)]
pub(crate) struct Alarm {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    has_rung: bool,
    listener: Option<Py<PyAny>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let listener = {
            let mut state = self.lock();
            state.has_rung = true;
            state.listener.take()
        };
        self.rung.notify_all();
        if let Some(listener) = listener {
            call_later(listener);
        }
    }
}

impl Alarm {
    /// Before a poll.
    pub(crate) fn reset(&self) {
        self.lock().has_rung = false;
    }

    /// Blocks this thread until it rings, without the interpreter.
    ///
    /// # Errors
    ///
    /// What a signal handler raises.
    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<()> {
        while !py.detach(|| self.has_rung_in(WATCHFULNESS)) {
            py.check_signals()?;
        }
        Ok(())
    }

    fn has_rung_in(&self, time: Duration) -> bool {
        let waits = |state: &mut State| !state.has_rung;
        let waited = self.rung.wait_timeout_while(self.lock(), time, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_rung
    }

    /// Calls this once when it rings, on another thread. False if it has rung since the last poll: then it isn't called.
    pub(crate) fn listen(&self, listener: Option<Py<PyAny>>) -> bool {
        let mut state = self.lock();
        if state.has_rung && listener.is_some() {
            return false;
        }
        let before = std::mem::replace(&mut state.listener, listener);
        // dropped when the lock is free: it is Python's
        drop(state);
        drop(before);
        true
    }

    /// Calls this once when it rings, on another thread, whether it has rung before or not.
    pub(crate) fn listen_anew(&self, listener: Py<PyAny>) {
        let before =
            std::mem::replace(&mut *self.lock(), State { has_rung: false, listener: Some(listener) });
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
