//! WebSocket as an application sees it: endpoints, the handshake, the events, over real sockets.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use support::websocket::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, Socket, TEXT, close_payload, frame, handshake,
};
use support::{Running, log, wait_until};
use vernal::prelude::*;
use vernal::websocket::{FunctionHandler, WebsocketSettings};
use vernal::{Handle, Route};

#[derive(Default)]
struct Echo;

#[websocket_handler("/echo/{name}")]
#[websocket_handler(regexp = "^/numbers/([0-9]+)$")]
impl WebsocketHandler for Echo {
    async fn on_open(&self, session: &WebsocketSession) -> Result<()> {
        let name = session.request().path_value("name").unwrap_or_default();
        let group = session.request().groups().next().flatten().unwrap_or_default();
        session.send_text(format!("welcome {name}{group}")).await
    }

    async fn on_text_message(&self, session: &WebsocketSession, message: String) -> Result<()> {
        session.send_text(message).await
    }

    async fn on_binary_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_binary(message).await
    }
}

#[test]
fn a_message_comes_back() {
    let server = Running::start(Server::new());
    let mut socket = Socket::open(&server, "/echo/ada");
    assert_eq!(socket.text(), "welcome ada");
    assert_eq!(socket.ask("hello"), "hello");
    socket.send(FIN | BINARY, [0, 1, 2]);
    assert_eq!(socket.receive().payload, [0, 1, 2]);
    assert_eq!(socket.close(1000, "bye").close(), (1000, ""));
}
