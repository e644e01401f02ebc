//! An open WebSocket connection, as its handler and others see it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

use crate::websocket::belongings::Belongings;
use crate::websocket::deflate::{Compressions, DeflateParameters, Deflater};
use crate::websocket::frame::{CONTROL_PAYLOAD, Opcode, may_be_sent};
use crate::websocket::outgoing::{LARGE, Outgoing, Payload, Signals};
use crate::websocket::wire::{StandIn, Wire};
use crate::websocket::{BinaryPayload, SendError, TextPayload, WebsocketRequest, send_file};
use crate::{Limits, Result};

/// An open WebSocket connection. Cheap to clone; may be kept and used from any task or thread.
///
/// What is sent waits in a queue until the client takes it. The sending methods wait while the queue is full
/// ([`Limits::websocket_queue`]); those that begin with `try_` fail instead. A client that takes nothing for
/// [`Limits::websocket_send_timeout`] while something waits for it is cut off, and so is one that takes less than
/// [`Limits::write_rate`] on average before it has taken everything. Messages of one task arrive in the order in which
/// they were sent.
///
/// ```
/// # use vernal::{Result, websocket::WebsocketSession};
/// async fn greet(session: &WebsocketSession) -> Result<()> {
///     session.send_text("Hello").await?;
///     session.send_binary([1, 2, 3]).await?;
///     session.close(1000, "that was all").await
/// }
/// ```
#[derive(Clone)]
pub struct WebsocketSession(Arc<Inner>);

struct Inner {
    id: u64,
    request: WebsocketRequest,
    terms: Terms,
    outgoing: Mutex<Outgoing>,
    signals: Arc<Signals>,
    room: Notify,
    belongings: Belongings,
    /// What stands in for the conversation while it sleeps; it is gone with the conversation.
    stand_in: OnceLock<Weak<dyn StandIn>>,
}

/// What was agreed on, and what is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) frame: usize,
    pub(crate) message: usize,
    pub(crate) send_timeout: Duration,
    pub(crate) write_rate: usize,
    pub(crate) close_timeout: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) deflate: Option<DeflateParameters>,
}

