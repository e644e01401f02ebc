//! Every limit holds on a real socket: what goes up to it passes, what goes beyond gets the documented answer, and
//! clients that take their time are cut while others are served.

#![cfg(feature = "macros")]

mod support;

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use support::program::{self, Program};
use support::{Running, Wire, wait_until};
use vernal::prelude::*;

/// Calls of `/hang`, and those that did not come to their end. The tests that count them run one after the other.
static STARTED: AtomicUsize = AtomicUsize::new(0);
static CANCELLED: AtomicUsize = AtomicUsize::new(0);
static COUNTING: Mutex<()> = Mutex::new(());

/// Counts controllers that did not come to their end.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        CANCELLED.fetch_add(1, Ordering::SeqCst);
    }
}

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/echo", method = "POST")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[route("/reader", method = "POST")]
async fn reader(mut body: BodyReader) -> Result<String> {
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        length += chunk.len();
        // what the application takes is not the client's fault
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(length.to_string())
}

#[route("/form", method = ["GET", "POST"])]
async fn form(params: Params) -> String {
    params.names().count().to_string()
}

#[route("/json", method = "POST")]
async fn json_body(body: Json<Value>) -> Json<Value> {
    body
}

#[route("/upload", method = "POST")]
async fn upload(file: MultipartFile) -> String {
    format!("{} {}", file.len(), file.is_spooled())
}

#[route("/hang")]
async fn hang() -> &'static str {
    let guard = Guard;
    STARTED.fetch_add(1, Ordering::SeqCst);
    std::future::pending::<()>().await;
    drop(guard);
    "never"
}

#[route("/slow")]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "finished"
}

#[route("/block")]
fn block() -> &'static str {
    std::thread::sleep(3 * SOON);
    "unblocked"
}

#[route("/endless")]
async fn endless() -> Stream {
    Stream::iter(std::iter::repeat("x".repeat(9000)))
}

fn server(limits: Limits) -> Running {
    Running::start(Server::new().scan(module_path!()).workers(1).limits(limits))
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n")
}

