//! Where a server listens.

use std::net::TcpListener;

use crate::accept::Address;
use crate::start::Server;

/// The address, where nothing else is said.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 9090;

/// Where it listens: on a TCP port, unless only other addresses are given. They add up.
impl Server {
    /// The address to listen on: a name, an IPv4 or IPv6 address, or nothing for every interface; 127.0.0.1 by default.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The port to listen on, 9090 by default; 0 lets the system choose, and
    /// [`Handle::local_addr`](crate::Handle::local_addr) tell.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Listens on a TCP socket that is bound already, by this program or by the one that started it.
    ///
    /// It is closed when the server ends, here; if another process has it as well, connections go there from then on.
    ///
    /// ```
    /// use vernal::Server;
    ///
    /// let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let server = Server::new().listener(socket);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.addresses.push(Address::Bound(listener));
        self
    }

    /// Listens on a Unix-domain socket: for proxies on the same machine. Without [`port`](Server::port) or
    /// [`host`](Server::host) no TCP port is opened.
    ///
    /// The file is removed when the server ends. One that a program has left behind is replaced, if nobody listens on
    /// it. On Linux a name that begins with `@` is one without a file (unix(7), "abstract").
    ///
    /// ```
    /// use vernal::Server;
    ///
    /// let server = Server::new().unix_socket("/run/app/app.sock").unix_socket_mode(0o660);
    /// ```
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.addresses.push(Address::Unix { path: path.into(), mode: None });
        self
    }

    /// The permissions of the Unix-domain socket named last: who may write to it may connect. By default those that
    /// the process' `umask` leaves.
    #[cfg(unix)]
    pub fn unix_socket_mode(mut self, permissions: u32) -> Self {
        if let Some(Address::Unix { mode, .. }) = self.addresses.last_mut() {
            *mode = Some(permissions);
        }
        self
    }

    /// Listens on a Unix-domain socket that is bound already; its file is left alone.
    #[cfg(unix)]
    pub fn unix_listener(mut self, listener: std::os::unix::net::UnixListener) -> Self {
        self.addresses.push(Address::BoundUnix(listener));
        self
    }

    /// Listens on all sockets that the service manager has passed, TCP and Unix-domain ones: socket activation
    /// (systemd.socket(5), sd_listen_fds(3)). Starting without any is an error.
    ///
    /// The manager keeps the sockets open: while the service is restarted new connections wait and none is refused.
    ///
    /// ```
    /// use vernal::Server;
    ///
    /// let server = Server::new();
    /// let server = match std::env::var_os("LISTEN_FDS") {
    ///     Some(_) => server.activated(),
    ///     None => server.port(9090),
    /// };
    /// ```
    #[cfg(unix)]
    pub fn activated(mut self) -> Self {
        self.addresses.push(Address::Activated(None));
        self
    }

    /// Listens on the passed sockets with this `FileDescriptorName`, where several servers share a process.
    #[cfg(unix)]
    pub fn activated_as(mut self, name: impl Into<String>) -> Self {
        self.addresses.push(Address::Activated(Some(name.into())));
        self
    }

    /// Another port of the same host.
    #[cfg(feature = "tls")]
    pub(super) fn redirect_address(&self, port: u16) -> Address {
        Address::Tcp { host: self.host.clone().unwrap_or_else(|| HOST.to_owned()), port }
    }

    /// All addresses: a TCP port if one is asked for, or if there is nothing else.
    pub(super) fn take_addresses(&mut self) -> Vec<Address> {
        let mut addresses = std::mem::take(&mut self.addresses);
        if self.host.is_some() || self.port.is_some() || addresses.is_empty() {
            let host = self.host.take().unwrap_or_else(|| HOST.to_owned());
            addresses.insert(0, Address::Tcp { host, port: self.port.unwrap_or(PORT) });
        }
        addresses
    }
}