impl WebsocketSession {
    /// The session of a connection that is about to open.
    pub(crate) fn new(
        request: WebsocketRequest,
        limits: &Limits,
        deflate: Option<DeflateParameters>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let deflater = deflate.map(|parameters| (Deflater::new(&parameters), parameters.threshold));
        let outgoing = Outgoing::new(limits.websocket_queue, deflater);
        WebsocketSession(Arc::new(Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            request,
            terms: Terms {
                frame: limits.websocket_frame,
                message: limits.websocket_message,
                send_timeout: limits.websocket_send_timeout,
                write_rate: limits.write_rate,
                close_timeout: limits.websocket_close_timeout,
                ping_interval: limits.websocket_ping_interval,
                deflate,
            },
            signals: Arc::clone(outgoing.signals()),
            outgoing: Mutex::new(outgoing),
            room: Notify::new(),
            belongings: Belongings::default(),
            stand_in: OnceLock::new(),
        }))
    }

    /// A number that no other connection of this process has or had.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The request that opened the connection.
    pub fn request(&self) -> &WebsocketRequest {
        &self.0.request
    }

    /// Whether nothing can be sent any more: the connection has ended, or is being closed.
    pub fn is_closed(&self) -> bool {
        self.0.signals.is_closed()
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] when the connection has ended, here as in the other sending methods.
    pub async fn send_text(&self, text: impl TextPayload) -> Result<()> {
        self.send_text_in_chunks(text, 0).await
    }

    /// Sends a text message in frames of `chunk_size` bytes, which may end within a character; 0 is one frame. A
    /// message that is compressed is cut as it is sent, compressed.
    pub async fn send_text_in_chunks(&self, text: impl TextPayload, chunk_size: usize) -> Result<()> {
        if text.as_text().len() < LARGE {
            self.send(Opcode::Text, Payload::Borrowed(text.as_text().as_bytes()), chunk_size).await
        } else {
            self.send(Opcode::Text, Payload::Owned(text.into_bytes()), chunk_size).await
        }
    }

    /// Sends a binary message.
    pub async fn send_binary(&self, bytes: impl BinaryPayload) -> Result<()> {
        self.send_binary_in_chunks(bytes, 0).await
    }

    /// Sends a binary message in frames of `chunk_size` bytes; 0 is one frame.
    pub async fn send_binary_in_chunks(&self, bytes: impl BinaryPayload, chunk_size: usize) -> Result<()> {
        if bytes.as_bytes().len() < LARGE {
            self.send(Opcode::Binary, Payload::Borrowed(bytes.as_bytes()), chunk_size).await
        } else {
            self.send(Opcode::Binary, Payload::Owned(bytes.into_bytes()), chunk_size).await
        }
    }

    /// Sends a text message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] when the client leaves too much unread, [`SendError::Closed`].
    pub fn try_send_text(&self, text: impl TextPayload) -> Result<()> {
        Ok(self.outgoing().message(Opcode::Text, &mut Some(Payload::Owned(text.into_bytes())), 0)?)
    }

    /// Sends a binary message if there is room for it now; fails as [`try_send_text`](Self::try_send_text) does.
    pub fn try_send_binary(&self, bytes: impl BinaryPayload) -> Result<()> {
        Ok(self.outgoing().message(Opcode::Binary, &mut Some(Payload::Owned(bytes.into_bytes())), 0)?)
    }

    /// Sends a file as a binary message in one frame, read and sent piece by piece. No other message comes in between;
    /// those that are sent meanwhile follow it. Files are not compressed.
    ///
    /// # Errors
    ///
    /// [`SendError::File`] when there is no such file, or it cannot be read.
    pub async fn send_file(&self, path: impl AsRef<Path>) -> Result<()> {
        self.send_file_in_chunks(path, 0).await
    }

    /// Sends a file as a binary message in frames of `chunk_size` bytes, between which pings and pongs may pass;
    /// 0 is one frame.
    pub async fn send_file_in_chunks(&self, path: impl AsRef<Path>, chunk_size: usize) -> Result<()> {
        send_file::send(self, path.as_ref().to_owned(), chunk_size).await
    }

    /// Opens a file and takes its place among the messages, if there is room for it now: what is sent after this follows
    /// the file. The rest is done in the future, which has to be awaited, within a runtime of tokio: where it is dropped
    /// before its end the connection is closed.
    ///
    /// For who must know at once whether there is such a file, and must not wait until it has been sent. Opening it may
    /// block the thread for as long as its file system takes.
    ///
    /// # Errors
    ///
    /// [`SendError::File`] when there is no such file, [`SendError::Full`] also where another file is under way,
    /// [`SendError::Closed`].
    pub fn begin_file(
        &self,
        path: &Path,
        chunk_size: usize,
    ) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        send_file::begin(self, path.to_owned(), chunk_size)
    }

    /// Sends a ping.
    ///
    /// # Errors
    ///
    /// [`SendError::ControlTooLong`] for more than 125 bytes.
    pub async fn send_ping(&self, message: impl AsRef<[u8]> + Send) -> Result<()> {
        self.send_control(Opcode::Ping, message.as_ref()).await
    }

    /// Sends a pong; fails as [`send_ping`](Self::send_ping) does.
    pub async fn send_pong(&self, message: impl AsRef<[u8]> + Send) -> Result<()> {
        self.send_control(Opcode::Pong, message.as_ref()).await
    }

    /// Closes the connection: what was sent before still goes out, then a close frame, and the connection ends when
    /// the client has answered it or [`Limits::websocket_close_timeout`] is over. Does nothing the second time.
    ///
    /// Of the reason, as many characters are sent as fit into 123 bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::CloseCode`] for a code that must not be sent (RFC 6455 section 7.4).
    pub async fn close(&self, code: u16, reason: &str) -> Result<()> {
        if !may_be_sent(code) {
            return Err(SendError::CloseCode(code).into());
        }
        self.close_now(code, reason);
        Ok(())
    }

    /// Closes with a code that may be sent.
    pub(crate) fn close_now(&self, code: u16, reason: &str) {
        self.outgoing().close(code, reason);
        // those who wait for room wait in vain now
        self.0.room.notify_waiters();
    }

    /// Sends what others are sent as well, if there is room for it now.
    pub(crate) fn try_send_shared(
        &self,
        is_text: bool,
        bytes: &Bytes,
        shared: &mut Compressions,
    ) -> Result<(), SendError> {
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        self.outgoing().shared_message(opcode, bytes, shared)
    }

    pub(crate) fn belongings(&self) -> &Belongings {
        &self.0.belongings
    }

    async fn send(&self, opcode: Opcode, payload: Payload<'_>, chunk_size: usize) -> Result<()> {
        let mut payload = Some(payload);
        self.when_there_is_room(|outgoing| outgoing.message(opcode, &mut payload, chunk_size)).await
    }

    async fn send_control(&self, opcode: Opcode, payload: &[u8]) -> Result<()> {
        if payload.len() > CONTROL_PAYLOAD {
            return Err(SendError::ControlTooLong(payload.len()).into());
        }
        self.when_there_is_room(|outgoing| outgoing.control(opcode, payload)).await
    }

    /// Does what needs room in the queue, as soon as there is some.
    pub(crate) async fn when_there_is_room<T>(
        &self,
        mut what: impl FnMut(&mut Outgoing) -> Result<T, SendError>,
    ) -> Result<T> {
        match what(&mut self.outgoing()) {
            Err(SendError::Full) => {}
            done => return Ok(done?),
        }
        // few have to wait, and the others' futures are small without the room for it
        Box::pin(self.wait_for_room(what)).await
    }

    async fn wait_for_room<T>(
        &self,
        mut what: impl FnMut(&mut Outgoing) -> Result<T, SendError>,
    ) -> Result<T> {
        let _waiting = Waiting::begin(self);
        loop {
            let mut room = pin!(self.0.room.notified());
            room.as_mut().enable();
            // the lock must not be held while this waits
            let done = what(&mut self.outgoing());
            match done {
                Err(SendError::Full) => room.await,
                done => return Ok(done?),
            }
        }
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// What can be asked without the lock of what is on its way.
    pub(crate) fn signals(&self) -> &Signals {
        &self.0.signals
    }

    pub(crate) fn outgoing(&self) -> Queue<'_> {
        let outgoing = self.0.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        Queue { outgoing, waking: Waking { session: self, waker: None } }
    }

    /// Lets others write in the place of the conversation, while it sleeps.
    pub(crate) fn set_stand_in<S: AsyncWrite + Unpin + Send + 'static>(&self, wire: &Arc<Mutex<Wire<S>>>) {
        let wire: Weak<Mutex<Wire<S>>> = Arc::downgrade(wire);
        let _ = self.0.stand_in.set(wire);
    }

    /// Writes what waits in the place of the conversation; says whether that need not be woken. A task does not: its event
    /// loop comes to the conversation without being woken.
    fn writes_in_place(&self) -> bool {
        if !self.0.signals.may_stand_in() || tokio::runtime::Handle::try_current().is_ok() {
            return false;
        }
        let stand_in = self.0.stand_in.get().and_then(Weak::upgrade);
        stand_in.is_some_and(|stand_in| stand_in.write(self))
    }

    /// There is room in the queue, or there never will be.
    pub(crate) fn notify_room(&self) {
        self.0.room.notify_waiters();
    }
}

impl fmt::Debug for WebsocketSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebsocketSession").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// What waits to be written, locked. Whoever is to be woken for it is woken when it is free again.
pub(crate) struct Queue<'a> {
    outgoing: MutexGuard<'a, Outgoing>,
    // after the guard, and so dropped after it
    waking: Waking<'a>,
}

impl Deref for Queue<'_> {
    type Target = Outgoing;

    fn deref(&self) -> &Outgoing {
        &self.outgoing
    }
}

impl DerefMut for Queue<'_> {
    fn deref_mut(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.waking.waker = self.outgoing.take_waking();
    }
}

struct Waking<'a> {
    session: &'a WebsocketSession,
    waker: Option<Waker>,
}

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        if let Some(waker) = self.waker.take()
            && !self.session.writes_in_place()
        {
            waker.wake();
        }
    }
}

/// Counts someone who waits for room.
struct Waiting<'a>(&'a WebsocketSession);

impl<'a> Waiting<'a> {
    fn begin(session: &'a WebsocketSession) -> Self {
        session.outgoing().waiting += 1;
        Waiting(session)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.outgoing().waiting -= 1;
    }
}
