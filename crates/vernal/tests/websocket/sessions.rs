//! What can be done with a session: from anywhere, with what belongs to it, and what happens when the client does not
//! read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use vernal::prelude::*;
use vernal::websocket::SendError;

use crate::support::Running;
use crate::support::websocket::{BINARY, CLOSE, CONTINUATION, FIN, PONG, Socket, TEXT, close_payload};

#[derive(Default)]
struct Received(AtomicU32);

#[derive(Default)]
struct Doer;

/// Sessions that were kept by their handler.
static KEPT: Mutex<Vec<WebsocketSession>> = Mutex::new(Vec::new());

#[websocket_handler("/do", app = "sessions")]
impl WebsocketHandler for Doer {
    async fn on_open(&self, session: &WebsocketSession) {
        assert!(session.attach(Received::default()).is_none());
    }

    async fn on_text_message(&self, session: &WebsocketSession, message: &str) -> Result<()> {
        let count = session
            .attached::<Received>()
            .map_or(0, |received| received.0.fetch_add(1, Ordering::Relaxed) + 1);
        match message {
            "count" => session.send_text(count.to_string()).await,
            "forget" => {
                session.detach::<Received>();
                Ok(())
            }
            "chunks" => session.send_text_in_chunks("abcdefgh", 3).await,
            "bytes" => session.send_binary_in_chunks([1, 2, 3], 2).await,
            "empty" => session.send_text("").await,
            "close" => session.close(4000, "that was all").await,
            "bad code" => match session.close(1006, "").await {
                Err(error) => session.send_text(error.to_string()).await,
                Ok(()) => Ok(()),
            },
            "thread" => {
                let session = session.clone();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    session.try_send_text("from a thread").expect("there is room");
                });
                Ok(())
            }
            "task" => {
                let session = session.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    session.send_text("from a task").await.expect("it is open");
                    session.close(1000, "").await.expect("it is open");
                });
                Ok(())
            }
            "keep" => {
                KEPT.lock().expect("no panic").push(session.clone());
                session.send_text("kept").await
            }
            path => session.send_file(path).await,
        }
    }
}

fn open() -> (Running, Socket) {
    let server = Running::start(Server::app("sessions"));
    let socket = Socket::open(&server, "/do");
    (server, socket)
}

#[test]
fn values_are_attached_to_a_connection() {
    let (server, mut socket) = open();
    assert_eq!((socket.ask("count"), socket.ask("count")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(Socket::open(&server, "/do").ask("count"), "1");
    socket.send_text("forget");
    assert_eq!(socket.ask("count"), "0");
}

#[test]
fn messages_may_be_cut_into_frames() {
    let (_server, mut socket) = open();
    socket.send_text("chunks");
    let frames: Vec<_> = (0..3).map(|_| socket.receive()).collect();
    let heads: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
    assert_eq!(heads, [TEXT, CONTINUATION, FIN | CONTINUATION]);
    assert_eq!(frames.into_iter().flat_map(|frame| frame.payload).collect::<Vec<u8>>(), b"abcdefgh");
    socket.send_text("bytes");
    assert_eq!((socket.receive().first, socket.receive().first), (BINARY, FIN | CONTINUATION));
    assert_eq!(socket.ask("empty"), "");
}

#[test]
fn a_file_is_a_binary_message() {
    let (_server, mut socket) = open();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), vec![b'x'; 200_000]).expect("a file");
    socket.send_text(&file.path().to_string_lossy());
    let frame = socket.receive();
    assert_eq!((frame.first, frame.payload.len()), (FIN | BINARY, 200_000));
    socket.send_text("/not/there");
    assert_eq!(socket.receive().close().0, 1011);
}

#[test]
fn the_handler_closes_with_code_and_reason() {
    let (_server, mut socket) = open();
    let text = socket.ask("bad code");
    assert!(text.contains("1006"), "{text}");
    socket.send_text("close");
    assert_eq!(socket.receive().close(), (4000, "that was all"));
    socket.send(FIN | CLOSE, close_payload(4000, ""));
    assert!(socket.wire.is_closed());
}

#[test]
fn a_session_is_used_from_other_tasks_and_threads() {
    let (_server, mut socket) = open();
    socket.send_text("thread");
    assert_eq!(socket.text(), "from a thread");
    socket.send_text("task");
    assert_eq!(socket.text(), "from a task");
    assert_eq!(socket.receive().close().0, 1000);
}

#[test]
fn a_session_that_was_kept_knows_that_it_has_ended() {
    let (_server, mut socket) = open();
    assert_eq!(socket.ask("keep"), "kept");
    let session = KEPT.lock().expect("no panic").pop().expect("a session");
    assert!(!session.is_closed());
    session.try_send_text("from outside").expect("it is open");
    assert_eq!(socket.text(), "from outside");
    socket.close(1000, "");
    crate::support::wait_until("it has ended", || session.is_closed());
    let error = session.try_send_text("too late").expect_err("it has ended");
    assert_eq!(error.downcast_ref(), Some(&SendError::Closed));
    let error = session.join("room").expect_err("it has ended");
    assert_eq!(error.downcast_ref(), Some(&SendError::Closed));
}

#[derive(Default)]
struct Flood;

/// The session of the only client that asked for a flood has ended.
static FLOODED: AtomicBool = AtomicBool::new(false);

#[websocket_handler("/flood", app = "sessions")]
impl WebsocketHandler for Flood {
    async fn on_text_message(&self, session: &WebsocketSession) -> Result<()> {
        loop {
            session.send_binary(vec![0; 100_000]).await?;
        }
    }

    async fn on_close(&self) {
        FLOODED.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_client_that_does_not_read_is_cut_and_the_others_served() {
    let limits = Limits::default().websocket_send_timeout(Duration::from_millis(300));
    let server = Running::start(Server::app("sessions").limits(limits).workers(1));
    let mut slow = Socket::open(&server, "/flood");
    slow.send_text("go");
    let mut other = Socket::open(&server, "/do");
    assert_eq!(other.ask("count"), "1");
    crate::support::wait_until("it is cut", || FLOODED.load(Ordering::SeqCst));
    let received = slow.wire.rest().len();
    assert!(received > 0, "it ends although the handler never does");
    assert_eq!(other.ask("count"), "2");
    other.send(FIN | 0x9, "");
    assert_eq!(other.receive().first, FIN | PONG);
}
