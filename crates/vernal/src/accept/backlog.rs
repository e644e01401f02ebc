//! The connections that the system has accepted and the server has not, when it ends.
//!
//! A client whose connection is established may have sent its request already. Closing the listening socket resets all
//! that wait, so they are taken first; and so that none comes between the last look and the closing, the system is told
//! to accept no more, where it can be told.

use std::io;
#[cfg(unix)]
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::accept::listener::{ListeningSocket, is_of_one_connection};
use crate::accept::stream::Stream;
#[cfg(unix)]
use crate::accept::unix::SocketFile;
use crate::accept::{CUT, Serving, connection};

/// How long a handshake that has begun may take to end. A client that knocks in the meantime is not heard, tries again
/// after a second, and is refused then.
const SETTLE: Duration = Duration::from_millis(5);

/// A listening socket that is about to be closed.
pub(crate) struct Backlog {
    pub(crate) socket: ListeningSocket,
    pub(crate) is_own: bool,
    #[cfg(unix)]
    pub(crate) file: Option<Arc<SocketFile>>,
}

impl Backlog {
    /// Serves the connections that wait, and closes the socket.
    pub(crate) async fn empty(self, serving: &Arc<Serving>) {
        #[cfg(unix)]
        if let Some(file) = &self.file {
            file.remove();
        }
        if self.is_own
            && let Err(error) = self.stop_accepting()
        {
            tracing::debug!(%error, "the system goes on to accept connections until the socket is closed");
        }
        self.take(serving).await;
        if self.is_own {
            tokio::time::sleep(SETTLE).await;
            self.take(serving).await;
        }
    }

    /// Tells the system to accept no more connections, but to keep those that wait. Closing would reset them, and so
    /// would `shutdown` on TCP.
    #[cfg(target_os = "linux")]
    fn stop_accepting(&self) -> io::Result<()> {
        use socket2::{SockFilter, SockRef};
        /// A filter in the language of bpf(4) that drops segments with SYN and without ACK: those that ask for a
        /// connection. What belongs to a handshake that has begun passes.
        const NO_HANDSHAKES: [SockFilter; 5] = [
            SockFilter::new(0x30, 0, 0, 13), // load the byte with the flags (RFC 9293 section 3.1)
            SockFilter::new(0x54, 0, 0, 0x12), // of which SYN and ACK
            SockFilter::new(0x15, 0, 1, 0x02), // is it SYN alone?
            SockFilter::new(0x06, 0, 0, 0),  // drop the segment
            SockFilter::new(0x06, 0, 0, u32::MAX), // let it pass whole
        ];
        match &self.socket {
            ListeningSocket::Tcp(listener) => SockRef::from(listener).attach_filter(&NO_HANDSHAKES),
            ListeningSocket::Unix(listener) => SockRef::from(listener).shutdown(std::net::Shutdown::Read),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn stop_accepting(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Serves all connections that wait now.
    async fn take(&self, serving: &Arc<Serving>) {
        let drain = &serving.drain;
        loop {
            match self.accept() {
                Ok((stream, peer)) => {
                    let open = drain.connection(None);
                    tokio::spawn(connection::serve(stream, peer, Arc::clone(serving), open, None));
                }
                Err(error) if is_of_one_connection(&error) => {}
                // a Unix-domain socket that accepts no more says `InvalidInput`
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::InvalidInput) =>
                {
                    return;
                }
                // too many open files: there are fewer once others have ended
                Err(_) if drain.unless(CUT, pin!(tokio::time::sleep(SETTLE))).await.is_some() => {}
                Err(error) => {
                    tracing::warn!(%error, "connections that wait to be accepted are lost");
                    return;
                }
            }
        }
    }

    fn accept(&self) -> io::Result<(Stream, Option<std::net::SocketAddr>)> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok((Stream::Tcp(tokio::net::TcpStream::from_std(stream)?), Some(peer)))
            }
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok((Stream::Unix(tokio::net::UnixStream::from_std(stream)?), None))
            }
        }
    }
}
