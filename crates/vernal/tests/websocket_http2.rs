//! WebSocket over HTTP/2 (RFC 8441), with the h2 crate's client on a socket: streams that become conversations.

#![cfg(all(feature = "macros", feature = "http2", feature = "websocket"))]

mod support;

use std::future::poll_fn;
use std::sync::Mutex;
use std::time::Duration;

use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, StatusCode};
use support::frames::{self, Frames, RST_STREAM, SETTINGS};
use support::websocket::{BINARY, CLOSE, FIN, Frame, TEXT, close_payload, frame};
use support::{PATIENCE, Running, log, wait_until};
use tokio::runtime::Runtime;
use vernal::prelude::*;

/// How conversations have ended, by the path of their requests.
static ENDED: Mutex<Vec<(String, CloseReason)>> = Mutex::new(Vec::new());
static KEPT: Mutex<Vec<WebsocketSession>> = Mutex::new(Vec::new());

#[derive(Default)]
struct Echo;

#[websocket_handler("/echo/{name}")]
impl WebsocketHandler for Echo {
    async fn on_handshake(&self, request: &WebsocketRequest, name: &str) -> Result<Handshake> {
        Ok(match name {
            "refused" => Handshake::refuse(403).header("X-Why", "closed"),
            "success" => Handshake::refuse(204),
            "waiting" => std::future::pending().await,
            "fields" => Handshake::accept().header("X-Name", name).header("Content-Length", "5"),
            _ => match request.choose_subprotocol(&["chat.v2", "chat.v1"]) {
                Some(name) => Handshake::accept().subprotocol(name),
                None => Handshake::accept(),
            },
        })
    }

    async fn on_text_message(&self, session: &WebsocketSession, message: &str) -> Result<()> {
        match message {
            "flood" => {
                for _ in 0..100 {
                    session.send_binary(vec![0; 64 * 1024]).await?;
                }
                Ok(())
            }
            "keep" => {
                KEPT.lock().expect("no panic").push(session.clone());
                session.send_text("kept").await
            }
            "close" => session.close(4000, "that was all").await,
            _ => session.send_text(message).await,
        }
    }

    async fn on_binary_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_binary(message).await
    }

    async fn on_close(&self, session: &WebsocketSession, reason: CloseReason) {
        let path = session.request().path().to_owned();
        ENDED.lock().expect("no panic").push((path, reason));
    }
}

#[route("/echo/{name}")]
async fn page(name: String) -> String {
    format!("a page for {name}")
}

#[route("/hello", app = "without")]
async fn hello() -> &'static str {
    "hello"
}

fn started() -> Running {
    Running::start(Server::new())
}

fn with_limits(change: impl FnOnce(Limits) -> Limits) -> Running {
    Running::start(Server::new().limits(change(Limits::default())))
}

/// Waits until the conversation on this path has ended; with which code.
fn ended(path: &str) -> Option<u16> {
    let find = || ENDED.lock().expect("no panic").iter().find(|(of, _)| of == path).map(|(_, end)| end.code);
    wait_until(&format!("the handler hears the end of {path}"), || find().is_some());
    find().flatten()
}

/// A connection of the h2 crate, which keeps to all windows.
struct Client {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
}

/// What the server says to a request, and the stream behind it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: RecvStream,
}

impl Client {
    fn connect(server: &Running) -> Client {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let address = server.address;
        let requests = runtime.block_on(async move {
            let socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
            let (requests, connection) = h2::client::handshake(socket).await.expect("a handshake");
            tokio::spawn(connection);
            requests.ready().await.expect("a client")
        });
        let client = Client { runtime, requests };
        // an answer comes behind the settings
        client.ask(Method::GET, "/nowhere", &[], None);
        client
    }

    /// Runs this for so long as a test may take.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("an end") })
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        protocol: Option<&'static str>,
    ) -> (Answer, SendStream<Bytes>) {
        let mut request = http::Request::builder().method(method).uri(format!("http://localhost{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        if let Some(protocol) = protocol {
            request = request.extension(Protocol::from_static(protocol));
        }
        let request = request.body(()).expect("a request");
        let mut requests = self.requests.clone();
        let (answer, sender) = requests.send_request(request, protocol.is_none()).expect("a stream");
        let (parts, body) = self.run(answer).expect("an answer").into_parts();
        (Answer { status: parts.status, headers: parts.headers, body }, sender)
    }

    fn shake_hands(&self, path: &str, fields: &[(&str, &str)]) -> (Answer, SendStream<Bytes>) {
        let fields = [&[("sec-websocket-version", "13")], fields].concat();
        self.ask(Method::CONNECT, path, &fields, Some("websocket"))
    }

    fn open(&self, path: &str) -> Socket<'_> {
        let (answer, sender) = self.shake_hands(path, &[]);
        assert_eq!(answer.status, 200);
        Socket { client: self, sender, arriving: answer.body, pending: Vec::new() }
    }

    /// Which status refuses, with which fields.
    fn refusal(&self, path: &str, fields: &[(&str, &str)]) -> (u16, HeaderMap) {
        let (answer, _sender) = self.ask(Method::CONNECT, path, fields, Some("websocket"));
        (answer.status.as_u16(), answer.headers)
    }
}

