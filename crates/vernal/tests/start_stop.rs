//! Starting and stopping: ports, signals, the end of running requests, limits on connections.

#![cfg(feature = "macros")]

mod support;

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use support::program::{self, Program};
use support::{PATIENCE, Running, Wire, log, own_address, wait_until};
use vernal::prelude::*;
use vernal::{App, Builder, Handle, Route};

/// Requests that run until something else happens. The tests that count them run one after the other.
static STARTED: AtomicUsize = AtomicUsize::new(0);
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/slow")]
async fn slow() -> &'static str {
    println!("\nslow runs");
    tokio::time::sleep(Duration::from_millis(400)).await;
    "finished"
}

static GATE: tokio::sync::Notify = tokio::sync::Notify::const_new();

#[route("/gate")]
async fn gate() -> &'static str {
    STARTED.fetch_add(1, Ordering::SeqCst);
    GATE.notified().await;
    "finished"
}

#[route("/hang")]
async fn hang() -> &'static str {
    STARTED.fetch_add(1, Ordering::SeqCst);
    std::future::pending().await
}

#[route("/thread")]
fn thread() -> String {
    format!("{:?} {:?}", std::thread::current().id(), std::thread::current().name())
}

/// Held by whoever wants `/block` to block.
static BLOCK: Mutex<()> = Mutex::new(());

#[route("/block")]
fn block() -> &'static str {
    drop(BLOCK.lock());
    "unblocked"
}

#[route("/stop")]
async fn stop(handle: State<Mutex<Option<Handle>>>) -> &'static str {
    handle.lock().expect("a handle").as_ref().expect("a handle").stop();
    "stopping"
}

#[route("/t", app = "second")]
async fn second() -> &'static str {
    "second"
}

#[route("/v/{x}", app = "broken")]
async fn one(x: u8) -> String {
    x.to_string()
}

#[route("/v/{y}", app = "broken")]
async fn other(y: u8) -> String {
    y.to_string()
}

fn server() -> Server {
    log::gather();
    Server::new().scan(module_path!()).manage(Mutex::new(None::<Handle>))
}

fn hello(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[test]
fn a_server_can_be_started_and_stopped_and_started_again() {
    let host = own_address();
    let first = Running::start(server().host(&host));
    let address = first.address;
    assert!(first.handle.is_ready());
    assert_eq!(first.get("/t").text(), "ok");
    let handle = first.handle.clone();
    first.stop().expect("an end without error");
    assert!(!handle.is_ready());

    let again = server().host(host).port(address.port()).handle_signals(false);
    let handle = again.handle();
    let thread = std::thread::spawn(move || again.start());
    wait_until("it is ready again", || handle.is_ready());
    assert_eq!(handle.local_addr(), Some(address));
    assert_eq!(Wire::connect(address).ask(hello("/t")).text(), "ok");
    handle.stop();
    thread.join().expect("no panic").expect("no error");
}

#[test]
fn one_that_is_stopped_before_it_starts_ends_at_once() {
    let server = server().port(0).handle_signals(false);
    server.handle().stop();
    server.start().expect("an end without error");
}

#[test]
fn several_apps_run_in_one_process() {
    let (first, second) = (Running::start(server()), Running::start(Server::app("second").workers(1)));
    assert_ne!(first.address, second.address);
    assert_eq!(first.get("/t").text(), "ok");
    assert_eq!(second.get("/t").text(), "second");
    assert!(log::lines_with("serving").iter().any(|line| line.contains("app=\"second\"")));
    first.stop().expect("an end without error");
    assert_eq!(second.get("/t").text(), "second", "one ends without the other");
}

#[test]
fn ipv6_and_all_interfaces() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // this machine has no IPv6
    }
    for host in ["::1", "[::1]"] {
        let running = Running::start(server().host(host));
        assert_eq!(running.address.ip().to_string(), "::1");
        assert_eq!(running.get("/t").text(), "ok");
    }
    let running = Running::start(server().host(""));
    for ip in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(ip.parse().expect("an address"), running.address.port());
        assert_eq!(Wire::connect(address).ask(hello("/t")).text(), "ok", "{ip}");
    }
}

