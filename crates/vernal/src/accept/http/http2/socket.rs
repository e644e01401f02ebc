//! The socket as h2 sees it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use crate::accept::stream::Stream;
use crate::accept::watch::now;

/// How much a client may send after the end before it is cut off.
const LINGER_BYTES: usize = 16 << 20;

/// What the socket has seen; h2 has the socket, the conversation has this.
#[derive(Default)]
pub(super) struct Traffic {
    /// When bytes last arrived, in milliseconds.
    pub(super) received: AtomicU64,
    /// Bytes written so far.
    pub(super) sent: AtomicU64,
    /// All of them have gone out, of what TLS has taken as well.
    pub(super) flushed: AtomicBool,
    /// The client does not read: the last bytes could not be written.
    pub(super) blocked: AtomicBool,
    /// Control frames that nobody has counted yet.
    pub(super) control: AtomicU32,
    /// Since when a frame head or a header block is on its way, in milliseconds; 0 if none is.
    pub(super) incomplete: AtomicU64,
    /// The code of the error for which the connection has to end; 0 for none.
    pub(super) fault: AtomicU32,
    /// Everything has been written; all that is missing is the client's end.
    pub(super) lingers: AtomicBool,
}

impl Traffic {
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        self.flushed.store(false, Ordering::Relaxed);
        self.blocked.store(polled.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(written)) = polled {
            self.sent.fetch_add(*written as u64, Ordering::Relaxed);
        }
    }
}

/// A stream whose frames are looked at before they are passed on.
pub(super) struct Socket {
    stream: Stream,
    traffic: Arc<Traffic>,
    frames: Frames,
    /// Read, but not passed on; so many bytes of it may be.
    held: Vec<u8>,
    passed: usize,
    lingered: usize,
}

impl Socket {
    /// A socket of which these bytes have been read before.
    pub(super) fn new(stream: Stream, early: &Bytes, header_bytes: usize, traffic: Arc<Traffic>) -> Self {
        let mut frames = Frames::new(header_bytes);
        let mut held = early.to_vec();
        let passed = frames.pass(&mut held);
        let mut socket = Socket { stream, traffic, frames, held, passed, lingered: 0 };
        socket.arrived();
        socket
    }

    /// Tells the conversation what has arrived.
    fn note(&self) {
        let traffic = &self.traffic;
        if self.held.len() == self.passed {
            traffic.incomplete.store(0, Ordering::Relaxed);
        } else if traffic.incomplete.load(Ordering::Relaxed) == 0 {
            traffic.incomplete.store(now().max(1), Ordering::Relaxed);
        }
    }

    fn arrived(&mut self) {
        let control = self.frames.take_control();
        if control > 0 {
            self.traffic.control.fetch_add(control, Ordering::Relaxed);
        }
        if let Some(fault) = self.frames.fault() {
            self.traffic.fault.store(fault.into(), Ordering::Relaxed);
        }
        self.traffic.received.store(now(), Ordering::Relaxed);
        self.note();
    }

    /// Reads into what is held, and looks how much of it may go on.
    fn poll_hold(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = [0; 4096];
        let mut piece = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        self.held.extend_from_slice(piece.filled());
        self.passed = match piece.filled() {
            // the end, in the middle of a frame: h2 is to see it
            [] => self.held.len(),
            _ => self.frames.pass(&mut self.held),
        };
        self.arrived();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = &mut *self;
        loop {
            if socket.passed == 0 && socket.frames.fault().is_some() {
                // the conversation, which polls this, ends it
                return Poll::Pending;
            }
            if socket.passed > 0 {
                let length = socket.passed.min(buffer.remaining());
                buffer.put_slice(&socket.held[..length]);
                socket.held.drain(..length);
                socket.passed -= length;
                return Poll::Ready(Ok(()));
            }
            if !socket.held.is_empty() {
                ready!(socket.poll_hold(context))?;
                continue;
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut socket.stream).poll_read(context, buffer))?;
            let arrived = &mut buffer.filled_mut()[before..];
            if arrived.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let passed = socket.frames.pass(arrived);
            socket.held.extend_from_slice(&arrived[passed..]);
            buffer.set_filled(before + passed);
            socket.arrived();
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.traffic.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.traffic.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.traffic.flushed.store(matches!(polled, Poll::Ready(Ok(()))), Ordering::Relaxed);
        polled
    }

    /// Ends, then waits for the client to end as well: a socket that is closed with unread bytes resets the
    /// connection, and what was written last, why it ends, may be lost (RFC 9113 section 6.8).
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.traffic.lingers.load(Ordering::Relaxed) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.traffic.lingers.store(true, Ordering::Relaxed);
        }
        let mut room = [0; 4096];
        while self.lingered < LINGER_BYTES {
            let mut piece = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece)) {
                Ok(()) if !piece.filled().is_empty() => self.lingered += piece.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
