//! What an event cannot return.

use vernal::prelude::*;

#[websocket_message("/chat")]
async fn text(message: String) -> String {
    message
}

#[websocket_handshake("/chat")]
async fn shake() -> Result<bool> {
    Ok(true)
}

fn main() {}
