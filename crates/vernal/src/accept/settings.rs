//! What all connections of a server have in common.

use std::sync::Arc;
use std::time::Duration;

use crate::accept::{Drain, Peers, Replacement};
use crate::app::App;
use crate::request::Connection;

/// The settings of connections that are no limits on what a client may send; those are in `Limits`.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    pub(crate) keep_alive: bool,
    /// After so many requests a connection is closed; 0 for never.
    pub(crate) keep_alive_max_requests: u32,
    pub(crate) idle_timeout: Duration,
    /// Whether HTTP/1.1 answers spell their fields `Content-Type`, not `content-type`.
    pub(crate) title_case_headers: bool,
    /// Whether each connection begins with a header that names the client.
    pub(crate) proxy_protocol: bool,
    /// Whether HTTP/2 is spoken to clients that ask for it.
    #[cfg(feature = "http2")]
    pub(crate) http2: bool,
    /// An HTTP/2 client that has been silent for so long while it waits for an answer is asked whether it is there.
    #[cfg(feature = "http2")]
    pub(crate) ping_interval: Option<Duration>,
}

/// The app, the settings and the end, as every connection needs them.
pub(crate) struct Serving {
    /// The app that the server was started with.
    pub(crate) app: App,
    pub(crate) replacement: Arc<Replacement>,
    pub(crate) settings: ConnectionSettings,
    pub(crate) drain: Drain,
    pub(crate) peers: Peers,
    /// Where connections begin with a TLS handshake.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<crate::accept::tls::Keeper>>,
}

impl Serving {
    /// The app that new connections are for.
    pub(crate) fn current_app(&self) -> App {
        self.replacement.get().unwrap_or_else(|| self.app.clone())
    }

    /// The connection as a request that comes now belongs to it, where another app answers than when it was opened.
    pub(crate) fn replaced(&self, connection: &Connection) -> Option<Arc<Connection>> {
        let app = self.replacement.get()?;
        (!app.is(&connection.app)).then(|| Arc::new(connection.with(app)))
    }

    /// Whether something comes before HTTP on each connection.
    pub(crate) fn needs_beginning(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return true;
        }
        self.settings.proxy_protocol
    }
}
