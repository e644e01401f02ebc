//! Sockets to connections: the listener, the protocols, and the end.

#[cfg(unix)]
mod activation;
mod address;
mod backlog;
mod connection;
mod drain;
mod handover;
mod http;
mod listener;
mod peers;
mod proxy_protocol;
mod refusal;
mod replacement;
mod settings;
mod socket;
mod stream;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(unix)]
mod unix;
mod watch;

#[cfg(feature = "http2")]
pub(crate) use http::http2::Running;

pub(crate) use address::Address;
pub(crate) use drain::{CUT, Drain, ENDING, Present};
pub(crate) use handover::{Handover, LONGEST as LONGEST_HANDOVER};
pub(crate) use http::field_names::{FieldNames, KeptNames};
#[cfg(all(feature = "fuzzing", unix))]
pub(crate) use http::pieces;
#[cfg(feature = "tls")]
pub(crate) use http::protocols;
pub(crate) use listener::{Listener, accept_loop};
pub(crate) use peers::Peers;
pub(crate) use replacement::Replacement;
pub(crate) use settings::{ConnectionSettings, Serving};
pub(crate) use watch::{InFlight, Watch};
