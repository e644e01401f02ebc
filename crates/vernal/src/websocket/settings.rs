//! What a server says about all its WebSocket connections.

use crate::request::Request;
use crate::websocket::DeflateSettings;

/// From which sites browsers may connect, and whether messages are compressed.
///
/// A browser lets any page open a WebSocket to any server, and sends the server's cookies along: a page of another
/// site could speak in the name of the visitor (cross-site WebSocket hijacking, RFC 6455 section 10.2). Browsers say
/// in `Origin` which site it is, so by default only pages of the same host and port are let in; programs that send
/// no `Origin` are not browsers and are let in as well.
///
/// ```
/// use vernal::websocket::WebsocketSettings;
///
/// let settings = WebsocketSettings::default().origin("https://app.example").origin("https://www.app.example");
/// ```
#[derive(Debug, Clone)]
pub struct WebsocketSettings {
    any_origin: bool,
    origins: Vec<String>,
    deflate: Option<DeflateSettings>,
    apart_from_http: bool,
}

impl Default for WebsocketSettings {
    fn default() -> Self {
        WebsocketSettings {
            any_origin: false,
            origins: Vec::new(),
            deflate: Some(DeflateSettings::default()),
            apart_from_http: false,
        }
    }
}

impl WebsocketSettings {
    /// Lets pages of this site in, in addition to those of the server's own: `https://app.example`.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Lets pages of all sites in: for servers that know a client by something else than a cookie. No by default.
    pub fn any_origin(mut self, any: bool) -> Self {
        self.any_origin = any;
        self
    }

    /// How messages are compressed, for clients that offer to (RFC 7692); `None` for not at all.
    pub fn deflate(mut self, deflate: impl Into<Option<DeflateSettings>>) -> Self {
        self.deflate = deflate.into();
        self
    }

    /// Whether requests of HTTP/1.1 for a WebSocket have nothing to do with the others. Then one whose path has no endpoint
    /// is answered 404, whatever controllers there are, and what a handler answers to a handshake goes out with the fields
    /// of the protocol and its own alone: without `Server`, without `Date`, and, where it refuses, without
    /// `Content-Length`; the connection ends then. No by default, which is what RFC 9110 asks for.
    pub fn apart_from_http(mut self, apart: bool) -> Self {
        self.apart_from_http = apart;
        self
    }

    pub(super) fn is_apart_from_http(&self) -> bool {
        self.apart_from_http
    }

    pub(super) fn deflate_settings(&self) -> Option<&DeflateSettings> {
        self.deflate.as_ref()
    }

    /// Whether a page of this origin may connect; the origin that may not.
    pub(super) fn refuses<'r>(&self, request: &'r Request) -> Option<&'r str> {
        let mut origins = request.headers.as_map().get_all(http::header::ORIGIN).iter();
        let origin = origins.next().filter(|_| !self.any_origin)?;
        let origin = origin.to_str().unwrap_or("null");
        let is_listed = self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin));
        let is_own = || request.host().is_some_and(|host| is_of_host(origin, host));
        let is_clear = origins.next().is_none();
        (!is_clear || !(is_listed || is_own())).then_some(origin)
    }

    /// Origins that no browser sends, so that a list with them would let nobody in.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = String> {
        let is_origin = |text: &&String| {
            text.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'))
        };
        self.origins.iter().filter(move |text| !is_origin(text)).map(|text| {
            format!("{text:?} is no origin: write scheme, host and port, as in \"https://app.example\"")
        })
    }
}

/// Whether an origin has this host and port; behind a proxy the scheme may be another than the server's own.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let bare = |text: &'_ str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(settings: &WebsocketSettings, origin: &str) -> bool {
        let request =
            Request::new("GET", "/ws").with_header("Host", "app.example:8080").with_header("Origin", origin);
        settings.refuses(&request).is_some()
    }

    #[test]
    fn pages_of_the_same_host_and_port_are_let_in() {
        let settings = WebsocketSettings::default();
        assert!(!refuses(&settings, "http://app.example:8080"));
        assert!(!refuses(&settings, "https://APP.example:8080"));
        for other in ["http://app.example", "http://app.example:8081", "http://evil.example:8080", "null", ""]
        {
            assert!(refuses(&settings, other), "{other}");
        }
    }

    #[test]
    fn the_port_of_the_scheme_need_not_be_named() {
        assert!(is_of_host("https://app.example", "app.example:443"));
        assert!(is_of_host("http://app.example:80", "app.example"));
        assert!(!is_of_host("http://app.example", "app.example:443"));
    }

    #[test]
    fn other_sites_are_let_in_by_name_or_all_of_them() {
        let listed = WebsocketSettings::default().origin("https://other.example");
        assert!(!refuses(&listed, "https://other.example"));
        assert!(refuses(&listed, "http://other.example"));
        assert!(!refuses(&WebsocketSettings::default().any_origin(true), "null"));
    }

    #[test]
    fn two_origins_are_none() {
        let request = Request::new("GET", "/ws")
            .with_header("Host", "a.example")
            .with_header("Origin", "http://a.example")
            .with_header("Origin", "http://b.example");
        assert!(WebsocketSettings::default().refuses(&request).is_some());
    }

    #[test]
    fn clients_that_are_no_browsers_are_let_in() {
        assert!(WebsocketSettings::default().refuses(&Request::new("GET", "/ws")).is_none());
    }

    #[test]
    fn what_is_no_origin_is_a_mistake() {
        let settings = WebsocketSettings::default().origin("app.example").origin("https://app.example/");
        assert_eq!(settings.mistakes().count(), 2);
    }
}
