//! From a socket to a stream that nobody else can read.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::HttpError;
use crate::accept::drain::GRACE;
use crate::accept::socket::Remains;
use crate::accept::stream::{Opened, Stream};
use crate::accept::tls::{Keeper, TlsInfo};
use crate::accept::{ENDING, Serving, Watch, refusal};
use crate::request::Connection;

/// The first byte of a TLS connection: the record of a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// Shakes hands; none if that fails or takes too long, or the server ends before the client has begun.
pub(crate) async fn secure(stream: Stream, serving: &Serving, keeper: &Keeper) -> Option<(Stream, TlsInfo)> {
    let shake = pin!(shake_hands(stream, serving, keeper));
    match timeout(serving.app.limits().tls_handshake_timeout, shake).await {
        Ok(secured) => secured,
        Err(_) => {
            tracing::debug!("a TLS handshake took too long");
            None
        }
    }
}

async fn shake_hands(stream: Stream, serving: &Serving, keeper: &Keeper) -> Option<(Stream, TlsInfo)> {
    let drain = &serving.drain;
    let first = match drain.unless_begun(pin!(stream.first_bytes())).await {
        Some(first) => first,
        // what has been sent already may still be under way, as at connections without TLS
        None => timeout_at(drain.grace(), stream.first_bytes()).await.ok()?,
    };
    let early = match first {
        Ok(early) => early,
        Err(error) => {
            tracing::debug!(%error, "a connection ended before its TLS handshake");
            return None;
        }
    };
    match early.first() {
        Some(&HANDSHAKE) | None => {}
        Some(byte) if byte.is_ascii_alphabetic() => {
            Box::pin(refuse_plain(stream, serving)).await;
            return None;
        }
        Some(_) => {
            tracing::debug!("a connection to the TLS port began with neither TLS nor HTTP");
            return None;
        }
    }
    match TlsAcceptor::from(keeper.config()).accept(Opened { early, stream }).await {
        Ok(stream) => {
            let info = TlsInfo::of(stream.get_ref().1);
            let stream = Stream::Tls(Box::new(stream));
            if drain.has_reached(ENDING) {
                // the request follows the handshake, which the end of the server may have overtaken
                let _ = timeout(GRACE, stream.readable()).await;
            }
            Some((stream, info))
        }
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

/// Tells somebody who speaks HTTP without TLS what is wrong.
async fn refuse_plain(stream: Stream, serving: &Serving) {
    let connection = Arc::new(Connection::new(serving.current_app(), None, Watch::new()));
    let error = HttpError::bad_request("This port speaks HTTPS: the address begins with \"https://\"");
    let page = connection.app.refuse(&connection, error).await;
    let remains = Remains { stream, unsent: Vec::new(), unseen: Bytes::new() };
    refusal::send(remains, page, false, serving.settings.title_case_headers).await;
}
