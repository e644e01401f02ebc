//! A WebSocket on a stream (RFC 8441).

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::Method;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::account::{Account, Running};
use super::stream::{Exchange, PIECE, complete};
use crate::parse::Incoming;
use crate::request::Request;

/// Whether this is an extended CONNECT for a WebSocket (RFC 8441 section 5). h2 has seen to it that such a request has
/// a scheme and a path, and that it only comes where it was announced.
pub(super) fn is_asked(parts: &Parts) -> bool {
    parts.method == Method::CONNECT
        && parts.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

impl Exchange {
    /// Shakes hands, and speaks WebSocket until the stream ends. A reset before the answer ends the handshake.
    pub(super) async fn open(mut self, parts: Parts, arriving: RecvStream, running: Running) {
        let connection = Arc::clone(&self.connection);
        let mut request = Request::from_parts(parts, Incoming::Empty);
        request.set_connection(Arc::clone(&connection));
        request.hold(running);
        let mounted = connection.app.enter(&mut request);
        let app = mounted.as_ref().unwrap_or(&connection.app);
        let Some((response, accepted)) = self.unless_reset(app.tunnel(request), None).await else {
            return;
        };
        let Some(accepted) = accepted else {
            drop(arriving);
            return self.finish(response, false).await;
        };
        self.answered();
        let mut parts = complete(response).0;
        // what follows has no length (RFC 9110 section 9.3.6)
        parts.headers.remove(CONTENT_LENGTH);
        match self.respond.send_response(http::Response::from_parts(parts, ()), false) {
            Ok(sender) => {
                // the end of the server waits for the handler to hear of it, not for the connection alone
                let _present = self.serving.drain.present();
                let account = Arc::clone(&self.account);
                let tunnel = Tunnel { arriving, unread: Bytes::new(), sender, has_ended: false, account };
                accepted.converse(tunnel, Bytes::new(), self.serving.drain.clone()).await;
            }
            Err(error) => tracing::debug!(peer = ?connection.peer, %error, "a WebSocket was broken off"),
        }
    }
}

/// A stream as WebSocket sees it, like a connection: DATA is what arrives, END_STREAM the end, RST_STREAM an error
/// (RFC 8441 section 5).
struct Tunnel {
    arriving: RecvStream,
    /// Has arrived, and has not been read.
    unread: Bytes,
    sender: SendStream<Bytes>,
    has_ended: bool,
    account: Arc<Account>,
}

impl Tunnel {
    /// How many of so many bytes the client has room for. No more is handed to the connection, so that what a client
    /// leaves unread waits in the session's queue, which has a limit.
    fn poll_room(&mut self, wanted: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.has_ended {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let wanted = wanted.min(PIECE);
        self.sender.reserve_capacity(wanted);
        loop {
            let room = self.sender.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room.min(wanted)));
            }
            match ready!(self.sender.poll_capacity(context)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
            }
        }
    }

    fn send(&mut self, data: Bytes, is_last: bool) -> io::Result<()> {
        self.account.earn();
        self.sender.send_data(data, is_last).map_err(broken)
    }
}

fn broken(error: h2::Error) -> io::Error {
    io::Error::new(ErrorKind::ConnectionReset, error)
}

impl AsyncRead for Tunnel {
    /// What is read makes room for as much again, on the stream and on the connection.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.arriving.poll_data(context)) {
                Some(Ok(data)) => self.unread = data,
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(length));
        self.arriving.flow_control().release_capacity(length).map_err(broken)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    /// Sends the pieces as one, so that the head of a message is no frame of its own.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = pieces.iter().map(|piece| piece.len()).sum();
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(self.poll_room(wanted, context))?;
        let mut data = BytesMut::with_capacity(room);
        for piece in pieces {
            let length = piece.len().min(room - data.len());
            data.extend_from_slice(&piece[..length]);
        }
        self.send(data.freeze(), false)?;
        Poll::Ready(Ok(room))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The connection, which is a task of its own, sends what it has.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match std::mem::replace(&mut self.has_ended, true) {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(self.send(Bytes::new(), true)),
        }
    }
}