/// An open WebSocket.
struct Socket<'c> {
    client: &'c Client,
    sender: SendStream<Bytes>,
    arriving: RecvStream,
    pending: Vec<u8>,
}

impl Socket<'_> {
    fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        let mut data = Bytes::from(frame(first, payload));
        let sender = &mut self.sender;
        self.client.run(async move {
            while !data.is_empty() {
                sender.reserve_capacity(data.len());
                let room = poll_fn(|context| sender.poll_capacity(context)).await;
                let room = room.expect("an open stream").expect("room");
                sender.send_data(data.split_to(room.min(data.len())), false).expect("an open stream");
            }
        });
    }

    /// So many bytes; fewer where the stream ends before.
    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.pending.len() < length {
            let Some(data) = self.client.run(self.arriving.data()) else { break };
            let data = data.expect("data");
            self.arriving.flow_control().release_capacity(data.len()).expect("room");
            self.pending.extend(&data);
        }
        self.pending.drain(..length.min(self.pending.len())).collect()
    }

    fn receive(&mut self) -> Frame {
        let head = self.exactly(2);
        let length = match head[1] {
            126 => u16::from_be_bytes(self.exactly(2).try_into().expect("two bytes")).into(),
            127 => u64::from_be_bytes(self.exactly(8).try_into().expect("eight bytes")) as usize,
            length => length.into(),
        };
        Frame { first: head[0], payload: self.exactly(length) }
    }

    fn ask(&mut self, text: &str) -> String {
        self.send(FIN | TEXT, text);
        self.receive().text().to_owned()
    }

    /// Whether the server ends the stream, with nothing more to read.
    fn is_ended(&mut self) -> bool {
        self.exactly(1).is_empty() && self.arriving.is_end_stream()
    }

    fn end_stream(&mut self) {
        self.sender.send_data(Bytes::new(), true).expect("an open stream");
    }
}

#[test]
fn a_stream_becomes_a_websocket() {
    let server = started();
    let client = Client::connect(&server);
    let (answer, _sender) = client.shake_hands("/echo/fields", &[]);
    assert_eq!((answer.status.as_u16(), answer.headers["x-name"].as_bytes()), (200, &b"fields"[..]));
    for absent in ["sec-websocket-accept", "upgrade", "connection", "content-length", "content-type"] {
        assert!(!answer.headers.contains_key(absent), "{absent}");
    }
    let mut socket = client.open("/echo/simple");
    assert_eq!(socket.ask("hello"), "hello");
    socket.send(FIN | BINARY, [0, 1, 2]);
    assert_eq!(socket.receive(), Frame { first: FIN | BINARY, payload: vec![0, 1, 2] });
}

#[test]
fn messages_larger_than_all_windows_come_back() {
    let server = with_limits(|limits| limits.stream_window(70_000).connection_window(70_000));
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/large");
    let message: Vec<u8> = (0..900_000u32).map(|number| number as u8).collect();
    for _ in 0..3 {
        socket.send(FIN | BINARY, &message);
        assert!(socket.receive().payload == message, "it is the same");
    }
}

#[test]
fn several_websockets_share_a_connection_with_requests() {
    let server = started();
    let client = Client::connect(&server);
    let mut sockets: Vec<_> = (0..20).map(|number| client.open(&format!("/echo/shared-{number}"))).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.send(FIN | TEXT, number.to_string());
    }
    assert_eq!(client.ask(Method::GET, "/echo/x", &[], None).0.status, 200);
    for (number, socket) in sockets.iter_mut().enumerate().rev() {
        assert_eq!(socket.receive().text(), number.to_string());
    }
    drop(sockets.remove(3));
    for socket in &mut sockets {
        assert_eq!(socket.ask("still here"), "still here");
    }
}

#[test]
fn a_close_is_answered_and_ends_the_stream() {
    let server = started();
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/closing");
    socket.send(FIN | CLOSE, close_payload(1000, "done"));
    assert_eq!(socket.receive().close().0, 1000);
    assert!(socket.is_ended());
    socket.end_stream();
    assert_eq!(ended("/echo/closing"), Some(1000));
}

