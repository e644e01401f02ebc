//! The socket as the HTTP engine sees it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::accept::refusal;
use crate::request::Connection;

/// A TCP stream that tells the connection's watch what happens, and holds back the empty answer which hyper gives
/// to a malformed request, so that the app's error page can take its place.
pub(crate) struct Socket {
    stream: TcpStream,
    connection: Arc<Connection>,
    refused: Option<u16>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Socket { stream, connection, refused: None }
    }

    /// The status of the answer that was held back.
    pub(crate) fn refused(&self) -> Option<u16> {
        self.refused
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        match polled {
            Poll::Ready(_) => self.connection.watch.received(),
            Poll::Pending => self.connection.watch.starved(),
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some((start, status)) = refusal::find(bytes) else {
            let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
            if matches!(polled, Poll::Ready(Ok(written)) if written < bytes.len()) {
                self.connection.watch.sent();
            }
            return polled;
        };
        self.refused = Some(status);
        match start {
            0 => Poll::Ready(Ok(bytes.len())),
            _ => Pin::new(&mut self.stream).poll_write(context, &bytes[..start]),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.refused {
            Some(_) => Poll::Ready(Ok(())),
            None => Pin::new(&mut self.stream).poll_shutdown(context),
        }
    }
}
