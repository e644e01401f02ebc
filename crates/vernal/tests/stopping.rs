//! The end of a server, as its clients see it: no request that it has received is lost.

#![cfg(feature = "macros")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use support::program::{self, Program};
use support::{PATIENCE, Running, Wire, log, own_address, wait_until};
use tokio::sync::Semaphore;
use vernal::prelude::*;

/// Requests to `/gate` that have arrived, and those that may be answered.
static ARRIVED: AtomicUsize = AtomicUsize::new(0);
static GATE: Semaphore = Semaphore::const_new(0);

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/gate/{number}")]
async fn gate(number: u32) -> String {
    ARRIVED.fetch_add(1, Ordering::SeqCst);
    GATE.acquire().await.expect("a gate").forget();
    format!("passed {number}")
}

#[route("/echo", method = "POST")]
async fn echo(body: Bytes) -> Bytes {
    ARRIVED.fetch_add(1, Ordering::SeqCst);
    GATE.acquire().await.expect("a gate").forget();
    body
}

#[route("/hang")]
async fn hang() -> &'static str {
    ARRIVED.fetch_add(1, Ordering::SeqCst);
    println!("\nhanging");
    std::future::pending().await
}

/// The tests that count arrivals run one after the other.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn server() -> Server {
    log::gather();
    // an address of its own, so that nobody else can be met at its port when it has become free
    Server::new().scan(module_path!()).host(own_address())
}

