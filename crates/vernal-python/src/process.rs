//! What the processes that share a port need of the system.

use pyo3::prelude::*;

/// Has the system send SIGTERM to this process when the one ends that has forked it, however it ends.
#[pyfunction]
pub(crate) fn die_with_parent() -> PyResult<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::TERM)).map_err(std::io::Error::from)?;
    }
    Ok(())
}
