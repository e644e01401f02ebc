//! HTTP/1.1 as bytes on a socket: what `spec/08` part A asks of a better server.

#![cfg(feature = "macros")]

mod support;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Answer, Running, log};
use vernal::filter::{self, FilterPattern};
use vernal::prelude::*;

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/only", method = "GET")]
async fn only() -> &'static str {
    "only"
}

#[route("/patch", method = "PATCH")]
async fn patch() -> &'static str {
    "patched"
}

#[route("/echo", method = "POST")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[route("/echo/text", method = "POST")]
async fn echo_text(body: Bytes) -> (Headers, Bytes) {
    (Headers::from([("Content-Type", "text/plain")]), body)
}

#[route("/echo/stream", method = "POST")]
async fn echo_stream(body: Bytes) -> Stream {
    Stream::iter([body])
}

#[route("/ignore", method = "POST")]
async fn ignore() -> &'static str {
    "ignored"
}

#[route("/status/{code}")]
async fn status(code: u16) -> (u16, &'static str) {
    (code, "a body")
}

#[route("/empty/{code}")]
async fn empty(code: u16) -> Response {
    Response::new(code).body("")
}

#[route("/bare/{code}")]
async fn bare(code: u16) -> u16 {
    code
}

#[route("/length")]
async fn length() -> Response {
    Response::new(200).header("Content-Length", 3)
}

#[route("/length-and-text")]
async fn length_and_text() -> (Headers, &'static str) {
    (Headers::from([("Content-Length", "3"), ("Transfer-Encoding", "gzip")]), "x")
}

#[route("/stream")]
async fn stream() -> Stream {
    Stream::iter((1..=3).map(|number| format!("{number}\n")))
}

#[route("/stream/fails")]
async fn failing_stream() -> Stream {
    let mut pieces = vec![Ok("one\n"), Err(std::io::Error::other("the source broke"))].into_iter();
    Stream::bytes(Unfold(move || pieces.next()))
}

#[route("/stream/fails/late")]
async fn stream_that_fails_late() -> Stream {
    let mut left = 100;
    let next = move || {
        left -= 1;
        (left >= 0).then(|| if left > 0 { Ok(vec![b'x'; 64 * KB]) } else { Err("the source broke") })
    };
    Stream::bytes(Unfold(next))
}

#[route("/stream/panics")]
async fn panicking_stream() -> Stream {
    Stream::iter((0..3).map(|number| if number < 2 { "x" } else { panic!("in the middle of an answer") }))
}

#[route("/events")]
async fn events() -> Sse {
    Sse::iter((0..2).map(|tick| Event::data(format!("tick\n{tick}")).name("clock").id(tick)))
}

#[route("/panic")]
async fn panics() -> &'static str {
    panic!("on the event loop")
}

#[route("/panic/blocking")]
fn panics_while_blocking() -> &'static str {
    panic!("on the blocking pool")
}

#[route("/filter/panics")]
async fn behind_a_filter() -> &'static str {
    "never"
}

#[route("/field")]
async fn field(v: String) -> (Headers, &'static str) {
    (Headers::from([("X-V", v)]), "ok")
}

#[route("/field/name")]
async fn field_name(v: String) -> (Headers, &'static str) {
    (Headers::from([(v, "1")]), "ok")
}

#[route("/cookie")]
async fn cookie(path: String) -> Response {
    Response::new(200).cookie(Cookie::new("k", "v").path(path)).body("ok")
}

#[route("/redirect")]
async fn redirect(to: String) -> Redirect {
    Redirect::to(to)
}

#[route("/error")]
async fn error(message: String) -> Result<()> {
    Err(HttpError::new(400).message(message).into())
}

#[route("/target")]
async fn target(request: &Request) -> String {
    format!("{} {} {}", request.method, request.path(), request.host().unwrap_or("-"))
}

#[error_message("4xx", "5xx")]
fn page(code: u16, message: &str, explain: &str) -> String {
    format!("page {code} {message}: {explain}")
}

struct Unfold<F>(F);

