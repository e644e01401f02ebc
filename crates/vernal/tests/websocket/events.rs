//! The events of a handler type: what each is told, and what its answer does.

use std::sync::atomic::{AtomicU32, Ordering};

use vernal::prelude::*;

use crate::support::websocket::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, Socket, TEXT, close_payload, frame,
};
use crate::support::{Running, log, wait_until};

/// Says what it is told.
#[derive(Default)]
struct Teller;

#[websocket_handler("/tell/{name}", app = "events")]
#[websocket_handler(regexp = "^/numbers/([0-9]+)/(.*)$", app = "events")]
#[websocket_handler("/files/**", app = "events")]
impl WebsocketHandler for Teller {
    async fn on_open(&self, session: &WebsocketSession) -> Result<()> {
        let request = session.request();
        let name = request.path_value("name").or(request.path_wildcard()).unwrap_or("nobody");
        let groups: Vec<&str> = request.groups().flatten().collect();
        session.send_text(format!("open {name} {groups:?} {}", request.query())).await
    }

    async fn on_text_message(&self, session: &WebsocketSession, message: &str) -> Result<()> {
        session.send_text(format!("text {message}")).await
    }

    async fn on_binary_message(&self, session: &WebsocketSession, message: Vec<u8>) -> Result<()> {
        session.send_text(format!("binary {message:?}")).await
    }

    async fn on_binary_frame(&self, session: &WebsocketSession, fin: bool, payload: &[u8]) -> Result<bool> {
        session.send_text(format!("frame {fin} {payload:?}")).await?;
        Ok(payload != b"drop")
    }

    async fn on_ping_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_text(format!("ping {message:?}")).await
    }

    async fn on_pong_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_text(format!("pong {message:?}")).await
    }

    async fn on_close(&self, session: &WebsocketSession, reason: &CloseReason) {
        let name = session.request().path_value("name").unwrap_or_default();
        let CloseReason { message, code, reason } = reason;
        let line = format!("{name}: {message} {code:?} {reason:?} {}", session.is_closed());
        ENDED.lock().expect("no panic").push(line);
    }
}

/// What handlers were told at the end of their connections, a name of its own for each.
static ENDED: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// The line of the connection of this name, once it has ended.
fn end_of(name: &str) -> String {
    let find = || {
        let lines = ENDED.lock().expect("no panic");
        lines.iter().filter(|line| line.starts_with(&format!("{name}: "))).cloned().collect::<Vec<_>>()
    };
    wait_until("the connection has ended", || !find().is_empty());
    let lines = find();
    assert_eq!(lines.len(), 1, "on_close is called once: {lines:?}");
    lines.into_iter().next().expect("a line")
}

fn start() -> Running {
    Running::start(Server::app("events"))
}

#[test]
fn on_open_knows_the_request() {
    let server = start();
    assert_eq!(Socket::open(&server, "/tell/ada?a=1").text(), "open ada [] a=1");
    assert_eq!(Socket::open(&server, "/numbers/17/x%20y").text(), "open nobody [\"17\", \"x y\"] ");
    assert_eq!(Socket::open(&server, "/files/a/b").text(), "open a/b [] ");
}

#[test]
fn messages_come_whole() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/whole");
    socket.text();
    assert_eq!(socket.ask("grüße"), "text grüße");
    assert_eq!(socket.ask(""), "text ");
    socket.send(TEXT, "in ");
    socket.send(CONTINUATION, "three ");
    socket.send(FIN | CONTINUATION, "frames");
    assert_eq!(socket.text(), "text in three frames");
    socket.send(FIN | BINARY, [1, 2]);
    assert_eq!(socket.text(), "binary [1, 2]");
}

#[test]
fn frames_that_are_not_kept_are_no_part_of_the_message() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/frames");
    socket.text();
    socket.send(BINARY, "ab");
    assert_eq!(socket.text(), "frame false [97, 98]");
    socket.send(CONTINUATION, "drop");
    assert_eq!(socket.text(), "frame false [100, 114, 111, 112]");
    socket.send(FIN | PING, "between");
    assert_eq!(socket.text(), "ping b\"between\"");
    socket.send(FIN | CONTINUATION, "c");
    assert_eq!(socket.text(), "frame true [99]");
    assert_eq!(socket.text(), "binary [97, 98, 99]");
}

#[test]
fn pings_and_pongs_are_events() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/pings");
    socket.text();
    socket.send(FIN | PING, "a");
    assert_eq!(socket.text(), "ping b\"a\"");
    socket.send(FIN | PONG, "b");
    assert_eq!(socket.text(), "pong b\"b\"");
}

