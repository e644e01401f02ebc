//! The attribute stands on the events, not on the type, and on those of a handler.

use vernal::prelude::*;

#[websocket_handler("/chat")]
struct Chat;

#[websocket_handler("/chat")]
impl Chat {
    async fn on_open(&self) {}
}

fn main() {}
