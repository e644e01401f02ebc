//! Running a server: event loops, signals, the end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::task::JoinSet;

#[cfg(feature = "tls")]
use crate::accept::protocols;
use crate::accept::{CUT, Drain, Listener, Peers, Serving, accept_loop};
use crate::error::StartErrorKind;
use crate::start::handle::Listening;
#[cfg(feature = "tls")]
use crate::start::redirect;
use crate::start::signals::Signals;
use crate::start::{Handle, Server};
use crate::{Error, Result};

/// Threads on which an event loop reads and writes files.
const FILE_THREADS: usize = 16;

impl Server {
    /// Serves until [`Handle::stop`], SIGINT or SIGTERM, then lets running requests finish.
    ///
    /// # Errors
    ///
    /// Whatever [`Builder::build`](crate::Builder::build) finds, before the port is bound; then the port's own error. Inside a
    /// runtime, which it would block, an error that names [`start_async`](Server::start_async).
    pub fn start(self) -> Result<()> {
        refuse_inside_runtime()?;
        self.bind()?.start()
    }

    /// Serves on the runtime it is called from, until the server is stopped.
    ///
    /// # Errors
    ///
    /// As [`start`](Server::start).
    pub async fn start_async(self) -> Result<()> {
        self.bind()?.start_async().await
    }

    /// Checks the declarations and binds the port, without serving yet: clients that connect wait.
    ///
    /// ```
    /// use vernal::{App, Server};
    ///
    /// let server = Server::of(App::builder()).port(0);
    /// let handle = server.handle();
    /// let bound = server.bind()?;
    /// assert!(handle.local_addr().is_some() && !handle.is_ready());
    /// drop(bound); // or `bound.start()`
    /// # Ok::<(), vernal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Server::start).
    pub fn bind(self) -> Result<Bound> {
        let (ready, listeners) = self.prepare()?;
        Ok(Bound { ready, listeners })
    }

    /// Checks the declarations, then binds the port.
    ///
    /// The loops that accept have clones of the listening sockets. When the last one ends the system refuses new
    /// connections, so nobody may keep these any longer than it takes to begin.
    fn prepare(mut self) -> Result<(Ready, Vec<Served>)> {
        #[cfg(feature = "tls")]
        let redirect = self.redirect_port.map(|port| self.redirect_address(port));
        let addresses = self.take_addresses();
        let app = self.scan.collect(&self.name, self.builder).build()?;
        if self.connection.proxy_protocol && app.proxies().is_empty() {
            let text =
                "proxy_protocol: anybody could claim to be anyone; name the proxies with trusted_proxies";
            return Err(Error::start(StartErrorKind::Configuration, text));
        }
        #[cfg(feature = "tls")]
        let tls = self.tls.map(|tls| tls.load(protocols(&self.connection))).transpose()?;
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.extend(address.bind()?);
        }
        let mut listening =
            Listening { address: None, names: listeners.iter().map(Listener::name).collect() };
        for listener in &listeners {
            listening.address = listening.address.or(listener.local_addr()?);
        }
        let drain = Drain::new(app.limits().connections, self.drain_deadline);
        self.handle.0.stopper.set(drain.clone()).map_err(|_| {
            Error::start(StartErrorKind::Configuration, "this server has been started before")
        })?;
        // a store by `stop` that is not seen here comes after this, and then `stop` sees the stopper
        if self.handle.0.stopped_early.fetch_or(false, Ordering::AcqRel) {
            drain.begin(None);
        }
        let blocking_threads = app.blocking().available_permits().saturating_add(FILE_THREADS);
        let peers = Peers::new(app.limits().connections_per_address);
        let serving = Arc::new(Serving {
            app,
            replacement: Arc::clone(&self.handle.0.replacement),
            settings: self.connection,
            drain,
            peers,
            #[cfg(feature = "tls")]
            tls,
        });
        let served = listeners.into_iter().map(|listener| Served { listener, serving: Arc::clone(&serving) });
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "all listeners are alike"))]
        let mut served: Vec<_> = served.collect();
        #[cfg(feature = "tls")]
        {
            if let Some(address) = redirect {
                let https = listening.address.map_or(443, |address| address.port());
                for listener in redirect::listeners(address, https, &serving)? {
                    listening.names.push(listener.listener.name());
                    if let Some(address) = listener.listener.local_addr()? {
                        let _ = self.handle.0.redirect_address.set(address);
                    }
                    served.push(listener);
                }
            }
            if let Some(keeper) = &serving.tls {
                let _ = self.handle.0.tls.set(Arc::clone(keeper));
            }
        }
        let _ = self.handle.0.listening.set(listening);
        let ready = Ready {
            name: self.name,
            serving,
            handle_signals: self.handle_signals,
            before_waiting: self.before_waiting,
            workers: self.workers,
            blocking_threads,
            handle: self.handle,
        };
        Ok((ready, served))
    }
}

/// A server whose port is bound.
pub struct Bound {
    ready: Ready,
    listeners: Vec<Served>,
}

