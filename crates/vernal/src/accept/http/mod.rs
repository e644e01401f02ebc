//! HTTP: the one folder that knows hyper and h2.

pub(crate) mod chunks;
#[cfg(feature = "http2")]
mod date;
pub(crate) mod head;
pub(crate) mod http1;
#[cfg(feature = "http2")]
pub(crate) mod http2;
pub(crate) mod inspect;
