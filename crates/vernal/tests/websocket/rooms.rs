//! Rooms: who is in them, and what happens to those who do not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vernal::prelude::*;
use vernal::websocket::{LocalRooms, RoomMessage, RoomTransport};

use crate::support::websocket::{BINARY, FIN, Socket};
use crate::support::{Running, log, wait_until};

#[derive(Default)]
struct Chat;

#[websocket_handler("/chat/{room}", app = "rooms")]
impl WebsocketHandler for Chat {
    async fn on_open(&self, session: &WebsocketSession, room: &str) -> Result<()> {
        session.join(room)?;
        session.send_text(format!("in {:?}", session.joined())).await
    }

    async fn on_text_message(
        &self,
        session: &WebsocketSession,
        rooms: Rooms,
        room: &str,
        message: &str,
    ) -> Result<()> {
        match message.split_once(' ') {
            Some(("join", other)) => match session.join(other) {
                Ok(()) => session.send_text(format!("in {:?}", session.joined())).await,
                Err(error) => session.send_text(error.to_string()).await,
            },
            Some(("leave", other)) => {
                session.leave(other);
                session.send_text(format!("in {:?}", session.joined())).await
            }
            _ => {
                rooms.get(room).send_text(format!("{room}: {message}"));
                Ok(())
            }
        }
    }

    async fn on_binary_message(&self, rooms: Rooms, room: &str, message: Bytes) {
        rooms.get(room).send_binary(message);
    }
}

#[route("/rooms/{room}", app = "rooms")]
async fn announce(rooms: Rooms, room: String, text: String) -> String {
    rooms.get(&room).send_text(text);
    let ids: std::collections::BTreeSet<u64> =
        rooms.get(&room).members().iter().map(WebsocketSession::id).collect();
    assert_eq!(ids.len(), rooms.get(&room).len());
    format!("{} of {:?}", ids.len(), rooms.names())
}

#[route("/state", app = "rooms")]
async fn state(rooms: State<Rooms>) -> String {
    rooms.names().len().to_string()
}

fn open(server: &Running, room: &str) -> Socket {
    let mut socket = Socket::open(server, &format!("/chat/{room}"));
    assert_eq!(socket.text(), format!("in [{room:?}]"));
    socket
}

#[test]
fn everyone_in_a_room_is_told_the_same() {
    let server = Running::start(Server::app("rooms"));
    let (mut ada, mut bob, mut eve) = (open(&server, "tea"), open(&server, "tea"), open(&server, "coffee"));
    ada.send_text("hello");
    assert_eq!((ada.text(), bob.text()), ("tea: hello".to_owned(), "tea: hello".to_owned()));
    eve.send(FIN | BINARY, [1, 2, 3]);
    assert_eq!(eve.receive().payload, [1, 2, 3]);
    assert_eq!(eve.ask("alone"), "coffee: alone");
}

#[test]
fn controllers_speak_to_rooms_too() {
    let server = Running::start(Server::app("rooms"));
    let (mut ada, mut bob) = (open(&server, "tea"), open(&server, "tea"));
    assert_eq!(server.get("/rooms/tea?text=ready").text(), "2 of [\"tea\"]");
    assert_eq!((ada.text(), bob.text()), ("ready".to_owned(), "ready".to_owned()));
    assert_eq!(server.get("/rooms/nowhere?text=hello").text(), "0 of [\"tea\"]");
    assert_eq!(server.get("/state").text(), "1");
}

#[test]
fn a_connection_may_be_in_several_rooms_and_leaves_them_at_its_end() {
    let server = Running::start(Server::app("rooms"));
    let (mut ada, mut bob) = (open(&server, "tea"), open(&server, "milk"));
    assert_eq!(ada.ask("join milk"), "in [\"milk\", \"tea\"]");
    assert_eq!(ada.ask("join milk"), "in [\"milk\", \"tea\"]");
    bob.send_text("hello");
    assert_eq!((ada.text(), bob.text()), ("milk: hello".to_owned(), "milk: hello".to_owned()));
    assert_eq!(ada.ask("leave milk"), "in [\"tea\"]");
    assert_eq!(bob.ask("again"), "milk: again");
    assert_eq!(ada.ask("join milk"), "in [\"milk\", \"tea\"]");
    ada.close(1000, "");
    wait_until("ada has left", || server.get("/rooms/milk?text=x").text() == "1 of [\"milk\"]");
    drop(bob);
    wait_until("the rooms are gone", || server.get("/state").text() == "0");
}

#[test]
fn how_many_rooms_and_how_long_their_names_is_bounded() {
    let limits = Limits::default().websocket_rooms(2).websocket_room_name(4);
    let server = Running::start(Server::app("rooms").limits(limits));
    let mut ada = open(&server, "one");
    assert_eq!(ada.ask("join two"), "in [\"one\", \"two\"]");
    assert_eq!(ada.ask("join six"), "a connection may be in 2 rooms, and is in as many");
    assert_eq!(ada.ask("leave two"), "in [\"one\"]");
    assert_eq!(ada.ask("join seven"), "the name of a room may have 4 bytes, this one has 5");
}

#[test]
fn a_member_that_does_not_read_is_closed_and_the_others_do_not_wait() {
    log::gather();
    let limits = Limits::default().websocket_queue(64 * KB);
    let server = Running::start(Server::app("rooms").limits(limits));
    let (slow, mut quick) = (open(&server, "lecture"), open(&server, "lecture"));
    let text = "x".repeat(60 * KB);
    let mut sent = 0;
    while server.get("/rooms/lecture?text=").text() == "2 of [\"lecture\"]" {
        quick.text();
        quick.send_text(&text);
        quick.text();
        sent += 1;
        assert!(sent < 2000, "120 MB cannot wait for a client");
        if !log::lines_with("reads too slowly").is_empty() {
            break;
        }
    }
    wait_until("it was logged", || !log::lines_with("reads too slowly").is_empty());
    drop(slow);
    wait_until("the room goes on", || server.get("/rooms/lecture?text=").text() == "1 of [\"lecture\"]");
}

/// Counts, and speaks of everything twice.
#[derive(Default)]
struct Twice {
    opened: AtomicU32,
    closed: AtomicU32,
}

struct Transport(Arc<Twice>);

impl RoomTransport for Transport {
    fn opened(&self, _: &str) {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
    }

    fn closed(&self, _: &str) {
        self.0.closed.fetch_add(1, Ordering::SeqCst);
    }

    fn publish(&self, local: &LocalRooms, room: &str, message: RoomMessage) {
        local.deliver(room, &message);
        local.deliver(room, &RoomMessage::text(format!("again: {}", message.as_text().unwrap_or_default())));
    }
}

#[test]
fn another_transport_may_carry_the_messages() {
    let twice = Arc::new(Twice::default());
    let transport = Transport(Arc::clone(&twice));
    let server = Running::start(Server::app("rooms").declare(|app| app.room_transport(transport)));
    let (mut ada, bob) = (open(&server, "tea"), open(&server, "tea"));
    ada.send_text("hello");
    assert_eq!((ada.text(), ada.text()), ("tea: hello".to_owned(), "again: tea: hello".to_owned()));
    assert_eq!((twice.opened.load(Ordering::SeqCst), twice.closed.load(Ordering::SeqCst)), (1, 0));
    drop((ada, bob));
    wait_until("the room is closed", || twice.closed.load(Ordering::SeqCst) == 1);
}
