//! A WebSocket client inside the process.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::accept::Drain;
use crate::testing::{Answer, Call, Client};
use crate::{Headers, Result};

/// Bytes on their way in each direction.
const ROOM: usize = 64 * 1024;

impl Client {
    /// Begins to open a WebSocket.
    ///
    /// ```
    /// use vernal::prelude::*;
    /// use vernal::testing::Client;
    ///
    /// #[websocket_message("/shout", app = "shout")]
    /// async fn shout(session: &WebsocketSession, message: String) -> Result<()> {
    ///     session.send_text(message.to_uppercase()).await
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let client = Client::new(Server::app("shout").build()?);
    /// let mut socket = client.websocket("/shout").connect().await.expect("it is let in");
    /// socket.send_text("hello").await?;
    /// assert_eq!(socket.receive_text().await, "HELLO");
    /// socket.close(1000, "").await?;
    ///
    /// let refused = client.websocket("/elsewhere").connect().await.expect_err("there is nothing");
    /// assert_eq!(refused.status(), 404);
    /// # Ok::<(), vernal::Error>(()) })?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn websocket(&self, target: &str) -> Call<'_> {
        self.get(target)
    }
}

impl Call<'_> {
    /// Opens the WebSocket; its other end is served by a task of the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// The answer that refused it.
    pub async fn connect(mut self) -> Result<Socket, Answer> {
        self.add_cookies();
        let Call { client, mut request } = self;
        client.app.adopt(&mut request);
        let app = client.app.enter(&mut request).unwrap_or_else(|| client.app.clone());
        let Some(endpoint) = app.websocket(&mut request) else {
            return Err(client.answer(app.handle(request).await).await);
        };
        let accepts = StatusCode::SWITCHING_PROTOCOLS;
        match app.shake_hands(request, endpoint, accepts, None).await {
            (sent, None) => Err(client.answer(sent).await),
            (sent, Some(accepted)) => {
                let headers = Headers::from(sent.into_parts().0.headers);
                client.remember(&headers);
                let (stream, other) = tokio::io::duplex(ROOM);
                let drain = Drain::new(1, Duration::ZERO);
                tokio::spawn(accepted.converse(other, Bytes::new(), drain));
                Ok(Socket { stream, headers, received: VecDeque::new(), begun: None })
            }
        }
    }
}

/// What a client receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Bytes),
    /// A ping; the client does not answer it by itself.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame; its code, if it has one, and its reason.
    Close(Option<u16>, String),
}

/// The client's end of a WebSocket inside the process.
#[derive(Debug)]
pub struct Socket {
    stream: DuplexStream,
    headers: Headers,
    received: VecDeque<Message>,
    /// The opcode of a message that comes in several frames, and its payload so far.
    begun: Option<(u8, BytesMut)>,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

impl Socket {
    /// A header field of the answer to the handshake.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the server has ended the connection, here as in the other sending methods.
    pub async fn send_text(&mut self, text: impl AsRef<str>) -> Result<()> {
        self.send(TEXT, text.as_ref().as_bytes()).await
    }

    /// Sends a binary message.
    pub async fn send_binary(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.send(BINARY, bytes.as_ref()).await
    }

    /// Sends a ping.
    pub async fn send_ping(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.send(PING, bytes.as_ref()).await
    }

    /// Sends a close frame; the server answers it.
    pub async fn close(&mut self, code: u16, reason: &str) -> Result<()> {
        self.send(CLOSE, &[&code.to_be_bytes()[..], reason.as_bytes()].concat()).await
    }

    /// What comes next; none once the connection has ended.
    pub async fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.received.pop_front() {
                return Some(message);
            }
            self.read_frame().await.ok()?;
        }
    }

    /// The next message, which is a text.
    ///
    /// # Panics
    ///
    /// When it is something else, or the connection has ended.
    pub async fn receive_text(&mut self) -> String {
        match self.receive().await {
            Some(Message::Text(text)) => text,
            other => panic!("a text was expected, not {other:?}"),
        }
    }

    /// Sends a frame, masked with zeros: nobody reads along inside the process (RFC 6455 section 5.3).
    async fn send(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Reads a frame of the server: unmasked, and not compressed since nothing was offered.
    async fn read_frame(&mut self) -> std::io::Result<()> {
        let head = [self.stream.read_u8().await?, self.stream.read_u8().await?];
        let length = match head[1] {
            126 => self.stream.read_u16().await?.into(),
            127 => self.stream.read_u64().await?,
            length => length.into(),
        };
        let mut payload = BytesMut::new();
        let mut frame = (&mut self.stream).take(length);
        while frame.read_buf(&mut payload).await? > 0 {}
        let (fin, opcode) = (head[0] & 0x80 != 0, head[0] & 0x0f);
        let whole = match (opcode, self.begun.take()) {
            (CONTINUATION, Some((opcode, mut begun))) => {
                begun.extend_from_slice(&payload);
                (opcode, begun)
            }
            (opcode, begun) => {
                self.begun = begun;
                (opcode, payload)
            }
        };
        if fin {
            self.received.push_back(message(whole.0, whole.1.freeze()));
        } else {
            self.begun = Some(whole);
        }
        Ok(())
    }
}

fn message(opcode: u8, payload: Bytes) -> Message {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match opcode {
        TEXT => Message::Text(text(&payload)),
        PING => Message::Ping(payload),
        PONG => Message::Pong(payload),
        CLOSE => match payload.split_first_chunk() {
            Some((code, reason)) => Message::Close(Some(u16::from_be_bytes(*code)), text(reason)),
            None => Message::Close(None, String::new()),
        },
        _ => Message::Binary(payload),
    }
}
