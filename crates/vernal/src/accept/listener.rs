//! The listening socket, and the loop that takes connections from it.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::accept::stream::Stream;
use crate::accept::{Serving, connection};
use crate::error::StartErrorKind;
use crate::{Error, Result};

/// Connections that may wait to be accepted. A small backlog makes bursts wait for a second and more, since the
/// kernel drops what does not fit.
const BACKLOG: i32 = 4096;

/// A bound address. Every event loop has an [`Acceptor`] of it; when the last one and this have ended the system
/// refuses new connections.
pub(crate) enum Listener {
    Tcp(StdListener),
}

impl Listener {
    /// Binds a host and a port.
    ///
    /// # Errors
    ///
    /// As [`bind`].
    pub(crate) fn tcp(host: &str, port: u16) -> Result<Self> {
        bind(host, port).map(Listener::Tcp)
    }

    /// The address of a listener that has one.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr(),
        }
    }

    /// Hands a clone of the socket to the runtime of this thread.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(crate) fn acceptor(&self) -> io::Result<Acceptor> {
        match self {
            Listener::Tcp(listener) => TcpListener::from_std(listener.try_clone()?).map(Acceptor::Tcp),
        }
    }
}

/// A listener as one event loop sees it.
pub(crate) enum Acceptor {
    Tcp(TcpListener),
}

impl Acceptor {
    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Acceptor::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Some(peer)))
            }
        }
    }
}

/// Binds a host and a port. An empty host means every interface, IPv6 and IPv4 alike.
///
/// # Errors
///
/// A start-up error that names the address and the reason.
fn bind(host: &str, port: u16) -> Result<StdListener> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = match host {
        "" => vec![SocketAddr::from(([0u16; 8], port)), SocketAddr::from(([0u8; 4], port))],
        _ => (host, port)
            .to_socket_addrs()
            .map_err(|error| unbound(&format!("{host:?}"), &format!("the host is not known: {error}")))?
            .collect(),
    };
    let mut last = unbound(host, "the host has no address");
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                last = unbound(&address.to_string(), &explain(&error));
                if error.kind() == io::ErrorKind::AddrInUse {
                    break;
                }
            }
        }
    }
    Err(last)
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    // accepted connections inherit this, which saves a system call for each
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn unbound(address: &str, reason: &str) -> Error {
    Error::start(StartErrorKind::Bind, format!("cannot listen on {address}: {reason}"))
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use, perhaps by this program started before".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege".to_owned(),
        _ => error.to_string(),
    }
}

/// Takes connections until the drain begins; each is served by a task of its own.
pub(crate) async fn accept_loop(acceptor: Acceptor, serving: Arc<Serving>) {
    let drain = &serving.drain;
    let next = async || (drain.room().await, acceptor.accept().await);
    let mut complained = false;
    while let Some((room, accepted)) = drain.unless_begun(next()).await {
        match accepted {
            Ok((stream, peer)) => {
                complained = false;
                let Some(counted) = serving.addresses.admit(peer.map(|peer| peer.ip())) else {
                    tracing::debug!(?peer, "a client has as many connections as it may");
                    continue;
                };
                let open = drain.connection(room);
                let serve = connection::serve(stream, peer, Arc::clone(&serving), open);
                tokio::spawn(async move {
                    serve.await;
                    drop(counted);
                });
            }
            Err(error) => complained |= pause_after(&error, complained).await,
        }
    }
}

/// A connection that died while it waited says nothing about the next one; too many open files does, and passes. Until
/// then those who wait stay in the backlog: to close them would turn away whom there may be room for in a moment.
/// Whether this was worth a line in the log, of which there is one until connections are accepted again.
async fn pause_after(error: &io::Error, complained: bool) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return false;
    }
    if !complained {
        tracing::warn!(%error, "connections cannot be accepted for now");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    true
}
