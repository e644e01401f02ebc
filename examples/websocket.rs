//! A chat with rooms, and an echo: what is sent to a room reaches everyone in it.
//!
//! ```sh
//! cargo run -p vernal --example websocket
//! ```
//!
//! Then, in the console of a browser that shows <http://127.0.0.1:9090/>:
//!
//! ```js
//! chat = new WebSocket("ws://127.0.0.1:9090/chat/tea?name=Ada"); chat.onmessage = (event) => console.log(event.data)
//! chat.send("hello")
//! ```

use vernal::prelude::*;

/// Serves all connections; what belongs to one of them is attached to it.
#[derive(Default)]
struct Chat;

struct Name(String);

#[websocket_handler("/chat/{room}")]
impl WebsocketHandler for Chat {
    async fn on_handshake(&self, name: Option<String>) -> Handshake {
        match name {
            Some(_) => Handshake::accept(),
            None => Handshake::refuse(401).header("X-Missing", "name"),
        }
    }

    async fn on_open(
        &self,
        session: &WebsocketSession,
        rooms: Rooms,
        room: &str,
        name: String,
    ) -> Result<()> {
        session.join(room)?;
        rooms.get(room).send_text(format!("{name} is here, one of {}", rooms.get(room).len()));
        session.attach(Name(name));
        Ok(())
    }

    async fn on_text_message(&self, session: &WebsocketSession, rooms: Rooms, room: &str, message: &str) {
        if let Some(name) = session.attached::<Name>() {
            rooms.get(room).send_text(format!("{}: {message}", name.0));
        }
    }

    async fn on_close(&self, session: &WebsocketSession, rooms: Rooms, room: &str) {
        if let Some(name) = session.attached::<Name>() {
            rooms.get(room).send_text(format!("{} has left", name.0));
        }
    }
}

#[websocket_message("/echo")]
async fn echo_text(session: &WebsocketSession, message: String) -> Result<()> {
    session.send_text(message).await
}

#[websocket_message("/echo", kind = "binary")]
async fn echo_bytes(session: &WebsocketSession, message: Bytes) -> Result<()> {
    session.send_binary(message).await
}

/// Whoever is in a room can be told something from anywhere.
#[route("/announce/{room}", method = "POST")]
async fn announce(rooms: Rooms, room: &str, text: &str) -> String {
    rooms.get(room).send_text(text);
    format!("{} are listening\n", rooms.get(room).len())
}

#[route("/")]
fn index() -> &'static str {
    "<html><body>Open the console, and see examples/websocket.rs.</body></html>"
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
