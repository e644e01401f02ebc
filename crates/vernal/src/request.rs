//! What a client asked for.

mod body;
mod connection;
mod transport;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::{Extensions, Method, Uri, Version};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::de::DeserializeOwned;
use smallvec::SmallVec;
use tokio::sync::OnceCell;

use self::body::is_json;
pub(crate) use self::connection::Connection;
use crate::accept::FieldNames;
#[cfg(feature = "tls")]
use crate::accept::tls::TlsInfo;
use crate::app::App;
use crate::bind::{Param, Source, State};
use crate::parse::{BodyReader, Incoming, Params, check_depth, decode_path, parse_json};
use crate::proxies::Said;
use crate::respond::Response;
use crate::route::{Location, Lookup, MappingId, Table};
use crate::session::Session;
use crate::{Cookie, Cookies, Headers, HttpError, Limits, Result};

/// What the route captured: ranges of the path.
#[derive(Clone, Default)]
pub(crate) struct Captures {
    pub(crate) mapping: Option<MappingId>,
    /// Whether the mapping is one of the WebSocket endpoints, not of the routes.
    #[cfg(feature = "websocket")]
    pub(crate) is_endpoint: bool,
    pub(crate) values: SmallVec<[Range<u32>; 4]>,
    pub(crate) groups: Vec<Option<Range<u32>>>,
}

/// A request, and everything that can be asked about it.
///
/// Parts of it are parsed when they are first asked for; what no one asks for costs nothing. Filters may change
/// [`headers`](Request::headers), [`extensions`](Request::extensions) and the parameters; the controller sees the
/// change.
///
/// ```
/// use vernal::Request;
///
/// let request = Request::new("GET", "/hello/world?age=16").with_header("Accept", "text/plain");
/// assert_eq!(request.path(), "/hello/world");
/// assert_eq!(request.param("age"), Some("16"));
/// ```
#[derive(Default)]
pub struct Request {
    /// The method; matched in any case, so `get` and `GET` are the same.
    pub method: Method,
    /// The header fields.
    pub headers: Headers,
    /// Values that filters and services attach, by type.
    pub extensions: Extensions,
    uri: Uri,
    version: Version,
    decoded_path: Option<Box<str>>,
    captures: Captures,
    params: OnceLock<Box<Params>>,
    cookies: OnceLock<Cookies>,
    incoming: Mutex<Incoming>,
    late: OnceLock<Box<Late>>,
    connection: Option<Arc<Connection>>,
    aside: Option<Box<(Headers, Vec<Cookie>)>>,
    /// Counts as running until this is dropped, wherever the request has gone.
    #[cfg(feature = "http2")]
    running: Option<crate::accept::Running>,
}

/// What few requests have; apart, so that the others are small.
#[derive(Default)]
struct Late {
    body: OnceCell<Bytes>,
    session: OnceCell<Session>,
    said: OnceLock<Said>,
}

/// What a request target cannot carry (RFC 3986 section 2); `%` stays, since it may be encoded already.
const NOT_IN_TARGET: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

impl Request {
    /// A request made by hand, for tests and for calls inside the process.
    ///
    /// What a target may not have as it is, such as spaces and characters beyond ASCII, is percent-encoded first. A
    /// target that is no URI even so, or a method that is no token, becomes `/` or `GET`.
    pub fn new(method: &str, target: &str) -> Self {
        let encoded = utf8_percent_encode(target, NOT_IN_TARGET).to_string();
        Request {
            method: method.parse().unwrap_or_default(),
            uri: encoded.parse().unwrap_or_default(),
            ..Request::default()
        }
    }

