//! Conversations over sockets, with bytes on one side and a handler on the other.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod slow;
mod threads;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::websocket::WebsocketRequest;
use crate::websocket::deflate::{DeflateSettings, negotiate};
use crate::{Limits, Request};

/// Answers text by what it says, and writes down what happens.
#[derive(Default)]
struct Scripted {
    log: Mutex<Vec<String>>,
    go_on: Notify,
}

impl Scripted {
    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    async fn act(&self, session: &WebsocketSession, text: String) -> Result<()> {
        self.note(format!("text {text}"));
        match text.as_str() {
            "wait" => self.go_on.notified().await,
            "fail" => return Err(std::io::Error::other("it failed").into()),
            "panic" => panic!("it panicked"),
            "close" => session.close(4000, "enough").await?,
            "close and send" => {
                session.close(1000, "").await?;
                session.send_text("late").await?;
            }
            "chunks" => session.send_text_in_chunks("grüße", 3).await?,
            "never" => std::future::pending().await,
            text => session.send_text(text).await?,
        }
        self.note(format!("done {text}"));
        Ok(())
    }
}

impl WebsocketHandler for Scripted {
    fn on_open<'a>(&'a self, session: &'a WebsocketSession) -> Event<'a> {
        self.note(format!("open {}", session.request().path()));
        Event::done()
    }

    fn on_text_message<'a>(&'a self, session: &'a WebsocketSession, message: String) -> Event<'a> {
        Event::future(self.act(session, message))
    }

    fn on_binary_message<'a>(&'a self, session: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.note(format!("binary {}", message.len()));
        Event::future(async move { session.send_binary(message).await })
    }

    fn on_binary_frame<'a>(
        &'a self,
        _: &'a WebsocketSession,
        fin: bool,
        payload: Bytes,
    ) -> Event<'a, KeepFrame> {
        self.note(format!("frame {fin} {}", payload.len()));
        let keep = if payload.starts_with(b"no") { KeepFrame::No } else { KeepFrame::Yes };
        Event::future(async move {
            tokio::task::yield_now().await;
            Ok(keep)
        })
    }

    fn on_pong_message<'a>(&'a self, _: &'a WebsocketSession, message: Bytes) -> Event<'a> {
        self.note(format!("pong {}", String::from_utf8_lossy(&message)));
        Event::done()
    }

    fn on_close<'a>(&'a self, session: &'a WebsocketSession, reason: CloseReason) -> Event<'a> {
        assert!(session.is_closed());
        let CloseReason { message, code, reason } = reason;
        self.note(format!("close {message} {code:?} {reason}"));
        Event::done()
    }
}

/// One conversation, and the client's end of it.
struct Talk {
    client: TcpStream,
    session: WebsocketSession,
    handler: Arc<Scripted>,
    drain: Drain,
    conversation: JoinHandle<()>,
    /// How often the conversation has had its turn.
    turns: Arc<AtomicUsize>,
}

impl Talk {
    async fn begin(limits: Limits) -> Talk {
        Talk::begin_with(limits, "").await
    }

    async fn begin_with(limits: Limits, offers: &str) -> Talk {
        let handler = Arc::<Scripted>::default();
        Talk { handler: handler.clone(), ..Talk::begin_of(limits, offers, handler).await }
    }

    async fn begin_of(limits: Limits, offers: &str, handler: Arc<dyn WebsocketHandler>) -> Talk {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let deflate = negotiate(offers, &DeflateSettings::default().keep_contexts(true).threshold(1));
        let request = WebsocketRequest::new(Request::new("GET", "/talk"));
        let session = WebsocketSession::new(request, &limits, deflate.map(|(parameters, _)| parameters));
        let drain = Drain::new(1, Duration::from_secs(20));
        let conversation = converse(server, Bytes::new(), session.clone(), handler, drain.clone());
        let turns = Arc::new(AtomicUsize::new(0));
        let conversation = tokio::spawn(counted(conversation, turns.clone()));
        Talk { client, session, handler: Arc::default(), drain, conversation, turns }
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        self.client.write_all(&frame(first, payload)).await.unwrap();
    }

    async fn say(&mut self, text: &str) {
        self.send(0x81, text.as_bytes()).await;
    }

    /// The next frame: its first byte and its payload. None at the end of the stream.
    async fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.client.read_exact(&mut head).await.ok()?;
        let length = match head[1] {
            126 => u64::from(self.client.read_u16().await.unwrap()),
            127 => self.client.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut payload = vec![0; length as usize];
        self.client.read_exact(&mut payload).await.unwrap();
        Some((head[0], payload))
    }

    async fn expect(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        assert_eq!(self.receive().await, Some((first, payload.as_ref().to_vec())));
    }

    async fn expect_close(&mut self, code: u16, reason: &str) {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        self.expect(0x88, payload).await;
    }

