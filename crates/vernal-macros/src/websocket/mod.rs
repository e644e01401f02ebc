//! The attributes of WebSocket connections.

mod endpoint;
mod event;
mod function;
mod handler;
mod told;

pub(crate) use function::expand as expand_function;
pub(crate) use handler::expand as expand_handler;
