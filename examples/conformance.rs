//! The program that the scripts in `conformance/` talk to: one controller for each thing that they want to see.
//!
//! ```sh
//! cargo run -p vernal --example conformance -- header_timeout=2
//! ```
//!
//! It listens on a port that the system chooses and prints it. Arguments are limits, in seconds, bytes or numbers;
//! `tls=server` makes it speak HTTPS with `server.pem` and `server.key`, `host=127.0.0.2` listen there.

use std::time::Duration;

use vernal::prelude::*;

#[route("/", method = "GET")]
async fn hello() -> &'static str {
    "Hello, World!"
}

#[route("/blocking", method = "GET")]
fn blocking() -> &'static str {
    "Hello from a thread that may block!"
}

#[route("/json", method = "POST")]
async fn json(body: Json<Value>) -> Json<Value> {
    body
}

#[route("/echo", method = ["POST", "PUT"])]
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

#[route("/ignore", method = ["GET", "POST"])]
async fn ignore() -> &'static str {
    "ignored"
}

#[route("/target")]
async fn target(request: &Request) -> String {
    let field = request.headers.get("host").unwrap_or("-");
    format!(
        "{} {}?{} {} {field}",
        request.method,
        request.path(),
        request.query(),
        request.host().unwrap_or("-")
    )
}

#[route("/trailers", method = "POST")]
async fn trailers(body: Bytes, request: &Request) -> String {
    format!("{} {}", body.len(), request.headers.get("x-trailer").unwrap_or("-"))
}

#[route("/status/{code}")]
async fn status(code: u16) -> (u16, &'static str) {
    (code, "a body")
}

#[route("/stream", method = "GET")]
async fn stream() -> Stream {
    Stream::iter((1..=3).map(|number| format!("{number}\n")))
}

#[route("/endless", method = "GET")]
async fn endless() -> Stream {
    Stream::iter(std::iter::repeat("x".repeat(16 * 1024)))
}

#[route("/large", method = "GET")]
async fn large(#[default(1)] megabytes: usize) -> Stream {
    Stream::iter((0..megabytes.saturating_mul(64)).map(|_| "x".repeat(16 * 1024)))
}

#[route("/sleep", method = "GET")]
async fn sleep(#[default(100)] milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "awake"
}

#[route("/upload", method = "POST")]
async fn upload(file: MultipartFile) -> String {
    format!("{} {}", file.filename(), file.len())
}

#[route("/fields", method = "GET")]
async fn fields() -> Response {
    Response::new(200)
        .header("Connection", "close, X-Private")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Connection", "close")
        .header("Transfer-Encoding", "chunked")
        .header("Upgrade", "h2c")
        .header("X-Private", "private")
        .header("X-Public", "public")
        .body("fields")
}

#[route("/unread", method = "POST")]
async fn unread(body: BodyReader) -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(body);
    "unread"
}

#[route("/cookies", method = "GET")]
async fn cookies(request: &Request) -> String {
    request.headers.get_all("cookie").collect::<Vec<_>>().join(" + ")
}

/// Says back what it is told, and closes when it is told to.
#[derive(Default)]
struct Echo;

#[websocket_handler("/websocket/echo")]
impl WebsocketHandler for Echo {
    async fn on_handshake(&self, request: &WebsocketRequest, refuse: Option<u16>) -> Handshake {
        match (refuse, request.choose_subprotocol(&["echo"])) {
            (Some(status), _) => Handshake::refuse(status),
            (None, Some(name)) => Handshake::accept().subprotocol(name),
            (None, None) => Handshake::accept(),
        }
    }

    async fn on_text_message(&self, session: &WebsocketSession, message: String) -> Result<()> {
        match message.as_str() {
            "close" => session.close(4001, "as you wish").await,
            "fail" => Err(std::io::Error::other("it was told to fail").into()),
            "ping" => session.send_ping("are you there?").await,
            _ => session.send_text(message).await,
        }
    }

    async fn on_binary_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_binary_in_chunks(message, 10_000).await
    }

    async fn on_pong_message(&self, session: &WebsocketSession, message: Bytes) -> Result<()> {
        session.send_binary(message).await
    }
}

#[websocket_open("/websocket/room/{room}")]
async fn enter(session: &WebsocketSession, room: &str) -> Result<()> {
    session.join(room)?;
    session.send_text(format!("in {room}")).await
}

#[websocket_message("/websocket/room/{room}")]
async fn say(rooms: Rooms, room: &str, message: &str) {
    rooms.get(room).send_text(message);
}

fn main() -> vernal::Result<()> {
    let mut limits = Limits::default();
    let mut server = Server::new().port(0).workers(2);
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, "1"));
        if name == "tls" {
            server = server.tls(vernal::Tls::from_files(format!("{value}.pem"), format!("{value}.key")));
            continue;
        }
        if name == "host" {
            server = server.host(value);
            continue;
        }
        let number: f64 = value.parse().unwrap_or_else(|_| panic!("{argument} has no number"));
        let (count, time) = (number as usize, Duration::from_secs_f64(number));
        limits = match name {
            "header_timeout" => limits.header_timeout(time),
            "body_timeout" => limits.body_timeout(time),
            "body_rate" => limits.body_rate(count),
            "request_timeout" => limits.request_timeout(time),
            "write_timeout" => limits.write_timeout(time),
            "write_rate" => limits.write_rate(count),
            "connections" => limits.connections(count),
            "idle_timeout" => {
                server = server.idle_timeout(time);
                limits
            }
            "access_log" => {
                vernal::logger::init()?;
                server = server.access_log(true);
                limits
            }
            _ => panic!("{name} is no limit that this program can set"),
        };
    }
    let server = server.limits(limits);
    let handle = server.handle();
    std::thread::spawn(move || {
        while !handle.is_ready() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(address) = handle.local_addr() {
            println!("listening on {address}");
        }
    });
    server.start()
}