#[test]
fn the_server_may_close() {
    let server = started();
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/closed");
    socket.send(FIN | TEXT, "close");
    assert_eq!(socket.receive().close(), (4000, "that was all"));
    socket.send(FIN | CLOSE, close_payload(4000, ""));
    assert!(socket.is_ended());
    socket.end_stream();
    assert_eq!(ended("/echo/closed"), Some(4000));
}

#[test]
fn the_end_of_the_stream_is_the_end_of_the_connection() {
    let server = started();
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/ending");
    socket.end_stream();
    assert!(socket.is_ended());
    assert_eq!(ended("/echo/ending"), Some(1006));
}

#[test]
fn a_reset_is_the_end_of_the_connection() {
    let server = started();
    let client = Client::connect(&server);
    let mut other = client.open("/echo/beside");
    let mut socket = client.open("/echo/reset");
    assert_eq!(socket.ask("hello"), "hello");
    socket.sender.send_reset(Reason::CANCEL);
    assert_eq!(ended("/echo/reset"), Some(1006));
    assert_eq!(other.ask("still here"), "still here");
}

#[test]
fn the_end_of_the_socket_ends_all_its_websockets() {
    let server = started();
    let client = Client::connect(&server);
    let sockets = [client.open("/echo/vanishing-1"), client.open("/echo/vanishing-2")];
    drop(sockets);
    drop(client);
    assert_eq!((ended("/echo/vanishing-1"), ended("/echo/vanishing-2")), (Some(1006), Some(1006)));
}

#[test]
fn a_frame_against_the_protocol_is_answered_with_its_code() {
    let server = started();
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/wrong");
    socket.send(FIN | 0x3, "");
    assert_eq!(socket.receive().close().0, 1002);
    assert!(socket.is_ended());
}

#[test]
fn subprotocol_and_compression_are_agreed_on() {
    let server = started();
    let client = Client::connect(&server);
    let offers = [
        ("sec-websocket-protocol", "soap, chat.v1"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
    ];
    let (answer, _sender) = client.shake_hands("/echo/offers", &offers);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["sec-websocket-protocol"], "chat.v1");
    let agreed = answer.headers["sec-websocket-extensions"].to_str().expect("text");
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
}

#[test]
fn handshakes_are_refused_as_over_http_1_1() {
    let server = started();
    let client = Client::connect(&server);
    let (status, headers) = client.refusal("/echo/refused", &[("sec-websocket-version", "13")]);
    assert_eq!((status, headers["x-why"].as_bytes()), (403, &b"closed"[..]));
    for version in [&[("sec-websocket-version", "8")][..], &[]] {
        let (status, headers) = client.refusal("/echo/version", version);
        assert_eq!((status, headers["sec-websocket-version"].as_bytes()), (426, &b"13"[..]));
    }
    let elsewhere = [("sec-websocket-version", "13"), ("origin", "http://elsewhere.example")];
    assert_eq!(client.refusal("/echo/origin", &elsewhere).0, 403);
    let here = [("sec-websocket-version", "13"), ("origin", "http://localhost")];
    assert_eq!(client.refusal("/echo/origin", &here).0, 200);
    assert_eq!(client.refusal("/not/there", &[("sec-websocket-version", "13")]).0, 404);
    let long = format!("/echo/{}", "x".repeat(9000));
    assert_eq!(client.refusal(&long, &[("sec-websocket-version", "13")]).0, 414);
    assert_eq!(client.open("/echo/afterwards").ask("still here"), "still here");
}

#[test]
fn a_refusal_with_a_status_of_success_does_not_open_a_stream() {
    let server = started();
    let client = Client::connect(&server);
    assert_eq!(client.refusal("/echo/success", &[("sec-websocket-version", "13")]).0, 500);
}

#[test]
fn other_protocols_are_not_implemented() {
    let server = started();
    let client = Client::connect(&server);
    let (answer, _sender) = client.ask(Method::CONNECT, "/echo/telnet", &[], Some("telnet"));
    assert_eq!(answer.status, 501);
}

#[test]
fn a_reset_ends_a_handshake_that_waits() {
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send(connect(1, "/echo/waiting"));
    client.send(frames::reset(1));
    client.send(connect(3, "/echo/after-reset"));
    assert_eq!(headers_of(&mut client, 3).flags & frames::END_STREAM, 0);
}

/// SETTINGS_ENABLE_CONNECT_PROTOCOL as it is announced (RFC 8441 section 3).
fn announced(server: &Running) -> Option<u32> {
    let mut client = Frames::begin(server.address, &[]);
    let settings = client.next_of(SETTINGS).expect("settings").payload;
    let setting = settings.chunks(6).find(|setting| setting[..2] == [0, 8])?;
    Some(u32::from_be_bytes(setting[2..].try_into().expect("four bytes")))
}

