//! A WebSocket client that does what it is told, also what no client should do.

use super::{Answer, Running, Wire};

pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CONTINUATION: u8 = 0x0;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;
pub const FIN: u8 = 0x80;

/// The key of RFC 6455 section 1.3.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A handshake with these further lines, each ended by CR LF.
pub fn handshake(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// A frame as a client sends it, masked.
pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let payload = payload.as_ref();
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The payload of a close frame.
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}

/// A frame that the server has sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN and the opcode.
    pub first: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn text(&self) -> &str {
        assert_eq!(self.first, FIN | TEXT, "{self:?}");
        std::str::from_utf8(&self.payload).expect("text")
    }

    /// Code and reason of a close frame.
    pub fn close(&self) -> (u16, &str) {
        assert_eq!(self.first, FIN | CLOSE, "{self:?}");
        let code = u16::from_be_bytes([self.payload[0], self.payload[1]]);
        (code, std::str::from_utf8(&self.payload[2..]).expect("text"))
    }
}

/// An open WebSocket.
pub struct Socket {
    pub wire: Wire,
    pub answer: Answer,
}

impl Socket {
    pub fn open(server: &Running, target: &str) -> Socket {
        Socket::open_with(server, target, "")
    }

    pub fn open_with(server: &Running, target: &str, more: &str) -> Socket {
        Socket::on(server.connect(), target, more)
    }

    pub fn on(mut wire: Wire, target: &str, more: &str) -> Socket {
        let answer = wire.ask(handshake(target, more));
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.field("sec-websocket-accept"), Some(ACCEPT));
        Socket { wire, answer }
    }

    pub fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.wire.send(frame(first, payload));
    }

    pub fn send_text(&mut self, text: &str) {
        self.send(FIN | TEXT, text);
    }

    pub fn receive(&mut self) -> Frame {
        let head = self.wire.exactly(2);
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => u16::from_be_bytes(self.wire.exactly(2).try_into().expect("two bytes")).into(),
            127 => u64::from_be_bytes(self.wire.exactly(8).try_into().expect("eight bytes")) as usize,
            length => length.into(),
        };
        Frame { first: head[0], payload: self.wire.exactly(length) }
    }

    /// The next message, which is a text.
    pub fn text(&mut self) -> String {
        self.receive().text().to_owned()
    }

    /// Sends a text and reads the next message.
    pub fn ask(&mut self, text: &str) -> String {
        self.send_text(text);
        self.text()
    }

    /// Closes as a client should, and waits for the end.
    pub fn close(mut self, code: u16, reason: &str) -> Frame {
        self.send(FIN | CLOSE, close_payload(code, reason));
        let frame = self.receive();
        assert!(self.wire.is_closed());
        frame
    }
}
