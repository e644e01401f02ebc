//! Sockets to connections: the listener, the protocols, and the end.

mod connection;
mod drain;
mod handover;
mod http;
mod listener;
mod refusal;
mod settings;
mod socket;
mod stream;
mod watch;

pub(crate) use drain::{Drain, ENDING, OpenConnection};
pub(crate) use handover::{Handover, LONGEST as LONGEST_HANDOVER};
pub(crate) use listener::{Listener, accept_loop};
pub(crate) use settings::{ConnectionSettings, Serving};
pub(crate) use watch::{InFlight, Watch};