#[test]
fn a_port_in_use_and_an_unknown_host_are_said_clearly() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let error = server().port(port).start().expect_err("a port in use");
    assert!(error.is_bind());
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on 127.0.0.1:{port}: the port is in use, perhaps by this program started before"
        )
    );
    let error = server().host("no such host").port(0).start().expect_err("an unknown host");
    assert!(error.is_bind());
    assert!(
        error.to_string().starts_with("cannot listen on \"no such host\": the host is not known: "),
        "{error}"
    );
}

#[test]
fn wrong_declarations_are_reported_before_the_port_is_bound() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let error = Server::app("broken").port(port).start().expect_err("two routes for one request");
    assert!(error.is_declaration(), "{error}");
    assert!(error.to_string().contains("one") && error.to_string().contains("other"), "{error}");
}

#[test]
fn a_running_request_finishes_and_nothing_new_is_taken() {
    let _alone = alone();
    let mut running = Running::start(server().host(own_address()));
    let mut idle = running.connect();
    assert_eq!(idle.ask(hello("/t")).text(), "ok");
    let mut busy = running.connect();
    let before = STARTED.load(Ordering::SeqCst);
    busy.send(hello("/gate"));
    wait_until("the request runs", || STARTED.load(Ordering::SeqCst) > before);
    running.handle.stop();
    wait_until("new connections are refused", || std::net::TcpStream::connect(running.address).is_err());
    assert!(idle.is_closed(), "idle connections end while the request still runs");
    assert!(busy.is_silent(), "new ones are refused while the request still runs");
    GATE.notify_one();
    let answer = busy.answer();
    assert_eq!((answer.text(), answer.field("connection")), ("finished", Some("close")));
    assert!(busy.is_closed());
    running.end().expect("an end without error");
}

#[test]
fn the_deadline_cuts_what_hangs_and_says_how_many() {
    let _alone = alone();
    let running = Running::start(server().workers(3).drain_deadline(Duration::from_millis(200)));
    let mut wires: Vec<Wire> = (0..2).map(|_| running.connect()).collect();
    let before = STARTED.load(Ordering::SeqCst);
    for wire in &mut wires {
        wire.send(hello("/hang"));
    }
    wait_until("both requests run", || STARTED.load(Ordering::SeqCst) >= before + 2);
    running.stop().expect("an end without error");
    assert!(wires.iter_mut().all(Wire::is_closed));
    let lines = log::lines_with("connections were cut at the deadline");
    assert!(lines.iter().any(|line| line.starts_with("WARN") && line.contains("connections=2")), "{lines:?}");
}

#[test]
fn an_answer_without_end_learns_that_the_server_stops() {
    let _alone = alone();
    let server = server();
    let handle = server.handle();
    let until_the_end = vernal::controller::from_async_fn(move |_: &Request| {
        let handle = handle.clone();
        Box::pin(async move {
            STARTED.fetch_add(1, Ordering::SeqCst);
            handle.stopping().await;
            "the server stops"
        })
    });
    let running =
        Running::start(server.declare(|app| app.route(Route::path("/until-the-end"), until_the_end)));
    let mut wire = running.connect();
    let before = STARTED.load(Ordering::SeqCst);
    wire.send(hello("/until-the-end"));
    wait_until("the request runs", || STARTED.load(Ordering::SeqCst) > before);
    running.stop().expect("an end without error");
    assert_eq!(wire.answer().text(), "the server stops");
}

#[tokio::test]
async fn start_inside_a_runtime_says_what_to_call_instead() {
    let error = server().port(0).start().expect_err("a mistake");
    assert!(error.is_configuration(), "{error}");
    assert!(error.to_string().contains("call start_async().await instead"), "{error}");
}

#[test]
fn a_controller_can_stop_the_server() {
    let server = server();
    let handle = server.handle();
    let slot = Mutex::new(Some(handle.clone()));
    // the value given last is the one that counts
    let mut running = Running::start(server.manage(slot));
    let mut wire = running.connect();
    assert_eq!(wire.ask(hello("/stop")).text(), "stopping");
    assert!(wire.is_closed());
    running.end().expect("an end without error");
}

