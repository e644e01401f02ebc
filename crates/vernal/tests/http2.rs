//! HTTP/2 on a socket: what an application sees of it, and what a client may not do. What the RFC says of frames is
//! asked by `conformance/http2.py`.

#![cfg(all(feature = "macros", feature = "http2"))]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use support::frames::*;
use support::{Running, log, wait_until};
use vernal::prelude::*;

#[route("/hello")]
async fn hello() -> &'static str {
    "hello"
}

#[route("/echo", method = "POST")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[route("/count", method = "POST")]
async fn count(mut body: BodyReader) -> Result<String> {
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        length += chunk.len();
    }
    Ok(length.to_string())
}

#[route("/seen")]
async fn seen(request: &Request) -> String {
    let host = request.headers.get("host").unwrap_or_default();
    format!("{:?} {} {host} {:?}", request.version(), request.uri(), request.host())
}

#[route("/large")]
async fn large() -> Stream {
    Stream::iter((0..64).map(|_| "x".repeat(16 * 1024)))
}

#[route("/breaks")]
async fn breaks(pieces: usize) -> Stream {
    Stream::bytes(Breaks(pieces))
}

/// So many pieces of 16 KB, all at once, then an error.
struct Breaks(usize);

impl futures_core::Stream for Breaks {
    type Item = Result<Vec<u8>, &'static str>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let piece = self.0.checked_sub(1).map(|left| self.0 = left);
        std::task::Poll::Ready(Some(piece.map(|()| vec![b'x'; 16 * 1024]).ok_or("it breaks")))
    }
}

#[route("/whole")]
async fn whole() -> String {
    "x".repeat(1024 * 1024)
}

/// How many of these are waiting, by who asked: the tests run side by side.
static WAITING: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

fn all_waiting() -> MutexGuard<'static, BTreeMap<String, usize>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn waiting(who: &str) -> usize {
    all_waiting().get(who).copied().unwrap_or_default()
}

struct Waits(String);

impl Waits {
    fn begin(who: String) -> Waits {
        *all_waiting().entry(who.clone()).or_default() += 1;
        Waits(who)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        *all_waiting().entry(std::mem::take(&mut self.0)).or_default() -= 1;
    }
}

#[route("/forever/{who}")]
async fn forever(who: String) -> &'static str {
    let _waits = Waits::begin(who);
    std::future::pending().await
}

/// Passed once for each permit, by one test at a time.
static PASS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);
static PASSING: Mutex<()> = Mutex::new(());

#[route("/passes")]
async fn passes() -> &'static str {
    PASS.acquire().await.expect("a gate").forget();
    "passed"
}

static BLOCKED: AtomicUsize = AtomicUsize::new(0);
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

#[route("/blocks")]
fn blocks() -> &'static str {
    BLOCKED.fetch_add(1, Ordering::SeqCst);
    let open = GATE.0.lock().expect("a lock");
    drop(GATE.1.wait_while(open, |open| !*open));
    "free"
}

#[route("/sleep")]
async fn sleep(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "awake"
}

fn started() -> Running {
    Running::start(Server::new())
}

fn with_limits(change: impl FnOnce(Limits) -> Limits) -> Running {
    Running::start(Server::new().limits(change(Limits::default())))
}

fn answered(text: &str) -> End {
    End::Answered(text.to_owned())
}

/// What the connection of a flood ends with, while others are served.
fn end_of_flood(flood: impl FnOnce(&mut Frames)) -> Option<u32> {
    let server = started();
    let mut other = Frames::begin(server.address, &[]);
    assert_eq!(other.ask(1, "/hello"), answered("hello"));
    let mut client = Frames::begin(server.address, &[]);
    flood(&mut client);
    let end = client.end();
    assert_eq!(other.ask(3, "/hello"), answered("hello"), "the same connection as before");
    assert_eq!(Frames::begin(server.address, &[]).ask(1, "/hello"), answered("hello"), "a new one");
    assert_eq!(server.get("/hello").status, 200, "one of HTTP/1.1");
    end
}

// What an application sees.

#[test]
fn both_versions_are_spoken_on_one_port() {
    let server = started();
    assert_eq!(server.get("/hello").text(), "hello");
    assert_eq!(Frames::begin(server.address, &[]).ask(1, "/hello"), answered("hello"));
}

