//! Declaring an app.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::app::file_controller::FileController;
use crate::app::mounts::Mounts;
use crate::app::other_rules::OtherRules;
use crate::bind::StateMap;
use crate::controller::{Answer, Controller, Objects};
use crate::filter::{Filter, FilterEntry, FilterPattern};
use crate::parse::Decoding;
use crate::request::Request;
#[cfg(feature = "compression")]
use crate::respond::Compression;
use crate::respond::{ErrorInfo, ErrorPageEntry, Resources};
use crate::route::expressions::Fallback;
use crate::route::{Location, PathMatcher, Precedence, Route};
use crate::session::{SessionSettings, SessionStore};
#[cfg(feature = "websocket")]
use crate::websocket::endpoint::{EndpointsBuilder, FunctionEntry, HandlerEntry};
#[cfg(feature = "websocket")]
use crate::websocket::{HandlerScope, InProcess, RoomTransport, Rooms, WebsocketHandler, WebsocketSettings};
use crate::{Limits, TrustedProxies};

/// A controller before the app is built: its routes, and where it was declared.
pub(super) struct RouteEntry {
    pub(super) routes: Vec<Route>,
    pub(super) location: Option<Location>,
    pub(super) controller: Arc<dyn Controller>,
}

/// Declares an app: routes, filters, error pages, files, stores, limits. The attributes lower to the same calls.
pub struct Builder {
    pub(super) routes: Vec<RouteEntry>,
    pub(super) precedence: Precedence,
    pub(super) variable_characters: Option<fn(char) -> bool>,
    pub(super) preferred_characters: Option<fn(char) -> bool>,
    pub(super) regexp_fallback: Option<Fallback>,
    pub(super) implied_methods: bool,
    pub(super) favicon: bool,
    pub(super) server_name: Option<String>,
    pub(super) decoding: Decoding,
    pub(super) other_rules: OtherRules,
    pub(super) filters: Vec<FilterEntry>,
    pub(super) error_pages: Vec<ErrorPageEntry>,
    pub(super) resources: Resources,
    pub(super) file_controller: Option<FileController<Arc<dyn Controller>>>,
    pub(super) mounts: Mounts,
    pub(super) state: StateMap,
    pub(super) session_store: Option<Box<dyn SessionStore>>,
    pub(super) session_settings: SessionSettings,
    pub(super) limits: Limits,
    pub(super) blocking_threads: usize,
    pub(super) prefer_coroutine: bool,
    pub(super) expose_errors: bool,
    pub(super) access_log: bool,
    pub(super) proxies: TrustedProxies,
    #[cfg(feature = "compression")]
    pub(super) compression: Option<Compression>,
    #[cfg(feature = "compression")]
    pub(super) precompressed: bool,
    pub(super) objects: Objects,
    #[cfg(feature = "websocket")]
    pub(super) endpoints: EndpointsBuilder,
    #[cfg(feature = "websocket")]
    pub(super) websocket_settings: WebsocketSettings,
    #[cfg(feature = "websocket")]
    pub(super) room_transport: Option<Arc<dyn RoomTransport>>,
    pub(super) mistakes: Vec<String>,
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
    pub(super) fn open_rooms(&mut self) -> Rooms {
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
}
