//! Starting and stopping a server.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::sync::SetOnce;

use crate::accept::{Drain, ENDING, accept_loop, bind, from_std};
use crate::app::{App, Builder};
use crate::error::StartErrorKind;
use crate::scan::Scan;
use crate::session::{SessionSettings, SessionStore};
use crate::{Error, Limits, Result};

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
    host: String,
    port: u16,
    workers: usize,
    connection: ConnectionSettings,
    drain_deadline: Duration,
    handle_signals: bool,
    handle: Handle,
}

/// Threads on which an event loop reads and writes files.
const FILE_THREADS: usize = 16;

/// What the accepting side needs of the settings.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    pub(crate) keep_alive: bool,
    pub(crate) keep_alive_max_requests: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) headers: usize,
    pub(crate) header_bytes: usize,
}

impl Default for Server {
    fn default() -> Self {
        Server::new()
    }
}

impl Server {
    /// A server for the default app, on 127.0.0.1:9090.
    pub fn new() -> Self {
        Server::app("")
    }

    /// A server for another app of this process: the controllers declared with `app = "…"`.
    pub fn app(name: impl Into<String>) -> Self {
        Server {
            name: name.into(),
            builder: App::builder(),
            scan: Scan::default(),
            host: "127.0.0.1".to_owned(),
            port: 9090,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            connection: ConnectionSettings {
                keep_alive: true,
                keep_alive_max_requests: 0,
                idle_timeout: Duration::from_secs(60),
                header_timeout: Duration::ZERO,
                headers: 0,
                header_bytes: 0,
            },
            drain_deadline: Duration::from_secs(10),
            handle_signals: true,
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

    /// The address to listen on: a name, an IPv4 or IPv6 address, or nothing for every interface.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port to listen on; 0 lets the system choose, and [`Handle::local_addr`] tell.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
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

    /// How long running requests may take to finish at the end; 10 seconds by default.
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain_deadline = deadline;
        self
    }

    /// Whether SIGINT and SIGTERM stop the server; yes by default.
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handle_signals = handle;
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
    /// # server.build()?;
    /// # Ok::<(), vernal::Error>(())
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

    /// Serves until [`Handle::stop`], SIGINT or SIGTERM, then lets running requests finish.
    ///
    /// # Errors
    ///
    /// Whatever [`Builder::build`] finds, before the port is bound; then the port's own error. Inside a runtime, which
    /// it would block, an error that names [`start_async`](Server::start_async).
    pub fn start(self) -> Result<()> {
        if tokio::runtime::Handle::try_current().is_ok() {
            let text =
                "start() would block the runtime that it is called from: call start_async().await instead";
            return Err(Error::start(StartErrorKind::Configuration, text));
        }
        let (ready, listener) = self.prepare()?;
        let main = ready.runtime(1)?;
        let workers: Result<Vec<_>> = (1..ready.workers).map(|_| ready.spawn_worker(&listener)).collect();
        let workers = workers.inspect_err(|_| ready.drain.begin())?;
        let result = main.block_on(async {
            let accepting = tokio::spawn(ready.accept(&listener)?);
            drop(listener);
            ready.run_until_stopped().await;
            accepting.abort();
            Ok(())
        });
        ready.close();
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
        main.shutdown_background();
        result
    }

    /// Serves on the runtime it is called from, until the server is stopped.
    ///
    /// # Errors
    ///
    /// As [`start`](Server::start).
    pub async fn start_async(self) -> Result<()> {
        let (ready, listener) = self.prepare()?;
        let accepting = tokio::spawn(ready.accept(&listener)?);
        drop(listener);
        ready.run_until_stopped().await;
        accepting.abort();
        ready.close();
        Ok(())
    }

    /// Checks the declarations, then binds the port.
    ///
    /// The loops that accept have clones of the listening socket. When the last one ends the system refuses new
    /// connections, so nobody may keep this one longer than it takes to begin.
    fn prepare(mut self) -> Result<(Ready, TcpListener)> {
        let app = self.scan.collect(&self.name, self.builder).build()?;
        let limits = app.limits();
        self.connection.header_timeout = limits.header_timeout;
        self.connection.headers = limits.headers;
        self.connection.header_bytes = limits.header_bytes;
        let listener = bind(&self.host, self.port)?;
        let address = listener.local_addr()?;
        let drain = Drain::new(limits.connections);
        self.handle.0.stopper.set(drain.clone()).map_err(|_| {
            Error::start(StartErrorKind::Configuration, "this server has been started before")
        })?;
        // a store by `stop` that is not seen here comes after this, and then `stop` sees the stopper
        if self.handle.0.stopped_early.fetch_or(false, Ordering::AcqRel) {
            drain.begin();
        }
        let _ = self.handle.0.address.set(address);
        let blocking_threads = app.blocking().available_permits().saturating_add(FILE_THREADS);
        let ready = Ready {
            name: self.name,
            app,
            address,
            settings: Arc::new(self.connection),
            drain,
            drain_deadline: self.drain_deadline,
            handle_signals: self.handle_signals,
            workers: self.workers,
            blocking_threads,
            handle: self.handle,
        };
        Ok((ready, listener))
    }
}

/// A server whose declarations are right and whose port is bound.
struct Ready {
    name: String,
    app: App,
    address: SocketAddr,
    settings: Arc<ConnectionSettings>,
    drain: Drain,
    drain_deadline: Duration,
    handle_signals: bool,
    workers: usize,
    blocking_threads: usize,
    handle: Handle,
}

impl Ready {
    /// Takes connections on the runtime that polls this.
    fn accept(&self, listener: &TcpListener) -> Result<impl Future<Output = ()> + use<>> {
        let listener = from_std(listener)?;
        Ok(accept_loop(listener, self.app.clone(), Arc::clone(&self.settings), self.drain.clone()))
    }

