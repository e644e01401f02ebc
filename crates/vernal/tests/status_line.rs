//! The status line, and the fields that every answer has, byte for byte.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::LazyLock;

use support::Running;
use vernal::controller;
use vernal::prelude::*;
use vernal::{Builder, Route};

/// Errors and responses with the message and the status of the query.
fn declare(app: Builder) -> Builder {
    let number = |request: &Request| request.param("code").and_then(|code| code.parse().ok()).unwrap_or(200);
    let text = |request: &Request| request.param("text").unwrap_or_default().to_owned();
    let error = controller::from_fn(move |request: &Request| {
        Err::<(), _>(HttpError::new(number(request)).message(text(request)))
    });
    let any = controller::from_fn(move |request: &Request| {
        Err::<(), _>(HttpError::with_any_code(number(request)).message(text(request)).explain("so it is"))
    });
    let status = controller::from_fn(move |request: &Request| Response::new(number(request)).body("here"));
    let reason = controller::from_fn(move |request: &Request| {
        Response::new(number(request)).reason(&text(request)).body("here")
    });
    let own = controller::from_fn(|_: &Request| Response::new(200).header("Server", "its own"));
    #[cfg(feature = "websocket")]
    let app = app.websocket(Route::path("/ws"), vernal::websocket::FunctionHandler::new("silent"));
    app.server_name("notices/1.2")
        .route(Route::path("/error"), error)
        .route(Route::path("/any"), any)
        .route(Route::path("/status"), status)
        .route(Route::path("/reason"), reason)
        .route(Route::path("/own"), own)
}

static SERVER: LazyLock<Running> =
    LazyLock::new(|| Running::start(Server::app("status lines").declare(declare)));
static TITLES: LazyLock<Running> =
    LazyLock::new(|| Running::start(Server::app("titles").declare(declare).title_case_headers(true)));

/// All bytes of the answer to these, with the end of the connection.
fn answer_to(server: &Running, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    stream.set_read_timeout(Some(support::PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    stream.shutdown(Shutdown::Write).expect("the end of the request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

fn get(server: &Running, target: &str) -> Vec<u8> {
    answer_to(server, &format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

#[track_caller]
fn assert_line(target: &str, line: &[u8]) {
    let answer = get(&SERVER, target);
    let end = answer.iter().position(|byte| *byte == b'\r').expect("a status line");
    assert_eq!(answer[..end].escape_ascii().to_string(), line.escape_ascii().to_string(), "{target}");
}

#[test]
fn the_message_of_an_error_is_the_phrase() {
    assert_line("/error?code=404&text=No%20Way", b"HTTP/1.1 404 No Way");
    assert_line("/error?code=404&text=", b"HTTP/1.1 404 ");
    assert_line("/error?code=404&text=100%25%20sure%0d%0aX:%201", b"HTTP/1.1 404 100% sureX: 1");
    assert_line("/error?code=404&text=d%C3%A9sol%C3%A9", b"HTTP/1.1 404 d\xe9sol\xe9");
    assert_line("/error?code=404&text=%E4%B8%AD", b"HTTP/1.1 404 Not Found");
    assert_line("/nowhere", b"HTTP/1.1 404 Controller Not Found");
}

#[test]
fn a_code_without_a_standard_phrase_has_none() {
    assert_line("/status?code=299", b"HTTP/1.1 299 ");
    assert_line("/status?code=201", b"HTTP/1.1 201 Created");
    assert_line("/error?code=499&text=", b"HTTP/1.1 499 ");
}

#[test]
fn a_response_may_have_a_phrase_of_its_own() {
    assert_line("/reason?code=200&text=Fine", b"HTTP/1.1 200 Fine");
    assert_line("/reason?code=200&text=", b"HTTP/1.1 200 ");
    assert_line("/reason?code=299&text=%E4%B8%AD", b"HTTP/1.1 299 ");
}

#[test]
fn an_error_may_have_any_code_where_that_is_said() {
    for (code, line) in [
        (200, "HTTP/1.1 200 mine"),
        (302, "HTTP/1.1 302 mine"),
        (600, "HTTP/1.1 600 mine"),
        (999, "HTTP/1.1 999 mine"),
        (101, "HTTP/1.1 500 mine"),
        (1000, "HTTP/1.1 500 mine"),
    ] {
        assert_line(&format!("/any?text=mine&code={code}"), line.as_bytes());
        let answer = String::from_utf8(get(&SERVER, &format!("/any?text=mine&code={code}"))).expect("text");
        assert!(answer.ends_with(r#""message": "mine", "explain": "so it is"}"#), "{answer}");
    }
    let without = String::from_utf8(get(&SERVER, "/any?text=&code=304")).expect("text");
    assert!(without.starts_with("HTTP/1.1 304 \r\n") && without.ends_with("\r\n\r\n"), "{without}");
    assert_line("/error?code=302&text=mine", b"HTTP/1.1 500 mine");
}

/// What may come of a request: an answer, an error, a refusal before anybody has heard of it.
const REQUESTS: &[&str] = &[
    "GET /status HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD /status HTTP/1.0\r\n\r\n",
    "GET /status?code=304 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nbad line\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    #[cfg(feature = "websocket")]
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    #[cfg(feature = "websocket")]
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
];

#[test]
fn every_answer_has_a_date_and_the_servers_name() {
    for request in REQUESTS {
        let answer = String::from_utf8_lossy(&answer_to(&SERVER, request)).into_owned();
        let head = answer.split_once("\r\n\r\n").expect("a head").0;
        let values = |name: &str| -> Vec<String> {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            fields.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
        };
        assert_eq!(values("server"), ["notices/1.2"], "{request:?}: {head}");
        assert_eq!(values("date").len(), 1, "{request:?}: {head}");
    }
    let own = String::from_utf8(get(&SERVER, "/own")).expect("text");
    assert!(own.contains("server: its own\r\n") && !own.contains("notices"), "{own}");
}

#[test]
fn names_of_fields_are_spelled_as_titles_where_that_is_asked_for() {
    for request in REQUESTS {
        let answer = String::from_utf8_lossy(&answer_to(&TITLES, request)).into_owned();
        let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
        for line in head.lines().skip(1) {
            let (name, _) = line.split_once(": ").expect("a field");
            let starts_small = |word: &str| word.starts_with(|letter: char| letter.is_ascii_lowercase());
            assert!(!name.split('-').any(starts_small), "{request:?}: {line}");
        }
        assert!(head.contains("\r\nServer: ") && head.contains("\r\nDate: "), "{request:?}: {head}");
    }
}

#[test]
fn a_name_that_no_field_can_carry_is_told_at_start() {
    let error = App::builder().server_name("a\r\nb").build().err().expect("a mistake");
    assert!(error.is_configuration(), "{error}");
    assert_eq!(error.to_string(), r#"the server's name "a\r\nb" cannot be the value of a field"#);
}