#[test]
fn apps_with_endpoints_alone_announce_that_they_take_them() {
    assert_eq!(announced(&started()), Some(1));
    assert_eq!(announced(&Running::start(Server::app("without"))), None);
}

#[test]
fn a_stop_closes_websockets_and_waits_for_their_clients() {
    let server = started();
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/stopping");
    assert_eq!(socket.ask("hello"), "hello");
    server.handle.stop();
    assert_eq!(socket.receive().close().0, 1001);
    socket.send(FIN | CLOSE, close_payload(1001, ""));
    assert!(socket.is_ended());
    socket.end_stream();
    server.stop().expect("a good end");
    assert_eq!(ended("/echo/stopping"), Some(1001));
}

#[test]
fn websockets_are_cut_at_the_deadline() {
    let server = Running::start(Server::new().drain_deadline(Duration::from_secs(1)));
    let client = Client::connect(&server);
    let mut socket = client.open("/echo/deaf");
    assert_eq!(socket.ask("hello"), "hello");
    server.stop().expect("an end");
    assert_eq!(ended("/echo/deaf"), Some(1001));
}

/// An extended CONNECT as frames.
fn connect(stream: u32, path: &str) -> Vec<u8> {
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", "x"),
        (":path", path),
        ("sec-websocket-version", "13"),
    ];
    frames::frame(frames::HEADERS, frames::END_HEADERS, stream, &frames::block(&fields))
}

/// The answer on this stream.
fn headers_of(client: &mut Frames, stream: u32) -> frames::Frame {
    loop {
        let frame = client.next_of(frames::HEADERS).expect("an answer");
        if frame.stream == stream {
            return frame;
        }
    }
}

#[test]
fn websockets_count_among_the_streams() {
    let server = with_limits(|limits| limits.streams(2));
    let mut client = Frames::begin(server.address, &[]);
    client.send([connect(1, "/echo/one"), connect(3, "/echo/two"), connect(5, "/echo/three")].concat());
    let refused = client.next_of(RST_STREAM).expect("a refusal");
    assert_eq!((refused.stream, refused.code()), (5, frames::REFUSED_STREAM));
    client.send(frames::frame(frames::DATA, frames::END_STREAM, 1, b""));
    assert_eq!(ended("/echo/one"), Some(1006));
    client.send(connect(7, "/echo/four"));
    assert_eq!(headers_of(&mut client, 7).flags & frames::END_STREAM, 0);
}

#[test]
fn a_session_that_is_kept_keeps_no_stream() {
    let server = with_limits(|limits| limits.streams(1));
    let client = Client::connect(&server);
    for number in 0..5 {
        let path = format!("/echo/kept-{number}");
        let mut socket = client.open(&path);
        assert_eq!(socket.ask("keep"), "kept");
        socket.end_stream();
        assert!(socket.is_ended());
        assert_eq!(ended(&path), Some(1006));
    }
}

#[test]
fn a_client_that_makes_no_room_loses_its_websocket() {
    let server = with_limits(|limits| limits.websocket_send_timeout(Duration::from_millis(300)));
    let mut client = Frames::begin(server.address, &[]);
    // the connection has room for others, the stream has none
    client.send(frames::window_update(0, 1 << 20));
    client.send(connect(1, "/echo/unread"));
    client.send(frames::frame(frames::DATA, 0, 1, &frame(FIN | TEXT, "flood")));
    let reset = client.next_of(RST_STREAM).expect("the end of the stream");
    assert_eq!((reset.stream, reset.code()), (1, frames::CANCEL));
    assert_eq!(ended("/echo/unread"), Some(1006));
    assert_eq!(client.ask(3, "/echo/x"), frames::End::Answered("a page for x".to_owned()));
}

#[test]
fn messages_in_frames_of_single_bytes_arrive() {
    let server = started();
    let mut client = Frames::begin(server.address, &[]);
    client.send(connect(1, "/echo/bytes"));
    for byte in frame(FIN | TEXT, "in pieces") {
        client.send(frames::frame(frames::DATA, 0, 1, &[byte]));
    }
    let answer = client.next_of(frames::DATA).expect("an echo");
    assert_eq!(answer.payload, b"\x81\x09in pieces");
}

#[test]
fn handshakes_are_in_the_access_log() {
    log::gather();
    let server = Running::start(Server::new().access_log(true));
    let client = Client::connect(&server);
    client.refusal("/echo/logged", &[("sec-websocket-version", "13")]);
    client.refusal("/not/logged", &[("sec-websocket-version", "13")]);
    wait_until("both lines are there", || {
        let open = log::lines_with("/echo/logged");
        let refused = log::lines_with("/not/logged");
        open.iter().any(|line| line.contains("status=200"))
            && refused.iter().any(|line| line.contains("status=404"))
    });
}