fn hello(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn arrivals(before: usize, count: usize) {
    wait_until("the requests run", || ARRIVED.load(Ordering::SeqCst) >= before + count);
}

#[test]
fn pipelined_requests_that_have_been_received_are_answered_and_the_last_says_close() {
    let _alone = alone();
    let mut running = Running::start(server().workers(1));
    let mut wire = running.connect();
    let before = ARRIVED.load(Ordering::SeqCst);
    wire.send([hello("/gate/1"), hello("/gate/2"), hello("/t")].concat());
    arrivals(before, 1);
    running.handle.stop();
    GATE.add_permits(2);
    for (text, connection) in [("passed 1", None), ("passed 2", None), ("ok", Some("close"))] {
        let answer = wire.answer();
        assert_eq!((answer.text(), answer.field("connection")), (text, connection));
    }
    assert!(wire.is_closed());
    running.end().expect("an end without error");
}

#[test]
fn the_answer_to_a_request_with_a_body_says_close() {
    let _alone = alone();
    let mut running = Running::start(server());
    let mut wire = running.connect();
    let before = ARRIVED.load(Ordering::SeqCst);
    wire.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab\r\n\r\ncd\r\n");
    arrivals(before, 1);
    running.handle.stop();
    GATE.add_permits(1);
    let answer = wire.answer();
    assert_eq!((answer.text(), answer.field("connection")), ("ab\r\n\r\ncd\r\n", Some("close")));
    assert!(wire.is_closed());
    running.end().expect("an end without error");
}

#[test]
fn a_request_that_is_on_its_way_when_the_end_begins_is_answered() {
    let _alone = alone();
    let mut running = Running::start(server().drain_deadline(PATIENCE));
    let (mut half, mut body) = (running.connect(), running.connect());
    half.send("GET /t HTTP/1.1\r\n");
    body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    let mut resting = running.connect();
    assert_eq!(resting.ask(hello("/t")).text(), "ok");
    // the first has been read when another connection, opened later, is answered on each of the event loops
    for _ in 0..50 {
        assert_eq!(running.get("/t").text(), "ok");
    }
    running.handle.stop();
    wait_until("new connections are refused", || TcpStream::connect(running.address).is_err());
    assert!(resting.is_closed(), "a connection without a request ends at once");
    half.send("Host: x\r\n\r\n");
    let answer = half.answer();
    assert_eq!((answer.text(), answer.field("connection")), ("ok", Some("close")));
    GATE.add_permits(1);
    body.send("cd");
    let answer = body.answer();
    assert_eq!((answer.text(), answer.field("connection")), ("abcd", Some("close")));
    assert!(half.is_closed() && body.is_closed());
    running.end().expect("an end without error");
}

#[test]
fn connections_that_wait_in_the_backlog_are_served_before_the_end() {
    let _alone = alone();
    let limits = Limits::default().connections(1);
    let mut running = Running::start(server().workers(2).limits(limits).drain_deadline(PATIENCE));
    let mut first = running.connect();
    let before = ARRIVED.load(Ordering::SeqCst);
    first.send(hello("/gate/1"));
    arrivals(before, 1);
    let mut waiting: Vec<Wire> = (0..20).map(|_| running.connect()).collect();
    for wire in &mut waiting {
        wire.send(hello("/t"));
    }
    running.handle.stop();
    wait_until("new connections are refused", || TcpStream::connect(running.address).is_err());
    assert!(waiting.iter_mut().all(Wire::is_silent), "one connection at a time is served");
    GATE.add_permits(1);
    assert_eq!(first.answer().text(), "passed 1");
    drop(first);
    // whoever is served last waits for those before to be closed
    let answers: Vec<_> = std::thread::scope(|scope| {
        let each = waiting.iter_mut().map(|wire| {
            scope.spawn(|| {
                let answer = wire.answer();
                assert!(wire.is_closed());
                wire.stream.shutdown(std::net::Shutdown::Both).ok();
                answer
            })
        });
        let threads: Vec<_> = each.collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|answer| answer.text() == "ok"));
    running.end().expect("an end without error");
}

#[test]
fn the_deadline_can_be_made_shorter_while_the_server_stops() {
    let _alone = alone();
    let mut running = Running::start(server().drain_deadline(Duration::from_secs(3600)));
    let mut wire = running.connect();
    let before = ARRIVED.load(Ordering::SeqCst);
    wire.send(hello("/hang"));
    arrivals(before, 1);
    running.handle.stop();
    wait_until("new connections are refused", || TcpStream::connect(running.address).is_err());
    assert!(wire.is_silent(), "it would wait for an hour");
    running.handle.stop_within(Duration::ZERO);
    running.end().expect("an end without error");
    assert!(wire.is_closed());
}

#[test]
fn the_end_says_how_many_were_answered_and_how_many_cut() {
    let _alone = alone();
    let running = Running::start(server().drain_deadline(Duration::from_secs(3600)));
    let (mut hanging, mut passing) = (running.connect(), running.connect());
    let before = ARRIVED.load(Ordering::SeqCst);
    hanging.send(hello("/hang"));
    passing.send(hello("/gate/7"));
    arrivals(before, 2);
    running.handle.stop();
    GATE.add_permits(1);
    assert_eq!(passing.answer().text(), "passed 7");
    assert!(passing.is_closed());
    running.handle.stop_within(Duration::ZERO);
    running.stop().expect("an end without error");
    let lines = log::lines_with("connections were cut at the deadline");
    let is_it = |line: &&String| {
        line.contains("connections=1") && line.contains("answered=1") && line.contains("milliseconds=")
    };
    assert_eq!(lines.iter().filter(is_it).count(), 1, "{lines:?}");
}

#[test]
fn the_program() {
    if program::is_wanted() {
        program::serve(server().drain_deadline(Duration::from_secs(3600)));
        println!("\nafter start");
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once() {
    for (first, second) in [("-INT", "-INT"), ("-TERM", "-INT"), ("-TERM", "-TERM")] {
        let mut program = Program::start("the_program", "");
        let mut wire = Wire::connect(program.address);
        wire.send(hello("/hang"));
        program.wait_for("hanging");
        program.signal(first);
        wait_until("new connections are refused", || TcpStream::connect(program.address).is_err());
        program.signal(second);
        let (is_good, rest) = program.end();
        assert!(is_good && rest.contains("after start"), "{first} {second}: {rest}");
        assert!(wire.is_closed());
    }
}

/// Asks again and again until the server refuses; counts the answers and says what was lost.
fn load(address: SocketAddr, keep: bool, stopping: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let mut lost = Vec::new();
    'connections: loop {
        let mut stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) => {
                let expected =
                    stopping.load(Ordering::SeqCst) && error.kind() == ErrorKind::ConnectionRefused;
                if !expected {
                    lost.push(format!("no connection: {error}"));
                }
                return lost;
            }
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("an option");
        for request in 0.. {
            if request > 0 && has_ended(&stream) {
                continue 'connections;
            }
            if let Err(error) = stream.write_all(hello("/t").as_bytes()) {
                lost.push(format!("request {request} not taken: {error}"));
                continue 'connections;
            }
            match read_answer(&mut stream) {
                Ok(closes) => {
                    answered.fetch_add(1, Ordering::SeqCst);
                    if closes || !keep {
                        continue 'connections;
                    }
                }
                Err(error) => {
                    lost.push(format!("request {request}: {error}"));
                    continue 'connections;
                }
            }
        }
    }
}

/// Whether the server has closed before a request was sent.
fn has_ended(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a mode");
    let ended = matches!(stream.peek(&mut [0]), Ok(0));
    stream.set_nonblocking(false).expect("a mode");
    ended
}

/// Reads one answer to `/t`; whether it is the last.
fn read_answer(stream: &mut TcpStream) -> Result<bool, String> {
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    while !bytes.ends_with(b"\r\n\r\nok") {
        match stream.read(&mut piece) {
            Ok(0) => return Err(format!("the end after {:?}", String::from_utf8_lossy(&bytes))),
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
            Err(error) => return Err(format!("{error} after {:?}", String::from_utf8_lossy(&bytes))),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).contains("connection: close"))
}

#[test]
fn a_stop_under_load_loses_no_request() {
    for round in 0..5 {
        let (stopping, answered) = (AtomicBool::new(false), <[AtomicUsize; 8]>::default());
        let lost: Vec<String> = std::thread::scope(|scope| {
            let running = Running::start(server().workers(2));
            let (address, stopping) = (running.address, &stopping);
            let client =
                |(number, count)| scope.spawn(move || load(address, number % 2 == 0, stopping, count));
            let clients: Vec<_> = answered.iter().enumerate().map(client).collect();
            wait_until("each has an answer", || {
                answered.iter().all(|count| count.load(Ordering::SeqCst) > 0)
            });
            std::thread::sleep(Duration::from_millis(50 + 7 * round)); // no two stops come at the same moment
            stopping.store(true, Ordering::SeqCst);
            running.handle.stop();
            let lost = clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect();
            running.stop().expect("an end without error");
            lost
        });
        assert_eq!(lost, Vec::<String>::new());
    }
}
