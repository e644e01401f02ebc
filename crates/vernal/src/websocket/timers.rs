//! Timers that no event loop has to look at.

use std::future::pending;
use std::sync::LazyLock;
use std::{io, thread};

use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, Sleep};

/// The runtime of a thread that does nothing but keep the time.
static KEEPER: LazyLock<Option<Handle>> = LazyLock::new(|| match start() {
    Ok(handle) => Some(handle),
    Err(error) => {
        tracing::warn!(%error, "there is no thread for timers; the event loops keep the time themselves");
        None
    }
});

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    let keep = move || runtime.block_on(pending::<()>());
    thread::Builder::new().name("vernal-timers".to_owned()).spawn(keep)?;
    Ok(handle)
}

/// A timer for what hardly ever happens.
///
/// An event loop that has timers asks for the time and has the system set a timer of its own whenever it waits, which
/// for a short message is a twentieth of all that it costs. This one wakes its task from another thread.
pub(crate) fn sleep_until(at: Instant) -> Sleep {
    let _keeper = KEEPER.as_ref().map(Handle::enter);
    tokio::time::sleep_until(at)
}
