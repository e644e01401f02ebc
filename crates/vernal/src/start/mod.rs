//! Starting and stopping a server.

mod handle;
mod listen;
#[cfg(feature = "tls")]
mod redirect;
mod run;
mod signals;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tls")]
use crate::Tls;
use crate::accept::{Address, ConnectionSettings};
use crate::app::{App, Builder};
use crate::scan::Scan;
use crate::session::{SessionSettings, SessionStore};
use crate::{Limits, Result, TrustedProxies};

pub use handle::Handle;
pub use run::Bound;

/// A server: what the attributes declared, the settings, and an address.
///
/// ```no_run
/// use vernal::prelude::*;
///
/// #[route("/hello/{name}")]
/// async fn hello(name: String) -> String {
///     format!("Hello, {name}!")
/// }
///
/// fn main() -> vernal::Result<()> {
///     Server::new().port(9090).start()
/// }
/// ```
pub struct Server {
    name: String,
    builder: Builder,
    scan: Scan,
    host: Option<String>,
    port: Option<u16>,
    addresses: Vec<Address>,
    workers: usize,
    connection: ConnectionSettings,
    drain_deadline: Duration,
    handle_signals: bool,
    before_waiting: Option<Arc<dyn Fn() + Send + Sync>>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    #[cfg(feature = "tls")]
    redirect_port: Option<u16>,
    handle: Handle,
}

impl Default for Server {
    fn default() -> Self {
        Server::new()
    }
}

impl From<Builder> for Server {
    fn from(builder: Builder) -> Self {
        Server::of(builder)
    }
}

impl Server {
    /// A server for the default app, on 127.0.0.1:9090.
    pub fn new() -> Self {
        Server::app("")
    }

