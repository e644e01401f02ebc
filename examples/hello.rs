//! The smallest program: a function, the requests that reach it, a server.
//!
//! ```sh
//! cargo run -p vernal --example hello
//! curl 'http://127.0.0.1:9090/hello/Ada?times=2'
//! ```

use vernal::prelude::*;

#[route("/hello/{name}", method = "GET")]
async fn hello(name: String, #[default(1)] times: u8) -> String {
    format!("Hello, {name}!\n").repeat(times.into())
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