#[derive(Default)]
struct Silent;

#[websocket_handler("/silent", app = "events")]
impl WebsocketHandler for Silent {}

#[test]
fn a_handler_without_events_answers_pings() {
    let server = start();
    let mut socket = Socket::open(&server, "/silent");
    socket.send(FIN | TEXT, "nobody listens");
    socket.send(FIN | PONG, "nobody listens");
    socket.send(FIN | PING, "hello");
    let pong = socket.receive();
    assert_eq!((pong.first, pong.payload.as_slice()), (FIN | PONG, &b"hello"[..]));
}

#[test]
fn a_client_that_closes_is_answered_and_reported() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/closing");
    socket.text();
    assert_eq!(socket.close(4001, "enough").close().0, 4001);
    assert_eq!(end_of("closing"), "closing: Client asked to close connection. Some(4001) \"enough\" true");
    let mut socket = Socket::open(&server, "/tell/codeless");
    socket.text();
    socket.send(FIN | CLOSE, "");
    assert_eq!(socket.receive().first, FIN | CLOSE);
    assert!(socket.wire.is_closed());
    assert_eq!(end_of("codeless"), "codeless: Client asked to close connection. None \"\" true");
}

#[test]
fn a_client_that_vanishes_is_reported() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/vanishing");
    socket.text();
    drop(socket);
    assert_eq!(end_of("vanishing"), "vanishing: Client closed connection. Some(1006) \"\" true");
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_so() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/unmasked");
    socket.text();
    socket.wire.send([0x81, 0x01, b'x']);
    assert_eq!(socket.receive().close().0, 1002);
    assert!(end_of("unmasked").contains("Some(1002)"), "{}", end_of("unmasked"));
    let mut socket = Socket::open(&server, "/tell/no-text");
    socket.text();
    socket.send(FIN | TEXT, [0xff]);
    assert_eq!(socket.receive().close().0, 1007);
}

#[test]
fn a_message_over_the_limit_closes_with_1009() {
    let server = Running::start(Server::app("events").limits(Limits::default().websocket_message(1000)));
    let mut socket = Socket::open(&server, "/tell/long");
    socket.text();
    socket.send(TEXT, [b'x'; 600]);
    socket.send(FIN | CONTINUATION, [b'x'; 600]);
    assert_eq!(socket.receive().close().0, 1009);
}

/// Fails as it is told to.
#[derive(Default)]
struct Failing;

#[websocket_handler("/failing/{name}", app = "events")]
impl WebsocketHandler for Failing {
    async fn on_open(&self, name: String) -> Result<(), std::num::ParseIntError> {
        if name == "at-once" {
            "no number".parse::<u8>()?;
        }
        Ok(())
    }

    async fn on_text_message(&self, message: String) -> Result<(), std::num::ParseIntError> {
        assert!(message != "panic", "it was told to panic");
        message.parse::<u8>().map(drop)
    }

    async fn on_close(&self, session: &WebsocketSession, reason: CloseReason) -> Result<()> {
        let name = session.request().path_value("name").unwrap_or_default();
        ENDED.lock().expect("no panic").push(format!("{name}: {:?}", reason.code));
        Err(std::io::Error::other("even the end fails").into())
    }
}

#[test]
fn a_handler_that_fails_closes_with_1011_and_is_logged_with_its_name() {
    log::gather();
    let server = start();
    let mut socket = Socket::open(&server, "/failing/later");
    socket.send_text("17");
    socket.send_text("seventeen");
    assert_eq!(socket.receive().close().0, 1011);
    socket.send(FIN | CLOSE, close_payload(1011, ""));
    assert!(socket.wire.is_closed());
    assert!(end_of("later").contains("Some(1011)"), "{}", end_of("later"));
    let lines = log::lines_with("invalid digit found in string");
    let named = |line: &&String| {
        line.starts_with("ERROR") && line.contains("Failing") && line.contains("on_text_message")
    };
    assert!(lines.iter().any(|line| named(&line)), "{lines:?}");
    wait_until("the end is logged as well", || !log::lines_with("even the end fails").is_empty());
    assert_eq!(Socket::open(&server, "/failing/at-once").receive().close().0, 1011);
}

#[test]
fn a_panic_closes_its_connection_alone() {
    log::gather();
    let server = start();
    let mut other = Socket::open(&server, "/tell/other");
    other.text();
    let mut socket = Socket::open(&server, "/failing/panicking");
    socket.send_text("panic");
    assert_eq!(socket.receive().close().0, 1011);
    assert!(!log::lines_with("it was told to panic").is_empty());
    assert_eq!(other.ask("hello"), "text hello");
    assert_eq!(server.get("/nowhere").status, 404);
}

