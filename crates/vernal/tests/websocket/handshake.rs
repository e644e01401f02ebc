//! Which requests become connections, and what the others are told.

use vernal::prelude::*;
use vernal::session::MemorySessions;
use vernal::websocket::{FunctionHandler, WebsocketSettings};
use vernal::{Route, SessionSettings};

use crate::support::websocket::{ACCEPT, BINARY, FIN, KEY, Socket, TEXT, frame, handshake};
use crate::support::{Running, log, wait_until};

#[derive(Default)]
struct Guarded;

#[websocket_handler("/guarded/{name}", app = "handshake")]
impl WebsocketHandler for Guarded {
    async fn on_handshake(&self, request: &WebsocketRequest, name: &str) -> Result<Handshake> {
        Ok(match name {
            "headers" => Handshake::accept().header("X-Name", name).header("Upgrade", "nonsense"),
            "refused" => Handshake::refuse(403).header("X-Why", "closed"),
            "zero" => Handshake::refuse(0),
            "teapot" => return Err(HttpError::new(418).explain("short and stout").into()),
            "failing" => return Err(std::io::Error::other("the database is away").into()),
            "panicking" => panic!("what was that?"),
            "odd" => Handshake::refuse(99),
            "chosen" => match request.choose_subprotocol(&["chat.v2", "chat.v1"]) {
                Some(name) => Handshake::accept().subprotocol(name),
                None => Handshake::accept(),
            },
            "unoffered" => Handshake::accept().subprotocol("soap"),
            "visitor" => {
                request.session().await?.set("seen", true)?;
                Handshake::accept()
            }
            _ => Handshake::accept(),
        })
    }

    async fn on_open(&self, session: &WebsocketSession) -> Result<()> {
        let agreed = session.request().subprotocol().unwrap_or("none");
        session.send_text(format!("subprotocol {agreed}")).await
    }

    async fn on_text_message(&self, session: &WebsocketSession, message: String) -> Result<()> {
        session.send_text(message).await
    }
}

#[route("/guarded/{name}", app = "handshake")]
async fn page(name: String) -> String {
    format!("a page for {name}")
}

#[request_filter("/**", app = "handshake")]
async fn mark(ctx: &mut FilterContext) -> Result<()> {
    ctx.do_chain().await?;
    ctx.response.headers.insert("X-Filtered", "yes");
    Ok(())
}

fn server() -> Server {
    Server::app("handshake")
}

#[test]
fn the_handshake_has_what_rfc_6455_asks_for_and_nothing_else() {
    let server = Running::start(server());
    let answer = server.ask(handshake("/guarded/anyone", ""));
    assert_eq!((answer.status, answer.reason.as_str()), (101, "Switching Protocols"));
    assert_eq!(answer.field("upgrade"), Some("websocket"));
    assert_eq!(answer.field("connection"), Some("Upgrade"));
    assert_eq!(answer.field("sec-websocket-accept"), Some(ACCEPT));
    for absent in
        ["content-length", "content-type", "server", "sec-websocket-protocol", "sec-websocket-extensions"]
    {
        assert_eq!(answer.field(absent), None, "{absent}");
    }
    assert_eq!(answer.field("x-filtered"), None, "filters do not run for WebSockets");
}

