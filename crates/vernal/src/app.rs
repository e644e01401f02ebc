//! What was declared, checked and frozen at start.

mod build;
mod builder;
mod file_controller;
mod mounts;
mod other_rules;

use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;

#[cfg(feature = "websocket")]
pub(crate) use self::build::check_state;
pub use self::builder::Builder;
use self::file_controller::FileController;
use self::mounts::Mounts;
use self::other_rules::OtherRules;
use crate::bind::{BodyUse, StateMap};
use crate::controller::Controller;
use crate::filter::Filters;
use crate::parse::Decoding;
#[cfg(feature = "compression")]
use crate::respond::compression::Rules;
use crate::respond::{ErrorPages, FileCache, Resources};
use crate::route::{Mapping, MappingId, Table};
use crate::session::{Record, Session, SessionSettings, SessionStore};
#[cfg(feature = "websocket")]
use crate::websocket::endpoint::Endpoints;
#[cfg(feature = "websocket")]
use crate::websocket::{Rooms, WebsocketSettings};
use crate::{Cookies, Limits, Result, TrustedProxies, session};

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
