//! An answer in pieces, on its way from a controller to its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use pyo3::prelude::*;
use tokio::sync::mpsc;

/// How many pieces may wait for the client, where who writes can wait.
const PIECES: usize = 16;

/// The two ends of an answer whose writer waits while the client does not read.
pub(crate) fn channel() -> (Writer, Pieces) {
    let (sender, received) = mpsc::channel(PIECES);
    join(Sender::Bounded(sender), Receiver::Bounded(received))
}

/// The two ends of an answer whose writer must not wait; at most so many bytes may wait for the client instead.
pub(crate) fn channel_without_waiting(most: usize) -> (Writer, Pieces) {
    let (sender, received) = mpsc::unbounded_channel();
    join(Sender::Unbounded(sender, most), Receiver::Unbounded(received))
}

fn join(pieces: Sender, receiver: Receiver) -> (Writer, Pieces) {
    let progress = Arc::new(Progress::default());
    (Writer { pieces, progress: Arc::clone(&progress) }, Pieces { receiver, progress })
}

/// Where the pieces of a streamed answer go.
#[derive(Clone)]
pub(crate) struct Writer {
    pieces: Sender,
    progress: Arc<Progress>,
}

#[derive(Clone)]
enum Sender {
    /// To another thread, which sends them; who writes waits while the client does not read.
    Bounded(mpsc::Sender<Bytes>),
    /// To this very thread, which nobody would take them from while it waits, or from that of an event loop. The most that
    /// may wait there, in bytes.
    Unbounded(mpsc::UnboundedSender<Bytes>, usize),
}

/// What the two ends of a streamed answer know of each other.
#[derive(Default)]
struct Progress {
    /// Bytes that wait to be sent.
    waiting: AtomicUsize,
    /// What comes has no good end: the client must not take it for whole.
    is_broken: AtomicBool,
}

impl Writer {
    /// False when the client has gone.
    pub(crate) fn write(&self, py: Python<'_>, piece: Bytes) -> bool {
        match &self.pieces {
            Sender::Unbounded(sender, most) => {
                let waiting = self.progress.waiting.fetch_add(piece.len(), Ordering::AcqRel);
                waiting.saturating_add(piece.len()) <= *most && sender.send(piece).is_ok()
            }
            Sender::Bounded(sender) => match sender.try_send(piece) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(piece)) => {
                    py.detach(|| sender.blocking_send(piece)).is_ok()
                }
            },
        }
    }

    /// Ends the answer in a way that the client sees that it is not whole.
    pub(crate) fn break_off(self) {
        self.progress.is_broken.store(true, Ordering::Release);
    }
}

/// The pieces of a streamed answer as they come.
pub(crate) struct Pieces {
    receiver: Receiver,
    progress: Arc<Progress>,
}

enum Receiver {
    Bounded(mpsc::Receiver<Bytes>),
    Unbounded(mpsc::UnboundedReceiver<Bytes>),
}

/// Why a streamed answer ends before its end.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the controller failed after the answer had begun")
    }
}

impl std::error::Error for BrokenOff {}

impl futures_core::Stream for Pieces {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let polled = match &mut self.receiver {
            Receiver::Bounded(received) => received.poll_recv(context),
            Receiver::Unbounded(received) => received.poll_recv(context),
        };
        polled.map(|piece| match piece {
            Some(piece) => {
                if matches!(self.receiver, Receiver::Unbounded(_)) {
                    self.progress.waiting.fetch_sub(piece.len(), Ordering::AcqRel);
                }
                Some(Ok(piece))
            }
            None => self.progress.is_broken.swap(false, Ordering::AcqRel).then_some(Err(BrokenOff)),
        })
    }
}