fn served_async(runtime: tokio::runtime::Runtime, deadline: Duration) {
    let _alone = alone();
    runtime.block_on(async {
        let server = server().port(0).handle_signals(false).drain_deadline(deadline);
        let handle = server.handle();
        let serving = tokio::spawn(server.start_async());
        while !handle.is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let address = handle.local_addr().expect("an address");
        let client = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::connect(address);
            assert_eq!(wire.ask(hello("/t")).text(), "ok");
            assert!(wire.ask(hello("/thread")).text().contains("ThreadId"));
            let before = STARTED.load(Ordering::SeqCst);
            wire.send(hello("/hang"));
            wait_until("the request runs", || STARTED.load(Ordering::SeqCst) > before);
            wire
        });
        let mut wire = client.await.expect("a client");
        handle.stop();
        serving.await.expect("no panic").expect("no error");
        assert!(!handle.is_ready());
        let closed = tokio::task::spawn_blocking(move || wire.is_closed());
        assert!(closed.await.expect("a client"), "what hangs is cut in the user's runtime as well");
    });
}

#[test]
fn it_runs_inside_a_runtime_of_many_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    served_async(runtime.expect("a runtime"), Duration::from_millis(100));
}

#[test]
fn it_runs_inside_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    served_async(runtime.expect("a runtime"), Duration::from_millis(100));
}

#[test]
fn a_plain_function_may_block_without_delaying_others() {
    let running = Running::start(server().workers(1));
    let block = BLOCK.lock().expect("a lock");
    let mut blocked = running.connect();
    blocked.send(hello("/block"));
    let mut wire = running.connect();
    for _ in 0..20 {
        assert_eq!(wire.ask(hello("/t")).text(), "ok");
    }
    assert!(blocked.is_silent(), "twenty answers came while one function blocked");
    drop(block);
    assert_eq!(blocked.answer().text(), "unblocked");
    assert!(wire.ask(hello("/thread")).text().contains("vernal-blocking"));
}

/// An argument that needs a thread while its controller has one.
struct Slow;

impl FromRequest for Slow {
    async fn from_request(_: &Request, _: &Param) -> Result<Self> {
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await?;
        Ok(Slow)
    }
}

#[route("/slow-argument")]
fn slow_argument(_slow: Slow) -> &'static str {
    "bound"
}

#[test]
fn controllers_on_all_threads_still_receive_their_arguments() {
    let running = Running::start(server().workers(1).blocking_threads(1));
    let mut wires: Vec<Wire> = (0..20).map(|_| running.connect()).collect();
    for wire in &mut wires {
        wire.send(hello("/slow-argument"));
    }
    for wire in &mut wires {
        assert_eq!(wire.answer().text(), "bound");
    }
}

#[test]
fn with_prefer_coroutine_everything_runs_on_the_event_loop() {
    let running = Running::start(server().workers(1).prefer_coroutine(true));
    let mut wire = running.connect();
    let thread = wire.ask(hello("/thread"));
    assert!(!thread.text().contains("vernal-blocking"), "{}", thread.text());
    assert_eq!(running.connect().ask(hello("/thread")).text(), thread.text());
}

#[test]
fn a_request_that_came_in_part_behind_another_may_take_its_time() {
    let running = Running::start(server());
    let mut wire = running.connect();
    let request = hello("/t");
    wire.send(format!("{request}{}", &request[..8]));
    assert_eq!(wire.answer().text(), "ok");
    std::thread::sleep(Duration::from_millis(600)); // longer than until a connection rests
    wire.send(&request[8..]);
    assert_eq!(wire.answer().text(), "ok");
}

#[test]
fn idle_connections_and_slow_headers_are_closed() {
    let running = Running::start(server().idle_timeout(Duration::from_millis(100)));
    let mut idle = running.connect();
    assert_eq!(idle.ask(hello("/t")).text(), "ok");
    assert!(idle.is_closed());

    let mut busy = running.connect();
    assert_eq!(busy.ask(hello("/slow")).text(), "finished", "waiting for the app is not idling");

    let limits = Limits::default().header_timeout(Duration::from_millis(100));
    let running = Running::start(server().limits(limits));
    assert!(running.connect().is_closed(), "one that never says anything");

    let mut slow = running.connect();
    slow.send("GET /t HTTP/1.1\r\nHost: x\r\nX-A: 1");
    let rest = slow.rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "));

    let mut trickling = running.connect();
    let mut sent = 0;
    while trickling.try_send("x") && sent < 10_000 {
        sent += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(sent < 10_000, "a byte now and then is no reason to wait for ever");
}

/// Pieces without end; says when the server has given them up.
struct Endless(Arc<AtomicBool>);

impl Iterator for Endless {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        Some("x".repeat(9000))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_client_that_does_not_read_is_let_go() {
    let is_given_up = Arc::new(AtomicBool::new(false));
    let pieces = Arc::clone(&is_given_up);
    let endless = vernal::controller::from_fn(move |_: &Request| Stream::iter(Endless(Arc::clone(&pieces))));
    let declare = |app: vernal::Builder| app.route(Route::path("/endless"), endless);
    let limits = Limits::default().write_timeout(Duration::from_millis(200));
    let running = Running::start(server().declare(declare).limits(limits));
    let mut wire = running.connect();
    wire.send(hello("/endless"));
    wait_until("the server has given it up", || is_given_up.load(Ordering::SeqCst));
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match wire.stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => read += length,
        }
        assert!(read < 1 << 30, "the stream has no end, but the server's patience has");
    }
}

