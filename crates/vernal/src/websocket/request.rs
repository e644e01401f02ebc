//! The request that opened a WebSocket connection.

use crate::Request;

/// The request that opened, or wants to open, a WebSocket connection: a request whose body no one reads.
pub struct WebsocketRequest(pub(crate) Request);

impl std::ops::Deref for WebsocketRequest {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.0
    }
}
