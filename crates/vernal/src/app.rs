//! What was declared, checked and frozen at start.

mod file_controller;
mod mounts;
mod other_rules;

use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;

use self::file_controller::FileController;
use self::mounts::Mounts;
use self::other_rules::OtherRules;
use crate::bind::{BodyUse, Kind, Param, StateMap};
use crate::controller::{Answer, Controller, Objects};
use crate::error::StartErrorKind;
use crate::filter::{Filter, FilterEntry, FilterPattern, Filters};
use crate::parse::Decoding;
use crate::request::Request;
#[cfg(feature = "compression")]
use crate::respond::Compression;
#[cfg(feature = "compression")]
use crate::respond::compression::Rules;
use crate::respond::{ErrorInfo, ErrorPageEntry, ErrorPages, FileCache, Resources};
use crate::route::expressions::Fallback;
use crate::route::{Location, Mapping, MappingId, PathMatcher, Precedence, Route, Table, TableBuilder};
use crate::session::{MemorySessions, Record, Session, SessionSettings, SessionStore};
#[cfg(feature = "websocket")]
use crate::websocket::endpoint::{Endpoints, EndpointsBuilder, FunctionEntry, HandlerEntry};
#[cfg(feature = "websocket")]
use crate::websocket::{HandlerScope, InProcess, RoomTransport, Rooms, WebsocketHandler, WebsocketSettings};
use crate::{Cookies, Error, Limits, Result, TrustedProxies, session};

/// Everything that was declared, checked and ready to answer requests. Cheap to clone.
///
/// ```
/// use vernal::{App, Request, Route, controller};
///
/// let hello = controller::from_fn(|_: &Request| "Hello, world!");
/// let app = App::builder().route(Route::path("/"), hello).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    table: Table,
    targets: Vec<Target>,
    filters: Filters,
    error_pages: ErrorPages,
    resources: Resources,
    file_controller: Option<FileController<MappingId>>,
    mounts: Mounts,
    state: StateMap,
    session_store: Box<dyn SessionStore>,
    session_settings: SessionSettings,
    limits: Limits,
    file_cache: Arc<FileCache>,
    decoding: Decoding,
    implied_methods: bool,
    favicon: bool,
    server_name: Option<HeaderValue>,
    other_rules: OtherRules,
    blocking: Arc<Semaphore>,
    expose_errors: bool,
    access_log: bool,
    proxies: TrustedProxies,
    #[cfg(feature = "compression")]
    compression: Option<Rules>,
    #[cfg(feature = "compression")]
    precompressed: bool,
    #[cfg(feature = "websocket")]
    endpoints: Endpoints,
    #[cfg(feature = "websocket")]
    websocket_settings: WebsocketSettings,
    #[cfg(feature = "websocket")]
    rooms: Rooms,
}

/// A controller with what the journey wants to know of it.
pub(crate) struct Target {
    pub(crate) controller: Arc<dyn Controller>,
    pub(crate) body_use: BodyUse,
    pub(crate) runs: Runs,
}

impl Target {
    fn of(controller: &Arc<dyn Controller>, prefer_coroutine: bool) -> Self {
        let (body_use, runs) = (controller.body_use(), Runs::of(&**controller, prefer_coroutine));
        Target { controller: Arc::clone(controller), body_use, runs }
    }
}

/// Where a controller runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// On the event loop.
    Here,
    /// On a thread that may block.
    OnThread,
    /// Where the controller takes its calls.
    Elsewhere,
}

impl Runs {
    fn of(controller: &dyn Controller, prefer_coroutine: bool) -> Self {
        match controller.may_block() && !prefer_coroutine {
            _ if controller.is_elsewhere() => Runs::Elsewhere,
            true => Runs::OnThread,
            false => Runs::Here,
        }
    }
}

impl App {
    /// Starts to declare an app without any attribute.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// All mappings, a line each: methods, pattern, controller with file and line; then the WebSocket endpoints.
    pub fn mappings(&self) -> impl Iterator<Item = String> {
        fn line(methods: &str, mapping: &Mapping) -> String {
            let place = mapping.location.map(|location| location.to_string()).unwrap_or_default();
            format!("{methods} {} {place}", mapping.route.target_text())
        }
        let routes = self.0.table.iter().map(|(_, mapping)| line(&mapping.route.methods_text(), mapping));
        #[cfg(feature = "websocket")]
        let routes =
            routes.chain(self.0.endpoints.table().iter().map(|(_, mapping)| line("WEBSOCKET", mapping)));
        routes
    }

