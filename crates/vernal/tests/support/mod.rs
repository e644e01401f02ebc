//! A server on a port of its own, and a client that speaks raw bytes to it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]

pub mod frames;
pub mod log;
pub mod program;
#[cfg(feature = "tls")]
pub mod tls;
pub mod websocket;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vernal::{Handle, Result, Server};

/// Nothing in these tests takes this long, unless it never ends.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An address that nothing else has, for tests in which a port becomes free: what the system chooses on 127.0.0.1 may be
/// anybody's a moment later.
pub fn own_address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    match cfg!(target_os = "linux") {
        true => format!("127.{number}.{}.{}", process >> 8 & 0xff, process & 0xff),
        false => "127.0.0.1".to_owned(), // elsewhere the others would have to be set up
    }
}

/// A server in a thread of its own; stopped when dropped.
pub struct Running {
    pub address: SocketAddr,
    pub handle: Handle,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Running {
    /// Starts it on a port that the system chooses, and waits until it takes requests.
    pub fn start(server: Server) -> Running {
        let handle = server.handle();
        let thread = std::thread::spawn(move || server.port(0).handle_signals(false).start());
        wait_until("the server is ready", || handle.is_ready());
        let address = handle.local_addr().expect("a bound address");
        Running { address, handle, thread: Some(thread) }
    }

    pub fn connect(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// Sends these bytes on a connection of their own and reads one answer.
    pub fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        self.connect().ask(request)
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// Stops it and waits for the end of `start`.
    pub fn stop(mut self) -> Result<()> {
        self.handle.stop();
        self.end()
    }

    /// Waits for the end of `start`.
    pub fn end(&mut self) -> Result<()> {
        self.thread.take().expect("it ends once").join().expect("start does not panic")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One end of a connection.
pub struct Wire<S = TcpStream> {
    pub stream: S,
    pending: Vec<u8>,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Wire::over(stream)
    }

    /// Whether nothing has arrived yet.
    pub fn is_silent(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("a mode");
        let is_silent = self.pending.is_empty()
            && self.stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).expect("a mode");
        is_silent
    }

    pub fn finish_writing(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("a half-closed connection");
    }
}

impl<S: Read + Write> Wire<S> {
    pub fn over(stream: S) -> Wire<S> {
        Wire { stream, pending: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends what the server is willing to take; it may cut the connection in the middle.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        let request = request.as_ref();
        self.send(request);
        self.answer_to(request.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"HEAD")))
    }

    /// Reads one answer.
    pub fn answer(&mut self) -> Answer {
        self.answer_to(false)
    }

    /// Reads one answer; one to HEAD has no body, whatever its head says.
    pub fn answer_to(&mut self, head_only: bool) -> Answer {
        let head = self.until(b"\r\n\r\n");
        let head = String::from_utf8(head).expect("a head is text");
        let mut answer = Answer::parse(&head);
        let bodiless = head_only || answer.status < 200 || matches!(answer.status, 204 | 304);
        answer.body = match (answer.field("content-length"), answer.field("transfer-encoding")) {
            _ if bodiless => Vec::new(),
            (Some(length), _) => self.exactly(length.parse().expect("a length")),
            (None, Some("chunked")) => self.chunks(),
            _ => self.rest(),
        };
        answer
    }

    /// Everything until the server closes; an answer is not lost when the connection is reset after it.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.pending)
    }

    /// Whether the server closes, with nothing more to read.
    pub fn is_closed(&mut self) -> bool {
        self.rest().is_empty()
    }

    pub fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.pending.windows(end.len()).position(|window| window == end) {
                return self.pending.drain(..at + end.len()).collect();
            }
            let more = self.fill();
            assert!(more, "the connection ended after {:?}", String::from_utf8_lossy(&self.pending));
        }
    }

    pub fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.pending.len() < length {
            assert!(self.fill(), "the connection ended {} bytes into {length}", self.pending.len());
        }
        self.pending.drain(..length).collect()
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = String::from_utf8(self.until(b"\r\n")).expect("a chunk size");
            let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size");
            body.extend(self.exactly(size));
            assert_eq!(self.exactly(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.pending.extend(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.pending)),
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(head: &str) -> Answer {
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().expect("a status line");
        let (version, rest) = line.split_once(' ').expect("a status line");
        assert!(version.starts_with("HTTP/1."), "{line}");
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let field = |line: &str| {
            let (name, value) = line.split_once(':').expect("a field");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Answer {
            status: status.parse().expect("a status"),
            reason: reason.to_owned(),
            fields: lines.map(field).collect(),
            body: Vec::new(),
        }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// Waits until it is so; fails the test if it never is.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came true that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
