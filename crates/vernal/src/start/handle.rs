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