    pub(crate) fn is(&self, other: &App) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn table(&self) -> &Table {
        &self.0.table
    }

    pub(crate) fn target(&self, id: MappingId) -> &Target {
        &self.0.targets[id as usize]
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.0.filters
    }

    pub(crate) fn error_pages(&self) -> &ErrorPages {
        &self.0.error_pages
    }

    pub(crate) fn resources(&self) -> &Resources {
        &self.0.resources
    }

    pub(crate) fn mounts(&self) -> &Mounts {
        &self.0.mounts
    }

    pub(crate) fn state(&self) -> &StateMap {
        &self.0.state
    }

    /// Where its sessions are kept, for whoever has them in common with it. Identifiers that are none
    /// ([`SessionStore`]) are not to be asked for.
    pub fn session_store(&self) -> &dyn SessionStore {
        &*self.0.session_store
    }

    pub(crate) fn session_settings(&self) -> &SessionSettings {
        &self.0.session_settings
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn file_cache(&self) -> &Arc<FileCache> {
        &self.0.file_cache
    }

    pub(crate) fn decoding(&self) -> Decoding {
        self.0.decoding
    }

    /// Whether methods that nobody mapped are answered for.
    pub(crate) fn implies_methods(&self) -> bool {
        self.0.implied_methods
    }

    /// Whether there is an icon where nobody serves one.
    pub(crate) fn has_favicon(&self) -> bool {
        self.0.favicon
    }

    /// The value of the `Server` field, if there is one.
    pub(crate) fn server_name(&self) -> Option<&HeaderValue> {
        self.0.server_name.as_ref()
    }

    /// Leave for a controller to block a thread. There are fewer of them than threads: a controller whose argument
    /// itself waits for such a thread, as a large upload does, would otherwise wait for ever once all are taken.
    pub(crate) fn blocking(&self) -> &Arc<Semaphore> {
        &self.0.blocking
    }

    pub(crate) fn exposes_errors(&self) -> bool {
        self.0.expose_errors
    }

    pub(crate) fn proxies(&self) -> &TrustedProxies {
        &self.0.proxies
    }

    pub(crate) fn logs_access(&self) -> bool {
        self.0.access_log
    }

    /// Which responses are compressed, if any.
    #[cfg(feature = "compression")]
    pub(crate) fn compression(&self) -> Option<&Rules> {
        self.0.compression.as_ref()
    }

    /// Whether compressed forms of files are looked for.
    #[cfg(feature = "compression")]
    pub(crate) fn serves_precompressed(&self) -> bool {
        self.0.precompressed
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn websocket_settings(&self) -> &WebsocketSettings {
        &self.0.websocket_settings
    }

    /// The rooms that WebSocket connections of this app join.
    #[cfg(feature = "websocket")]
    pub fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    /// Begins a session outside of a request; its identifier, and what the store knows of it. The cookie is the caller's to
    /// set.
    ///
    /// # Errors
    ///
    /// That of the session store, and of a system that has no random numbers to give.
    pub async fn begin_session(&self) -> Result<(String, Record)> {
        session::begin(self.session_store(), self.session_settings()).await
    }

    pub(crate) async fn open_session(&self, cookies: &Cookies, create: bool) -> Result<Option<Session>> {
        session::open(self.session_store(), self.session_settings(), cookies, create).await
    }
}

/// A controller before the app is built: its routes, and where it was declared.
struct RouteEntry {
    routes: Vec<Route>,
    location: Option<Location>,
    controller: Arc<dyn Controller>,
}

/// Declares an app: routes, filters, error pages, files, stores, limits. The attributes lower to the same calls.
pub struct Builder {
    routes: Vec<RouteEntry>,
    precedence: Precedence,
    variable_characters: Option<fn(char) -> bool>,
    preferred_characters: Option<fn(char) -> bool>,
    regexp_fallback: Option<Fallback>,
    implied_methods: bool,
    favicon: bool,
    server_name: Option<String>,
    decoding: Decoding,
    other_rules: OtherRules,
    filters: Vec<FilterEntry>,
    error_pages: Vec<ErrorPageEntry>,
    resources: Resources,
    file_controller: Option<FileController<Arc<dyn Controller>>>,
    mounts: Mounts,
    state: StateMap,
    session_store: Option<Box<dyn SessionStore>>,
    session_settings: SessionSettings,
    limits: Limits,
    blocking_threads: usize,
    prefer_coroutine: bool,
    expose_errors: bool,
    access_log: bool,
    proxies: TrustedProxies,
    #[cfg(feature = "compression")]
    compression: Option<Compression>,
    #[cfg(feature = "compression")]
    precompressed: bool,
    objects: Objects,
    #[cfg(feature = "websocket")]
    endpoints: EndpointsBuilder,
    #[cfg(feature = "websocket")]
    websocket_settings: WebsocketSettings,
    #[cfg(feature = "websocket")]
    room_transport: Option<Arc<dyn RoomTransport>>,
    mistakes: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            routes: Vec::new(),
            precedence: Precedence::default(),
            variable_characters: None,
            preferred_characters: None,
            regexp_fallback: None,
            implied_methods: true,
            favicon: true,
            server_name: None,
            decoding: Decoding::default(),
            other_rules: OtherRules::default(),
            filters: Vec::new(),
            error_pages: Vec::new(),
            resources: Resources::default(),
            file_controller: None,
            mounts: Mounts::default(),
            state: StateMap::default(),
            session_store: None,
            session_settings: SessionSettings::default(),
            limits: Limits::default(),
            blocking_threads: 64,
            prefer_coroutine: false,
            expose_errors: false,
            access_log: false,
            proxies: TrustedProxies::default(),
            #[cfg(feature = "compression")]
            compression: None,
            #[cfg(feature = "compression")]
            precompressed: false,
            objects: Objects::default(),
            #[cfg(feature = "websocket")]
            endpoints: EndpointsBuilder::default(),
            #[cfg(feature = "websocket")]
            websocket_settings: WebsocketSettings::default(),
            #[cfg(feature = "websocket")]
            room_transport: None,
            mistakes: Vec::new(),
        }
    }
}