    /// The client is gone; says what the handler has seen when the conversation has ended, too.
    async fn log(self) -> Vec<String> {
        drop(self.client);
        self.conversation.await.unwrap();
        self.handler.log.lock().unwrap().clone()
    }

    /// Likewise, while the client is still there.
    async fn log_of_connected(self) -> Vec<String> {
        self.conversation.await.unwrap();
        self.handler.log.lock().unwrap().clone()
    }

    async fn until_noted(&self, what: &str) {
        while !self.handler.log.lock().unwrap().iter().any(|line| line == what) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Counts how often the future is polled.
async fn counted(future: impl Future<Output = ()>, turns: Arc<AtomicUsize>) {
    let mut future = pin!(future);
    poll_fn(|context| {
        turns.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(context)
    })
    .await;
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::websocket::frame::write_header(&mut bytes, Opcode::Binary, true, false, payload.len() as u64);
    bytes[0] = first;
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

fn quick() -> Limits {
    let soon = Duration::from_millis(30);
    Limits::default()
        .websocket_send_timeout(soon)
        .websocket_close_timeout(soon)
        .websocket_ping_interval(Duration::ZERO)
}

const VANISHED: &str = "close Client closed connection. Some(1006) ";

#[tokio::test]
async fn messages_are_echoed_and_the_client_closes() {
    let mut talk = Talk::begin(Limits::default()).await;
    for text in ["", "hello", "grüße"] {
        talk.say(text).await;
        talk.expect(0x81, text).await;
    }
    for length in [0, 125, 126, 65_535, 65_536, 500_000] {
        let message = vec![length as u8; length];
        talk.send(0x82, &message).await;
        talk.expect(0x82, &message).await;
    }
    talk.send(0x89, b"are you there").await;
    talk.expect(0x8a, "are you there").await;
    talk.send(0x8a, b"unasked").await;
    talk.send(0x88, b"\x0b\xb8bye").await;
    talk.expect(0x88, [0x0b, 0xb8]).await;
    assert_eq!(talk.receive().await, None);
    let log = talk.log().await;
    assert_eq!(log[..4], ["open /talk", "text ", "done ", "text hello"]);
    assert_eq!(
        log[log.len() - 2..],
        ["pong unasked", "close Client asked to close connection. Some(3000) bye"]
    );
}

#[tokio::test]
async fn a_client_that_vanishes_is_reported_after_what_it_had_sent() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.say("last words").await;
    talk.client.shutdown().await.unwrap();
    talk.expect(0x81, "last words").await;
    assert_eq!(talk.receive().await, None);
    assert_eq!(talk.log().await, ["open /talk", "text last words", "done last words", VANISHED]);
}

#[tokio::test]
async fn a_close_of_the_server_goes_out_after_what_was_sent_and_waits_for_the_answer() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.say("first").await;
    talk.say("close").await;
    talk.say("too late").await;
    talk.expect(0x81, "first").await;
    talk.expect_close(4000, "enough").await;
    assert!(!talk.conversation.is_finished());
    talk.send(0x88, &4000_u16.to_be_bytes()).await;
    assert_eq!(talk.receive().await, None);
    let log = talk.log().await;
    assert_eq!(
        log[3..],
        ["text close", "done close", "close Server asked to close connection. Some(4000) enough"]
    );
}

#[tokio::test]
async fn a_close_without_an_answer_ends_the_connection_all_the_same() {
    let mut talk = Talk::begin(quick()).await;
    talk.say("close").await;
    talk.expect_close(4000, "enough").await;
    let log = talk.log_of_connected().await;
    assert_eq!(log.last().unwrap(), "close Server asked to close connection. Some(4000) enough");
}

#[tokio::test]
async fn nothing_is_sent_after_a_close_and_trying_to_is_no_failure_of_the_handler() {
    let mut talk = Talk::begin(quick()).await;
    talk.say("close and send").await;
    talk.expect_close(1000, "").await;
    let session = talk.session.clone();
    let log = talk.log().await;
    assert_eq!(log[1..], ["text close and send", "close Server asked to close connection. Some(1000) "]);
    let error = session.send_text("later").await.unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&SendError::Closed));
    assert_eq!(error.to_string(), "the WebSocket connection is closed");
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_closes_with_1011() {
    for failure in ["fail", "panic"] {
        let mut talk = Talk::begin(quick()).await;
        talk.say(failure).await;
        talk.expect_close(1011, "internal error").await;
        let log = talk.log().await;
        assert_eq!(log.last().unwrap(), "close Errors occur when handling message! Some(1011) ");
    }
}

