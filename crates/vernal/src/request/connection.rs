//! The connection that a request came on.

use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;
#[cfg(feature = "websocket")]
use std::sync::OnceLock;

#[cfg(feature = "tls")]
use crate::accept::tls::TlsInfo;
use crate::accept::{KeptNames, Watch};
use crate::app::App;
use crate::proxies::Hop;

/// What all requests of one connection have in common.
pub(crate) struct Connection {
    pub(crate) app: App,
    pub(crate) peer: Option<SocketAddr>,
    /// Whether the other end is a Unix-domain socket.
    pub(crate) is_unix: bool,
    /// For whom the other end has passed the connection on, by the PROXY protocol.
    pub(crate) proxied: Option<Hop>,
    /// Whether the other end says, by the PROXY protocol, that the client reached it through TLS.
    pub(crate) is_proxied_tls: bool,
    pub(crate) watch: Watch,
    pub(crate) kept_names: KeptNames,
    /// What goes out in the place of hyper's head, for the last answer of the connection.
    #[cfg(feature = "websocket")]
    pub(crate) plain_head: OnceLock<Box<[u8]>>,
    /// Where the app is mounted.
    pub(crate) prefix: Box<str>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<TlsInfo>>,
}

impl Connection {
    pub(crate) fn new(app: App, peer: Option<SocketAddr>, watch: Watch) -> Self {
        Connection {
            app,
            peer,
            is_unix: false,
            proxied: None,
            is_proxied_tls: false,
            watch,
            kept_names: KeptNames::default(),
            #[cfg(feature = "websocket")]
            plain_head: OnceLock::new(),
            prefix: Box::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The same connection for a request that another app answers. What the connection is doing is watched on the
    /// first one alone.
    pub(crate) fn with(&self, app: App) -> Self {
        Connection {
            app,
            peer: self.peer,
            is_unix: self.is_unix,
            proxied: self.proxied,
            is_proxied_tls: self.is_proxied_tls,
            watch: Watch::default(),
            kept_names: KeptNames::default(),
            #[cfg(feature = "websocket")]
            plain_head: OnceLock::new(),
            prefix: self.prefix.clone(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
        }
    }

    /// The same connection for a request to an app that is mounted in the one of this.
    pub(crate) fn mounted(&self, app: App, prefix: &str) -> Self {
        Connection { prefix: format!("{}{prefix}", self.prefix).into(), ..self.with(app) }
    }

    /// Where the chain of proxies begins that a request came through.
    pub(crate) fn hop(&self) -> Hop {
        self.proxied.unwrap_or(match self.peer {
            Some(address) => Hop::Address(address.ip()),
            None if self.is_unix => Hop::Unix,
            None => Hop::Unknown,
        })
    }
}
