//! All mistakes of a handler are reported together, each at its own word.

use vernal::prelude::*;

#[derive(Default)]
struct Chat;

#[websocket_handler("/chat/{room", scope = "request", rooms = 5)]
#[websocket_handler]
impl WebsocketHandler for Chat {
    async fn on_text(&self, session: &WebsocketSession, message: String) {}

    async fn on_handshake(&self, session: &WebsocketSession) -> Handshake {
        Handshake::accept()
    }

    async fn on_open(&mut self, session: &mut WebsocketSession) {}

    async fn on_binary_message(session: &WebsocketSession, body: Json<u8>) {}

    async fn on_close(&self, session: Session) {}
}

fn main() {}