impl Bound {
    /// Serves, as [`Server::start`] does.
    ///
    /// # Errors
    ///
    /// Inside a runtime, which it would block, an error that names [`start_async`](Bound::start_async).
    pub fn start(self) -> Result<()> {
        refuse_inside_runtime()?;
        let Bound { ready, listeners } = self;
        let main = ready.runtime(1)?;
        let signals = {
            let _inside = main.enter();
            Signals::watch(ready.handle_signals)
        };
        let workers: Result<Vec<_>> = (1..ready.workers).map(|_| ready.spawn_worker(&listeners)).collect();
        let workers = workers.inspect_err(|_| ready.serving.drain.cut())?;
        let result =
            main.block_on(ready.serve(listeners, signals)).inspect_err(|_| ready.serving.drain.cut());
        ready.close();
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
        main.shutdown_background();
        result
    }

    /// Serves on the runtime it is called from, as [`Server::start_async`] does.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub async fn start_async(self) -> Result<()> {
        let Bound { ready, listeners } = self;
        let signals = Signals::watch(ready.handle_signals);
        let result = ready.serve(listeners, signals).await;
        ready.close();
        result
    }
}

fn refuse_inside_runtime() -> Result<()> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Err(Error::start(
            StartErrorKind::Configuration,
            "start() would block the runtime that it is called from: call start_async().await instead",
        )),
        Err(_) => Ok(()),
    }
}

/// A listener, and what its connections are served with.
pub(super) struct Served {
    pub(super) listener: Listener,
    pub(super) serving: Arc<Serving>,
}

/// A server whose declarations are right and whose port is bound.
struct Ready {
    name: String,
    serving: Arc<Serving>,
    handle_signals: bool,
    before_waiting: Option<Arc<dyn Fn() + Send + Sync>>,
    workers: usize,
    blocking_threads: usize,
    handle: Handle,
}

impl Ready {
    /// Serves on the runtime that polls this, until the server is stopped.
    async fn serve(&self, listeners: Vec<Served>, signals: Signals) -> Result<()> {
        let accepting = self.accept(&listeners)?;
        drop(listeners);
        let accepting = tokio::spawn(accepting);
        #[cfg(feature = "tls")]
        let watching = self.serving.tls.clone().map(|keeper| tokio::spawn(keeper.watch()));
        self.run_until_stopped(signals).await;
        accepting.abort();
        #[cfg(feature = "tls")]
        if let Some(watching) = watching {
            watching.abort();
        }
        Ok(())
    }

    /// Takes connections on the runtime that this is called in.
    fn accept(&self, listeners: &[Served]) -> Result<impl Future<Output = ()> + use<>> {
        let acceptors = listeners
            .iter()
            .map(|served| Ok((served.listener.acceptor()?, Arc::clone(&served.serving))))
            .collect::<std::io::Result<Vec<_>>>()?;
        // counted from now on, so that an end that comes soon waits for what they take
        let present = self.serving.drain.present();
        Ok(async move {
            let _present = present;
            let mut loops = JoinSet::new();
            for (acceptor, serving) in acceptors {
                loops.spawn(accept_loop(acceptor, serving));
            }
            loops.join_all().await;
        })
    }

    /// An event loop of one thread. Of the threads for what blocks it starts what is needed: as many as controllers
    /// may block, and others for files.
    fn runtime(&self, number: usize) -> Result<Runtime> {
        let mut runtime = RuntimeBuilder::new_current_thread();
        runtime
            .enable_all()
            .thread_name(format!("vernal-blocking-{number}"))
            .max_blocking_threads(self.blocking_threads);
        if let Some(hook) = self.before_waiting.clone() {
            runtime.on_thread_park(move || hook());
        }
        Ok(runtime.build()?)
    }

    /// A further thread with an event loop of its own.
    fn spawn_worker(&self, listeners: &[Served]) -> Result<std::thread::JoinHandle<()>> {
        let runtime = self.runtime(2)?;
        let accepting = {
            let _inside = runtime.enter();
            self.accept(listeners)?
        };
        let drain = self.serving.drain.clone();
        let work = move || {
            runtime.block_on(async move {
                let accepting = tokio::spawn(accepting);
                drain.reached(CUT).await;
                accepting.abort();
                drain.aftermath().await;
            });
            runtime.shutdown_background();
        };
        Ok(std::thread::Builder::new().name("vernal-worker".to_owned()).spawn(work)?)
    }

    async fn run_until_stopped(&self, mut signals: Signals) {
        self.announce();
        self.handle.0.ready.store(true, Ordering::Release);
        let drain = &self.serving.drain;
        if let Some(signal) = drain.unless_begun(pin!(signals.next())).await {
            tracing::info!(signal, "stopping");
        }
        self.handle.0.ready.store(false, Ordering::Release);
        drain.begin(None);
        let watching = drain.clone();
        tokio::spawn(async move {
            if let Some(signal) = watching.unless(CUT, pin!(signals.next())).await {
                tracing::warn!(signal, "ending at once");
                watching.cut();
            }
        });
        let drained = drain.finish().await;
        let milliseconds = drained.took.as_millis() as u64;
        match drained.cut {
            0 => tracing::info!(
                answered = drained.answered,
                cut = 0,
                milliseconds,
                "stopped; every request was answered"
            ),
            connections => tracing::warn!(
                connections,
                answered = drained.answered,
                milliseconds,
                "stopped; connections were cut at the deadline"
            ),
        }
    }

    fn announce(&self) {
        let routes = self.serving.app.mappings().count();
        let app = (!self.name.is_empty()).then_some(self.name.as_str());
        let addresses = self.handle.listening_on().join(", ");
        tracing::info!(address = %addresses, app, routes, workers = self.workers, "serving");
        for mapping in self.serving.app.mappings() {
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
