//! The socket as the HTTP engine sees it.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::accept::http::head::Refusal;
use crate::accept::http::inspect::{Delivery, Inspector};
use crate::accept::stream::Stream;
use crate::accept::{Handover, refusal};
use crate::request::Connection;

/// Bytes of answers that are gathered before they are written.
const GATHERED: usize = 16 * 1024;

thread_local! {
    /// The room for answers that no connection of this thread is using; an idle connection keeps none.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A stream that tells the connection's watch what happens, lets hyper see only what its [`Inspector`] has found right,
/// and holds back the empty answer which hyper gives to a malformed request, so that the app's error page can take its
/// place.
///
/// Answers to pipelined requests go out together: the first flush after an answer is put off until hyper wants to
/// read, which it does when it has answered all that it has read, or flushes again. (hyper's own `pipeline_flush`
/// forgets the answers it has gathered when the connection ends with unread bytes, and has no bound.)
pub(crate) struct Socket {
    stream: Stream,
    inspector: Inspector,
    connection: Arc<Connection>,
    gathered: Vec<u8>,
    sent: usize,
    /// Whether to look out for a client that leaves while its request is answered.
    listens: bool,
    /// The last flush left bytes with TLS.
    holds: bool,
    answers: u32,
    refused: Option<u16>,
    #[cfg(feature = "http2")]
    opening: Opening,
    /// Where bodies leave files that the system can send on this stream by itself.
    handover: Option<Arc<Handover>>,
    /// Whether the last write has taken all that it was given.
    took_all: bool,
    /// A plain head has been put in the place of hyper's.
    #[cfg(feature = "websocket")]
    is_plain: bool,
}

/// What is left of a socket when the conversation has ended.
pub(crate) struct Remains {
    pub(crate) stream: Stream,
    /// Answers that have not been written.
    pub(crate) unsent: Vec<u8>,
    /// Bytes that were read and that hyper has not seen.
    pub(crate) unseen: Bytes,
}

impl Socket {
    pub(crate) fn new(stream: Stream, connection: Arc<Connection>) -> Self {
        let answers = connection.watch.answers();
        let handover = stream.sends_files().then(Arc::default);
        Socket {
            stream,
            inspector: Inspector::new(&connection.app, connection.watch.requests()),
            connection,
            gathered: Vec::new(),
            sent: 0,
            listens: true,
            holds: false,
            answers,
            refused: None,
            #[cfg(feature = "http2")]
            opening: Opening::Known,
            handover,
            took_all: true,
            #[cfg(feature = "websocket")]
            is_plain: false,
        }
    }

    /// Whether the first bytes may turn out to be the preface of HTTP/2.
    #[cfg(feature = "http2")]
    pub(crate) fn look_for_http2(&mut self) {
        self.opening = Opening::Unknown(Vec::new());
    }

    /// What has been read of a request before, and not been understood yet.
    pub(crate) fn read_before(&mut self, early: Bytes) {
        #[cfg(feature = "http2")]
        if !self.open(&early).unwrap_or(false) {
            return;
        }
        self.inspector.hold(early);
    }

    /// Whether the connection begins with the preface of HTTP/2, which is unseen then.
    #[cfg(feature = "http2")]
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.opening, Opening::Http2(_))
    }

    /// Looks at what was read first; whether these bytes are for the inspector. What may yet become the preface of
    /// HTTP/2 is kept, in pieces however small; what turns out to be none goes to the inspector from here.
    ///
    /// # Errors
    ///
    /// One that ends the conversation, where it is the preface.
    #[cfg(feature = "http2")]
    fn open(&mut self, read: &[u8]) -> io::Result<bool> {
        let preface = crate::accept::http::http2::PREFACE;
        let so_far = match &mut self.opening {
            Opening::Known => return Ok(true),
            Opening::Unknown(so_far) => so_far,
            Opening::Http2(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        if so_far.is_empty() && read.first() != preface.first() {
            self.opening = Opening::Known;
            return Ok(true);
        }
        let is_over = read.is_empty();
        so_far.extend_from_slice(read);
        if so_far.starts_with(preface) {
            self.opening = Opening::Http2(std::mem::take(so_far));
            return Err(io::ErrorKind::Unsupported.into());
        }
        if is_over || !preface.starts_with(so_far) {
            self.inspector.hold(std::mem::take(so_far).into());
            self.opening = Opening::Known;
        }
        Ok(false)
    }

    /// Why the last request was refused; without an explanation where hyper did, whose error has it.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        let by_hyper = || self.refused.map(|status| Refusal::new(status, ""));
        self.inspector.refused().cloned().or_else(by_hyper)
    }

    /// Whether a part of a head has arrived, and hyper waits for the rest.
    pub(crate) fn is_in_head(&self) -> bool {
        self.inspector.is_in_head()
    }

    /// Whether all that has arrived was whole messages.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.inspector.is_between_messages()
    }

    pub(crate) fn into_remains(mut self) -> Remains {
        self.gathered.drain(..self.sent);
        #[cfg(feature = "http2")]
        if let Opening::Http2(read) = self.opening {
            return Remains { stream: self.stream, unsent: self.gathered, unseen: read.into() };
        }
        Remains { stream: self.stream, unsent: self.gathered, unseen: self.inspector.into_unseen() }
    }

    /// Where bodies may leave files to be sent.
    pub(crate) fn handover(&self) -> Option<Arc<Handover>> {
        self.handover.clone()
    }

    /// Whether these bytes are hyper's own answer. hyper writes each answer on its own: one that comes although the
    /// app has answered nothing since the last is not the app's, unless it is the rest of what was not taken before.
    fn is_refusal(&mut self, pieces: &[IoSlice<'_>]) -> bool {
        let answers = self.connection.watch.answers();
        let is_new = std::mem::replace(&mut self.answers, answers) != answers;
        let [head] = pieces else { return false };
        if is_new || !self.took_all || self.connection.watch.is_answering() {
            return false;
        }
        self.refused = refusal::status(head);
        self.refused.is_some()
    }

    /// Ready while this connection may write; otherwise its task is woken again when the others have had their turn.
    fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.connection.watch.is_turn_over() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Puts the head of an answer that is to be plain in the place of hyper's, which is what hyper writes next. Where it has
    /// not got rid of something yet, it writes its head behind that, and that one stays.
    #[cfg(feature = "websocket")]
    fn puts_plain_head(&mut self) -> bool {
        let Some(head) = self.connection.plain_head.get() else { return false };
        if !self.took_all || std::mem::replace(&mut self.is_plain, true) {
            return false;
        }
        self.gathered.extend_from_slice(head);
        self.connection.watch.put_off(false);
        true
    }

    #[cfg(not(feature = "websocket"))]
    fn puts_plain_head(&self) -> bool {
        false
    }

    /// Writes a piece of what hyper writes.
    fn poll_write_piece(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if Handover::is_stand_in(bytes) {
            return self.poll_send_file(context, bytes.len());
        }
        if self.gathered.len() + bytes.len() > GATHERED {
            ready!(self.poll_send(context))?;
        }
        if bytes.len() >= GATHERED {
            ready!(self.poll_turn(context));
            let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
            self.connection.watch.wrote(written(&polled));
            return polled;
        }
        if self.gathered.capacity() == 0 {
            self.gathered = SPARE.take();
        }
        self.gathered.extend_from_slice(bytes);
        self.connection.watch.put_off(false);
        Poll::Ready(Ok(bytes.len()))
    }

    /// Has the system send the file that these many bytes stand in for, after what has been gathered.
    #[cfg(target_os = "linux")]
    fn poll_send_file(&mut self, context: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        ready!(
            self.poll_send_with(context, |stream, context, bytes| stream.poll_write_more(context, bytes))
        )?;
        let Some(handover) = &self.handover else {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        };
        ready!(self.poll_turn(context));
        let stream = &self.stream;
        let polled = handover
            .poll_send(length, |file, offset, count| stream.poll_send_file(context, file, offset, count));
        self.connection.watch.wrote(written(&polled));
        polled
    }

    /// No stream of this system has a handover.
    #[cfg(not(target_os = "linux"))]
    fn poll_send_file(&mut self, _: &mut Context<'_>, _: usize) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Writes what has been gathered.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send_with(context, |stream, context, bytes| Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_send_with(
        &mut self,
        context: &mut Context<'_>,
        write: impl Fn(&mut Stream, &mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        self.connection.watch.put_off(false);
        while self.sent < self.gathered.len() {
            ready!(self.poll_turn(context));
            let polled = write(&mut self.stream, context, &self.gathered[self.sent..]);
            self.connection.watch.wrote(written(&polled));
            match ready!(polled)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        if self.sent > 0 {
            self.sent = 0;
            self.gathered.clear();
            SPARE.set(std::mem::take(&mut self.gathered));
        }
        // TLS may have taken more than the socket has
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if std::mem::replace(&mut self.holds, polled.is_pending()) || polled.is_pending() {
            self.connection.watch.wrote(polled.is_ready().then_some(0));
        }
        polled
    }
}

/// What is known of the protocol of a connection whose first bytes are looked at.
#[cfg(feature = "http2")]
enum Opening {
    Known,
    /// All that has been read is the beginning of the preface.
    Unknown(Vec<u8>),
    Http2(Vec<u8>),
}

/// How many bytes were written, if the client takes any.
fn written(polled: &Poll<io::Result<usize>>) -> Option<usize> {
    match polled {
        Poll::Ready(result) => Some(*result.as_ref().unwrap_or(&0)),
        Poll::Pending => None,
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_send(context) {
            return Poll::Ready(Err(error));
        }
        let this = &mut *self;
        this.listens = true;
        #[cfg(feature = "http2")]
        if this.is_http2() {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        }
        loop {
            let delivery = this.inspector.deliver(buffer);
            this.connection.watch.received_heads(this.inspector.take_heads());
            this.connection.kept_names.keep(this.inspector.take_names());
            match delivery {
                Delivery::Done => return Poll::Ready(Ok(())),
                Delivery::Broken(explain) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, explain)));
                }
                Delivery::Nothing => {}
            }
            let before = buffer.filled().len();
            match Pin::new(&mut this.stream).poll_read(context, buffer) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.connection.watch.starved(this.inspector.is_between_messages());
                    return Poll::Pending;
                }
            }
            #[cfg(feature = "http2")]
            if !this.open(&buffer.filled()[before..])? {
                this.connection.watch.received();
                buffer.set_filled(before);
                continue;
            }
            this.inspector.admit(buffer, before);
            this.connection.watch.received_heads(this.inspector.take_heads());
            this.connection.kept_names.keep(this.inspector.take_names());
            if buffer.filled().len() > before {
                // whole heads go to the app at once, and no time counts for them
                return Poll::Ready(Ok(()));
            }
            this.connection.watch.received();
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.puts_plain_head() || self.is_refusal(pieces) {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        self.took_all = false;
        let mut taken = 0;
        for piece in pieces {
            match self.poll_write_piece(context, piece) {
                Poll::Ready(Ok(some)) => {
                    taken += some;
                    if some < piece.len() {
                        return Poll::Ready(Ok(taken));
                    }
                }
                // what went wrong goes wrong again, and what has to wait asks again
                _ if taken > 0 => return Poll::Ready(Ok(taken)),
                polled => return polled,
            }
        }
        self.took_all = true;
        Poll::Ready(Ok(taken))
    }

    /// hyper copies what it writes otherwise, and it must not copy what [stands in](Handover) for a file.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let watch = &self.connection.watch;
        let may_wait = !watch.is_put_off() && !watch.is_answering();
        if may_wait && !self.gathered.is_empty() {
            watch.put_off(true);
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(context))?;
        if self.connection.watch.flushed() {
            context.waker().wake_by_ref();
        }
        // hyper reads nothing while the app works on an answer; this ends the work when the client has gone
        if self.listens && self.connection.watch.is_answering() {
            match self.stream.poll_reset(context) {
                Poll::Ready(Some(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => self.listens = false,
                Poll::Pending => {}
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        #[cfg(feature = "http2")]
        if self.is_http2() {
            return Poll::Ready(Ok(()));
        }
        if self.refused.is_some() || self.inspector.refused().is_some() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
