//! Servers whose WebSockets have nothing to do with HTTP.

use std::path::Path;

use vernal::websocket::{FunctionHandler, HandlerScope, Handshake, WebsocketSettings};
use vernal::{App, HttpError, Location, Route, Server, controller};

use crate::support::Running;
use crate::support::websocket::{ACCEPT, BINARY, CLOSE, FIN, Socket, close_payload, handshake};

fn server() -> Running {
    let talk = FunctionHandler::new("talk")
        .on_handshake(|request| match request.path_value("name") {
            Some("refused") => Ok(Handshake::refuse(403).header("X-Why", "closed")),
            Some("failing") => Err(HttpError::new(418)),
            Some(name) => Ok(Handshake::accept().header("X-Name", name)),
            None => Ok(Handshake::refuse(404)),
        })
        .on_text_message(|session, message| async move { session.send_text(message).await });
    let files = FunctionHandler::new("files").on_text_message(|session, path| async move {
        let rest = session.begin_file(Path::new(&path), 3)?;
        session.send_text("after").await?;
        match session.begin_file(Path::new(&path), 0) {
            Ok(_) => session.send_text("two at once").await?,
            Err(error) => session.send_text(error.to_string()).await?,
        }
        rest.await
    });
    let location = Location::interned("talk", "apart", "apart.rs", 1);
    let builder = App::builder()
        .server_name("apart")
        .websocket_settings(WebsocketSettings::default().apart_from_http(true))
        .websocket_at(Route::path("/talk/{name}"), location, HandlerScope::Shared(std::sync::Arc::new(talk)))
        .websocket(Route::path("/files"), files)
        .route(Route::path("/page"), controller::from_fn(|_| "a page"));
    Running::start(Server::of(builder))
}

#[test]
fn an_answer_has_the_fields_of_the_protocol_and_of_the_handler_alone() {
    let server = server();
    let mut wire = server.connect();
    wire.send(handshake("/talk/somebody", ""));
    let head = String::from_utf8(wire.until(b"\r\n\r\n")).expect("text");
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let accept = format!("Sec-WebSocket-Accept: {ACCEPT}");
    let expected = [
        "HTTP/1.1 101 Switching Protocols",
        &accept,
        "connection: Upgrade",
        "upgrade: websocket",
        "x-name: somebody",
    ];
    assert_eq!(lines, expected);
    assert_eq!(Socket::open(&server, "/talk/somebody").ask("as ever"), "as ever");
}

#[test]
fn a_refusal_has_the_fields_of_the_handler_alone_and_ends_the_connection() {
    let server = server();
    let mut wire = server.connect();
    wire.send(handshake("/talk/refused", ""));
    assert_eq!(String::from_utf8_lossy(&wire.rest()), "HTTP/1.1 403 Forbidden\r\nx-why: closed\r\n\r\n");
}

#[test]
fn an_error_has_its_page_as_ever() {
    let answer = server().ask(handshake("/talk/failing", ""));
    assert_eq!((answer.status, answer.field("server")), (418, Some("apart")));
    assert!(answer.field("content-length").is_some());
}

#[test]
fn a_path_without_an_endpoint_is_not_found_whatever_controllers_there_are() {
    let server = server();
    for path in ["/page", "/nowhere"] {
        let mut wire = server.connect();
        assert_eq!(wire.ask("GET /page HTTP/1.1\r\nHost: x\r\n\r\n").text(), "a page");
        wire.send(handshake(path, ""));
        assert_eq!(String::from_utf8_lossy(&wire.rest()), "HTTP/1.1 404 Not Found\r\n\r\n");
    }
    let mut wire = server.connect();
    assert_eq!(wire.ask(handshake("/%zz", "")).status, 400, "a target that is none is refused as ever");
}

#[test]
fn a_request_pipelined_before_the_handshake_is_answered_as_ever() {
    let server = server();
    let mut wire = server.connect();
    wire.send(format!("GET /page HTTP/1.1\r\nHost: x\r\n\r\n{}", handshake("/talk/refused", "")));
    assert_eq!(wire.answer().text(), "a page");
    assert_eq!(String::from_utf8_lossy(&wire.rest()), "HTTP/1.1 403 Forbidden\r\nx-why: closed\r\n\r\n");
}

#[test]
fn a_file_has_its_place_before_what_is_sent_after_it() {
    let server = server();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), b"abcde").expect("a file");
    let mut socket = Socket::open(&server, "/files");
    socket.send_text(&file.path().to_string_lossy());
    let (first, second) = (socket.receive(), socket.receive());
    assert_eq!((first.first, &first.payload[..]), (BINARY, &b"abc"[..]));
    assert_eq!((second.first, &second.payload[..]), (FIN, &b"de"[..]));
    assert_eq!(socket.text(), "after");
    assert_eq!(socket.text(), "the client leaves too much unread");
    socket.send_text("/not/there");
    assert_eq!(socket.receive().first, FIN | CLOSE);
    socket.send(FIN | CLOSE, close_payload(1011, ""));
}