impl<F, T> futures_core::Stream for Unfold<F>
where
    F: FnMut() -> Option<T> + Unpin,
{
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        std::task::Poll::Ready((self.0)())
    }
}

fn server() -> &'static Running {
    static SERVER: OnceLock<Running> = OnceLock::new();
    SERVER.get_or_init(|| {
        log::gather();
        let panics = filter::from_fn(|_| Box::pin(async { panic!("in a filter") }));
        let declare = |app: vernal::Builder| app.filter(FilterPattern::path("/filter/panics"), panics);
        Running::start(Server::new().scan(module_path!()).declare(declare))
    })
}

fn status_line(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.reason.as_str())
}

#[test]
fn a_connection_is_kept_and_answers_in_order() {
    let mut wire = server().connect();
    for _ in 0..3 {
        let answer = wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!((status_line(&answer), answer.text()), ((200, "OK"), "ok"));
        assert_eq!(answer.field("connection"), None);
        assert!(answer.field("date").is_some());
    }
    wire.send(
        "GET /t HTTP/1.1\r\nHost: x\r\n\r\nGET /only HTTP/1.1\r\nHost: x\r\n\r\n\
         GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\n\
         GET /t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(wire.answer().text(), "ok");
    assert_eq!(wire.answer().text(), "only");
    assert_eq!(wire.answer().status, 404);
    assert_eq!(wire.answer().text(), "1\n2\n3\n");
    let last = wire.answer();
    assert_eq!((last.text(), last.field("connection")), ("ok", Some("close")));
    assert!(wire.is_closed());
}

#[test]
fn a_client_that_has_finished_writing_is_still_answered() {
    let mut wire = server().connect();
    wire.send("GET /t HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.finish_writing();
    assert_eq!(wire.answer().text(), "ok");
    assert!(wire.is_closed());
}

#[test]
fn a15_empty_lines_before_a_request_are_skipped() {
    assert_eq!(server().ask("\r\nGET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
}

#[test]
fn http_1_0_closes_unless_asked_to_stay() {
    let mut wire = server().connect();
    assert_eq!(wire.ask("GET /t HTTP/1.0\r\n\r\n").text(), "ok");
    assert!(wire.is_closed());

    let mut wire = server().connect();
    for _ in 0..2 {
        let answer = wire.ask("GET /t HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!((answer.text(), answer.field("connection")), ("ok", Some("keep-alive")));
    }
}

#[test]
fn http_1_0_gets_a_stream_without_chunks() {
    let answer = server().ask("GET /stream HTTP/1.0\r\n\r\n");
    assert_eq!(answer.field("transfer-encoding"), None);
    assert_eq!(answer.text(), "1\n2\n3\n");
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let mut wire = server().connect();
    for target in ["/t", "/status/404", "/none"] {
        let get = wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let head = wire.ask(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(head.status, get.status);
        for name in ["content-type", "content-length"] {
            assert_eq!(head.field(name), get.field(name), "{name} of {target}");
        }
    }
    let head = wire.ask("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(head.status, 200);
    assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok", "nothing was left over");
}

#[test]
fn a14_options_and_other_forms_of_the_target() {
    let all = server().ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(all.status, 204);
    assert!(all.field("allow").is_some_and(|allow| allow.contains("PATCH")));
    let one = server().ask("OPTIONS /only HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((one.status, one.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
    let absolute = server().ask("GET http://example.com/target?a=b HTTP/1.1\r\nHost: example.com\r\n\r\n");
    assert_eq!(absolute.text(), "GET /target example.com");
    assert_eq!(server().ask("GET http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n").status, 404);
}

#[test]
fn a2_methods() {
    assert_eq!(server().ask("PATCH /patch HTTP/1.1\r\nHost: x\r\n\r\n").text(), "patched");
    let wrong = server().ask("DELETE /only HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let unknown = server().ask("BREW /t HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(status_line(&unknown), (501, "Not Implemented"));
    assert_eq!(server().ask("get /only HTTP/1.1\r\nHost: x\r\n\r\n").text(), "only");
    assert_eq!(server().ask("Patch /patch HTTP/1.1\r\nHost: x\r\n\r\n").text(), "patched");
}

#[test]
fn head_in_lower_case_leaves_no_doubt_about_where_the_answer_ends() {
    let mut wire = server().connect();
    wire.send("head /t HTTP/1.1\r\nHost: x\r\n\r\nGET /only HTTP/1.1\r\nHost: x\r\n\r\n");
    // a client that knows no such method reads a body as long as announced; one that does reads none
    let announced = wire.answer_to(true);
    if announced.field("content-length").is_some_and(|length| length != "0") {
        panic!("a body is announced that does not come: {announced:?}");
    }
}

#[test]
fn a29_100_continue_is_sent_when_the_body_is_read() {
    let head = "Host: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let mut wire = server().connect();
    let interim = wire.ask(format!("POST /echo HTTP/1.1\r\n{head}"));
    assert_eq!(interim.status, 100);
    assert_eq!(wire.ask("abc").text(), "abc");

    let mut wire = server().connect();
    assert_eq!(wire.ask(format!("POST /ignore HTTP/1.1\r\n{head}")).text(), "ignored");
    assert!(wire.is_closed(), "the body never comes, or comes as a request");

    let too_much = "Host: x\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n";
    assert_eq!(server().ask(format!("POST /echo HTTP/1.1\r\n{too_much}")).status, 413);
}

#[test]
fn a7_an_unread_body_is_not_the_next_request() {
    let smuggled = "GET /only HTTP/1.1\r\n\r\n";
    let mut wire = server().connect();
    let head = format!("Host: x\r\nContent-Type: a/b\r\nContent-Length: {}\r\n\r\n", smuggled.len());
    assert_eq!(wire.ask(format!("POST /ignore HTTP/1.1\r\n{head}{smuggled}")).text(), "ignored");
    wire.finish_writing();
    assert!(wire.is_closed());

    let mut wire = server().connect();
    let chunk = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let head = "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(wire.ask(format!("POST /ignore HTTP/1.1\r\n{head}{chunk}")).text(), "ignored");
    wire.finish_writing();
    assert!(wire.is_closed());
}

#[test]
fn a5_a_chunked_body_is_decoded() {
    let mut wire = server().connect();
    let request = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = wire.ask(format!("{request}3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"));
    assert_eq!(answer.text(), "abcde");
    assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
    let answer = wire.ask(format!("{request}zz\r\nabc\r\n0\r\n\r\n"));
    assert_eq!(answer.status, 400);
    assert!(wire.is_closed());
}

#[test]
fn a6_two_ways_of_framing_a_body_are_refused_together() {
    let (length, chunked) = ("Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n");
    for fields in [format!("{length}{chunked}"), format!("{chunked}{length}")] {
        let mut wire = server().connect();
        wire.send(format!("POST /echo HTTP/1.1\r\nHost: x\r\n{fields}\r\n3\r\nabc\r\n0\r\n\r\n"));
        let answer = wire.answer();
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains("contradict each other"), "{answer:?}");
        assert!(wire.is_closed());
    }
}

#[test]
fn what_hyper_does_not_see_is_refused_in_pieces_as_well() {
    for (what, bytes, status) in malformed().into_iter().filter(|(_, bytes, _)| bytes.len() < 200) {
        let mut wire = server().connect();
        wire.send("GET /t HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(wire.answer().text(), "ok");
        for byte in &bytes {
            if !wire.try_send([*byte]) {
                break;
            }
        }
        let answer = wire.answer();
        assert!(answer.text().starts_with(&format!("page {status} ")), "{what}: {answer:?}");
        assert!(wire.is_closed(), "{what}");
    }
}

#[test]
fn the_host_of_an_absolute_target_is_the_one_that_counts() {
    let request = "GET http://real.example:80/target HTTP/1.1\r\nHost: other.example\r\n\r\n";
    assert_eq!(server().ask(request).text(), "GET /target real.example:80");
}

#[test]
fn bodies_in_pieces_are_followed_to_the_next_request() {
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX-T: 1\r\n\r\n";
    let sized = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nef";
    let bare = "GET /t HTTP/1.1\nHost: x\r\n\r\n";
    let all = format!("{chunked}{sized}{chunked}{bare}");
    for piece in [1, 2, 3, 7, 50, all.len()] {
        let mut wire = server().connect();
        for bytes in all.as_bytes().chunks(piece) {
            wire.send(bytes);
            if piece < 50 {
                std::thread::yield_now();
            }
        }
        for body in ["abcd", "ef", "abcd"] {
            assert_eq!(wire.answer().text(), body, "in pieces of {piece}");
        }
        assert_eq!(wire.answer().status, 400, "the line feed is found behind them");
        assert!(wire.is_closed());
    }
}

#[test]
fn broken_chunks_are_named() {
    let explains = [
        ("+3\r\nabc", "the size of a chunk"),
        ("3 \r\nabc", "the size of a chunk"),
        ("3;\0\r\nabc", "the extension of a chunk"),
        ("3\r\nabcd\r\n", "longer than it says"),
    ];
    for (body, explain) in explains {
        let mut wire = server().connect();
        let answer =
            wire.ask(format!("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(answer.text().contains(explain), "{body:?}: {}", answer.text());
        assert!(wire.is_closed(), "{body:?}");
    }
}

#[test]
fn a4_content_length_is_digits_and_agrees_with_itself() {
    for length in ["x", "-1", "+3", "1_0", "3, 5", "3\r\nContent-Length: 5", ""] {
        let mut wire = server().connect();
        let answer =
            wire.ask(format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nabcde"));
        assert_eq!(answer.status, 400, "{length:?}");
        assert!(wire.is_closed());
    }
}

#[test]
fn a18_a_body_that_breaks_off_is_refused() {
    let mut wire = server().connect();
    wire.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    wire.finish_writing();
    assert_eq!(wire.answer().status, 400);
    let mut wire = server().connect();
    wire.send("GET /t HTTP/1.1");
    wire.finish_writing();
    let rest = String::from_utf8(wire.rest()).expect("text");
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "{rest}");
}

#[test]
fn a30_answers_that_have_no_body_have_none() {
    let mut wire = server().connect();
    for code in [204, 304] {
        let answer = wire.ask(format!("GET /status/{code} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(answer.status, code);
        assert_eq!((answer.field("content-length"), answer.field("transfer-encoding")), (None, None));
        assert_eq!(wire.ask("GET /only HTTP/1.1\r\nHost: x\r\n\r\n").text(), "only");
    }
}

#[test]
fn a44_the_length_is_the_body_s() {
    let mut wire = server().connect();
    let answer = wire.ask("GET /length HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer.field("content-length"), Some("0"));
    let answer = wire.ask("GET /length-and-text HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((answer.text(), answer.field("transfer-encoding")), ("x", None));
    assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
}

#[test]
fn an_interim_status_of_a_controller_does_not_break_the_connection_s_framing() {
    for code in [100, 101, 199] {
        let mut wire = server().connect();
        assert_eq!(wire.ask(format!("GET /bare/{code} HTTP/1.1\r\nHost: x\r\n\r\n")).status, 500);
    }
}

#[test]
fn streams_are_chunked_and_leave_the_connection_open() {
    let mut wire = server().connect();
    let answer = wire.ask("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.field("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.text(), "1\n2\n3\n");
    let answer = wire.ask("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
    assert_eq!(
        answer.text(),
        "id: 0\nevent: clock\ndata: tick\ndata: 0\n\nid: 1\nevent: clock\ndata: tick\ndata: 1\n\n"
    );
}

#[test]
fn a_stream_that_fails_breaks_the_connection_off() {
    for target in ["/stream/fails", "/stream/panics"] {
        let mut wire = server().connect();
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let rest = String::from_utf8(wire.rest()).expect("text");
        assert!(!rest.contains("\r\n0\r\n\r\n"), "the client must see that it is not whole: {rest}");
        assert_eq!(rest.matches("HTTP/1.1 ").count(), rest.lines().count().min(1), "{rest}");
    }
    assert_eq!(server().get("/t").text(), "ok");
}

#[test]
fn what_came_before_a_stream_fails_has_arrived() {
    for (target, letter, count) in [("/stream/fails", "one\n", 1), ("/stream/fails/late", "x", 99 * 64 * KB)]
    {
        let mut wire = server().connect();
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let rest = String::from_utf8(wire.rest()).expect("text");
        let (_, body) = rest.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body.matches(letter).count(), count, "{target}");
    }
}

#[test]
fn panics_become_500_and_the_connection_lives_on() {
    let mut wire = server().connect();
    for target in ["/panic", "/panic/blocking", "/filter/panics"] {
        let answer = wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(status_line(&answer), (500, "Internal Server Error"), "{target}");
        assert!(!answer.text().contains("panic"), "the text is for the log");
    }
    assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
    for text in ["on the event loop", "on the blocking pool", "in a filter"] {
        assert_eq!(log::lines_with(&format!("panicked: {text}")).len(), 1, "{text}");
    }
}

/// Each of these is refused by the HTTP engine, with a page of the app, and the connection ends.
fn malformed() -> Vec<(&'static str, Vec<u8>, u16)> {
    let many = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "a".repeat(70_000));
    let request = |fields: &str| format!("GET /t HTTP/1.1\r\nHost: x\r\n{fields}\r\n").into_bytes();
    vec![
        ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n".to_vec(), 400),
        ("a27 three words too many", b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 400),
        ("a8 no colon", request("badline\r\n"), 400),
        ("a8 a space before the colon", request("Content-Length : 3\r\n"), 400),
        ("a9 a bare carriage return", request("X-A: 1\rX-B: 2\r\n"), 400),
        ("a11 a NUL", request("X-A: a\0b\r\n"), 400),
        ("a16 a bad version", b"GET /t HTTP/1.9x\r\nHost: x\r\n\r\n".to_vec(), 400),
        ("a16 a version of the future", b"GET /t HTTP/3.0\r\nHost: x\r\n\r\n".to_vec(), 505),
        ("no Host", b"GET /t HTTP/1.1\r\n\r\n".to_vec(), 400),
        ("two Hosts", request("Host: x\r\n"), 400),
        ("a bare line feed", b"GET /t HTTP/1.1\r\nHost: x\n\r\n".to_vec(), 400),
        ("an expectation nobody can meet", request("Expect: a-miracle\r\n"), 417),
        ("a coding that nobody decodes", request("Transfer-Encoding: gzip, chunked\r\n"), 501),
        ("too many fields", request(&many), 431),
        ("a field too long", request(&long), 431),
        (
            "a17 a target beyond everything",
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000)).into(),
            414,
        ),
    ]
}

#[test]
fn what_is_no_request_gets_the_app_s_own_page_and_the_connection_ends() {
    for (what, bytes, status) in malformed() {
        let mut wire = server().connect();
        wire.try_send(&bytes);
        let answer = wire.answer();
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(answer.text().starts_with(&format!("page {status} ")), "{what}: {answer:?}");
        assert_eq!(answer.field("connection"), Some("close"), "{what}");
        assert!(answer.field("date").is_some(), "{what}");
        assert!(wire.is_closed(), "{what}");
    }
    assert!(log::lines_with("ERROR").iter().all(|line| !line.contains("accept")), "no noise in the log");
}

#[test]
fn what_is_no_request_is_told_after_the_answers_before_it() {
    for (what, bytes, status) in malformed() {
        let mut wire = server().connect();
        let mut all = b"GET /t HTTP/1.1\r\nHost: x\r\n\r\nGET /only HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
        all.extend(&bytes);
        wire.try_send(&all);
        assert_eq!(wire.answer().text(), "ok", "{what}");
        assert_eq!(wire.answer().text(), "only", "{what}");
        let answer = wire.answer();
        assert!(answer.text().starts_with(&format!("page {status} ")), "{what}: {answer:?}");
        assert!(wire.is_closed(), "{what}");
    }
}

#[test]
fn errors_above_the_parser_keep_the_connection() {
    let mut wire = server().connect();
    let long = "a".repeat(9000);
    for (target, status) in [(format!("/{long}"), 414), (format!("/t?{long}"), 414), ("/%zz".into(), 400)] {
        let answer = wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(answer.status, status);
        assert!(answer.text().starts_with(&format!("page {status} ")), "{answer:?}");
    }
    assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
}

#[test]
fn empty_answers_of_the_app_are_its_own() {
    for code in [400, 414, 431] {
        for target in [format!("/empty/{code}"), format!("/bare/{code}")] {
            for count in [1, 3] {
                let mut wire = server().connect();
                wire.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(count));
                for _ in 0..count {
                    let answer = wire.answer();
                    assert_eq!((answer.status, answer.text()), (code, ""));
                }
                assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
                let last = wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
                assert_eq!((last.status, last.text()), (code, ""));
                assert!(wire.is_closed());
            }
        }
    }
}

#[test]
fn a_body_that_looks_like_a_refusal_is_still_a_body() {
    let refusals = [
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 19:00:00 GMT\r\n\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
         date: Sun, 22 Nov 2026 19:00:00 GMT\r\n\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
         date: Sun, 22 Nov 2026 19:00:00 GMT\r\n",
    ];
    for body in refusals {
        for target in ["/echo", "/echo/text", "/echo/stream"] {
            let mut wire = server().connect();
            for _ in 0..2 {
                let head =
                    format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
                assert_eq!(wire.ask(head + body).text(), body);
            }
            assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok");
            wire.send("garbage\r\n\r\n");
            assert_eq!(wire.answer().status, 400);
            assert!(wire.is_closed());
        }
    }
}

#[test]
fn the_message_of_an_error_is_the_reason_phrase() {
    assert_eq!(status_line(&server().get("/error?message=No%20Way")), (400, "No Way"));
    assert_eq!(status_line(&server().get("/error?message=100%25%20sure")), (400, "100% sure"));
    let beyond_ascii = server().get("/error?message=%E4%B8%AD");
    assert_eq!(status_line(&beyond_ascii), (400, "Bad Request"));
    assert_eq!(beyond_ascii.text(), "page 400 中: ", "the page still has the text");
}

#[test]
fn a37_a_line_break_never_splits_an_answer() {
    let mut wire = server().connect();
    let mut get = |target: &str| wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let evil = "a%0d%0aX-Evil:%201";
    for (target, status) in [
        (format!("/field?v={evil}"), 500),
        (format!("/field/name?v={evil}"), 500),
        (format!("/cookie?path=/{evil}"), 500),
        (format!("/redirect?to=/{evil}"), 302),
        (format!("/error?message={evil}"), 400),
    ] {
        let answer = get(&target);
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.field("x-evil"), None, "{target}");
    }
    assert_eq!(get(&format!("/redirect?to=/{evil}")).field("location"), Some("/a%0D%0AX-Evil:%201"));
    assert_eq!(get(&format!("/error?message={evil}")).reason, "aX-Evil: 1");
    assert_eq!(get("/redirect?to=/%E4%B8%AD").field("location"), Some("/%E4%B8%AD"));
    assert_eq!(get("/field?v=%E4%B8%AD").field("x-v"), Some("中"));
    let logged = log::lines_with("cannot carry the value");
    assert!(
        logged.iter().any(|line| line.starts_with("ERROR") && line.contains("x-v") || line.contains("X-V"))
    );
    assert!(logged.iter().all(|line| !line.contains('\n')), "the log is not split either: {logged:?}");
}

#[test]
fn a_busy_server_keeps_connections_apart() {
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..8 {
            let wrong = &wrong;
            scope.spawn(move || {
                let mut wire = server().connect();
                for number in 0..50 {
                    let body = format!("{client}/{number}");
                    let head =
                        format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
                    if wire.ask(head + &body).text() != body {
                        wrong.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 0);
}
