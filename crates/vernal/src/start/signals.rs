//! The signals that end a server.

/// SIGINT and SIGTERM, or Ctrl-C where there are no signals; none if they are not to be watched.
pub(super) struct Signals {
    #[cfg(unix)]
    watched: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
    #[cfg(not(unix))]
    is_watched: bool,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn watch(watch: bool) -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let both = || Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?));
        let watched = watch.then(both).transpose().unwrap_or_else(|error: std::io::Error| {
            tracing::warn!(%error, "signals cannot be watched; stop the server through its handle");
            None
        });
        Signals { watched }
    }

    /// Waits for the next signal; answers its name.
    pub(super) async fn next(&mut self) -> &'static str {
        let Some((interrupt, terminate)) = &mut self.watched else { return std::future::pending().await };
        std::future::poll_fn(|context| match interrupt.poll_recv(context) {
            std::task::Poll::Ready(_) => std::task::Poll::Ready("SIGINT"),
            std::task::Poll::Pending => terminate.poll_recv(context).map(|_| "SIGTERM"),
        })
        .await
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn watch(is_watched: bool) -> Self {
        Signals { is_watched }
    }

    /// Waits for the next Ctrl-C; answers its name.
    pub(super) async fn next(&mut self) -> &'static str {
        if !self.is_watched || tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        "Ctrl-C"
    }
}
