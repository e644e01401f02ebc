//! Functions for single events, which join to one handler, and closures.

use std::sync::atomic::{AtomicU32, Ordering};

use vernal::Route;
use vernal::prelude::*;
use vernal::websocket::FunctionHandler;

use crate::support::Running;
use crate::support::websocket::{BINARY, CONTINUATION, FIN, PING, PONG, Socket, handshake};

#[websocket_handshake("/fun/{path_val}", app = "functions")]
async fn shake(path_val: &str, #[header("X-Token")] token: Option<String>) -> Handshake {
    match path_val {
        "secret" if token.is_none() => Handshake::refuse(401),
        _ => Handshake::accept().header("X-Path", path_val),
    }
}

#[websocket_open("/fun/{path_val}", app = "functions")]
async fn open(
    session: WebsocketSession,
    greeting: State<Greeting>,
    path_val: String,
    times: Option<u8>,
) -> Result<()> {
    session.send_text(format!("{} {path_val} {times:?}", greeting.0)).await
}

#[websocket_message("/fun/{path_val}", app = "functions")]
async fn text(session: &WebsocketSession, path_val: &str, message: String) -> Result<()> {
    session.send_text(format!("{path_val}: {message}")).await
}

#[websocket_message("/fun/{path_val}", kind = "binary", app = "functions")]
async fn binary(session: &WebsocketSession, message: Bytes) -> Result<()> {
    session.send_binary(message).await
}

#[websocket_message("/fun/{path_val}", kind = "binary_frame", app = "functions")]
fn binary_frame(fin: bool, payload: &[u8]) -> KeepFrame {
    if fin || payload.len() < 3 { KeepFrame::Yes } else { KeepFrame::No }
}

#[websocket_message("/fun/{path_val}", kind = "pong", app = "functions")]
async fn pong(session: &WebsocketSession, message: Bytes) -> Result<()> {
    session.send_ping(message).await
}

static CLOSED: AtomicU32 = AtomicU32::new(0);

#[websocket_close("/fun/{path_val}", app = "functions")]
async fn close(reason: CloseReason, request: &Request) {
    if reason.code == Some(4321) && request.path() == "/fun/closing" {
        CLOSED.fetch_add(1, Ordering::SeqCst);
    }
}

struct Greeting(&'static str);

fn start() -> Running {
    Running::start(Server::app("functions").manage(Greeting("hello")))
}

#[test]
fn functions_with_one_endpoint_are_one_handler() {
    let server = start();
    let mut socket = Socket::open(&server, "/fun/ada?times=3");
    assert_eq!(socket.answer.field("x-path"), Some("ada"));
    assert_eq!(socket.text(), "hello ada Some(3)");
    assert_eq!(socket.ask("hi"), "ada: hi");
    socket.send(BINARY, "ab");
    socket.send(CONTINUATION, "dropped");
    socket.send(FIN | CONTINUATION, "cde");
    assert_eq!(socket.receive().payload, b"abcde");
    socket.send(FIN | PONG, "back");
    let ping = socket.receive();
    assert_eq!((ping.first, ping.payload.as_slice()), (FIN | PING, &b"back"[..]));
}

#[test]
fn a_ping_without_a_function_is_answered() {
    let server = start();
    let mut socket = Socket::open(&server, "/fun/ping");
    socket.text();
    socket.send(FIN | PING, "p");
    assert_eq!(socket.receive().first, FIN | PONG);
}

#[test]
fn arguments_are_bound_from_the_request() {
    let server = start();
    assert_eq!(server.ask(handshake("/fun/secret", "")).status, 401);
    assert_eq!(server.ask(handshake("/fun/secret", "X-Token: t\r\n")).status, 101);
    let mut socket = Socket::open(&server, "/fun/x?times=many");
    assert_eq!(socket.receive().close().0, 1011, "a value that cannot be read is a failure of the event");
}

#[test]
fn the_end_is_told_with_code_and_request() {
    let server = start();
    let mut socket = Socket::open(&server, "/fun/closing");
    socket.text();
    socket.close(4321, "");
    crate::support::wait_until("it was told", || CLOSED.load(Ordering::SeqCst) == 1);
}

#[websocket_message("/shared/a", app = "functions")]
#[websocket_message(regexp = "^/shared/b$", app = "functions")]
async fn shared(session: &WebsocketSession, message: &str) -> Result<()> {
    session.send_text(format!("{} {message}", session.request().route().unwrap_or_default())).await
}

#[test]
fn a_function_may_have_several_endpoints() {
    let server = start();
    assert_eq!(Socket::open(&server, "/shared/a").ask("x"), "/shared/a x");
    assert_eq!(Socket::open(&server, "/shared/b").ask("x"), "^/shared/b$ x");
}

#[test]
fn closures_need_no_attribute() {
    let chat = FunctionHandler::new("by hand")
        .on_handshake(|request| match request.param("token") {
            Some("secret") => Ok(Handshake::accept()),
            _ => Err(HttpError::new(403)),
        })
        .on_open(|session| async move { session.send_text("open").await })
        .on_text_message(|session, message| async move { session.send_text(message).await })
        .on_binary_frame(|_, _, payload: Bytes| async move { payload.len() > 1 })
        .on_binary_message(|session, message| async move { session.send_binary(message).await })
        .on_ping_message(
            |session, message| async move { session.send_pong([&message[..], b"!"].concat()).await },
        );
    let counter = AtomicU32::new(0);
    let per_connection = move || {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        FunctionHandler::new("numbered")
            .on_open(move |session| async move { session.send_text(number.to_string()).await })
    };
    let server = Server::app("by hand").declare(|app| {
        app.websocket(Route::path("/hand/{x}"), chat)
            .websocket_per_connection(Route::path("/hand/numbered"), per_connection)
    });
    let server = Running::start(server);
    assert_eq!(server.ask(handshake("/hand/x", "")).status, 403);
    let mut socket = Socket::open(&server, "/hand/x?token=secret");
    assert_eq!((socket.text(), socket.ask("hi")), ("open".to_owned(), "hi".to_owned()));
    socket.send(BINARY, "a");
    socket.send(FIN | CONTINUATION, "bc");
    assert_eq!(socket.receive().payload, b"bc");
    socket.send(FIN | PING, "ping");
    assert_eq!(socket.receive().payload, b"ping!");
    assert_eq!(Socket::open(&server, "/hand/numbered").text(), "0");
    assert_eq!(Socket::open(&server, "/hand/numbered").text(), "1");
}
