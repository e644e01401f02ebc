//! Sends back what it is sent.
//!
//! ```sh
//! cargo run -p vernal --example websocket_echo -- keep-contexts
//! ```
//!
//! It listens on `/echo`, on a port that the system chooses, and prints it. `conformance/autobahn.py` runs the public
//! suite against it. With `keep-contexts`, compressed messages may refer to earlier ones.

use vernal::prelude::*;
use vernal::websocket::{DeflateSettings, WebsocketSettings};

#[derive(Default)]
struct Echo;

#[websocket_handler("/echo")]
impl WebsocketHandler for Echo {
    async fn on_text_message(&self, session: &WebsocketSession, message: String) -> Result<()> {
        session.send_text(message).await
    }

    async fn on_binary_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_binary(message).await
    }
}

fn main() -> Result<()> {
    let keep_contexts = std::env::args().any(|argument| argument == "keep-contexts");
    let deflate = DeflateSettings::default().keep_contexts(keep_contexts).threshold(0);
    let server = Server::new()
        .port(0)
        .limits(Limits::default().websocket_frame(16 * MB).websocket_message(16 * MB))
        .websocket_settings(WebsocketSettings::default().deflate(deflate));
    let handle = server.handle();
    std::thread::spawn(move || {
        while !handle.is_ready() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        if let Some(address) = handle.local_addr() {
            println!("listening on {address}");
        }
    });
    server.start()
}
