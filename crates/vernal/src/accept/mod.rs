//! Sockets to connections: the listener, HTTP/1.1, and the end.

mod drain;
mod http;
mod listener;
mod refusal;
mod socket;
mod watch;

pub(crate) use drain::{CUT, Drain, ENDING, OpenConnection};
pub(crate) use listener::{accept_loop, bind, from_std};
pub(crate) use watch::{InFlight, Watch};
