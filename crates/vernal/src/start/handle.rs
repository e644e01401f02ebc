//! A server's handle.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::SetOnce;

use crate::App;
use crate::accept::{Drain, ENDING, Replacement};

/// Asks about a server, and stops it, from anywhere: another thread, a controller, a test. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handle(pub(super) Arc<HandleState>);

#[derive(Default)]
pub(super) struct HandleState {
    pub(super) ready: AtomicBool,
    pub(super) listening: OnceLock<Listening>,
    #[cfg(feature = "tls")]
    pub(super) redirect_address: OnceLock<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(super) tls: OnceLock<Arc<crate::accept::tls::Keeper>>,
    pub(super) stopper: SetOnce<Drain>,
    pub(super) stopped_early: AtomicBool,
    pub(super) replacement: Arc<Replacement>,
}

/// Where a server listens.
pub(super) struct Listening {
    pub(super) address: Option<SocketAddr>,
    pub(super) names: Vec<String>,
}

impl Handle {
    /// Whether the server takes requests.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// The address it listens on, once the port is bound; the first, if there are several, and none if all are
    /// Unix-domain sockets.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.listening.get()?.address
    }

    /// All addresses it listens on, as the log says them: `127.0.0.1:9090`, `unix:/run/app.sock`. Empty until they
    /// are bound.
    pub fn listening_on(&self) -> &[String] {
        self.0.listening.get().map_or(&[], |listening| &listening.names)
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

    /// Puts another app in the place of the one that the server was started with, or of the one that was put there last.
    ///
    /// It answers the requests that come from now on, on connections that are open already as well; those that run, and
    /// WebSocket connections, end as they began. What is about connections, such as
    /// [`Limits::header_timeout`](crate::Limits::header_timeout), is that of the app which a connection began with, and
    /// how many there may be and how many threads may block stay what they were. Nothing is kept of the other app:
    /// sessions in memory, rooms and managed values are those of the new one.
    ///
    /// ```
    /// use vernal::{App, Request, Route, Server, controller};
    ///
    /// let server = Server::new();
    /// let handle = server.handle();
    /// // later, while it runs
    /// let closed = controller::from_fn(|_: &Request| "We are back tomorrow.");
    /// handle.replace(App::builder().route(Route::path("/**"), closed).build()?);
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn replace(&self, app: App) {
        self.0.replacement.put(app);
    }

    /// Stops the server: nothing new is accepted, running requests finish, then `start` returns. A server that is
    /// stopped before it has started ends as soon as it starts.
    pub fn stop(&self) {
        self.0.stopped_early.swap(true, Ordering::AcqRel);
        if let Some(drain) = self.0.stopper.get() {
            drain.begin(None);
        }
    }

    /// Stops a server that has started, with another deadline than
    /// [`drain_deadline`](crate::Server::drain_deadline). While it stops already, this can make the time that is left
    /// shorter, not longer; zero ends it at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vernal::Server;
    ///
    /// let server = Server::new();
    /// let handle = server.handle();
    /// handle.stop();
    /// handle.stop_within(Duration::from_secs(1)); // on second thoughts
    /// ```
    pub fn stop_within(&self, deadline: Duration) {
        self.0.stopped_early.swap(true, Ordering::AcqRel);
        if let Some(drain) = self.0.stopper.get() {
            drain.begin(Some(deadline));
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
