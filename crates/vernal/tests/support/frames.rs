//! A client that sends HTTP/2 frames, right or wrong, and reads those that come.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::PATIENCE;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const INTERNAL_ERROR: u32 = 2;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of literals.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("a short text"));
            block.extend(text.as_bytes());
        }
    }
    block
}

pub fn request(stream: u32, method: &str, path: &str) -> Vec<u8> {
    let fields = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)];
    let flags = if method == "POST" { END_HEADERS } else { END_HEADERS | END_STREAM };
    frame(HEADERS, flags, stream, &block(&fields))
}

pub fn get(stream: u32, path: &str) -> Vec<u8> {
    request(stream, "GET", path)
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn ends(&self, stream: u32) -> bool {
        self.stream == stream && matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The error code of RST_STREAM or GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("a code"))
    }
}

/// How a stream or a connection ends.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The stream, with this body.
    Answered(String),
    Reset(u32),
    GoAway(u32),
    Closed,
}

pub struct Frames<S = TcpStream> {
    pub stream: S,
    pending: Vec<u8>,
}

impl Frames<TcpStream> {
    /// Connects without sending anything.
    pub fn connect(address: SocketAddr) -> Frames {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Frames { stream, pending: Vec::new() }
    }

    /// Begins with the preface and these settings.
    pub fn begin(address: SocketAddr, settings: &[(u16, u32)]) -> Frames {
        let mut frames = Frames::connect(address);
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        frames.send(PREFACE);
        frames.send(frame(SETTINGS, 0, 0, &settings));
        frames
    }
}

impl<S: Read + Write> Frames<S> {
    /// Begins on a stream that is there already.
    pub fn over(stream: S) -> Frames<S> {
        let mut frames = Frames { stream, pending: Vec::new() };
        frames.send(PREFACE);
        frames.send(frame(SETTINGS, 0, 0, b""));
        frames
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends what the server is willing to take.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// The next frame; none when the server closes. Settings are acknowledged.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(head) = self.pending.first_chunk::<9>() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if self.pending.len() >= 9 + length {
                    let (kind, flags) = (head[3], head[4]);
                    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                    let payload = self.pending.drain(..9 + length).skip(9).collect();
                    if kind == SETTINGS && flags & ACK == 0 {
                        self.try_send(frame(SETTINGS, ACK, 0, b""));
                    }
                    return Some(Frame { kind, flags, stream, payload });
                }
            }
            let mut buffer = [0; 64 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.pending.extend(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error} after {:?}", self.pending),
            }
        }
    }

    /// The next frame of this kind; none when the server closes before.
    pub fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// How this stream ends, or the connection before it. What is read makes room for more.
    pub fn end_of(&mut self, stream: u32) -> End {
        let mut body = Vec::new();
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY && frame.code() != NO_ERROR {
                return End::GoAway(frame.code());
            }
            if frame.kind == RST_STREAM && frame.stream == stream {
                return End::Reset(frame.code());
            }
            if frame.kind == DATA && !frame.payload.is_empty() {
                let length = frame.payload.len() as u32;
                self.try_send([window_update(0, length), window_update(stream, length)].concat());
                if frame.stream == stream {
                    body.extend(&frame.payload);
                }
            }
            if frame.ends(stream) {
                return End::Answered(String::from_utf8(body).expect("text"));
            }
        }
        End::Closed
    }

    /// Asks for a page and reads the answer.
    pub fn ask(&mut self, stream: u32, path: &str) -> End {
        self.send(get(stream, path));
        self.end_of(stream)
    }

    /// Why the server ends the connection, reading whatever comes before; none if it just closes.
    pub fn end(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY {
                code = Some(frame.code());
            }
        }
        code
    }
}
