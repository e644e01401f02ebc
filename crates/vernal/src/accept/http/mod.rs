//! HTTP: the one folder that knows hyper.

pub(crate) mod chunks;
pub(crate) mod head;
pub(crate) mod http1;
pub(crate) mod inspect;
#[cfg(all(test, unix))]
mod properties;

/// What is offered to clients that choose a protocol during the TLS handshake (ALPN), the preferred first.
#[cfg(feature = "tls")]
pub(crate) const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];
