//! A connection's bytes, whatever carries them.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
#[cfg(target_os = "linux")]
use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    task::ready,
};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

/// What a connection was accepted as.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Opened>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// A stream of which this has been read already.
#[cfg(feature = "tls")]
pub(crate) struct Opened {
    pub(crate) early: Bytes,
    pub(crate) stream: Stream,
}

/// As much is read of a connection before its protocol is known, in bytes.
const OPENING: usize = 2048;

impl Stream {
    /// Done when there is something to read, without room for it: a connection that rests keeps none.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_readable(context)).await
    }

    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_read_ready(context),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.poll_read_ready(context),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => match stream.get_ref() {
                (below, tls) if tls.wants_read() => below.stream.poll_readable(context),
                // what has been decrypted already, and the end, do not show at the socket any more
                _ => Poll::Ready(Ok(())),
            },
        }
    }

    /// What has arrived of a new connection, which may be nothing. Until it is asked, the event loop assumes that there
    /// is something to read, and [`readable`](Self::readable) would not wait.
    pub(crate) fn arrived(&self) -> io::Result<Bytes> {
        // most requests are shorter, and a connection that waits keeps nothing of it
        let mut room = [0; OPENING];
        let length = match self {
            Stream::Tcp(stream) => stream.try_read(&mut room)?,
            #[cfg(unix)]
            Stream::Unix(stream) => stream.try_read(&mut room)?,
            // that its socket is empty has shown during the handshake
            #[cfg(feature = "tls")]
            Stream::Tls(_) => return Err(io::ErrorKind::WouldBlock.into()),
        };
        Ok(Bytes::copy_from_slice(&room[..length]))
    }

    /// The first bytes that arrive; none where the client ends without any.
    #[cfg(feature = "tls")]
    pub(crate) async fn first_bytes(&self) -> io::Result<Bytes> {
        loop {
            match self.arrived() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable().await?,
                arrived => return arrived,
            }
        }
    }

    /// Whether the other end is a Unix-domain socket.
    pub(crate) fn is_unix(&self) -> bool {
        match self {
            Stream::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_ref().0.stream.is_unix(),
            #[cfg(unix)]
            Stream::Unix(_) => true,
        }
    }

    /// Says that nothing more will be sent, where a connection that has nothing under way ends.
    pub(crate) async fn close(&mut self) {
        #[cfg(feature = "tls")]
        if let Stream::Tls(stream) = self {
            use tokio::io::AsyncWriteExt;
            // whoever has closed already does not need to be told
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), stream.shutdown()).await;
        }
    }

    /// Ready with the error when the client has reset the connection; pending while it has not, and then the task is
    /// woken when that changes. `None` where nothing more can be learnt, since there is something to read: bytes, or
    /// the end of the client's, which does not say that it has left.
    pub(crate) fn poll_reset(&self, context: &mut Context<'_>) -> Poll<Option<io::Error>> {
        let mut byte = [0];
        match self {
            Stream::Tcp(stream) => {
                stream.poll_peek(context, &mut ReadBuf::new(&mut byte)).map(std::result::Result::err)
            }
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_ref().0.stream.poll_reset(context),
            // its other end is on this machine, and nothing tells what it does
            #[cfg(unix)]
            Stream::Unix(_) => Poll::Ready(None),
        }
    }

    /// Lets the system forget at once what the client has not read, instead of keeping it for hours.
    pub(crate) fn reset_on_close(&self) {
        let set = match self {
            Stream::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => return stream.get_ref().0.stream.reset_on_close(),
            #[cfg(unix)]
            Stream::Unix(_) => Ok(()),
        };
        if let Err(error) = set {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }

    /// Whether the system can send a file on this stream by itself.
    pub(crate) fn sends_files(&self) -> bool {
        match self {
            Stream::Tcp(_) => cfg!(target_os = "linux"),
            #[cfg(unix)]
            Stream::Unix(_) => cfg!(target_os = "linux"),
            #[cfg(feature = "tls")]
            Stream::Tls(_) => false,
        }
    }

    /// Has the system send something of a file, from this offset and so many bytes at most; answers how many.
    #[cfg(target_os = "linux")]
    pub(crate) fn poll_send_file(
        &self,
        context: &mut Context<'_>,
        file: &File,
        offset: u64,
        count: usize,
    ) -> Poll<io::Result<usize>> {
        self.poll_call(context, |stream| {
            Ok(rustix::fs::sendfile(stream, file, Some(&mut { offset }), count)?)
        })
    }

    /// Writes something, and lets the system wait for what follows to fill the packet.
    #[cfg(target_os = "linux")]
    pub(crate) fn poll_write_more(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        use rustix::net::SendFlags;
        self.poll_call(context, |stream| {
            Ok(rustix::net::send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
        })
    }

    /// Makes a system call that writes, once the socket can be written to.
    #[cfg(target_os = "linux")]
    fn poll_call(
        &self,
        context: &mut Context<'_>,
        call: impl Fn(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let called = match self {
                Stream::Tcp(stream) => {
                    ready!(stream.poll_write_ready(context))?;
                    stream.try_io(Interest::WRITABLE, || call(stream.as_fd()))
                }
                Stream::Unix(stream) => {
                    ready!(stream.poll_write_ready(context))?;
                    stream.try_io(Interest::WRITABLE, || call(stream.as_fd()))
                }
                // its bytes have to be encrypted
                #[cfg(feature = "tls")]
                Stream::Tls(_) => return Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
            };
            match called {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                called => return Poll::Ready(called),
            }
        }
    }

    /// Whether there is something to read at this moment. Asks the system: what the event loop knows may be older.
    pub(crate) fn has_unread(&self) -> bool {
        let socket = match self {
            Stream::Tcp(stream) => SockRef::from(stream),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => {
                let (below, tls) = stream.get_ref();
                return !tls.wants_read() || below.stream.has_unread();
            }
            #[cfg(unix)]
            Stream::Unix(stream) => SockRef::from(stream),
        };
        socket.peek(&mut [MaybeUninit::uninit()]).is_ok_and(|length| length > 0)
    }
}

/// Calls a method of whichever stream it is.
macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $call,
            #[cfg(feature = "tls")]
            Stream::Tls($stream) => $call,
            #[cfg(unix)]
            Stream::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => match Pin::new(stream).poll_read(context, buffer) {
                // what HTTP carries says itself where it ends, so an end without a farewell takes nothing away
                // (RFC 9112 section 9.8)
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                polled => polled,
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}

#[cfg(feature = "tls")]
impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early.split_to(length));
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tls")]
impl AsyncWrite for Opened {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
