//! The stream of a conversation, with what is under way to the client.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, TryLockError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::AsyncWrite;

use crate::websocket::WebsocketSession;
use crate::websocket::outgoing::Pieces;

/// What a conversation reads from and writes to. It belongs to the task of the conversation, which has it locked during
/// its turns; between them it is a [`StandIn`].
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    /// What is being written.
    pub(crate) writing: Pieces,
    /// How much of its first part has been written.
    written_of_first: usize,
    unflushed: bool,
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Wire { stream, writing: Pieces::default(), written_of_first: 0, unflushed: false }
    }

    /// Writes some of what is being written; how many bytes, of which there must be some.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let (first, is_all) = self.writing.first(self.written_of_first);
        let written = if is_all || !stream.is_write_vectored() {
            stream.poll_write(context, first)
        } else {
            stream.poll_write_vectored(context, &self.writing.slices(self.written_of_first))
        };
        let bytes = ready!(written)?;
        if bytes == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.written_of_first = self.writing.advance(self.written_of_first + bytes);
        self.unflushed = true;
        Poll::Ready(Ok(bytes))
    }

    /// Flushes what was written.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// What stands in for a conversation that sleeps: another thread that sends something writes it there and then, which
/// takes less time than to wake the task.
pub(crate) trait StandIn: Send + Sync {
    /// Writes what waits to be written; says whether the conversation can sleep on.
    fn write(&self, session: &WebsocketSession) -> bool;
}

impl<S: AsyncWrite + Unpin + Send> StandIn for Mutex<Wire<S>> {
    fn write(&self, session: &WebsocketSession) -> bool {
        let mut wire = match self.try_lock() {
            Ok(wire) => wire,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !wire.writing.is_empty() || !session.outgoing().take_little(&mut wire.writing) {
            return false;
        }
        // where this blocks or fails the conversation is woken, and sees for itself
        let mut context = Context::from_waker(Waker::noop());
        while !wire.writing.is_empty() {
            match wire.poll_write(&mut context) {
                Poll::Ready(Ok(bytes)) => session.signals().wrote(bytes),
                Poll::Ready(Err(_)) | Poll::Pending => return false,
            }
        }
        matches!(wire.poll_flush(&mut context), Poll::Ready(Ok(()))) && session.outgoing().sleep_on()
    }
}