    /// The same request with one more header field.
    pub fn with_header(mut self, name: impl AsRef<str>, value: impl std::fmt::Display) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same request with this body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.incoming = Mutex::new(Incoming::Whole(body.into()));
        self
    }

    pub(crate) fn from_parts(parts: http::request::Parts, incoming: Incoming) -> Self {
        Request {
            method: parts.method,
            headers: Headers::from(parts.headers),
            extensions: parts.extensions,
            uri: parts.uri,
            version: parts.version,
            decoded_path: None,
            captures: Captures::default(),
            params: OnceLock::new(),
            cookies: OnceLock::new(),
            incoming: Mutex::new(incoming),
            late: OnceLock::new(),
            connection: None,
            aside: None,
            #[cfg(feature = "http2")]
            running: None,
        }
    }

    /// The target as it came.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The version of HTTP.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The path, percent-decoded, with its leading slash.
    pub fn path(&self) -> &str {
        match &self.decoded_path {
            Some(path) => path,
            None if self.uri.path().is_empty() => "/",
            None => self.uri.path(),
        }
    }

    /// The prefix at which the app is [mounted](crate::Builder::mount), for the links that it makes; empty where it is not.
    pub fn prefix(&self) -> &str {
        self.connection.as_ref().map_or("", |connection| &connection.prefix)
    }

    /// The query as it came, without the `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// The host the client asked for, with the port if it named one; that of the target comes before the `Host` field
    /// (RFC 9112 section 3.2.2). Where a [trusted proxy](crate::TrustedProxies) says another, that.
    pub fn host(&self) -> Option<&str> {
        if let Some(host) = self.said().and_then(|said| said.host.as_deref()) {
            return Some(host);
        }
        self.uri.authority().map(|authority| authority.as_str()).or_else(|| self.headers.get("host"))
    }

    /// The names of the header fields as the client spelled them, in the order received: over HTTP/1.1, if the app
    /// [keeps them](crate::Builder::keep_field_names), and unless all were in title case (`X-Forwarded-For`). HTTP/2 has
    /// none but small letters. There are no names otherwise.
    ///
    /// They stay what they were when [`headers`](Request::headers) are changed.
    pub fn received_names(&self) -> impl Iterator<Item = &str> {
        self.extensions.get::<FieldNames>().into_iter().flat_map(FieldNames::iter)
    }

    /// The media type of the body, as it came.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get("content-type")
    }

    /// The length of the body in bytes, where the client said it.
    pub fn content_length(&self) -> Option<u64> {
        self.headers.get("content-length")?.parse().ok()
    }

    /// The address of the client: what [trusted proxies](crate::TrustedProxies) say, or else the other end of the
    /// connection. None where they do not know it, for a Unix-domain socket without them, and inside the process.
    ///
    /// What the fields say is read once, when it is first asked for. An app inside another server, as a
    /// `tower::Service`, takes the other end of the connection from an extension of the type `std::net::SocketAddr`.
    ///
    /// ```
    /// use vernal::prelude::*;
    ///
    /// #[route("/whoami", app = "whoami")]
    /// async fn whoami(request: &Request) -> String {
    ///     request.client_ip().map_or("nobody knows".to_owned(), |address| address.to_string())
    /// }
    /// ```
    pub fn client_ip(&self) -> Option<IpAddr> {
        match self.said() {
            Some(said) => said.client,
            None => self.connection.as_ref()?.hop().address(),
        }
    }

    /// The address of the other end of the connection: the client's, or that of the nearest proxy. None inside the
    /// process and for a Unix-domain socket.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.connection.as_ref()?.peer
    }

    /// What the TLS handshake of the connection came to; none without TLS.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.connection.as_ref()?.tls.as_deref()
    }

    /// Whether the request came through HTTPS, at the [trusted proxy](crate::TrustedProxies) that says so or here.
    pub fn is_secure(&self) -> bool {
        if let Some(secure) = self.said().and_then(|said| said.secure) {
            return secure;
        }
        #[cfg(feature = "tls")]
        if self.tls().is_some() {
            return true;
        }
        self.connection.as_ref().is_some_and(|connection| connection.is_proxied_tls)
            || self.extensions.get::<transport::OverHttps>().is_some()
    }

    /// `https` or `http`: how the request came.
    pub fn scheme(&self) -> &'static str {
        if self.is_secure() { "https" } else { "http" }
    }

    /// The pattern or regular expression of the route that was found, for logs and metrics.
    pub fn route(&self) -> Option<&str> {
        let (table, id) = self.mapping()?;
        Some(table.pattern_text(id))
    }

    /// The value of a `{variable}` of the path pattern.
    pub fn path_value(&self, name: &str) -> Option<&str> {
        let (table, id) = self.mapping()?;
        let index = table.mapping_names(id).iter().position(|variable| variable == name)?;
        self.captured(self.captures.values.get(index))
    }

    /// The text that the `*` or `**` of the path pattern matched.
    pub fn path_wildcard(&self) -> Option<&str> {
        let (table, id) = self.mapping()?;
        if table.mapping_names(id).is_empty() { self.captured(self.captures.values.first()) } else { None }
    }

    /// All path values with their names; a wildcard's name is empty.
    pub fn path_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.mapping().map_or(&[][..], |(table, id)| table.mapping_names(id));
        self.captures.values.iter().enumerate().filter_map(|(index, range)| {
            Some((names.get(index).map_or("", String::as_str), self.captured(Some(range))?))
        })
    }

    /// The groups of the route's regular expression; none for a group that took no part.
    pub fn groups(&self) -> impl Iterator<Item = Option<&str>> {
        self.captures.groups.iter().map(|group| self.captured(group.as_ref()))
    }

    /// The first value of a parameter; none as well where the query cannot be parsed.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().ok()?.get(name)
    }

    /// All parameters: those of a form first, then those of the query.
    ///
    /// # Errors
    ///
    /// 400 for a query that cannot be decoded or has too many parameters. (A form that cannot be parsed has already
    /// ended the request.)
    pub fn params(&self) -> Result<&Params, HttpError> {
        if let Some(params) = self.params.get() {
            return Ok(params);
        }
        let mut params = Params::default();
        self.parse_query(&mut params)?;
        Ok(self.params.get_or_init(|| Box::new(params)))
    }

    /// All parameters, to change them.
    ///
    /// # Errors
    ///
    /// As [`params`](Request::params).
    pub fn params_mut(&mut self) -> Result<&mut Params, HttpError> {
        self.params()?;
        self.params.get_mut().map(|params| &mut **params).ok_or_else(|| HttpError::new(500))
    }

    /// The cookies the client sent.
    pub fn cookies(&self) -> &Cookies {
        self.cookies.get_or_init(|| Cookies::parse(&self.headers))
    }

    /// One cookie the client sent.
    pub fn cookie(&self, name: &str) -> Option<&Cookie> {
        self.cookies().get(name)
    }

    /// The session, created if there is none yet.
    ///
    /// # Errors
    ///
    /// The error of the session store.
    pub async fn session(&self) -> Result<Session> {
        let open = async || {
            let session = self.require_app()?.open_session(self.cookies(), true).await?;
            session.ok_or_else(|| HttpError::new(500).explain("the session store made no session").into())
        };
        self.late().session.get_or_try_init(open).await.cloned()
    }

    /// The session, if the client has one.
    ///
    /// # Errors
    ///
    /// The error of the session store.
    pub async fn existing_session(&self) -> Result<Option<Session>> {
        if let Some(session) = self.opened_session() {
            return Ok(Some(session.clone()));
        }
        match self.require_app()?.open_session(self.cookies(), false).await? {
            Some(session) => Ok(Some(self.late().session.get_or_init(async || session).await.clone())),
            None => Ok(None),
        }
    }

    /// The whole body, read on first use.
    ///
    /// # Errors
    ///
    /// 413 for a body over the limit, 408 for one that stops coming, 400 for one that breaks off. A compressed one is
    /// decoded, see [`BodyReader`].
    pub async fn bytes(&self) -> Result<&Bytes, HttpError> {
        self.late()
            .body
            .get_or_try_init(async || self.take_incoming().read_whole(&self.headers, self.limits()).await)
            .await
    }

    /// The whole body, if it has been read: by [`bytes`](Request::bytes), or because the controller said that it needs
    /// it.
    pub fn body(&self) -> Option<&Bytes> {
        self.whole_body()
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// 400 for another content type, and for a text that is not JSON or not of this shape.
    pub async fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        if !self.content_type().is_some_and(is_json) {
            let wanted = "The content type of this request must be \"application/json\"";
            return Err(HttpError::bad_request(wanted));
        }
        parse_json(self.bytes().await?, self.limits())
    }

    /// Looks whether a JSON text is nested deeper than [`Limits::json_depth`], for who parses it otherwise than by
    /// [`json`](Request::json).
    ///
    /// # Errors
    ///
    /// 400 where it is. What else may be wrong with the text is not looked at.
    pub fn check_json_depth(&self, text: &[u8]) -> Result<(), HttpError> {
        check_depth(text, self.limits().json_depth)
    }

    /// The body piece by piece; empty when something else has read it before.
    pub fn body_reader(&self) -> BodyReader {
        self.take_incoming().into_reader(&self.headers, self.limits())
    }

    /// A value given to the server with `manage`.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        self.app()?.state().get()
    }
}