#[tokio::test]
async fn a_violation_closes_at_once_and_the_rest_is_not_heard() {
    for (bytes, code, reason) in [
        (vec![0x81, 0x02, b'h', b'i'], 1002, "Client is not masked."),
        (frame(0x81, b"\xff"), 1007, "text that is not UTF-8"),
        (frame(0x83, b""), 1002, "unknown opcode"),
        (frame(0x80, b""), 1002, "continuation of nothing"),
        (frame(0x82, &vec![0; 2 << 20]), 1009, "frame is too large"),
    ] {
        let mut talk = Talk::begin(Limits::default()).await;
        talk.client.write_all(&bytes).await.unwrap();
        talk.say("more").await;
        talk.expect_close(code, reason).await;
        assert_eq!(talk.receive().await, None);
        let log = talk.log().await;
        assert_eq!(log, ["open /talk".to_owned(), format!("close {reason} Some({code}) ")]);
    }
}

#[tokio::test]
async fn text_is_refused_before_its_frame_is_whole() {
    let mut talk = Talk::begin(Limits::default()).await;
    let whole = frame(0x81, b"abc\xf4\x90more to come");
    talk.client.write_all(&whole[..whole.len() - 12]).await.unwrap();
    talk.expect_close(1007, "text that is not UTF-8").await;
}

#[tokio::test]
async fn events_wait_for_each_other_and_a_close_is_answered_meanwhile() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.say("wait").await;
    talk.send(0x88, b"").await;
    talk.expect(0x88, "").await;
    assert_eq!(*talk.handler.log.lock().unwrap(), ["open /talk", "text wait"]);
    assert!(talk.session.is_closed());
    talk.handler.go_on.notify_one();
    let log = talk.log().await;
    assert_eq!(log[2..], ["done wait", "close Client asked to close connection. None "]);
}

#[tokio::test]
async fn an_event_that_outlives_its_connection_is_dropped() {
    let mut talk = Talk::begin(quick()).await;
    talk.say("never").await;
    talk.until_noted("text never").await;
    assert_eq!(talk.log().await, ["open /talk", "text never", VANISHED]);
}

#[tokio::test]
async fn frames_of_a_binary_message_are_shown_and_those_kept_become_the_message() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.send(0x02, b"one").await;
    talk.send(0x89, b"").await;
    talk.send(0x00, b"no, not this").await;
    talk.send(0x80, b"two").await;
    talk.expect(0x8a, "").await;
    talk.expect(0x82, "onetwo").await;
    talk.send(0x02, b"no").await;
    talk.send(0x80, b"no").await;
    talk.send(0x82, b"whole").await;
    talk.expect(0x82, "whole").await;
    let log = talk.log().await;
    let expected = [
        "open /talk",
        "frame false 3",
        "frame false 12",
        "frame true 3",
        "binary 6",
        "frame false 2",
        "frame true 2",
        "binary 5",
        VANISHED,
    ];
    assert_eq!(log, expected);
}

#[tokio::test]
async fn a_text_is_sent_in_frames_that_may_end_within_a_character() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.say("chunks").await;
    talk.expect(0x01, b"gr\xc3").await;
    talk.expect(0x00, b"\xbc\xc3\x9f").await;
    talk.expect(0x80, b"e").await;
}

#[tokio::test]
async fn another_task_may_send_to_a_connection_that_rests() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.say("x").await;
    talk.expect(0x81, "x").await;
    let session = talk.session.clone();
    std::thread::spawn(move || session.try_send_text("from a thread").unwrap()).join().unwrap();
    talk.expect(0x81, "from a thread").await;
    talk.session.send_ping("ping").await.unwrap();
    talk.expect(0x89, "ping").await;
    talk.session.send_binary(vec![7; 20_000]).await.unwrap();
    talk.expect(0x82, vec![7; 20_000]).await;
    talk.session.close(1000, "from outside").await.unwrap();
    talk.session.close(1001, "twice").await.unwrap();
    talk.expect_close(1000, "from outside").await;
    assert_eq!(
        talk.log().await.last().unwrap(),
        "close Server asked to close connection. Some(1000) from outside"
    );
}

