//! Mistakes of functions for single events.

use vernal::prelude::*;

#[websocket_message("/chat", kind = "texts")]
async fn text(message: String) {}

#[websocket_open("/chat", regexp = "^chat$")]
async fn open(&self) {}

#[websocket_close]
async fn close(reason: CloseReason) {}

#[websocket_message("/chat/{id}")]
#[websocket_message("/chat/{id}", kind = "binary")]
async fn both(message: String, #[path] name: String) {}

#[websocket_handshake("/chat")]
struct Chat;

fn main() {}