impl Builder {
    /// Maps requests to a controller.
    #[track_caller]
    pub fn route(self, route: Route, controller: impl Controller) -> Self {
        let location = Location::by_hand(std::panic::Location::caller());
        self.declare_route(vec![route], Some(location), Arc::new(controller))
    }

    /// Maps requests to a controller that was declared at this place, which is what mistakes are reported with.
    pub fn route_at(self, route: Route, location: Location, controller: impl Controller) -> Self {
        self.declare_route(vec![route], Some(location), Arc::new(controller))
    }

    /// Puts a filter around the controllers whose path matches; filters run in the order in which they were added.
    pub fn filter(mut self, pattern: FilterPattern, filter: impl Filter) -> Self {
        let order = i32::try_from(self.filters.len()).unwrap_or(i32::MAX);
        let filter = Box::new(filter);
        self.filters.push(FilterEntry {
            patterns: vec![pattern],
            order: Some(order),
            location: None,
            filter,
        });
        self
    }

    /// Makes the page for errors of these codes: `404`, `40x`, `4xx`, or `*` for all.
    ///
    /// A page is made on the event loop, even by a plain `fn`, and must not block: were it to take a thread of the
    /// blocking pool, a flood of bad requests would take all of them from the controllers. Return a future for what
    /// takes time.
    pub fn error_page<F>(mut self, codes: &[&str], page: F) -> Self
    where
        F: for<'r> Fn(&'r ErrorInfo, &'r Request) -> Answer<'r> + Send + Sync + 'static,
    {
        let codes = codes.iter().map(|code| (*code).to_owned()).collect();
        self.error_pages.push(ErrorPageEntry { codes, location: None, page: Box::new(page) });
        self
    }

    /// Which of several routes takes a request that more than one could take, and likewise of WebSocket endpoints: the
    /// more specific one, by default. See [`Precedence`].
    pub fn precedence(mut self, precedence: Precedence) -> Self {
        self.precedence = precedence;
        self
    }

