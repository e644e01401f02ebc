//! The life of a connection: from the listener to its end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

#[cfg(all(feature = "http2", feature = "tls"))]
use bytes::Bytes;
use tokio::io::AsyncReadExt;
#[cfg(feature = "websocket")]
use tokio::io::AsyncWriteExt as _;

#[cfg(feature = "websocket")]
use crate::accept::http::http1::Switched;
use crate::accept::http::http1::{self, Outcome};
#[cfg(feature = "http2")]
use crate::accept::http::http2;
use crate::accept::peers::Counted;
use crate::accept::proxy_protocol::{Introduced, Introduction};
use crate::accept::stream::Stream;
#[cfg(feature = "tls")]
use crate::accept::tls::secure;
use crate::accept::{CUT, ENDING, Present, Serving, Watch, proxy_protocol, refusal};
use crate::proxies::Hop;
use crate::request::Connection;

/// Serves one connection until it ends; until then its client has it counted, if it is.
///
/// The future stays as large as its largest part while the connection rests, so parts that few connections need, or
/// none for long, are in boxes.
pub(crate) async fn serve(
    stream: Stream,
    peer: Option<SocketAddr>,
    serving: Arc<Serving>,
    mut present: Present,
    _counted: Option<Counted>,
) {
    let drain = &serving.drain;
    if !present.has_room() && drain.unless(CUT, Box::pin(present.wait_for_room()).as_mut()).await.is_none() {
        return;
    }
    let mut connection = Connection::new(serving.current_app(), peer, Watch::new());
    connection.is_unix = stream.is_unix();
    let stream = match serving.needs_beginning() {
        true => {
            drain.unless(CUT, Box::pin(begin(stream, &mut connection, &serving)).as_mut()).await.flatten()
        }
        false => Some(stream),
    };
    let Some(mut stream) = stream else { return };
    let connection = Arc::new(connection);
    #[cfg(all(feature = "http2", feature = "tls"))]
    if connection.tls.as_ref().is_some_and(|tls| tls.protocol() == Some(b"h2")) {
        return Box::pin(http2::converse(stream, Bytes::new(), &connection, &serving, &mut present)).await;
    }
    // an error shows again where it is waited for more
    let mut early = stream.arrived().unwrap_or_default();
    if !early.is_empty() {
        connection.watch.received();
    }
    let finished = loop {
        // before the first request as well: who connects in advance takes no room for a conversation
        if early.is_empty() && !Box::pin(wakes(&stream, &connection, &serving)).await {
            if drain.has_reached(ENDING) {
                break Some(stream);
            }
            stream.close().await;
            break None;
        }
        match Box::pin(http1::converse(stream, early, &connection, &serving)).await {
            Outcome::Rests(resting, unread) => (stream, early) = (resting, unread),
            #[cfg(feature = "http2")]
            Outcome::IsHttp2(stream, read) => {
                Box::pin(http2::converse(stream, read, &connection, &serving, &mut present)).await;
                break None;
            }
            Outcome::Finished(stream) => break Some(stream),
            Outcome::Ended => break None,
            #[cfg(feature = "websocket")]
            Outcome::Switched(switched) => {
                Box::pin(switched.serve(&serving)).await;
                break None;
            }
        }
    };
    present.close();
    if let Some(stream) = finished {
        // what few connections come to is in boxes, so that the task of every connection stays small
        drain.unless(CUT, Box::pin(refusal::linger(stream)).as_mut()).await;
    }
}

/// What comes before HTTP; none if the TLS handshake fails, or the header of the PROXY protocol.
async fn begin(mut stream: Stream, connection: &mut Connection, serving: &Serving) -> Option<Stream> {
    if serving.settings.proxy_protocol {
        let introduced = introduce(&mut stream, connection, serving);
        let within = connection.app.limits().header_timeout;
        let introduction = tokio::time::timeout(within, introduced).await.ok().flatten()?;
        connection.is_proxied_tls = introduction.is_tls;
        connection.proxied = match introduction.client {
            Introduced::Itself => None,
            Introduced::Somebody => Some(Hop::Unknown),
            Introduced::Client(client) => Some(Hop::Address(client.ip())),
        };
    }
    #[cfg(feature = "tls")]
    if let Some(keeper) = &serving.tls {
        let (stream, info) = secure(stream, serving, keeper).await?;
        connection.tls = Some(Arc::new(info));
        return Some(stream);
    }
    Some(stream)
}

/// Hears for whom a trusted proxy has passed the connection on; none if it is not to be served.
async fn introduce(stream: &mut Stream, connection: &Connection, serving: &Serving) -> Option<Introduction> {
    let peer = connection.peer;
    if !connection.app.proxies().trusts(connection.hop()) {
        tracing::warn!(?peer, "a connection is closed: only trusted proxies may use the PROXY protocol");
        return None;
    }
    // a proxy that opens connections in advance has nothing to say on them when the server ends
    let first = {
        let mut first = pin!(stream.read_u8());
        match serving.drain.unless_begun(first.as_mut()).await {
            Some(first) => first,
            None => tokio::time::timeout_at(serving.drain.grace(), first).await.ok()?,
        }
    };
    let received = match first {
        Ok(first) => proxy_protocol::receive(first, stream).await,
        Err(error) => Err(error),
    };
    match received {
        Ok(introduction) => Some(introduction),
        Err(error) => {
            tracing::warn!(?peer, %error, "a connection is closed: its PROXY header is missing or malformed");
            None
        }
    }
}

/// Waits with the socket alone; whether there is a further request, before the connection has been idle too long or
/// the server ends. What has arrived until then is one.
async fn wakes(stream: &Stream, connection: &Connection, serving: &Serving) -> bool {
    let idle = connection.watch.remaining(connection.app.limits(), serving.settings.idle_timeout);
    let next = pin!(tokio::time::timeout(idle, stream.readable()));
    let next = match serving.drain.unless_begun(next).await {
        Some(next) => next,
        None => tokio::time::timeout_at(serving.drain.grace(), stream.readable()).await,
    };
    match next {
        Ok(readable) => readable.is_ok(),
        Err(_) => stream.has_unread(),
    }
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