#[test]
fn the_preface_may_come_in_pieces() {
    let server = started();
    let mut client = Frames::connect(server.address);
    client.stream.set_nodelay(true).expect("a socket option");
    for byte in PREFACE {
        client.send([*byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    client.send(frame(SETTINGS, 0, 0, b""));
    assert_eq!(client.ask(1, "/hello"), answered("hello"));
}

#[test]
fn methods_that_begin_like_the_preface_are_of_http_1_1() {
    let server = started();
    for request in ["P", "PR", "PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        let mut wire = server.connect();
        wire.send(request);
        wire.finish_writing();
        let answer = wire.rest();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{request:?}");
    }
    assert_eq!(server.ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab").text(), "ab");
}

#[test]
fn http2_can_be_switched_off() {
    let server = Running::start(Server::new().http2(false));
    let mut wire = server.connect();
    wire.send(PREFACE);
    let answer = wire.rest();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
}

#[test]
fn a_request_looks_like_one_of_http_1_1() {
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    assert_eq!(client.ask(1, "/seen?a=b"), answered("HTTP/2.0 /seen?a=b x Some(\"x\")"));
}

#[test]
fn streams_are_answered_side_by_side() {
    let _passing = PASSING.lock().unwrap_or_else(PoisonError::into_inner);
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send(get(1, "/forever/side-by-side"));
    assert_eq!(client.ask(3, "/hello"), answered("hello"));
    client.send(get(5, "/passes"));
    assert_eq!(client.ask(7, "/hello"), answered("hello"));
    PASS.add_permits(1);
    assert_eq!(client.end_of(5), answered("passed"));
}

#[test]
fn an_upload_larger_than_all_windows_arrives() {
    let server = with_limits(|limits| limits.stream_window(20_000).connection_window(65_535));
    let body = vec![b'x'; 3_000_000];
    assert_eq!(send_with_h2(&server, "/count", body), (200, "3000000".to_owned()));
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_connection_goes_on() {
    let server = with_limits(|limits| limits.body(20_000));
    assert_eq!(send_with_h2(&server, "/echo", vec![b'x'; 400_000]).0, 413);
    let mut client = Frames::begin(server.address, &[]);
    client.send(request(1, "POST", "/echo"));
    for _ in 0..3 {
        client.send(frame(DATA, 0, 1, &[b'x'; 16_384]));
    }
    let end = client.end_of(1);
    assert!(matches!(end, End::Answered(_)), "{end:?}");
    // far more than the window of the connection, in bodies that nobody reads
    for stream in (3..200).step_by(2) {
        client.send(request(stream, "POST", "/hello"));
        client.send(frame(DATA, END_STREAM, stream, &[b'x'; 16_384]));
        assert_eq!(client.end_of(stream), answered("hello"));
    }
}

#[test]
fn a_body_that_stops_is_given_up() {
    let server = with_limits(|limits| limits.body_timeout(Duration::from_millis(100)));
    let mut client = Frames::begin(server.address, &[]);
    client.send(request(1, "POST", "/echo"));
    let End::Answered(page) = client.end_of(1) else { panic!("no answer") };
    assert!(page.contains("No byte of the body arrived"), "{page}");
}

#[test]
fn an_answer_waits_for_room_and_arrives_whole() {
    let server = started();
    for path in ["/large", "/whole"] {
        let mut client = Frames::begin(server.address, &[(4, 1000)]);
        let End::Answered(body) = client.ask(1, path) else { panic!("no answer") };
        assert_eq!(body.len(), 1024 * 1024);
    }
}

#[test]
fn the_access_log_names_the_version() {
    log::gather();
    let server = Running::start(Server::new().access_log(true));
    assert_eq!(Frames::begin(server.address, &[]).ask(1, "/hello?logged"), answered("hello"));
    wait_until("the line is written", || !log::lines_with("/hello?logged").is_empty());
    assert!(log::lines_with("/hello?logged")[0].contains("version=HTTP/2.0"));
}

// What ends, and when.

#[test]
fn a_reset_ends_a_controller_that_waits() {
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send(get(1, "/forever/reset"));
    wait_until("the controller waits", || waiting("reset") == 1);
    client.send(reset(1));
    wait_until("the controller has ended", || waiting("reset") == 0);
    assert_eq!(client.ask(3, "/hello"), answered("hello"));
}

#[test]
fn the_end_of_a_connection_ends_its_controllers() {
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send([get(1, "/forever/closed"), get(3, "/forever/closed")].concat());
    wait_until("the controllers wait", || waiting("closed") == 2);
    client.stream.shutdown(Shutdown::Both).expect("a connection");
    wait_until("the controllers have ended", || waiting("closed") == 0);
}

#[test]
fn controllers_that_block_count_until_they_return() {
    let server = with_limits(|limits| limits.streams(1));
    let mut client = Frames::begin(server.address, &[]);
    for stream in [1, 3] {
        let before = BLOCKED.load(Ordering::SeqCst);
        client.send(get(stream, "/blocks"));
        wait_until("the controller blocks", || BLOCKED.load(Ordering::SeqCst) > before);
        client.send(reset(stream));
    }
    assert_eq!(client.ask(5, "/blocks"), End::Reset(REFUSED_STREAM));
    assert_eq!(Frames::begin(server.address, &[]).ask(1, "/hello"), answered("hello"));
    *GATE.0.lock().expect("a lock") = true;
    GATE.1.notify_all();
    let mut stream = 7;
    loop {
        match client.ask(stream, "/hello") {
            End::Reset(REFUSED_STREAM) => stream += 2,
            end => break assert_eq!(end, answered("hello")),
        }
    }
}

#[test]
fn a_connection_without_a_request_is_closed() {
    let server = with_limits(|limits| limits.header_timeout(Duration::from_secs(1)));
    let mut silent = Frames::connect(server.address);
    silent.send(&PREFACE[..10]);
    assert!(silent.next().is_none());
    assert_eq!(Frames::begin(server.address, &[]).end(), Some(NO_ERROR));
}

#[test]
fn a_header_block_that_does_not_end_is_given_up() {
    let server = with_limits(|limits| limits.header_timeout(Duration::from_secs(1)));
    let mut client = Frames::begin(server.address, &[]);
    assert_eq!(client.ask(1, "/hello"), answered("hello"));
    client.send(frame(HEADERS, END_STREAM, 3, &block(&[(":method", "GET")])));
    assert_eq!(client.end(), None);
}

#[test]
fn an_idle_connection_is_told_and_closed() {
    let server = Running::start(Server::new().idle_timeout(Duration::from_millis(100)));
    let mut client = Frames::begin(server.address, &[]);
    assert_eq!(client.ask(1, "/hello"), answered("hello"));
    assert_eq!(client.end(), Some(NO_ERROR));
}

#[test]
fn a_waiting_answer_keeps_a_connection() {
    let server = Running::start(Server::new().idle_timeout(Duration::from_millis(50)));
    let mut client = Frames::begin(server.address, &[]);
    assert_eq!(client.ask(1, "/sleep?milliseconds=500"), answered("awake"));
}

#[test]
fn the_last_request_of_a_connection_is_announced() {
    let server = Running::start(Server::new().keep_alive_max_requests(2));
    let mut client = Frames::begin(server.address, &[]);
    assert_eq!(client.ask(1, "/hello"), answered("hello"));
    assert_eq!(client.ask(3, "/hello"), answered("hello"));
    client.end();
    let mut client = Frames::begin(server.address, &[]);
    client.send([get(1, "/hello"), get(3, "/hello")].concat());
    let goaway = client.next_of(GOAWAY).expect("the announcement");
    assert_eq!(goaway.code(), NO_ERROR);
}

#[test]
fn a_stop_lets_running_streams_finish() {
    let _passing = PASSING.lock().unwrap_or_else(PoisonError::into_inner);
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send(get(1, "/passes"));
    assert_eq!(client.ask(3, "/hello"), answered("hello"));
    let mut idle = Frames::begin(server.address, &[]);
    assert_eq!(idle.ask(1, "/hello"), answered("hello"));
    server.handle.stop();
    assert_eq!(client.next_of(GOAWAY).expect("the announcement").code(), NO_ERROR);
    // what was on its way when the announcement was made is answered as well
    assert_eq!(client.ask(5, "/hello"), answered("hello"));
    PASS.add_permits(1);
    assert_eq!(client.end_of(1), answered("passed"));
    assert_eq!(idle.end(), Some(NO_ERROR));
    server.stop().expect("a good end");
}

#[test]
fn a_stop_does_not_wait_for_idle_clients_that_are_deaf() {
    // the PING that goes with the announcement is not answered
    let server = Running::start(Server::new().drain_deadline(Duration::from_secs(3600)));
    let mut client = Frames::begin(server.address, &[]);
    assert_eq!(client.ask(1, "/hello"), answered("hello"));
    server.stop().expect("an end before the deadline");
}

#[test]
fn streams_are_cut_at_the_deadline() {
    let server = Running::start(Server::new().drain_deadline(Duration::from_millis(100)));
    let mut client = Frames::begin(server.address, &[]);
    client.send(get(1, "/forever/deadline"));
    assert_eq!(client.ask(3, "/hello"), answered("hello"));
    server.stop().expect("an end");
    assert_eq!(client.end_of(1), End::Closed);
}

#[test]
fn a_client_that_is_gone_is_noticed() {
    let server = Running::start(Server::new().ping_interval(Duration::from_millis(700)));
    let mut client = Frames::begin(server.address, &[]);
    // the request is not there yet when the server first looks for how long the connection need not be looked at
    client.next_of(SETTINGS).expect("the server's settings");
    client.send(get(1, "/forever/gone"));
    wait_until("the controller waits", || waiting("gone") == 1);
    let ping = client.next_of(PING).expect("a question");
    client.send(frame(PING, ACK, 0, &ping.payload));
    client.next_of(PING).expect("another");
    wait_until("the controller has ended", || waiting("gone") == 0);
    assert_eq!(client.end_of(1), End::Closed);
}

#[test]
fn a_client_that_makes_no_room_loses_its_streams() {
    let server = with_limits(|limits| limits.write_timeout(Duration::from_millis(300)));
    let mut client = Frames::begin(server.address, &[(4, 0)]);
    client.send([get(1, "/large"), get(3, "/hello")].concat());
    assert_eq!(client.end_of(3), End::Reset(CANCEL));
    let mut client = Frames::begin(server.address, &[(4, 0)]);
    client.send(get(1, "/whole"));
    assert_eq!(client.end_of(1), End::Reset(CANCEL));
}

#[test]
fn a_client_that_makes_room_for_single_bytes_loses_its_streams() {
    let server = with_limits(|limits| limits.write_timeout(Duration::from_millis(300)));
    let mut client = Frames::begin(server.address, &[(4, 1)]);
    client.send(get(1, "/large"));
    let end = loop {
        match client.next() {
            Some(frame) if frame.kind == DATA => client.send(window_update(1, 1)),
            Some(frame) if frame.kind == RST_STREAM => break End::Reset(frame.code()),
            Some(_) => {}
            None => break End::Closed,
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(end, End::Reset(CANCEL));
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let server = with_limits(|limits| limits.write_timeout(Duration::from_millis(300)));
    let mut client = Frames::begin(server.address, &[(4, 0x7fff_ffff)]);
    client.send(window_update(0, 0x7fff_0000));
    client.send(get(1, "/forever/unread"));
    wait_until("the controller waits", || waiting("unread") == 1);
    for stream in (3..200).step_by(2) {
        client.try_send(get(stream, "/whole"));
    }
    wait_until("the connection has been cut", || waiting("unread") == 0);
}

// Floods.

#[test]
fn a_flood_of_pings_is_ended() {
    let ping = frame(PING, 0, 0, b"12345678");
    let end = end_of_flood(|client| {
        let _ = (0..5000).all(|_| client.try_send(&ping));
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_flood_of_settings_is_ended() {
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]).repeat(5000);
    let end = end_of_flood(|client| {
        client.try_send(&settings);
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_flood_of_priorities_is_ended() {
    let priorities: Vec<u8> =
        (0..5000).flat_map(|n| frame(PRIORITY, 0, 2 * n + 1, &[0, 0, 0, 0, 1])).collect();
    let end = end_of_flood(|client| {
        client.try_send(&priorities);
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_flood_of_unknown_frames_is_ended() {
    let unknown = frame(0xbe, 0, 0, b"").repeat(5000);
    let end = end_of_flood(|client| {
        client.try_send(&unknown);
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_flood_of_window_updates_is_ended() {
    let updates = window_update(0, 1).repeat(5000);
    let end = end_of_flood(|client| {
        client.try_send(&updates);
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_window_that_overflows_ends_the_connection() {
    let updates = window_update(0, 0x7fff_ffff).repeat(2);
    let end = end_of_flood(|client| {
        client.try_send(&updates);
    });
    assert_eq!(end, Some(FLOW_CONTROL_ERROR));
}

#[test]
fn a_flood_of_empty_data_is_ended() {
    let end = end_of_flood(|client| {
        client.send(request(1, "POST", "/echo"));
        client.try_send(frame(DATA, 0, 1, b"").repeat(5000));
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_flood_of_continuations_is_ended() {
    let end = end_of_flood(|client| {
        client.send(frame(HEADERS, 0, 1, &block(&[(":method", "GET")])));
        client.try_send(frame(CONTINUATION, 0, 1, b"").repeat(5000));
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn rapid_resets_are_ended() {
    let pairs: Vec<u8> =
        (0..5000).flat_map(|n| [get(2 * n + 1, "/forever/flood"), reset(2 * n + 1)].concat()).collect();
    let end = end_of_flood(|client| {
        client.try_send(&pairs);
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn resets_of_requests_that_the_app_has_seen_are_ended() {
    let end = end_of_flood(|client| {
        for round in 0..100 {
            let first = 1 + round * 202;
            let streams = (0..100).map(|n| first + 2 * n);
            let requests: Vec<u8> =
                streams.clone().flat_map(|id| get(id, "/sleep?milliseconds=60000")).collect();
            client.try_send(requests);
            // this answer shows that the app has seen the others
            if client.ask(first + 200, "/hello") != answered("hello") {
                return;
            }
            client.try_send(streams.flat_map(reset).collect::<Vec<u8>>());
        }
    });
    assert!(end.is_none_or(|code| code == ENHANCE_YOUR_CALM));
}

#[test]
fn resets_that_the_client_provokes_are_ended() {
    // CVE-2025-8671: each of these mistakes makes the server reset the stream
    let mistakes: Vec<u8> = (0..5000)
        .flat_map(|n| {
            [get(2 * n + 1, "/sleep?milliseconds=60000"), window_update(2 * n + 1, 0x7fff_ffff)].concat()
        })
        .collect();
    let end = end_of_flood(|client| {
        client.try_send(&mistakes);
    });
    assert_eq!(end, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn a_header_list_is_bounded_by_what_it_decodes_to() {
    // a field of 4 KB goes into the table, and 16,000 references to it come after: 64 MB
    let mut bomb =
        block(&[(":method", "GET"), (":scheme", "http"), (":path", "/hello"), (":authority", "x")]);
    bomb.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    bomb.extend([b'y'; 4000]);
    bomb.extend([0xbe].repeat(12_000));
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb));
    let end = client.end_of(1);
    assert!(
        matches!(end, End::Answered(ref body) if body.is_empty()) || end == End::GoAway(ENHANCE_YOUR_CALM)
    );
    assert_eq!(server.get("/hello").status, 200);
}

#[test]
fn a_long_life_of_pings_and_small_answers_is_no_flood() {
    let server = with_limits(|limits| limits.control_frames(20));
    let mut client = Frames::begin(server.address, &[]);
    for stream in (1..400).step_by(2) {
        client.send(frame(PING, 0, 0, b"12345678"));
        assert_eq!(client.ask(stream, "/hello"), answered("hello"), "stream {stream}");
    }
}

/// Sends a body with the h2 crate's client, which keeps to all windows.
fn send_with_h2(server: &Running, path: &str, body: Vec<u8>) -> (u16, String) {
    let address = server.address;
    let uri = format!("http://localhost{path}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let (client, connection) = h2::client::handshake(socket).await.expect("a handshake");
        tokio::spawn(connection);
        let mut client = client.ready().await.expect("a client");
        let request = http::Request::post(uri).body(()).expect("a request");
        let (answer, mut sender) = client.send_request(request, false).expect("a stream");
        let mut answer = std::pin::pin!(answer);
        let mut body = Bytes::from(body);
        let send = async {
            while !body.is_empty() {
                sender.reserve_capacity(body.len());
                let room = std::future::poll_fn(|context| sender.poll_capacity(context)).await;
                let Some(Ok(room)) = room else { return };
                let piece = body.split_to(room.min(body.len()));
                if sender.send_data(piece, body.is_empty()).is_err() {
                    return;
                }
            }
        };
        send.await;
        let answer = answer.as_mut().await.expect("an answer");
        let status = answer.status().as_u16();
        let mut arriving = answer.into_body();
        let mut text = Vec::new();
        while let Some(Ok(piece)) = arriving.data().await {
            let _ = arriving.flow_control().release_capacity(piece.len());
            text.write_all(&piece).expect("memory");
        }
        (status, String::from_utf8(text).expect("text"))
    })
}

#[test]
fn what_came_before_an_answer_breaks_off_has_arrived() {
    let server = started();
    for pieces in [0, 1, 3, 200] {
        let mut client = Frames::begin(server.address, &[]);
        client.send(get(1, &format!("/breaks?pieces={pieces}")));
        let mut received = 0;
        let reset = loop {
            let frame = client.next().expect("the connection goes on");
            match frame.kind {
                DATA if !frame.payload.is_empty() => {
                    let length = frame.payload.len() as u32;
                    received += frame.payload.len();
                    client.send([window_update(0, length), window_update(1, length)].concat());
                }
                RST_STREAM => break frame.code(),
                _ => {}
            }
        };
        assert_eq!((received, reset), (pieces * 16 * 1024, INTERNAL_ERROR), "{pieces}");
        assert_eq!(client.ask(3, "/hello"), End::Answered("hello".to_owned()));
    }
}
