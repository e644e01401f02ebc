//! WebSocket as an application sees it, over real sockets: what a frame may be is the codec's own business.

#[path = "../support/mod.rs"]
mod support;

mod apart;
mod declarations;
mod events;
mod functions;
mod handshake;
mod rooms;
mod sessions;
