//! An echo as an application of vernal has it.
use vernal::prelude::*;

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

fn main() -> vernal::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("usage: PORT");
    Server::new().port(port).workers(1).start()
}
