//! The listening socket, and the loop that takes connections from it.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener as StdUnixListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::accept::backlog::Backlog;
use crate::accept::stream::Stream;
#[cfg(unix)]
use crate::accept::unix::{self, SocketFile};
use crate::accept::{Serving, connection};

/// A listening socket. Every event loop has an [`Acceptor`] of it; when the last one and this have ended the system
/// refuses new connections.
pub(crate) struct Listener {
    socket: ListeningSocket,
    /// Whether nobody else has this socket. One that was passed may be another program's at the same time.
    is_own: bool,
    #[cfg(unix)]
    file: Option<Arc<SocketFile>>,
}

pub(crate) enum ListeningSocket {
    Tcp(StdListener),
    #[cfg(unix)]
    Unix(StdUnixListener),
}

impl Listener {
    /// A TCP socket that this server has bound.
    pub(crate) fn tcp(listener: StdListener) -> Self {
        Listener { is_own: true, ..Listener::passed_tcp(listener) }
    }

    /// A TCP socket that somebody else has bound.
    pub(crate) fn passed_tcp(listener: StdListener) -> Self {
        Listener {
            socket: ListeningSocket::Tcp(listener),
            is_own: false,
            #[cfg(unix)]
            file: None,
        }
    }

    /// A Unix-domain socket that this server has bound, and its file if it has one.
    #[cfg(unix)]
    pub(crate) fn unix(listener: StdUnixListener, file: Option<Arc<SocketFile>>) -> Self {
        Listener { is_own: true, file, ..Listener::passed_unix(listener) }
    }

    /// A Unix-domain socket that somebody else has bound.
    #[cfg(unix)]
    pub(crate) fn passed_unix(listener: StdUnixListener) -> Self {
        Listener { socket: ListeningSocket::Unix(listener), is_own: false, file: None }
    }

    /// The address and port, of a socket that has them.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(crate) fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        match &self.socket {
            ListeningSocket::Tcp(listener) => listener.local_addr().map(Some),
            #[cfg(unix)]
            ListeningSocket::Unix(_) => Ok(None),
        }
    }

    /// The address as the log says it: `127.0.0.1:9090`, `unix:/run/app.sock`, `unix:@app`.
    pub(crate) fn name(&self) -> String {
        match &self.socket {
            ListeningSocket::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string())
            }
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => unix::name(listener),
        }
    }

    /// Hands a clone of the socket to the runtime of this thread.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(crate) fn acceptor(&self) -> io::Result<Acceptor> {
        let socket = match &self.socket {
            ListeningSocket::Tcp(listener) => {
                AcceptingSocket::Tcp(TcpListener::from_std(listener.try_clone()?)?)
            }
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => {
                AcceptingSocket::Unix(UnixListener::from_std(listener.try_clone()?)?)
            }
        };
        Ok(Acceptor {
            socket,
            is_own: self.is_own,
            #[cfg(unix)]
            file: self.file.clone(),
        })
    }
}

/// A listener as one event loop sees it.
pub(crate) struct Acceptor {
    socket: AcceptingSocket,
    is_own: bool,
    #[cfg(unix)]
    file: Option<Arc<SocketFile>>,
}

enum AcceptingSocket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Acceptor {
    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match &self.socket {
            AcceptingSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Some(peer)))
            }
            #[cfg(unix)]
            AcceptingSocket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), None))
            }
        }
    }

    /// What is left to do when nothing new is to come.
    fn into_backlog(self) -> io::Result<Backlog> {
        let socket = match self.socket {
            AcceptingSocket::Tcp(listener) => ListeningSocket::Tcp(listener.into_std()?),
            #[cfg(unix)]
            AcceptingSocket::Unix(listener) => ListeningSocket::Unix(listener.into_std()?),
        };
        Ok(Backlog {
            socket,
            is_own: self.is_own,
            #[cfg(unix)]
            file: self.file,
        })
    }
}

/// Takes connections until the drain begins; each is served by a task of its own.
pub(crate) async fn accept_loop(acceptor: Acceptor, serving: Arc<Serving>) {
    let drain = &serving.drain;
    let next = async || (drain.room().await, acceptor.accept().await);
    let mut complained = false;
    while let Some((room, accepted)) = drain.unless_begun(pin!(next())).await {
        match accepted {
            Ok((stream, peer)) => {
                complained = false;
                let Some(counted) = serving.peers.admit(peer.map(|peer| peer.ip())) else {
                    tracing::debug!(?peer, "a client has as many connections as it may");
                    continue;
                };
                let open = drain.connection(room);
                tokio::spawn(connection::serve(stream, peer, Arc::clone(&serving), open, Some(counted)));
            }
            Err(error) => complained |= pause_after(&error, complained).await,
        }
    }
    match acceptor.into_backlog() {
        Ok(backlog) => backlog.empty(&serving).await,
        Err(error) => tracing::warn!(%error, "connections that wait to be accepted are lost"),
    }
}

/// A connection that died while it waited says nothing about the next one; too many open files does, and passes. Until
/// then those who wait stay in the backlog: to close them would turn away whom there may be room for in a moment.
/// Whether this was worth a line in the log, of which there is one until connections are accepted again.
async fn pause_after(error: &io::Error, complained: bool) -> bool {
    if is_of_one_connection(error) {
        return false;
    }
    if !complained {
        tracing::warn!(%error, "connections cannot be accepted for now");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    true
}

/// Whether the error is the end of a connection that had not been accepted yet.
pub(crate) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