struct Counter(AtomicU32);

#[websocket_handler("/count/all", app = "events", init = Counter(AtomicU32::new(10)))]
impl WebsocketHandler for Counter {
    async fn on_text_message(&self, session: &WebsocketSession) -> Result<()> {
        session.send_text((self.0.fetch_add(1, Ordering::Relaxed) + 1).to_string()).await
    }
}

#[derive(Default)]
struct Own(AtomicU32);

#[websocket_handler("/count/own", app = "events", scope = "session")]
impl WebsocketHandler for Own {
    async fn on_text_message(&self, session: &WebsocketSession) -> Result<()> {
        session.send_text((self.0.fetch_add(1, Ordering::Relaxed) + 1).to_string()).await
    }
}

#[test]
fn a_singleton_serves_all_connections_and_a_session_handler_one() {
    let server = start();
    let (mut one, mut two) = (Socket::open(&server, "/count/all"), Socket::open(&server, "/count/all"));
    assert_eq!((one.ask("x"), two.ask("x"), one.ask("x")), ("11".into(), "12".into(), "13".into()));
    let (mut one, mut two) = (Socket::open(&server, "/count/own"), Socket::open(&server, "/count/own"));
    assert_eq!((one.ask("x"), two.ask("x"), one.ask("x")), ("1".into(), "1".into(), "2".into()));
}

/// Blocks in every event.
#[derive(Default)]
struct Blocking;

#[websocket_handler("/blocking", app = "events")]
impl WebsocketHandler for Blocking {
    fn on_handshake(&self) -> Handshake {
        Handshake::accept().header("X-Thread", thread())
    }

    fn on_open(&self, session: &WebsocketSession) -> Result<()> {
        session.try_send_text(format!("open {}", thread()))
    }

    fn on_text_message(&self, session: &WebsocketSession, message: &str) -> Result<()> {
        assert!(message != "panic", "a plain function may panic too");
        std::thread::sleep(std::time::Duration::from_millis(20));
        session.try_send_text(format!("{message} {}", thread()))
    }
}

fn thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn plain_functions_may_block_and_keep_their_order() {
    let server = Running::start(Server::app("events").workers(1));
    let mut socket = Socket::open(&server, "/blocking");
    assert!(socket.answer.field("x-thread").is_some_and(|name| name.starts_with("vernal-blocking")));
    assert!(socket.text().starts_with("open vernal-blocking"));
    for text in ["a", "b", "c"] {
        socket.send_text(text);
    }
    for text in ["a", "b", "c"] {
        assert!(socket.text().starts_with(&format!("{text} vernal-blocking")));
    }
    socket.send_text("panic");
    assert_eq!(socket.receive().close().0, 1011);
}

#[test]
fn plain_functions_run_on_the_event_loop_where_that_was_asked_for() {
    let server = Running::start(Server::app("events").prefer_coroutine(true));
    let mut socket = Socket::open(&server, "/blocking");
    assert!(!socket.text().contains("vernal-blocking"));
}

#[test]
fn a_frame_may_arrive_a_byte_at_a_time() {
    let server = start();
    let mut socket = Socket::open(&server, "/tell/slowly");
    socket.text();
    for byte in frame(FIN | TEXT, "slow") {
        socket.wire.send([byte]);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(socket.text(), "text slow");
}

#[test]
fn a_stop_closes_with_1001_and_waits_for_the_answer() {
    log::gather();
    let server = start();
    let mut socket = Socket::open(&server, "/tell/stopping");
    socket.text();
    server.handle.stop();
    assert_eq!(socket.receive().close().0, 1001);
    socket.send(FIN | CLOSE, close_payload(1001, ""));
    assert!(socket.wire.is_closed());
    drop(socket);
    server.stop().expect("it ends");
    assert!(end_of("stopping").contains("Some(1001)"), "{}", end_of("stopping"));
}

#[test]
fn a_client_that_does_not_close_is_cut_at_the_deadline() {
    let server = Running::start(Server::app("events").drain_deadline(std::time::Duration::from_secs(1)));
    let mut socket = Socket::open(&server, "/tell/stubborn");
    socket.text();
    server.stop().expect("it ends all the same");
    assert_eq!(socket.receive().close().0, 1001);
    assert!(end_of("stubborn").starts_with("stubborn: "));
}