    /// A server of what this builder declares, and of nothing that attributes declare.
    ///
    /// ```no_run
    /// use vernal::{App, Request, Route, Server, controller};
    ///
    /// let app = App::builder().route(Route::path("/"), controller::from_fn(|_: &Request| "Hello!"));
    /// Server::of(app).port(9090).start()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub fn of(builder: Builder) -> Self {
        Server { builder, scan: Scan::off(), ..Server::new() }
    }

    /// A server for another app of this process: the controllers declared with `app = "…"`.
    pub fn app(name: impl Into<String>) -> Self {
        Server {
            name: name.into(),
            builder: App::builder(),
            scan: Scan::default(),
            host: None,
            port: None,
            addresses: Vec::new(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            connection: ConnectionSettings {
                keep_alive: true,
                keep_alive_max_requests: 0,
                idle_timeout: Duration::from_secs(60),
                title_case_headers: false,
                proxy_protocol: false,
                #[cfg(feature = "http2")]
                http2: true,
                #[cfg(feature = "http2")]
                ping_interval: Some(Duration::from_secs(30)),
            },
            drain_deadline: Duration::from_secs(10),
            handle_signals: true,
            before_waiting: None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            redirect_port: None,
            handle: Handle::default(),
        }
    }

    /// Takes only controllers of this module and those below it; several calls add up.
    ///
    /// Naming a module of a library crate also keeps the linker from dropping that crate, if the program uses
    /// nothing else of it: `use my_controllers as _;` beside it makes sure.
    pub fn scan(mut self, module: &'static str) -> Self {
        self.scan.module(module);
        self
    }

    /// Takes only controllers of modules whose path matches this regular expression; several calls add up.
    pub fn scan_matching(mut self, expression: &str) -> Self {
        if let Err(mistake) = self.scan.matching(expression) {
            self.builder.mistake(mistake);
        }
        self
    }

    /// Speaks HTTPS, and nothing else, on the port.
    ///
    /// ```no_run
    /// use vernal::{Server, Tls};
    ///
    /// Server::new().port(9443).tls(Tls::from_files("certificate.pem", "key.pem")).start()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Listens without TLS on one more port of the same host, and sends whoever comes there to the same target at
    /// `https://` (308, so that methods and bodies stay what they are).
    ///
    /// A request without a sound `Host` is answered 400. A server without [`tls`](Server::tls) does not start with
    /// this.
    #[cfg(feature = "tls")]
    pub fn redirect_http(mut self, port: u16) -> Self {
        self.redirect_port = Some(port);
        self
    }

    /// The number of threads with an event loop; the number of cores by default.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// See [`Builder::blocking_threads`].
    pub fn blocking_threads(self, threads: usize) -> Self {
        self.declare(|app| app.blocking_threads(threads))
    }

    /// Whether a connection may carry several requests; yes by default.
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.connection.keep_alive = keep_alive;
        self
    }

    /// After so many requests a connection is closed; never by default.
    pub fn keep_alive_max_requests(mut self, requests: u32) -> Self {
        self.connection.keep_alive_max_requests = requests;
        self
    }

    /// How long a connection may stay open without a request; 60 seconds by default.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.connection.idle_timeout = timeout;
        self
    }

    /// Whether answers over HTTP/1.1 spell the names of their fields `Content-Type`, not `content-type`; no by default.
    /// The two mean the same (RFC 9110 section 5.1), but not to every program that reads them.
    pub fn title_case_headers(mut self, title_case: bool) -> Self {
        self.connection.title_case_headers = title_case;
        self
    }

    /// Whether HTTP/2 is spoken to clients that ask for it (RFC 9113), on the same port; yes by default.
    #[cfg(feature = "http2")]
    pub fn http2(mut self, speak: bool) -> Self {
        self.connection.http2 = speak;
        self
    }

    /// How long an HTTP/2 client may be silent, while it waits for an answer, before it is sent a PING; 30 seconds by
    /// default. One that is silent for as long again is gone, and what it asked for ends. `None` sends none.
    #[cfg(feature = "http2")]
    pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.connection.ping_interval = interval.into();
        self
    }

    /// How long running requests may take to finish at the end; 10 seconds by default.
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain_deadline = deadline;
        self
    }

    /// Whether SIGINT and SIGTERM stop the server, and a second one ends it at once; yes by default.
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handle_signals = handle;
        self
    }

    /// Calls this on the thread of each event loop whenever it has done all that there was to do and begins to wait.
    ///
    /// A controller that [takes calls](crate::controller::Controller::take) may gather them until then, to wake those who
    /// make them once. It must not block. Not called by [`start_async`](Server::start_async), whose runtime is another's.
    pub fn before_waiting(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.before_waiting = Some(Arc::new(hook));
        self
    }

    /// Adds declarations made by hand to those of the attributes.
    ///
    /// ```
    /// use vernal::{Request, Route, Server, controller};
    ///
    /// let ping = controller::from_fn(|_: &Request| "pong");
    /// let server = Server::new().declare(|app| app.route(Route::path("/ping"), ping));
    /// ```
    pub fn declare(mut self, declare: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = declare(self.builder);
        self
    }

    /// See [`Builder::resource`].
    pub fn resource(self, pattern: &str, directory: impl AsRef<Path>) -> Self {
        self.declare(|app| app.resource(pattern, directory))
    }

    /// See [`Builder::manage`].
    pub fn manage<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.declare(|app| app.manage(value))
    }

    /// See [`Builder::session_store`].
    pub fn session_store(self, store: impl SessionStore) -> Self {
        self.declare(|app| app.session_store(store))
    }

    /// See [`Builder::session`].
    pub fn session(self, settings: SessionSettings) -> Self {
        self.declare(|app| app.session(settings))
    }

    /// See [`Builder::websocket_settings`].
    #[cfg(feature = "websocket")]
    pub fn websocket_settings(self, settings: crate::websocket::WebsocketSettings) -> Self {
        self.declare(|app| app.websocket_settings(settings))
    }

    /// See [`Builder::limits`].
    pub fn limits(self, limits: Limits) -> Self {
        self.declare(|app| app.limits(limits))
    }

    /// See [`Builder::prefer_coroutine`].
    pub fn prefer_coroutine(self, prefer: bool) -> Self {
        self.declare(|app| app.prefer_coroutine(prefer))
    }

    /// See [`Builder::expose_errors`].
    pub fn expose_errors(self, expose: bool) -> Self {
        self.declare(|app| app.expose_errors(expose))
    }

    /// See [`Builder::access_log`].
    pub fn access_log(self, log: bool) -> Self {
        self.declare(|app| app.access_log(log))
    }

    /// See [`Builder::compression`].
    #[cfg(feature = "compression")]
    pub fn compression(self, compression: crate::Compression) -> Self {
        self.declare(|app| app.compression(compression))
    }

    /// See [`Compression::gzip`](crate::Compression::gzip): these content types, with gzip at this level.
    ///
    /// ```
    /// use vernal::Server;
    ///
    /// let server = Server::new().gzip(["text/html", "application/json"], 6);
    /// ```
    #[cfg(feature = "compression")]
    pub fn gzip<T: Into<String>>(self, types: impl IntoIterator<Item = T>, level: u32) -> Self {
        self.compression(crate::Compression::gzip(types, level))
    }

    /// See [`Builder::precompressed`].
    #[cfg(feature = "compression")]
    pub fn precompressed(self, look: bool) -> Self {
        self.declare(|app| app.precompressed(look))
    }

    /// See [`Builder::trusted_proxies`].
    pub fn trusted_proxies(self, proxies: impl Into<TrustedProxies>) -> Self {
        self.declare(|app| app.trusted_proxies(proxies))
    }

    /// Expects each connection to begin with a header of the PROXY protocol, version 1 or 2, which names the client; no
    /// by default. It is for balancers that pass on bytes, TLS included, such as HAProxy with `send-proxy-v2`. One that ends
    /// TLS itself and says so (`send-proxy-v2-ssl`) makes the scheme of the requests `https`.
    ///
    /// Only [`trusted_proxies`](Server::trusted_proxies) may connect then, of which there has to be one. All others are
    /// closed, and so is a connection without the header, or on which it takes longer than
    /// [`Limits::header_timeout`].
    ///
    /// ```
    /// use vernal::Server;
    ///
    /// let server = Server::new().trusted_proxies(["10.0.0.0/8"]).proxy_protocol(true);
    /// ```
    pub fn proxy_protocol(mut self, expect: bool) -> Self {
        self.connection.proxy_protocol = expect;
        self
    }

    /// Asks about the server, and stops it, from elsewhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Collects and checks what was declared, without binding a port.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn build(self) -> Result<App> {
        self.scan.collect(&self.name, self.builder).build()
    }
}