#[test]
fn tokens_are_compared_in_any_case_and_found_in_lists() {
    let server = Running::start(server());
    for (upgrade, connection) in [
        ("WebSocket", "upgrade"),
        ("h2c, WEBSOCKET", "keep-alive, UPGRADE"),
        ("websocket\r\nUpgrade: h2c", "close\r\nConnection: Upgrade"),
    ] {
        let request = format!(
            "GET /guarded/anyone HTTP/1.1\r\nHost: x\r\nUpgrade: {upgrade}\r\nConnection: {connection}\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        assert_eq!(server.ask(request).status, 101, "{upgrade:?}, {connection:?}");
    }
}

#[test]
fn any_request_of_a_connection_may_become_a_websocket() {
    let server = Running::start(server());
    let mut wire = server.connect();
    assert_eq!(wire.ask("GET /guarded/1 HTTP/1.1\r\nHost: x\r\n\r\n").text(), "a page for 1");
    assert_eq!(wire.ask("GET /guarded/2 HTTP/1.1\r\nHost: x\r\n\r\n").text(), "a page for 2");
    assert_eq!(wire.ask(handshake("/guarded/refused", "")).status, 403);
    let mut socket = Socket::on(wire, "/guarded/anyone", "");
    assert_eq!(socket.text(), "subprotocol none");
    assert_eq!(socket.ask("still here"), "still here");
}

#[test]
fn a_request_pipelined_before_the_handshake_is_answered_before_it() {
    let server = Running::start(server());
    let mut wire = server.connect();
    let page = "GET /guarded/1 HTTP/1.1\r\nHost: x\r\n\r\n";
    wire.send(format!("{page}{page}{}", handshake("/guarded/anyone", "")));
    assert_eq!(wire.answer().text(), "a page for 1");
    assert_eq!(wire.answer().text(), "a page for 1");
    assert_eq!(wire.answer().status, 101);
}

#[test]
fn frames_sent_behind_the_handshake_are_not_lost() {
    let server = Running::start(server());
    let mut wire = server.connect();
    let mut bytes = handshake("/guarded/anyone", "").into_bytes();
    bytes.extend(frame(FIN | TEXT, "GET / HTTP/1.1\r\n\r\n"));
    bytes.extend(frame(FIN | TEXT, vec![b'x'; 70_000]));
    wire.send(bytes);
    assert_eq!(wire.answer().status, 101);
    let mut socket = Socket { wire, answer: server.get("/guarded/1") };
    assert_eq!(socket.text(), "subprotocol none");
    assert_eq!(socket.text(), "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(socket.text().len(), 70_000);
}

#[test]
fn requests_that_do_not_ask_for_a_websocket_are_answered_over_http() {
    let server = Running::start(server());
    let fields = format!("Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n");
    for request in [
        format!("GET /guarded/1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{fields}\r\n"),
        format!("GET /guarded/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n{fields}\r\n"),
        format!("GET /guarded/1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n{fields}\r\n"),
        format!(
            "GET /guarded/1 HTTP/1.0\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{fields}\r\n"
        ),
        format!(
            "PUT /guarded/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{fields}\r\n"
        ),
    ] {
        let answer = server.ask(&request);
        assert_eq!((answer.status, answer.text()), (200, "a page for 1"), "{request}");
        assert_eq!(answer.field("x-filtered"), Some("yes"));
    }
}

#[test]
fn an_answer_over_http_to_a_request_for_another_protocol_is_whole() {
    let server = Running::start(server());
    let request = "GET /guarded/1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n";
    let mut wire = server.connect();
    assert_eq!(wire.ask(request).text(), "a page for 1");
    assert!(wire.is_closed());
}

#[test]
fn a_path_without_endpoint_is_answered_over_http() {
    let server = Running::start(server());
    let answer = server.ask(handshake("/nowhere", ""));
    assert_eq!((answer.status, answer.reason.as_str()), (404, "Controller Not Found"));
    assert_eq!(server.ask(handshake(&format!("/{}", "x".repeat(9000)), "")).status, 414);
    assert_eq!(server.ask(handshake("/guarded/%ff", "")).status, 400);
}

#[test]
fn another_version_is_answered_with_the_one_there_is() {
    let server = Running::start(server());
    for version in
        ["Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n", ""]
    {
        let request = format!(
            "GET /guarded/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\n{version}\r\n"
        );
        let answer = server.ask(request);
        assert_eq!((answer.status, answer.field("sec-websocket-version")), (426, Some("13")), "{version:?}");
    }
}

#[test]
fn a_bad_key_is_refused() {
    let server = Running::start(server());
    let short = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n";
    let long = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQQ==\r\n";
    let twice = format!("Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}\r\n");
    for key in [
        "",
        "Sec-WebSocket-Key: \r\n",
        short,
        long,
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSB!b25jZQ==\r\n",
        &twice,
    ] {
        let request = format!(
            "GET /guarded/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             {key}Sec-WebSocket-Version: 13\r\n\r\n"
        );
        let answer = server.ask(request);
        assert_eq!(answer.status, 400, "{key:?}");
        assert!(answer.text().contains("16 bytes in base64"), "{}", answer.text());
    }
}

#[test]
fn a_handshake_has_no_body() {
    let server = Running::start(server());
    let mut wire = server.connect();
    let answer = wire.ask(handshake("/guarded/1", "Content-Length: 2\r\n") + "hi");
    assert_eq!(answer.status, 400);
    assert_eq!(server.ask(handshake("/guarded/1", "Content-Length: 0\r\n")).status, 101);
}

#[test]
fn the_handler_may_refuse_and_add_fields() {
    let server = Running::start(server());
    let accepted = server.ask(handshake("/guarded/headers", ""));
    assert_eq!((accepted.status, accepted.field("x-name")), (101, Some("headers")));
    assert_eq!(accepted.field("upgrade"), Some("websocket"));
    assert_eq!(server.ask(handshake("/guarded/zero", "")).status, 101);
    let mut wire = server.connect();
    let refused = wire.ask(handshake("/guarded/refused", ""));
    assert_eq!((refused.status, refused.field("x-why")), (403, Some("closed")));
    assert_eq!((refused.field("content-length"), refused.text()), (Some("0"), ""));
    let page = wire.ask("GET /guarded/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(page.text(), "a page for 1", "the connection goes on");
}

#[test]
fn on_close_is_not_called_for_a_connection_that_was_never_open() {
    static CALLS: std::sync::Mutex<Vec<&str>> = std::sync::Mutex::new(Vec::new());
    let handler = FunctionHandler::new("never open")
        .on_handshake(|request| {
            CALLS.lock().expect("no panic").push("handshake");
            u16::from(request.param("refuse").is_some()) * 403
        })
        .on_close(|_, _| async { CALLS.lock().expect("no panic").push("close") });
    let server = Running::start(
        Server::app("").scan_matching("^$").declare(|app| app.websocket(Route::path("/n"), handler)),
    );
    assert_eq!(server.ask(handshake("/n?refuse", "")).status, 403);
    Socket::open(&server, "/n").close(1000, "");
    wait_until("the connection has ended", || CALLS.lock().expect("no panic").len() == 3);
    assert_eq!(*CALLS.lock().expect("no panic"), ["handshake", "handshake", "close"]);
}

#[test]
fn a_handler_that_fails_is_logged_and_the_client_told_no_more_than_the_status() {
    log::gather();
    let server = Running::start(server());
    let teapot = server.ask(handshake("/guarded/teapot", ""));
    assert_eq!(teapot.status, 418);
    assert!(teapot.text().contains("short and stout"));
    for (name, text) in
        [("failing", "the database is away"), ("panicking", "what was that?"), ("odd", "status 99")]
    {
        let answer = server.ask(handshake(&format!("/guarded/{name}"), ""));
        assert_eq!(answer.status, 500, "{name}");
        assert!(!answer.text().contains(text), "{}", answer.text());
        let lines = log::lines_with(text);
        assert!(lines.iter().any(|line| line.starts_with("ERROR") && line.contains("Guarded")), "{lines:?}");
    }
}

#[test]
fn a_subprotocol_is_one_that_was_offered() {
    let server = Running::start(server());
    let mut socket =
        Socket::open_with(&server, "/guarded/chosen", "Sec-WebSocket-Protocol: chat.v0, chat.v1,chat.v2\r\n");
    assert_eq!(socket.answer.field("sec-websocket-protocol"), Some("chat.v2"));
    assert_eq!(socket.text(), "subprotocol chat.v2");
    let socket = Socket::open_with(&server, "/guarded/chosen", "Sec-WebSocket-Protocol: soap\r\n");
    assert_eq!(socket.answer.field("sec-websocket-protocol"), None);
    assert_eq!(server.ask(handshake("/guarded/unoffered", "")).status, 500);
}

#[test]
fn pages_of_other_sites_are_kept_out_unless_they_are_named() {
    log::gather();
    let origin = |origin: &str| handshake("/guarded/anyone", &format!("Origin: {origin}\r\n"));
    let closed = Running::start(server());
    assert_eq!(closed.ask(origin("http://x")).status, 101);
    assert_eq!(closed.ask(origin("https://x")).status, 101);
    assert_eq!(closed.ask(origin("http://evil.example")).status, 403);
    assert!(!log::lines_with("http://evil.example").is_empty());
    assert_eq!(closed.ask(origin("null")).status, 403);
    let settings = WebsocketSettings::default().origin("https://friend.example");
    let open = Running::start(server().websocket_settings(settings));
    assert_eq!(open.ask(origin("https://friend.example")).status, 101);
    assert_eq!(open.ask(origin("http://evil.example")).status, 403);
    let open = Running::start(server().websocket_settings(WebsocketSettings::default().any_origin(true)));
    assert_eq!(open.ask(origin("http://evil.example")).status, 101);
}

#[test]
fn compression_is_agreed_on_unless_it_is_switched_off() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-unknown\r\n";
    let compressing = Running::start(server());
    let answer = compressing.ask(handshake("/guarded/anyone", offer));
    let agreed = answer.field("sec-websocket-extensions").unwrap_or_default();
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
    let plain = Running::start(server().websocket_settings(WebsocketSettings::default().deflate(None)));
    let answer = plain.ask(handshake("/guarded/anyone", offer));
    assert_eq!((answer.status, answer.field("sec-websocket-extensions")), (101, None));
}

#[test]
fn a_session_begun_in_the_handshake_is_the_visitors() {
    let store = MemorySessions::new(100);
    let server = Running::start(server().session_store(store).session(SessionSettings::default()));
    let answer = server.ask(handshake("/guarded/visitor", ""));
    let cookie = answer.field("set-cookie").expect("a cookie");
    let pair = cookie.split(';').next().expect("a pair");
    let again = server.ask(handshake("/guarded/visitor", &format!("Cookie: {pair}\r\n")));
    assert!(again.field("set-cookie").is_some_and(|cookie| cookie.starts_with(pair)), "{again:?}");
}

#[test]
fn handshakes_are_in_the_access_log() {
    log::gather();
    let server = Running::start(server().access_log(true));
    server.ask(handshake("/guarded/logged", ""));
    server.ask(handshake("/guarded/refused?logged", ""));
    wait_until("both lines are there", || {
        let open = log::lines_with("/guarded/logged");
        let refused = log::lines_with("/guarded/refused?logged");
        open.iter().any(|line| line.contains("status=101"))
            && refused.iter().any(|line| line.contains("status=403"))
    });
}

#[test]
fn an_endpoint_with_conditions_takes_only_what_fits() {
    let echo = || {
        FunctionHandler::new("echo")
            .on_binary_message(|session, bytes| async move { session.send_binary(bytes).await })
    };
    let narrowed = Route::path("/narrow").params("version=2");
    let server =
        Running::start(Server::app("").scan_matching("^$").declare(|app| app.websocket(narrowed, echo())));
    assert_eq!(server.ask(handshake("/narrow", "")).status, 404);
    let mut socket = Socket::open(&server, "/narrow?version=2");
    socket.send(FIN | BINARY, "x");
    assert_eq!(socket.receive().payload, b"x");
}
