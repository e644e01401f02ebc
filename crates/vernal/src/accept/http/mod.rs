//! HTTP: the one folder that knows hyper and h2.

pub(crate) mod chunks;
#[cfg(feature = "http2")]
mod date;
pub(crate) mod field_names;
pub(crate) mod head;
pub(crate) mod http1;
#[cfg(feature = "http2")]
pub(crate) mod http2;
pub(crate) mod inspect;
#[cfg(all(any(test, feature = "fuzzing"), unix))]
pub(crate) mod pieces;
#[cfg(feature = "websocket")]
mod plain;
#[cfg(all(test, unix))]
mod properties;
pub(crate) mod response_head;

/// What is offered to clients that choose a protocol during the TLS handshake (ALPN), the preferred first.
#[cfg(feature = "tls")]
pub(crate) fn protocols(settings: &crate::accept::ConnectionSettings) -> &'static [&'static [u8]] {
    #[cfg(feature = "http2")]
    if settings.http2 {
        return &[b"h2", b"http/1.1"];
    }
    let _ = settings;
    &[b"http/1.1"]
}
