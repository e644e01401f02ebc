//! What a server listens on: binding it, or taking it over from whoever has bound it.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::accept::Listener;
#[cfg(unix)]
use crate::accept::{activation, unix};
use crate::{Error, Result};

/// Connections that may wait to be accepted. A small backlog makes bursts wait for a second and more, since the
/// kernel drops what does not fit.
pub(crate) const BACKLOG: i32 = 4096;

/// An address that is not bound yet, or a socket that is.
pub(crate) enum Address {
    Tcp {
        host: String,
        port: u16,
    },
    Bound(StdListener),
    #[cfg(unix)]
    Unix {
        path: std::path::PathBuf,
        mode: Option<u32>,
    },
    #[cfg(unix)]
    BoundUnix(std::os::unix::net::UnixListener),
    /// What the service manager has passed: all of it, or what has this name.
    #[cfg(unix)]
    Activated(Option<String>),
}

impl Address {
    /// The sockets, listening.
    ///
    /// # Errors
    ///
    /// A start-up error that names the address and the reason.
    pub(crate) fn bind(self) -> Result<Vec<Listener>> {
        match self {
            Address::Tcp { host, port } => Ok(vec![Listener::tcp(bind(&host, port)?)]),
            Address::Bound(listener) => Ok(vec![passed_tcp(listener)?]),
            #[cfg(unix)]
            Address::Unix { path, mode } => Ok(vec![unix::bind(&path, mode)?]),
            #[cfg(unix)]
            Address::BoundUnix(listener) => Ok(vec![passed_unix(listener)?]),
            #[cfg(unix)]
            Address::Activated(name) => activation::take(name.as_deref()),
        }
    }
}

/// A TCP socket that somebody else has bound.
pub(crate) fn passed_tcp(listener: StdListener) -> Result<Listener> {
    must_listen(SockRef::from(&listener))?;
    // accepted connections inherit this
    let _ = SockRef::from(&listener).set_tcp_nodelay(true);
    listener.set_nonblocking(true)?;
    Ok(Listener::passed_tcp(listener))
}

/// A Unix-domain socket that somebody else has bound, and whose file is theirs.
#[cfg(unix)]
pub(crate) fn passed_unix(listener: std::os::unix::net::UnixListener) -> Result<Listener> {
    must_listen(SockRef::from(&listener))?;
    listener.set_nonblocking(true)?;
    Ok(Listener::passed_unix(listener))
}

/// Refuses a socket that would never have a connection. Where the system cannot say, the first `accept` will.
fn must_listen(socket: SockRef<'_>) -> Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    if !socket.is_listener()? {
        return Err(unbound("the socket that was passed", "it is bound, but it does not listen"));
    }
    let _ = socket;
    Ok(())
}

/// Binds a host and a port. An empty host means every interface, IPv6 and IPv4 alike.
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
                let text = format!("cannot listen on {address}: {}", explain(&error));
                last = Error::bind(text, error.raw_os_error());
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

/// The start-up error of an address that cannot be listened on.
pub(crate) fn unbound(address: &str, reason: &str) -> Error {
    Error::bind(format!("cannot listen on {address}: {reason}"), None)
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use, perhaps by this program started before".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege".to_owned(),
        _ => error.to_string(),
    }
}