/// What the stations of the journey ask for.
impl Request {
    pub(crate) fn connection(&self) -> Option<&Arc<Connection>> {
        self.connection.as_ref()
    }

    /// What trusted proxies say of this request; none where nobody is trusted.
    fn said(&self) -> Option<&Said> {
        let connection = self.connection.as_ref()?;
        let proxies = connection.app.proxies();
        if proxies.is_empty() {
            return None;
        }
        Some(self.late().said.get_or_init(|| proxies.read(&self.headers, connection.hop())))
    }

    pub(crate) fn set_connection(&mut self, connection: Arc<Connection>) {
        self.connection = Some(connection);
    }

    /// Keeps a place among the requests of the connection.
    #[cfg(feature = "http2")]
    pub(crate) fn hold(&mut self, running: crate::accept::Running) {
        self.running = Some(running);
    }

    /// Gives the place up.
    #[cfg(feature = "http2")]
    pub(crate) fn let_go(&mut self) -> Option<crate::accept::Running> {
        self.running.take()
    }

    /// What the rest of the journey asks of a request that somebody else keeps: all but its body and its extensions.
    pub(crate) fn copy(&self) -> Request {
        Request {
            method: self.method.clone(),
            headers: self.headers.clone(),
            uri: self.uri.clone(),
            version: self.version,
            decoded_path: self.decoded_path.clone(),
            captures: self.captures.clone(),
            connection: self.connection.clone(),
            ..Request::default()
        }
    }