#[tokio::test]
async fn what_must_not_be_sent_is_refused() {
    let talk = Talk::begin(Limits::default()).await;
    let error = talk.session.close(1005, "").await.unwrap_err();
    let text =
        "the close code 1005 must not be sent; allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999";
    assert_eq!(error.to_string(), text);
    let error = talk.session.send_ping([0; 126]).await.unwrap_err();
    assert_eq!(error.to_string(), "a ping or pong may have 125 bytes, this one has 126");
    let error = talk.session.send_file("no/such/file").await.unwrap_err();
    assert_eq!(error.to_string(), "File in no/such/file does not exist or is not accessible.");
    assert!(!talk.session.is_closed());
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut_and_one_that_does_is_not() {
    let limits = quick().websocket_ping_interval(Duration::from_millis(300));
    let mut talk = Talk::begin(limits).await;
    for _ in 0..5 {
        talk.expect(0x89, KEEP_ALIVE).await;
        talk.send(0x8a, KEEP_ALIVE).await;
    }
    talk.expect(0x89, KEEP_ALIVE).await;
    assert_eq!(talk.log_of_connected().await, ["open /talk", VANISHED]);
}

#[tokio::test]
async fn the_end_of_the_server_is_said_with_1001_and_cut_at_its_deadline() {
    let mut talk = Talk::begin(Limits::default()).await;
    talk.say("never").await;
    talk.until_noted("text never").await;
    talk.drain.begin(None);
    talk.expect_close(1001, "server is shutting down").await;
    assert!(!talk.conversation.is_finished());
    talk.drain.cut();
    let log = talk.log_of_connected().await;
    assert_eq!(log[2..], ["close Server asked to close connection. Some(1001) server is shutting down"]);
}

#[tokio::test]
async fn messages_are_compressed_where_that_was_agreed_on() {
    let mut talk = Talk::begin_with(Limits::default(), "permessage-deflate").await;
    let text: String = (0..300).map(|number| format!("{number} ")).collect();
    talk.say(&text).await;
    let (first, payload) = talk.receive().await.unwrap();
    assert_eq!(first, 0xc1);
    let first_length = payload.len();
    // the same bytes are a message of the client, which the server expands and compresses once more
    talk.send(0xc1, &payload).await;
    let (first, payload) = talk.receive().await.unwrap();
    assert_eq!(first, 0xc1);
    assert!(payload.len() < first_length / 4, "its context was kept");
}

struct TemporaryFile(tempfile::NamedTempFile, Vec<u8>);

fn temporary_file(length: usize) -> TemporaryFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..length).map(|at| (at / 7) as u8).collect();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    TemporaryFile(file, bytes)
}

#[tokio::test]
async fn a_file_is_one_frame_or_frames_of_a_size() {
    for (length, chunk_size) in [(0, 0), (10, 0), (700_000, 0), (10, 4), (700_000, 100_000), (10, 20)] {
        let mut talk = Talk::begin(Limits::default().websocket_queue(100_000)).await;
        let TemporaryFile(file, bytes) = temporary_file(length);
        let session = talk.session.clone();
        let path = file.path().to_owned();
        let sending = tokio::spawn(async move { session.send_file_in_chunks(path, chunk_size).await });
        let chunk = if chunk_size == 0 { length.max(1) } else { chunk_size };
        let frames: Vec<&[u8]> = if length == 0 { vec![&[]] } else { bytes.chunks(chunk).collect() };
        for (at, payload) in frames.iter().enumerate() {
            let first = if at == 0 { 2 } else { 0 } | if at + 1 == frames.len() { 0x80 } else { 0 };
            talk.expect(first, payload).await;
        }
        sending.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_sent_during_a_file_does_not_get_into_its_frames() {
    for chunk_size in [0, 100_000] {
        let mut talk = Talk::begin(Limits::default().websocket_queue(100_000)).await;
        let TemporaryFile(file, bytes) = temporary_file(20_000_000);
        let (session, path) = (talk.session.clone(), file.path().to_owned());
        let sending = tokio::spawn(async move { session.send_file_in_chunks(path, chunk_size).await });
        while talk.session.outgoing().check_room_for_file() == Err(SendError::Closed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ping = tokio::spawn({
            let session = talk.session.clone();
            async move { session.send_ping("between").await }
        });
        let text = tokio::spawn({
            let session = talk.session.clone();
            async move { session.send_text("after").await }
        });
        let (mut received, mut order) = (Vec::new(), Vec::new());
        while order.last() != Some(&0x81) || !order.contains(&0x89) {
            let (first, payload) = talk.receive().await.unwrap();
            order.push(first);
            match first {
                0x89 => assert_eq!(payload, b"between"),
                0x81 => assert_eq!(payload, b"after"),
                _ => received.extend(payload),
            }
        }
        assert!(received == bytes);
        for task in [sending, ping, text] {
            task.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_is_given_up_ends_the_connection() {
    let mut talk = Talk::begin(Limits::default().websocket_queue(100_000)).await;
    let TemporaryFile(file, _) = temporary_file(20_000_000);
    let (session, path) = (talk.session.clone(), file.path().to_owned());
    let sending = tokio::spawn(async move { session.send_file(path).await });
    assert_eq!(talk.client.read_u8().await.unwrap(), 0x82);
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert!(talk.session.is_closed());
    // after what is on its way already, which is not the whole
    let mut rest = Vec::new();
    let _ = talk.client.read_to_end(&mut rest).await;
    assert!(rest.len() < 20_000_000);
    talk.log_of_connected().await;
}
