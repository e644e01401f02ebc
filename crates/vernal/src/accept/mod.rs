//! Sockets to connections: the listener, the protocols, and the end.

mod connection;
mod drain;
mod http;
mod listener;
mod refusal;
mod settings;
mod socket;
mod stream;
mod watch;

pub(crate) use drain::{CUT, Drain, ENDING, OpenConnection};
pub(crate) use listener::{Listener, accept_loop};
pub(crate) use settings::{ConnectionSettings, Serving};
pub(crate) use watch::{InFlight, Watch};