    /// Decodes the path; everything that asks for it comes later.
    pub(crate) fn decode_path(&mut self) -> Result<(), HttpError> {
        self.decoded_path = decode_path(self.uri.path(), self.require_app()?.decoding())?;
        Ok(())
    }

    pub(crate) fn set_uri(&mut self, uri: Uri) {
        self.uri = uri;
    }

    pub(crate) fn set_captures(&mut self, captures: Captures) {
        self.captures = captures;
    }

    /// The text of a plain argument.
    pub(crate) fn text(&self, param: &Param) -> Result<Option<&str>> {
        Ok(match param.source {
            Source::Path => self.path_value(&param.name).or_else(|| self.path_wildcard()),
            Source::Parameter | Source::Request => self.text_param(&param.name)?,
            Source::Header => self.header_values(&param.name).next(),
            Source::Cookie => self.cookie(&param.name).map(Cookie::value),
            Source::Group(index) => self.groups().nth(index).flatten(),
        })
    }

    /// The values of a header field; `user_token` finds `User-Token` as well, and `user-token` finds `User_Token`.
    pub(crate) fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        let other = || [name.replace('_', "-"), name.replace('-', "_")];
        let found = match self.headers.contains(name) {
            true => Some(Cow::Borrowed(name)),
            false => other().into_iter().find(|other| self.headers.contains(other)).map(Cow::Owned),
        };
        let values = found.map(|name| self.headers.as_map().get_all(&*name).iter());
        values.into_iter().flatten().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// Where the controller or the WebSocket handler of this request was declared.
    pub(crate) fn location(&self) -> Option<Location> {
        let (table, id) = self.mapping()?;
        table.location(id)
    }

    /// The mapping that was found, and the table that it belongs to.
    fn mapping(&self) -> Option<(&Table, MappingId)> {
        let (app, id) = (self.app()?, self.captures.mapping?);
        #[cfg(feature = "websocket")]
        if self.captures.is_endpoint {
            return Some((app.endpoints().table(), id));
        }
        Some((app.table(), id))
    }

    pub(crate) fn opened_session(&self) -> Option<&Session> {
        self.late.get()?.session.get()
    }

    /// Keeps what filters and the session have set, for the page of the error that ended the journey.
    pub(crate) fn set_aside(&mut self, response: Response) {
        self.aside = Some(Box::new((response.headers, response.cookies)));
    }

    /// Keeps the session's cookie, where the response may yet become an error.
    pub(crate) fn keep_cookies(&mut self, response: &Response) {
        if response.may_fail() {
            self.aside = Some(Box::new((Headers::new(), response.cookies.clone())));
        }
    }

    pub(crate) fn take_aside(&mut self) -> Response {
        let (headers, cookies) = self.aside.take().map(|aside| *aside).unwrap_or_default();
        Response { headers, cookies, ..Response::default() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        static DEFAULT: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
        self.app().map_or(&DEFAULT, App::limits)
    }

    pub(crate) fn app(&self) -> Option<&App> {
        self.connection.as_ref().map(|connection| &connection.app)
    }

    pub(crate) fn require_app(&self) -> Result<&App, HttpError> {
        self.app().ok_or_else(|| HttpError::new(500).explain("this request belongs to no app"))
    }

    fn captured(&self, range: Option<&Range<u32>>) -> Option<&str> {
        let range = range?;
        self.path().get(range.start as usize..range.end as usize)
    }

    /// The first text of a parameter; a file is no text (`spec/08` C13).
    fn text_param(&self, name: &str) -> Result<Option<&str>> {
        let params = self.params()?;
        let text = params.get(name);
        if text.is_none() && params.contains(name) {
            return Err(
                HttpError::bad_request(format!("Parameter[{name}] should be text, not a file.")).into()
            );
        }
        Ok(text)
    }
}

/// Conditions on parameters: a file is present and has no text (`spec/08` B14).
impl Lookup for Params {
    fn present(&self, name: &str) -> bool {
        self.contains(name)
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.get_all(name)
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