#[test]
fn keep_alive_can_be_switched_off_or_bounded() {
    let running = Running::start(server().keep_alive(false));
    let mut wire = running.connect();
    assert_eq!(wire.ask(hello("/t")).field("connection"), Some("close"));
    assert!(wire.is_closed());

    let running = Running::start(server().keep_alive_max_requests(2));
    let mut wire = running.connect();
    wire.send(hello("/t").repeat(3));
    assert_eq!(wire.answer().field("connection"), None);
    assert_eq!(wire.answer().field("connection"), Some("close"));
    assert!(wire.is_closed(), "a third is not answered");
}

#[test]
fn connections_beyond_the_limit_wait() {
    let running = Running::start(server().workers(2).limits(Limits::default().connections(2)));
    let mut first = running.connect();
    let mut second = running.connect();
    assert_eq!(first.ask(hello("/t")).text(), "ok");
    assert_eq!(second.ask(hello("/t")).text(), "ok");
    let mut third = running.connect();
    third.send(hello("/t"));
    third.stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    assert!(third.stream.peek(&mut [0]).is_err(), "it waits in the backlog");
    third.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    drop(first);
    assert_eq!(third.answer().text(), "ok");
}

#[test]
fn the_program() {
    if program::is_wanted() {
        program::serve(server());
        println!("\nafter start");
    }
}

#[test]
fn signals_drain_and_then_start_returns() {
    for name in ["-TERM", "-INT"] {
        let mut program = Program::start("the_program", "");
        let mut wire = Wire::connect(program.address);
        wire.send(hello("/slow"));
        program.wait_for("slow runs");
        program.signal(name);
        assert_eq!(wire.answer().text(), "finished", "{name}");
        let (is_good, rest) = program.end();
        assert!(is_good, "{name}");
        assert!(rest.contains("after start"), "{name}: {rest}");
    }
}

/// An app that says which one it is, at once or when it is let through the gate.
fn named(name: &'static str, gate: &Arc<tokio::sync::Semaphore>) -> Builder {
    let gate = Arc::clone(gate);
    let gated = vernal::controller::from_async_fn(move |_| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            STARTED.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.expect("a gate").forget();
            name
        })
    });
    let at_once = vernal::controller::from_fn(move |_: &Request| name);
    App::builder().route(Route::path("/name"), at_once).route(Route::path("/gated"), gated)
}

#[test]
fn another_app_answers_further_requests_also_on_open_connections() {
    let _alone = alone();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let running = Running::start(Server::of(named("first", &gate)).host(own_address()));
    let (mut kept, mut busy) = (running.connect(), running.connect());
    assert_eq!(kept.ask(hello("/name")).text(), "first");
    let before = STARTED.load(Ordering::SeqCst);
    busy.send(hello("/gated"));
    wait_until("a request runs", || STARTED.load(Ordering::SeqCst) > before);
    let second =
        named("second", &gate).route(Route::path("/new"), vernal::controller::from_fn(|_: &Request| "new"));
    running.handle.replace(second.build().expect("an app"));
    assert_eq!(kept.ask(hello("/name")).text(), "second");
    assert_eq!(kept.ask(hello("/new")).text(), "new");
    assert_eq!(running.get("/name").text(), "second");
    gate.add_permits(2);
    // it began before
    assert_eq!(busy.answer().text(), "first");
    assert_eq!(busy.ask(hello("/gated")).text(), "second");
    running.handle.replace(named("third", &gate).build().expect("an app"));
    assert_eq!(kept.ask(hello("/name")).text(), "third");
    assert_eq!(kept.ask(hello("/new")).status, 404);
}