fn post(target: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=B";

/// A limit that a test goes beyond, and that nothing else comes near, however busy the machine is.
const SOON: Duration = Duration::from_secs(1);

fn part(name: &str, content: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{content}\r\n")
}

#[test]
fn what_goes_up_to_a_limit_passes_and_what_goes_beyond_is_refused() {
    let limits = Limits::default()
        .target_bytes(100)
        .header_bytes(1000)
        .headers(5)
        .body(50)
        .upload(400)
        .parameters(3)
        .parts(2)
        .spool_bytes(10)
        .json_depth(3);
    let running = server(limits);
    let fields = |count: usize| (0..count).map(|number| format!("X-{number}: 1\r\n")).collect::<String>();
    let parts = |count: usize| (0..count).map(|_| part("file", "x")).collect::<String>() + "--B--\r\n";
    let file = |length: usize| part("file", &"x".repeat(length)) + "--B--\r\n";
    let cases = [
        (
            "target_bytes",
            get(&format!("/t?{}", "a".repeat(98)), ""),
            get(&format!("/t?{}", "a".repeat(99)), ""),
            414,
        ),
        (
            "header_bytes",
            get("/t", &format!("A: {}\r\n", "a".repeat(900))),
            get("/t", &format!("A: {}\r\n", "a".repeat(1000))),
            431,
        ),
        ("headers", get("/t", &fields(4)), get("/t", &fields(5)), 431),
        ("body", post("/echo", "a/b", &"x".repeat(50)), post("/echo", "a/b", &"x".repeat(51)), 413),
        ("upload", post("/reader", "a/b", &"x".repeat(400)), post("/reader", "a/b", &"x".repeat(401)), 413),
        ("parameters", post("/form", FORM, "a=1&b=1&c=1"), post("/form", FORM, "a=1&b=1&c=1&d=1"), 400),
        ("parameters of a query", get("/form?a=1&b=1&c=1", ""), get("/form?a=1&b=1&c=1&d=1", ""), 400),
        ("parts", post("/upload", MULTIPART, &parts(2)), post("/upload", MULTIPART, &parts(3)), 400),
        (
            "upload of a file",
            post("/upload", MULTIPART, &file(200)),
            post("/upload", MULTIPART, &file(400)),
            413,
        ),
        ("json_depth", post("/json", JSON, "[[[1]]]"), post("/json", JSON, "[[[[1]]]]"), 400),
    ];
    for (limit, good, bad, status) in cases {
        let answer = running.ask(&good);
        assert_eq!(answer.status, 200, "up to {limit}: {answer:?}");
        let mut wire = running.connect();
        wire.try_send(&bad);
        let answer = wire.answer();
        assert_eq!(answer.status, status, "beyond {limit}: {answer:?}");
    }
    for (length, is_on_disk) in [(10, false), (11, true)] {
        let answer = running.ask(post("/upload", MULTIPART, &file(length)));
        assert_eq!(answer.text(), format!("{length} {is_on_disk}"), "spool_bytes");
    }
}

#[test]
fn a_head_that_takes_too_long_gets_408() {
    let running = server(Limits::default().header_timeout(SOON));
    let mut slow = running.connect();
    slow.send("GET /t HTTP/1.1\r\nHost: x\r\nX-A: 1");
    let answer = slow.answer();
    assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
    assert!(
        answer.text().contains("The head of the request was not complete after 1 seconds."),
        "{answer:?}"
    );
    assert!(slow.is_closed());

    let mut second = running.connect();
    second.send(get("/t", "") + "GET /t HT");
    assert_eq!(second.answer().text(), "ok");
    assert_eq!(second.answer().status, 408, "the head of a later request has no more time");
    assert!(running.connect().is_closed(), "one that says nothing is closed without a word");
}

#[test]
fn a_body_that_pauses_too_long_gets_408() {
    let running = server(Limits::default().body_timeout(SOON));
    for target in ["/echo", "/reader"] {
        let mut slow = running.connect();
        slow.send(format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
        let answer = slow.answer();
        assert_eq!(answer.status, 408);
        assert!(answer.text().contains("No byte of the body arrived for 1 seconds."), "{answer:?}");
        assert!(slow.is_closed());
    }
}

#[test]
fn a_body_that_trickles_gets_408_although_it_never_pauses() {
    let running = server(Limits::default().body_timeout(SOON).body_rate(10_000));
    let mut trickling = running.connect();
    trickling.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    let mut sent = 0;
    while trickling.is_silent() && sent < 10_000 {
        trickling.try_send("x");
        sent += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let answer = trickling.answer();
    assert_eq!(answer.status, 408);
    assert!(answer.text().contains("less than 10000 bytes a second"), "{answer:?}");
}

#[test]
fn an_application_that_reads_slowly_is_not_the_client_s_fault() {
    let running = server(Limits::default().body_timeout(SOON).body_rate(1_000_000));
    let mut wire = running.connect();
    wire.send("POST /reader HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    // little enough for all of it to be on its way at once
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    wire.send(chunk.repeat(30) + "0\r\n\r\n");
    assert_eq!(wire.answer().text(), (30 * 0x1000).to_string());
}

#[test]
fn a_request_that_takes_too_long_gets_503_and_its_controller_is_cancelled() {
    let _counting = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let running = server(Limits::default().request_timeout(SOON));
    let before = CANCELLED.load(Ordering::SeqCst);
    let mut wire = running.connect();
    let answer = wire.ask(get("/hang", ""));
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("There was no answer within 1 seconds."), "{answer:?}");
    wait_until("the controller is cancelled", || CANCELLED.load(Ordering::SeqCst) > before);
    assert_eq!(wire.ask(get("/t", "")).text(), "ok", "the connection lives on");
    assert_eq!(wire.ask(get("/block", "")).status, 503, "nobody waits for what blocks either");
    assert_eq!(wire.ask(get("/t", "")).text(), "ok");
}

#[cfg(feature = "websocket")]
#[websocket_handshake("/hang")]
async fn never() -> Handshake {
    std::future::pending().await
}

#[cfg(feature = "websocket")]
#[test]
fn a_handshake_of_a_websocket_that_takes_too_long_gets_503() {
    let running = server(Limits::default().request_timeout(SOON));
    let answer = running.ask(get(
        "/hang",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ));
    assert_eq!(answer.status, 503, "{answer:?}");
}

#[test]
fn a_client_that_reads_too_little_is_cut_although_it_never_stops() {
    let limits = Limits::default().write_timeout(Duration::from_millis(400)).write_rate(1 << 30);
    let running = server(limits);
    let mut wire = running.connect();
    wire.send(get("/endless", ""));
    let mut buffer = vec![0; 64 << 10];
    let mut read = 0;
    while let Ok(length @ 1..) = wire.stream.read(&mut buffer) {
        read += length;
        assert!(read < 1 << 30, "the stream has no end, but the server's patience has");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running.get("/t").text(), "ok");
}

#[test]
fn a_client_has_no_more_connections_than_it_may() {
    let running = server(Limits::default().connections_per_address(2));
    let (mut first, mut second) = (running.connect(), running.connect());
    assert_eq!(first.ask(get("/t", "")).text(), "ok");
    assert_eq!(second.ask(get("/t", "")).text(), "ok");
    assert!(running.connect().is_closed(), "a third is closed");
    drop(first);
    wait_until("there is room again", || {
        let mut wire = running.connect();
        wire.try_send(get("/t", "Connection: close\r\n"));
        wire.rest().ends_with(b"ok")
    });
    assert_eq!(second.ask(get("/t", "")).text(), "ok");
}

#[test]
fn a_controller_is_cancelled_when_its_client_resets_the_connection() {
    let _counting = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let running = server(Limits::default());
    let (started, cancelled) = (STARTED.load(Ordering::SeqCst), CANCELLED.load(Ordering::SeqCst));
    let mut wire = running.connect();
    wire.send(get("/hang", ""));
    wait_until("the request runs", || STARTED.load(Ordering::SeqCst) > started);
    socket2::SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(wire);
    wait_until("the controller is cancelled", || CANCELLED.load(Ordering::SeqCst) > cancelled);
}

#[test]
fn a_client_that_has_finished_writing_waits_for_an_answer_that_takes_time() {
    let running = server(Limits::default());
    let mut wire = running.connect();
    wire.send(get("/slow", ""));
    wire.finish_writing();
    assert_eq!(wire.answer().text(), "finished");
    assert!(wire.is_closed());
}

#[test]
fn the_program() {
    if program::is_wanted() {
        program::serve(Server::new().scan(module_path!()).workers(2));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_many_open_files_are_survived() {
    const DESCRIPTORS: usize = 60;
    let program = Program::start("the_program", "");
    let id = program.child.id().to_string();
    let limit = format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}");
    let lowered = std::process::Command::new("prlimit").args(["--pid", &id, &limit]).status();
    assert!(lowered.expect("prlimit, of util-linux").success());

    let mut wires: Vec<Wire> = (0..2 * DESCRIPTORS).map(|_| Wire::connect(program.address)).collect();
    let mut first = wires.remove(0);
    for _ in 0..10 {
        assert_eq!(first.ask(get("/t", "")).text(), "ok", "those who are served do not notice");
    }
    drop(wires);
    for _ in 0..10 {
        let answer = Wire::connect(program.address).ask(get("/t", "Connection: close\r\n"));
        assert_eq!(answer.text(), "ok", "it has recovered");
    }
}
