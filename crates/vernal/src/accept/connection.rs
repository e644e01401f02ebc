//! The life of a connection: from the listener to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
#[cfg(feature = "websocket")]
use tokio::io::AsyncWriteExt as _;

#[cfg(feature = "websocket")]
use crate::accept::http::http1::Switched;
use crate::accept::http::http1::{self, Outcome};
use crate::accept::stream::Stream;
use crate::accept::{OpenConnection, Serving, Watch};
use crate::request::Connection;

/// Serves one connection until it ends.
pub(crate) async fn serve(
    mut stream: Stream,
    peer: Option<SocketAddr>,
    serving: Arc<Serving>,
    open: OpenConnection,
) {
    let connection = Arc::new(Connection { app: serving.app.clone(), peer, watch: Watch::new() });
    let mut early = Bytes::new();
    loop {
        match Box::pin(http1::converse(stream, early, &connection, &serving)).await {
            Outcome::Rests(resting, unread) => (stream, early) = (resting, unread),
            Outcome::Ended => break,
            #[cfg(feature = "websocket")]
            Outcome::Switched(switched) => {
                switched.serve(&serving).await;
                break;
            }
        }
        if early.is_empty() && !wakes(&stream, &connection, &serving).await {
            break;
        }
    }
    drop(open);
}

/// Waits with the socket alone; whether there is a further request, before the connection has been idle too long or
/// the server ends.
async fn wakes(stream: &Stream, connection: &Connection, serving: &Serving) -> bool {
    let limits = connection.app.limits();
    let idle = connection.watch.remaining(limits.header_timeout, serving.settings.idle_timeout);
    let next = tokio::time::timeout(idle, stream.readable());
    matches!(serving.drain.unless_begun(next).await, Some(Ok(Ok(()))))
}

#[cfg(feature = "websocket")]
impl Switched {
    /// Speaks WebSocket until the connection ends.
    async fn serve(mut self: Box<Self>, serving: &Serving) {
        let limit = serving.app.limits().header_timeout;
        let sent = tokio::time::timeout(limit, self.stream.write_all(&self.unsent)).await;
        if matches!(sent, Ok(Ok(()))) {
            self.accepted.converse(self.stream, self.early, serving.drain.clone()).await;
        }
    }
}
