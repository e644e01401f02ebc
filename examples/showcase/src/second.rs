//! A second app of this process, on a port of its own.

use std::time::Duration;
use vernal::Handle;

use vernal::prelude::*;

// show: second
#[route("/", app = "second")]
async fn index() -> &'static str {
    "Hello from the second app."
}

#[route("/only-here", app = "second")]
async fn only_here() -> &'static str {
    "The first app has no such page."
}

#[request_filter(regexp = "^", app = "second")]
async fn for_other_origins(ctx: &mut FilterContext) -> Result<()> {
    ctx.do_chain().await?;
    ctx.response.headers.insert("Access-Control-Allow-Origin", "*");
    Ok(())
}

/// Starts it on a port that the system chooses, inside a runtime of its own.
pub(crate) fn start() -> Result<Second> {
    let server = Server::app("second").scan_matching("::second$").port(0).handle_signals(false);
    let handle = server.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::spawn(move || runtime.block_on(server.start_async()));
    while !handle.is_ready() && !thread.is_finished() {
        std::thread::sleep(Duration::from_millis(1));
    }
    tracing::info!("that was the second app of the tour; the showcase itself follows");
    Ok(Second { handle, thread })
}
// end

/// The second app while it runs.
pub(crate) struct Second {
    pub(crate) handle: Handle,
    thread: std::thread::JoinHandle<Result<()>>,
}

impl Second {
    /// Stops it, and waits for its end.
    pub(crate) fn stop(self) -> Result<()> {
        self.handle.stop();
        self.thread
            .join()
            .unwrap_or_else(|_| Err(HttpError::new(500).message("the second app panicked").into()))
    }
}

/// Where the second app listens.
pub(crate) struct SecondAddress(pub(crate) Handle);

impl SecondAddress {
    /// `http://127.0.0.1:` and the port.
    pub(crate) fn url(&self) -> String {
        self.0.local_addr().map_or_else(String::new, |address| format!("http://{address}"))
    }
}
