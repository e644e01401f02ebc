//! A server's handle.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::SetOnce;

use crate::accept::{Drain, ENDING};

/// Asks about a server, and stops it, from anywhere: another thread, a controller, a test. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handle(pub(super) Arc<HandleState>);

#[derive(Default)]
pub(super) struct HandleState {
    pub(super) ready: AtomicBool,
    pub(super) address: OnceLock<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(super) redirect_address: OnceLock<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(super) tls: OnceLock<Arc<crate::accept::tls::Keeper>>,
    pub(super) stopper: SetOnce<Drain>,
    pub(super) stopped_early: AtomicBool,
}

impl Handle {
    /// Whether the server takes requests.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// The address it listens on, once the port is bound.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.address.get().copied()
    }

    /// The address that [`redirect_http`](crate::Server::redirect_http) listens on, once the port is bound.
    #[cfg(feature = "tls")]
    pub fn redirect_addr(&self) -> Option<SocketAddr> {
        self.0.redirect_address.get().copied()
    }

    /// Reads the certificates, keys and authorities of the running server again, now, whether or not they have changed.
    ///
    /// New connections use what can be used; what cannot is refused, and stays as it was. Nothing happens before the
    /// server has started, or if it has no TLS, or one of [its own](crate::Tls::from_config). It reads files, so it
    /// belongs into a plain `fn`.
    ///
    /// # Errors
    ///
    /// Why something was refused; the log says it, too.
    #[cfg(feature = "tls")]
    pub fn reload_tls(&self) -> crate::Result<()> {
        self.0.tls.get().map_or(Ok(()), |keeper| keeper.reload())
    }

    /// Stops the server: nothing new is accepted, running requests finish, then `start` returns. A server that is
    /// stopped before it has started ends as soon as it starts.
    pub fn stop(&self) {
        self.0.stopped_early.swap(true, Ordering::AcqRel);
        if let Some(drain) = self.0.stopper.get() {
            drain.begin();
        }
    }

    /// Done once the server, having been started, begins to stop: the moment for an answer without end to end itself.
    ///
    /// Running requests are waited for, and cut at the deadline. A stream that watches this ends well instead.
    ///
    /// ```
    /// use vernal::prelude::*;
    /// use vernal::Handle;
    ///
    /// #[route("/next", app = "news")]
    /// async fn next(news: State<tokio::sync::Notify>, server: State<Handle>) -> &'static str {
    ///     tokio::select! {
    ///         () = news.notified() => "there is news",
    ///         () = server.stopping() => "ask again later",
    ///     }
    /// }
    ///
    /// let server = Server::app("news").manage(tokio::sync::Notify::new());
    /// let handle = server.handle();
    /// let server = server.manage(handle);
    /// # server.build()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub async fn stopping(&self) {
        self.0.stopper.wait().await.reached(ENDING).await;
    }
}
