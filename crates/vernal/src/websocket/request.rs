//! The request that opened a WebSocket connection.

use crate::Request;

/// The request that opened, or wants to open, a WebSocket connection: a request whose body no one reads.
///
/// Everything that can be asked of a [`Request`] can be asked of it: path values, parameters, header fields, cookies,
/// the visitor's session, the values that the server manages.
#[derive(Default)]
pub struct WebsocketRequest {
    request: Request,
    subprotocol: Option<Box<str>>,
}

impl WebsocketRequest {
    pub(crate) fn new(request: Request) -> Self {
        WebsocketRequest { request, subprotocol: None }
    }

    pub(crate) fn request_mut(&mut self) -> &mut Request {
        &mut self.request
    }

    pub(crate) fn set_subprotocol(&mut self, name: Option<String>) {
        self.subprotocol = name.map(Box::from);
    }

    /// The request once more, for who works with it elsewhere: all of it but what hangs on the journey of this one, its
    /// extensions and the visitor's session.
    pub fn copy(&self) -> Request {
        self.request.copy()
    }

    /// The subprotocols that the client offers, the one it likes best first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        list(&self.request, "sec-websocket-protocol")
    }

    /// The first of these that the client offers.
    pub fn choose_subprotocol<'n>(&self, supported: &[&'n str]) -> Option<&'n str> {
        supported.iter().copied().find(|name| self.subprotocols().any(|offered| offered == *name))
    }

    /// The subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }
}

/// The elements of a field whose value is a list, over all its lines (RFC 9110 section 5.6.1).
pub(super) fn list<'r>(request: &'r Request, field: &'static str) -> impl Iterator<Item = &'r str> {
    let lines = request.headers.as_map().get_all(field).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

impl std::ops::Deref for WebsocketRequest {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl std::fmt::Debug for WebsocketRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.request.fmt(f)
    }
}
