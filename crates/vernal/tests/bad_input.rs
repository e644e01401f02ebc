//! What no well-behaved client sends: the documented answer, a server that still serves, and memory that returns.

#![cfg(feature = "macros")]

mod support;

use std::sync::OnceLock;

use support::program::{self, Program};
use support::{Answer, Running, Wire};
use vernal::prelude::*;

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/v/{x}")]
async fn path_value(x: String) -> String {
    x
}

#[route("/param", method = ["GET", "POST"])]
async fn param(a: String) -> String {
    a
}

#[route("/json", method = "POST")]
async fn json_body(body: Json<Value>) -> Json<Value> {
    body
}

#[route("/raw", method = "POST")]
async fn raw(body: Bytes) -> String {
    body.len().to_string()
}

#[route("/reader", method = "POST")]
async fn reader(mut body: BodyReader) -> Result<String> {
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        length += chunk.len();
    }
    Ok(length.to_string())
}

#[route("/upload", method = "POST")]
async fn upload(file: MultipartFile) -> String {
    file.filename().to_owned()
}

#[route("/cookies")]
async fn cookies(cookies: Cookies) -> String {
    cookies.iter().map(|cookie| format!("{}={};", cookie.name(), cookie.value())).collect()
}

#[route("/name")]
async fn name(value: String) -> Response {
    Response::new(200).header("Content-Disposition", format!("attachment; filename=\"{value}\"")).body("x")
}

fn limited() -> Server {
    Server::new().scan(module_path!()).limits(Limits::default().upload(3 * MB))
}

fn server() -> &'static Running {
    static SERVER: OnceLock<Running> = OnceLock::new();
    SERVER.get_or_init(|| Running::start(limited()))
}

fn post(target: &str, content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let mut request = format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=B";

/// Sends a request whose answer may come before all of it was taken.
fn ask(wire: &mut Wire, request: &[u8]) -> Answer {
    wire.try_send(request);
    wire.answer()
}

fn refused(request: &[u8], status: u16, explain: &str) {
    let answer = ask(&mut server().connect(), request);
    let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
    assert_eq!(answer.status, status, "{shown}: {answer:?}");
    assert!(answer.text().contains(explain), "{shown}: {}", answer.text());
    assert_eq!(server().get("/t").text(), "ok", "it still serves");
}

#[test]
fn over_long_targets_get_414() {
    for length in [9_000, 60_000, 70_000] {
        let request = |target: String| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        refused(request(format!("/{}", "a".repeat(length))).as_bytes(), 414, "");
        refused(request(format!("/t?{}", "a".repeat(length))).as_bytes(), 414, "");
    }
}

#[test]
fn too_many_or_too_long_headers_get_431() {
    let fields: String = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect();
    refused(format!("GET /t HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes(), 431, "");
    let long = "a".repeat(70_000);
    refused(format!("GET /t HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n").as_bytes(), 431, "");
    let endless = "X-Endless: abc\r\n".repeat(10_000);
    refused(format!("GET /t HTTP/1.1\r\nHost: x\r\n{endless}").as_bytes(), 431, "");
}

#[test]
fn bad_percent_encoding_and_invalid_utf_8_get_400() {
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    refused(&get("/v/%zz"), 400, "The path contains a malformed percent escape: %zz");
    refused(&get("/v/%ff"), 400, "The path is not valid UTF-8.");
    refused(&get("/v/a%00b"), 400, "The path contains a NUL character.");
    refused(&get("/param?a=%zz"), 400, "malformed percent escape: %zz");
    refused(&get("/param?a=%ff"), 400, "UTF-8");
    refused(&post("/param", FORM, "a=%zz"), 400, "malformed percent escape: %zz");
    refused(&post("/param", FORM, "a=%ff"), 400, "UTF-8");
    refused(&post("/param", FORM, b"a=\xff"), 400, "UTF-8");
    refused(&post("/json", JSON, b"\"\xff\""), 400, "");
    let field = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--B--\r\n";
    refused(&post("/param", MULTIPART, field), 400, "UTF-8");
}

#[test]
fn bodies_over_the_limit_get_413_however_they_are_framed() {
    for (target, content_type) in [("/raw", "a/b"), ("/json", JSON), ("/param", FORM), ("/reader", "a/b")] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n");
        if target != "/reader" {
            refused(format!("{head}Content-Length: 1000000000000000\r\n\r\n{{}}").as_bytes(), 413, "at most");
        }
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000)).repeat(60);
        refused(
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n").as_bytes(),
            413,
            "at most",
        );
    }
}

#[test]
fn a_form_with_a_hundred_thousand_parameters_gets_400() {
    let form = "a=1&".repeat(100_000);
    refused(&post("/param", FORM, form), 400, "at most 1000 parameters");
}

