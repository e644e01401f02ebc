//! Two apps in one process: their controllers, filters, sessions and limits have nothing to do with each other.
//!
//! ```sh
//! cargo run -p vernal --example two_apps
//! curl http://127.0.0.1:9090/
//! curl http://127.0.0.1:9091/
//! ```

use vernal::prelude::*;

#[route("/")]
async fn public() -> &'static str {
    "for everyone\n"
}

#[route("/", app = "admin")]
async fn admin() -> &'static str {
    "for administrators\n"
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    let admin = Server::app("admin").port(9091).workers(1);
    let thread = std::thread::spawn(|| admin.start());
    Server::new().port(9090).start()?;
    thread.join().unwrap_or(Ok(()))
}