    /// Which characters a `{variable}` or a wildcard of a route takes; any but `/` by default.
    pub fn variable_characters(mut self, allowed: fn(char) -> bool) -> Self {
        self.variable_characters = Some(allowed);
        self
    }

    /// Compiles regular expressions that the `regex` crate refuses, of routes, WebSocket endpoints and filters, such as
    /// those with look-around. By default they are a mistake that is reported at start; so is what this refuses, with
    /// its text.
    ///
    /// ```
    /// use std::ops::Range;
    /// use std::sync::Arc;
    /// use vernal::route::PathMatcher;
    /// use vernal::{App, Request, Route, controller};
    ///
    /// /// `(?!/internal)`: any path but those that begin so.
    /// struct NotInternal;
    ///
    /// impl PathMatcher for NotInternal {
    ///     fn captures(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
    ///         (path.starts_with('/') && !path.starts_with("/internal")).then(Vec::new)
    ///     }
    /// }
    ///
    /// let app = App::builder()
    ///     .regexp_fallback(|expression| match expression {
    ///         "(?!/internal)" => Ok(Arc::new(NotInternal)),
    ///         _ => Err("there is no engine for this".to_owned()),
    ///     })
    ///     .route(Route::regexp("(?!/internal)"), controller::from_fn(|_: &Request| "public"))
    ///     .build()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn regexp_fallback(
        mut self,
        compile: impl Fn(&str) -> Result<Arc<dyn PathMatcher>, String> + Send + Sync + 'static,
    ) -> Self {
        self.regexp_fallback = Some(Box::new(compile));
        self
    }

    /// Whether percent-encoded text is read leniently: a malformed escape stays as it is, bytes that are not UTF-8 become
    /// U+FFFD, and a `+` in a query stays a plus (`spec/02` section 1). By default the first two are answered with 400, and
    /// a `+` is a space. In the body of a form it is one in either case, since browsers write it so; see
    /// [`plus_is_space`](Builder::plus_is_space). A fragment behind the target of a request, which no client should send,
    /// is passed over instead of being refused.
    pub fn lenient_decoding(mut self, lenient: bool) -> Self {
        self.decoding =
            if lenient { Decoding { strict: false, plus_is_space: false } } else { Decoding::default() };
        self
    }

    /// Whether methods are answered that no route of a path names; they are by default.
    ///
    /// | request | by default | with `implied_methods(false)` |
    /// |---|---|---|
    /// | HEAD, where a route names GET | that route's answer, without its body | 404 |
    /// | OPTIONS, where no route takes it | 204, with `Allow` | 404 |
    /// | any other, where routes name others | 405, with `Allow` | 404 |
    /// | POST and so on, to a static file | 405, with `Allow` | the file, since its pattern names no method |
    ///
    /// A route that names no method takes all in either case. `OPTIONS *`, which asks about the server, is always answered.
    pub fn implied_methods(mut self, implied: bool) -> Self {
        self.implied_methods = implied;
        self
    }

    /// Whether the engine answers `/favicon.ico` with an icon of its own, where no route and no file does; it does by
    /// default, and 404 otherwise.
    pub fn favicon(mut self, favicon: bool) -> Self {
        self.favicon = favicon;
        self
    }

    /// What the `Server` field of every answer says (RFC 9110 section 10.2.4), error pages and refusals included; there is
    /// no such field by default. An answer that has one of its own keeps that.
    ///
    /// ```
    /// use vernal::{App, Request};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let app = App::builder().server_name("notices/1.2").build()?;
    /// let answer = app.handle(Request::new("GET", "/nowhere")).await;
    /// assert_eq!(answer.headers()["Server"], "notices/1.2");
    /// # Ok(())
    /// # }
    /// ```
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Serves files: `/public/*` or `/public/**` from below a directory, `*.ico` or `**.txt` by their ending.
    ///
    /// | pattern | matches | file |
    /// |---|---|---|
    /// | `/public/*` or `/public/` | `/public/` and a name | the name in the directory |
    /// | `/public/**` | `/public/` and names divided by `/` | the same, below the directory |
    /// | `*.ico` | a name with this extension, at the top | the name in the directory |
    /// | `**.txt` | any path with this extension | the path below the directory |
    ///
    /// Controllers come first; of several patterns the first that matches decides, even if its file is missing.
    /// Nothing outside the directory can be reached, and a relative one starts at the process's current directory.
    ///
    /// ```
    /// use vernal::App;
    ///
    /// let app = App::builder().resource("/public/**", "static").resource("*.ico", "static/icons").build()?;
    ///
    /// let mistake = App::builder().resource("/exact", "static").build().err().map(|error| error.to_string());
    /// assert!(mistake.is_some_and(|text| text.starts_with("the resource pattern \"/exact\" is none of")));
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn resource(mut self, pattern: &str, directory: impl AsRef<std::path::Path>) -> Self {
        if let Err(mistake) = self.resources.add(pattern, directory) {
            self.mistakes.push(mistake);
        }
        self
    }

    /// Serves these files where a directory is asked for; none by default.
    pub fn index_files<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.resources = self.resources.index_files(names);
        self
    }

    /// Whether files whose name begins with a dot are served; no by default.
    pub fn dotfiles(mut self, allowed: bool) -> Self {
        self.resources = self.resources.dotfiles(allowed);
        self
    }

    /// Gives the controllers a value; they receive it as `State<T>`.
    pub fn manage<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// Keeps sessions elsewhere than in this process.
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.session_store = Some(Box::new(store));
        self
    }

    /// The session cookie and the life of sessions.
    pub fn session(mut self, settings: SessionSettings) -> Self {
        self.session_settings = settings;
        self
    }

    /// Gives the session cookie this name, and leaves all else that [`session`](Builder::session) has said of it.
    pub fn session_cookie_name(mut self, name: impl Into<String>) -> Self {
        self.session_settings = self.session_settings.cookie_name(name);
        self
    }

    /// The bounds on what clients may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs every controller on the event loop. By default a plain `fn` runs on the blocking pool, so that it may
    /// block.
    pub fn prefer_coroutine(mut self, prefer: bool) -> Self {
        self.prefer_coroutine = prefer;
        self
    }

    /// How many plain `fn` controllers may block at the same time, each a thread; 64 by default. Others wait.
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.blocking_threads = threads.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Shows the text of errors other than `HttpError` to clients, as the reference does; no by default.
    pub fn expose_errors(mut self, expose: bool) -> Self {
        self.expose_errors = expose;
        self
    }

    /// Writes a line for each request (target `vernal::access`, level info); no by default.
    pub fn access_log(mut self, log: bool) -> Self {
        self.access_log = log;
        self
    }

    /// Believes what these proxies say of the client; nobody by default. See [`TrustedProxies`].
    ///
    /// ```
    /// use vernal::App;
    ///
    /// let app = App::builder().trusted_proxies(["127.0.0.1", "10.0.0.0/8"]).build()?;
    ///
    /// let wrong = App::builder().trusted_proxies(["10.0.0.0/33"]).build();
    /// assert!(wrong.is_err());
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn trusted_proxies(mut self, proxies: impl Into<TrustedProxies>) -> Self {
        self.proxies = proxies.into();
        self
    }

    /// Compresses responses for clients that ask for it; none are by default.
    ///
    /// ```
    /// use vernal::{App, Compression};
    ///
    /// let app = App::builder().compression(Compression::new()).build()?;
    ///
    /// let wrong = App::builder().compression(Compression::gzip(["text/html"], 10)).build();
    /// let text = wrong.err().map(|error| error.to_string());
    /// assert_eq!(text.as_deref(), Some("compression: the levels of gzip are 0 to 9, not 10"));
    /// # Ok::<(), vernal::Error>(())
    /// ```
    #[cfg(feature = "compression")]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Sends files in a form that was compressed beforehand, where one lies beside the file and the client accepts it:
    /// `app.js.br`, `app.js.zst` or `app.js.gz` for `app.js`. No by default.
    ///
    /// Of several forms that a client likes equally the first of these is sent. A form that is older than the file is
    /// passed over, as is a symbolic link. It has the file's content type, its own `ETag`, and says
    /// `Vary: Accept-Encoding`; requests for ranges get the file itself. Whoever lets clients write into a directory
    /// should not switch this on for it.
    #[cfg(feature = "compression")]
    pub fn precompressed(mut self, look: bool) -> Self {
        self.precompressed = look;
        self
    }

    /// Lets a handler answer WebSocket connections, whatever HTTP routes there are: one handler for all connections.
    ///
    /// Endpoints have the patterns and the precedence of routes, and of a [`Route`] everything counts but its methods.
    ///
    /// ```
    /// use vernal::websocket::FunctionHandler;
    /// use vernal::{App, Route};
    ///
    /// let echo = FunctionHandler::new("echo")
    ///     .on_text_message(|session, message| async move { session.send_text(message).await });
    /// let app = App::builder().websocket(Route::path("/ws/{name}"), echo).build()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    #[cfg(feature = "websocket")]
    #[track_caller]
    pub fn websocket(self, route: Route, handler: impl WebsocketHandler) -> Self {
        let location = Location::by_hand(std::panic::Location::caller());
        self.websocket_at(route, location, HandlerScope::Shared(Arc::new(handler)))
    }

    /// As [`websocket`](Builder::websocket), with a new handler for each connection.
    #[cfg(feature = "websocket")]
    #[track_caller]
    pub fn websocket_per_connection<H: WebsocketHandler>(
        self,
        route: Route,
        make: impl Fn() -> H + Send + Sync + 'static,
    ) -> Self {
        let location = Location::by_hand(std::panic::Location::caller());
        let make = move || -> Arc<dyn WebsocketHandler> { Arc::new(make()) };
        self.websocket_at(route, location, HandlerScope::PerConnection(Box::new(make)))
    }

    /// As [`websocket`](Builder::websocket), for handlers of this scope that were declared at this place, which is what
    /// mistakes are reported with.
    #[cfg(feature = "websocket")]
    pub fn websocket_at(mut self, route: Route, location: Location, scope: HandlerScope) -> Self {
        self.endpoints.handler(HandlerEntry {
            routes: vec![route],
            location: Some(location),
            scope,
            params: Vec::new(),
        });
        self
    }

    /// From which sites browsers may open WebSockets, and whether messages are compressed.
    #[cfg(feature = "websocket")]
    pub fn websocket_settings(mut self, settings: WebsocketSettings) -> Self {
        self.websocket_settings = settings;
        self
    }

    /// Carries the messages of rooms further than this process.
    #[cfg(feature = "websocket")]
    pub fn room_transport(mut self, transport: impl RoomTransport) -> Self {
        self.room_transport = Some(Arc::new(transport));
        self
    }

    /// The rooms, also as a `State` for those who ask for one.
    #[cfg(feature = "websocket")]
    fn open_rooms(&mut self) -> Rooms {
        let transport = self.room_transport.take().unwrap_or_else(|| Arc::new(InProcess));
        let rooms = Rooms::new(transport, self.limits.websocket_rooms, self.limits.websocket_room_name);
        self.state.insert(rooms.clone());
        rooms
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn declare_websocket_handler(mut self, entry: HandlerEntry) -> Self {
        self.endpoints.handler(entry);
        self
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn declare_websocket_function(mut self, entry: FunctionEntry) -> Self {
        self.endpoints.function(entry);
        self
    }

    pub(crate) fn declare_route(
        mut self,
        routes: Vec<Route>,
        location: Option<Location>,
        controller: Arc<dyn Controller>,
    ) -> Self {
        self.routes.push(RouteEntry { routes, location, controller });
        self
    }

    pub(crate) fn declare_filter(mut self, entry: FilterEntry) -> Self {
        self.filters.push(entry);
        self
    }

    pub(crate) fn declare_error_page(mut self, entry: ErrorPageEntry) -> Self {
        self.error_pages.push(entry);
        self
    }

    pub(crate) fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }

    pub(crate) fn mistake(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    /// Checks everything and freezes it.
    ///
    /// # Errors
    ///
    /// All mistakes together, a line each, with function, file and line where they are known: bad patterns, routes
    /// that could both take a request, a `State` that no one manages, two error pages for one code.
    pub fn build(#[cfg_attr(not(feature = "websocket"), expect(unused_mut))] mut self) -> Result<App> {
        #[cfg(feature = "websocket")]
        let rooms = self.open_rooms();
        let mut mistakes = self.mistakes;
        let new_table = || {
            let mut table = TableBuilder::new();
            table.precedence(self.precedence).regexp_fallback(self.regexp_fallback.as_ref());
            if let Some(allowed) = self.variable_characters {
                table.variable_characters(allowed);
            }
            if let Some(preferred) = self.preferred_characters {
                table.preferred_variable_characters(preferred);
            }
            table
        };
        let mut table = new_table();
        table.named_methods_only(!self.implied_methods);
        let mut targets = Vec::new();
        for RouteEntry { routes, location, controller } in self.routes {
            check_state(controller.params(), &self.state, location, &mut mistakes);
            for route in &routes {
                table.add(route, location);
                targets.push(Target::of(&controller, self.prefer_coroutine));
            }
        }
        // behind the mappings of the table, which has none for it
        let file_controller = self.file_controller.map(|FileController { takes, controller }| {
            check_state(controller.params(), &self.state, None, &mut mistakes);
            targets.push(Target::of(&controller, self.prefer_coroutine));
            FileController { takes, controller: targets.len() as MappingId - 1 }
        });
        let filters = Filters::new(self.filters, self.regexp_fallback.as_ref(), &mut mistakes);
        let mut error_pages = ErrorPages::default();
        for page in self.error_pages {
            error_pages.add(page, &mut mistakes);
        }
        let blocking = Arc::new(Semaphore::new(self.blocking_threads));
        #[cfg(feature = "websocket")]
        let endpoints = {
            mistakes.extend(self.websocket_settings.mistakes());
            self.endpoints.build(new_table(), &blocking, self.prefer_coroutine, &self.state, &mut mistakes)
        };
        let table = match table.build() {
            Ok(table) if mistakes.is_empty() => table,
            built => {
                mistakes.extend(built.err().unwrap_or_default());
                return Err(Error::start(StartErrorKind::Declaration, mistakes.join("\n")));
            }
        };
        self.session_settings.check()?;
        self.proxies.check()?;
        let server_name = self.server_name.map(server_field).transpose()?;
        #[cfg(feature = "compression")]
        let compression = self.compression.as_ref().map(Compression::check).transpose()?;
        let sessions = self.limits.sessions;
        Ok(App(Arc::new(Shared {
            table,
            targets,
            filters,
            error_pages,
            resources: self.resources,
            file_controller,
            mounts: self.mounts,
            state: self.state,
            session_store: self.session_store.unwrap_or_else(|| Box::new(MemorySessions::new(sessions))),
            session_settings: self.session_settings,
            file_cache: Arc::new(FileCache::new(self.limits.file_cache)),
            limits: self.limits,
            decoding: self.decoding,
            implied_methods: self.implied_methods,
            favicon: self.favicon,
            server_name,
            other_rules: self.other_rules,
            blocking,
            expose_errors: self.expose_errors,
            access_log: self.access_log,
            proxies: self.proxies,
            #[cfg(feature = "compression")]
            compression,
            #[cfg(feature = "compression")]
            precompressed: self.precompressed,
            #[cfg(feature = "websocket")]
            endpoints,
            #[cfg(feature = "websocket")]
            websocket_settings: self.websocket_settings,
            #[cfg(feature = "websocket")]
            rooms,
        })))
    }
}

fn server_field(name: String) -> Result<HeaderValue> {
    HeaderValue::try_from(&name).map_err(|_| {
        let mistake = format!("the server's name {name:?} cannot be the value of a field");
        Error::start(StartErrorKind::Configuration, mistake)
    })
}

/// Reports every managed value that a controller asks for and no one gave.
pub(crate) fn check_state(
    params: &[Param],
    state: &StateMap,
    location: Option<Location>,
    mistakes: &mut Vec<String>,
) {
    for param in params {
        match param.kind {
            Kind::State(name, id) if !state.contains(id) => {
                let place =
                    location.map_or_else(|| "a controller".to_owned(), |location| location.to_string());
                mistakes.push(format!(
                    "{place}: the argument {} wants a State<{}>, but the server was given none: call .manage(…)",
                    param.name,
                    name()
                ));
            }
            Kind::Model(fields) => check_state(fields, state, location, mistakes),
            _ => {}
        }
    }
}
