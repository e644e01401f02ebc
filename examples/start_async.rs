//! A server inside a runtime that is already there, with a handle to ask about it and to stop it.
//!
//! ```sh
//! cargo run -p vernal --example start_async
//! curl -X POST http://127.0.0.1:9090/stop
//! ```

use vernal::Handle;
use vernal::prelude::*;

#[route("/stop", method = "POST")]
async fn stop(handle: State<Handle>) -> &'static str {
    handle.stop(); // this answer still goes out
    "stopping\n"
}

#[tokio::main]
async fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    let server = Server::new();
    let handle = server.handle();
    let running = tokio::spawn(server.manage(handle.clone()).start_async());
    while !handle.is_ready() && !running.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    println!("listening on {:?}; other work goes on here", handle.local_addr());
    running.await?
}