    /// An event loop of one thread. Of the threads for what blocks it starts what is needed: as many as controllers
    /// may block, and others for files.
    fn runtime(&self, number: usize) -> Result<Runtime> {
        let runtime = RuntimeBuilder::new_current_thread()
            .enable_all()
            .thread_name(format!("vernal-blocking-{number}"))
            .max_blocking_threads(self.blocking_threads)
            .build()?;
        Ok(runtime)
    }

    /// A further thread with an event loop of its own.
    fn spawn_worker(&self, listener: &TcpListener) -> Result<std::thread::JoinHandle<()>> {
        let runtime = self.runtime(2)?;
        let accepting = {
            let _inside = runtime.enter();
            self.accept(listener)?
        };
        let (drain, deadline) = (self.drain.clone(), self.drain_deadline);
        let work = move || {
            runtime.block_on(async move {
                let accepting = tokio::spawn(accepting);
                drain.reached(ENDING).await;
                drain.wait(deadline).await;
                accepting.abort();
            });
            runtime.shutdown_background();
        };
        Ok(std::thread::Builder::new().name("vernal-worker".to_owned()).spawn(work)?)
    }

    async fn run_until_stopped(&self) {
        self.announce();
        self.handle.0.ready.store(true, Ordering::Release);
        let signal = async || if self.handle_signals { signal().await } else { std::future::pending().await };
        if let Some(signal) = self.drain.unless_begun(signal()).await {
            tracing::info!(signal, "stopping");
        }
        self.handle.0.ready.store(false, Ordering::Release);
        self.drain.begin();
        let cut = self.drain.wait(self.drain_deadline).await;
        match cut {
            0 => tracing::info!("stopped; every request was answered"),
            _ => tracing::warn!(connections = cut, "stopped; connections were cut at the deadline"),
        }
    }

    fn announce(&self) {
        let routes = self.app.mappings().count();
        let app = (!self.name.is_empty()).then_some(self.name.as_str());
        tracing::info!(address = %self.address, app, routes, workers = self.workers, "serving");
        for mapping in self.app.mappings() {
            tracing::debug!("{mapping}");
        }
    }

    /// The last lines of the log are written before `start` returns: a program usually ends there.
    fn close(&self) {
        self.handle.0.ready.store(false, Ordering::Release);
        #[cfg(feature = "logger")]
        crate::logger::flush();
    }
}

/// Waits for SIGINT or SIGTERM; answers its name.
async fn signal() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            tracing::warn!("signals cannot be watched; stop the server through its handle");
            return std::future::pending().await;
        };
        std::future::poll_fn(|context| match interrupt.poll_recv(context) {
            Poll::Ready(_) => Poll::Ready("SIGINT"),
            Poll::Pending => terminate.poll_recv(context).map(|_| "SIGTERM"),
        })
        .await
    }
    #[cfg(not(unix))]
    {
        if tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        "Ctrl-C"
    }
}

/// Asks about a server, and stops it, from anywhere: another thread, a controller, a test. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handle(Arc<HandleState>);

#[derive(Default)]
struct HandleState {
    ready: AtomicBool,
    address: OnceLock<SocketAddr>,
    stopper: SetOnce<Drain>,
    stopped_early: AtomicBool,
}

impl Handle {
    /// Whether the server takes requests.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// The address it listens on, once the port is bound.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.address.get().copied()
    }

    /// Stops the server: nothing new is accepted, running requests finish, then `start` returns. A server that is
    /// stopped before it has started ends as soon as it starts.
    pub fn stop(&self) {
        self.0.stopped_early.swap(true, Ordering::AcqRel);
        if let Some(drain) = self.0.stopper.get() {
            drain.begin();
        }
    }
    /// Done once the server, having been started, begins to stop: the moment for an answer without end to end itself.
    ///
    /// Running requests are waited for, and cut at the deadline. A stream that watches this ends well instead.
    ///
    /// ```
    /// use vernal::prelude::*;
    /// use vernal::Handle;
    ///
    /// #[route("/next", app = "news")]
    /// async fn next(news: State<tokio::sync::Notify>, server: State<Handle>) -> &'static str {
    ///     tokio::select! {
    ///         () = news.notified() => "there is news",
    ///         () = server.stopping() => "ask again later",
    ///     }
    /// }
    ///
    /// let server = Server::app("news").manage(tokio::sync::Notify::new());
    /// let handle = server.handle();
    /// let server = server.manage(handle);
    /// # server.build()?;
    /// # Ok::<(), vernal::Error>(())
    /// ```
    pub async fn stopping(&self) {
        self.0.stopper.wait().await.reached(ENDING).await;
    }
}