#[test]
fn json_ten_thousand_deep_gets_400() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        refused(&post("/json", JSON, text), 400, "deep");
    }
    refused(&post("/json", JSON, "[".repeat(1_000_000)), 400, "");
}

#[test]
fn broken_multipart_bodies_get_400() {
    let part = "Content-Disposition: form-data; name=\"file\"; filename=\"a\"";
    for body in [
        "",
        "garbage",
        "--B",
        "--B\r\n",
        "--B\r\n\r\n",
        "--B\r\nno colon\r\n\r\nx\r\n--B--\r\n",
        &format!("--B\r\n{part}\r\n\r\nno end"),
        &format!("--B\r\n{part}\r\n\r\nx\r\n--B"),
        &format!("--B\r\n{part}\r\n\r\nx\r\n--C--\r\n"),
        &format!("--B\r\n{}\r\n\r\nx\r\n--B--\r\n", "X: y\r\n".repeat(100_000)),
        &format!("--B\r\nX: {}\r\n\r\nx\r\n--B--\r\n", "y".repeat(1_000_000)),
        &format!("--B\r\n{part}\r\n\r\nx\r\n").repeat(1000),
    ] {
        refused(&post("/upload", MULTIPART, body), 400, "");
    }
    refused(&post("/upload", "multipart/form-data", "--B--"), 400, "boundary");
    refused(&post("/upload", &format!("{MULTIPART}{}", "B".repeat(100)), "--B--"), 400, "boundary");
}

#[test]
fn an_endless_multipart_body_is_cut() {
    let part = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let (file, preamble) = (part.to_owned(), String::new());
    let head = "--B\r\nX: ".to_owned();
    for (start, status) in [(file, 413), (preamble, 413), (head, 400)] {
        let mut wire = server().connect();
        wire.send(format!(
            "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: {MULTIPART}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        wire.send(format!("{:x}\r\n{start}\r\n", start.len()).replace("0\r\n\r\n", ""));
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
        let mut sent = 0;
        while wire.try_send(&chunk) {
            sent += chunk.len();
            assert!(sent < 256 * MB, "it is never cut");
        }
        assert_eq!(wire.answer().status, status, "{start}");
        assert!(wire.is_closed());
    }
    assert_eq!(server().get("/t").text(), "ok");
}

#[test]
fn a_cookie_header_that_breaks_the_grammar_hides_nothing_else() {
    let answer =
        server().ask("GET /cookies HTTP/1.1\r\nHost: x\r\nCookie: a/b=1; ok=yes; =; ;;; x[y]=\x01\r\n\r\n");
    assert!(answer.status == 400 || answer.text() == "ok=yes;", "{answer:?}");
    let answer =
        server().ask("GET /cookies HTTP/1.1\r\nHost: x\r\nCookie: a/b=1; ok=yes; =; ;;; {}=\"\r\n\r\n");
    assert_eq!(answer.text(), "ok=yes;");
    let many = "k=v; ".repeat(10_000);
    let answer = server().ask(format!("GET /cookies HTTP/1.1\r\nHost: x\r\nCookie: {many}\r\n\r\n"));
    assert_eq!((answer.status, answer.text()), (200, "k=v;"));
}

#[test]
fn a_line_break_in_a_name_that_reaches_a_field_gets_500() {
    for evil in ["a%0d%0aX-Evil:%201", "a%0aX-Evil:%201", "a%00"] {
        let answer = server().get(&format!("/name?value={evil}"));
        assert_eq!((answer.status, answer.field("x-evil")), (500, None));
    }
    assert_eq!(server().get("/t").text(), "ok");
}

#[test]
fn the_program() {
    if program::is_wanted() {
        program::serve(limited().workers(2));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn memory_returns_after_bad_bodies() {
    const BODY: usize = 1_000_000;
    let file = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let text = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    let requests = [
        post("/json", JSON, "[".repeat(BODY)),
        post("/json", JSON, format!("\"{}", "a".repeat(BODY))),
        post("/param", FORM, "a=1&".repeat(BODY / 4)),
        post("/param", FORM, format!("a={}%zz", "a".repeat(BODY))),
        post("/upload", MULTIPART, format!("{file}{}", "a".repeat(BODY))),
        post("/upload", MULTIPART, format!("{text}{}", "a".repeat(BODY))),
        post("/raw", "a/b", "a".repeat(3 * BODY)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(BODY)).into_bytes(),
    ];
    let program = Program::start("the_program", "");
    let repeat = |times: usize| {
        for round in 0..times {
            for request in &requests {
                let answer = ask(&mut Wire::connect(program.address), request);
                assert!((400..500).contains(&answer.status), "round {round}: {answer:?}");
            }
        }
    };
    repeat(3);
    let before = program.memory();
    repeat(25);
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{} MB more after {} bad bodies", grown >> 20, 25 * requests.len());
    assert_eq!(Wire::connect(program.address).ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
}
