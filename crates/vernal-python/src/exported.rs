//! An app in Rust as a module of Python: what [`export!`](crate::export) makes.
//!
//! The library that holds such an app holds the whole engine as well, and its module puts that in the place of
//! `simple_http_server._engine`. Two libraries would each have an engine of their own, with statics, thread-locals and types
//! of their own, and nothing of Rust's could go from one to the other. So there is one library, and whoever has loaded the
//! package's own engine before is told so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use vernal::session::{Change, Record};

use crate::run::at_once;
use crate::runtime::runtime;
use crate::server::start_error;

/// Makes a Python module of an app: `export!(module, app)`, or `export!(app)` where both have one name.
///
/// `module` is the name of the library. `app` is a function, or an expression that gives one: it returns a
/// [`vernal::Server`], of which Python sets the port, or a [`vernal::Builder`], and is called whenever a server starts. A
/// [`vernal::App`] would not do, whose session cookie has its name for good.
///
/// The module has
///
/// | name | what it is |
/// |---|---|
/// | `start(host, port, …)`, `start_async(…)`, `stop()` | a server of this app alone |
/// | `wsgi(environ, start_response)`, `asgi(scope, receive, send)` | the app for the servers of others; over HTTP, without WebSocket |
/// | `app` | what `AppConf.mount(prefix, module)` of `simple_http_server` asks for |
///
/// It needs the Python package `simple_http_server` of the same version, whose engine it brings along: it has to be
/// imported before the first server of the package is made, and there can be one such module in a process. Otherwise the
/// import is an `ImportError` that says so.
///
/// The crate is a `cdylib` and depends on `vernal` and `vernal-python`.
///
/// ```no_run,standalone_crate
/// use vernal::{App, Builder, Request, Route, controller};
///
/// fn greetings() -> Builder {
///     let hello = controller::from_fn(|request: &Request| {
///         format!("Hello, {}!", request.path_value("name").unwrap_or("you"))
///     });
///     App::builder().route(Route::path("/hello/{name}"), hello)
/// }
///
/// vernal_python::export!(greetings);
/// # fn main() {}
/// ```
///
/// With attributes `greetings` is `fn greetings() -> Server { Server::new() }`. `examples/mixed` is a whole crate.
#[macro_export]
macro_rules! export {
    ($app:ident) => {
        $crate::export!($app, $app);
    };
    ($module:ident, $app:expr) => {
        #[doc(hidden)]
        struct VernalPythonExport;

        impl $crate::exported::Export for VernalPythonExport {
            fn server() -> $crate::vernal::Server {
                let app = $app;
                app().into()
            }
        }

        #[doc(hidden)]
        mod vernal_python_export {
            use $crate::pyo3::prelude::*;

            #[pymodule]
            #[pyo3(crate = "::vernal_python::pyo3")]
            fn $module(module: &Bound<'_, PyModule>) -> PyResult<()> {
                $crate::exported::fill::<super::VernalPythonExport>(module)
            }
        }
    };
}

/// What [`export!`](crate::export) implements.
pub trait Export {
    /// A server of the app, without an address.
    fn server() -> vernal::Server;
}

/// The engine that this library has, once it is a module.
static ENGINE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Fills the module of an app; for [`export!`](crate::export).
///
/// # Errors
///
/// `ImportError` where `simple_http_server` is not there, is another version, or has another engine already.
pub fn fill<E: Export>(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let exported = py.import("simple_http_server._exported")?;
    let engine = ENGINE.get_or_try_init(py, || -> PyResult<_> {
        let engine = PyModule::new(py, "simple_http_server._engine")?;
        crate::add_all(&engine)?;
        Ok(engine.unbind())
    })?;
    exported.call_method1("adopt_engine", (engine, module.name()?))?;
    let app = Py::new(py, RustApp::of(E::server))?;
    module.add("app", &app)?;
    let functions = exported.call_method1("functions", (app,))?;
    for (name, function) in functions.cast::<PyDict>()?.iter() {
        module.add(name.extract::<&str>()?, function)?;
    }
    Ok(())
}

/// An app that is written in Rust, for Python.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct RustApp {
    make: fn() -> vernal::Server,
    /// As it is mounted, with its own sessions.
    apart: PyOnceLock<vernal::App>,
    /// As it is mounted, with the cookie of Python's sessions.
    shared: PyOnceLock<vernal::App>,
}

impl RustApp {
    fn of(make: fn() -> vernal::Server) -> RustApp {
        RustApp { make, apart: PyOnceLock::new(), shared: PyOnceLock::new() }
    }

    /// A server of it alone.
    pub(crate) fn server(&self) -> vernal::Server {
        (self.make)()
    }

    /// The app to be mounted. It is one, with one state, wherever that is: with this session cookie, or its own.
    ///
    /// # Errors
    ///
    /// What is wrong with its declarations.
    pub(crate) fn mounted(&self, py: Python<'_>, session_cookie: Option<&str>) -> PyResult<vernal::App> {
        let build = || {
            let server = self.server().access_log(true);
            let server = match session_cookie {
                Some(name) => server.declare(|app| app.session_cookie_name(name)),
                None => server,
            };
            server.build().map_err(start_error)
        };
        let place = if session_cookie.is_some() { &self.shared } else { &self.apart };
        place.get_or_try_init(py, build).cloned()
    }

    /// Asks the store of the sessions in common.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl AsyncFnOnce(&vernal::App) -> vernal::Result<T> + Send,
    ) -> PyResult<T> {
        let app =
            self.shared.get(py).ok_or_else(|| PyRuntimeError::new_err("there are no sessions in common"))?;
        let runtime = runtime()?;
        py.detach(|| {
            // a store may have timers and connections
            let _inside = runtime.enter();
            at_once(ask(app))
        })
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }
}

/// Identifier, attributes as JSON, seconds since the epoch when it began, seconds that it is kept.
type Known = (String, String, f64, f64);

/// The sessions in common; an identifier that is none is not known.
#[pymethods]
impl RustApp {
    /// Begins a session.
    fn begin_session(&self, py: Python<'_>) -> PyResult<Known> {
        self.ask(py, async |app| app.begin_session().await).map(|(id, record)| known(id, &record))
    }

    /// The session that the store knows, which has been asked for now.
    fn find_session(&self, py: Python<'_>, id: String) -> PyResult<Option<Known>> {
        if !is_identifier(&id) {
            return Ok(None);
        }
        self.ask(py, async |app| {
            let store = app.session_store();
            let Some(record) = store.load(&id).wait().await? else { return Ok(None) };
            let is_there = store.save(&id, change(record.creation_time)).wait().await?;
            Ok(is_there.then(|| known(id, &record)))
        })
    }

    /// Sets an attribute to a value in JSON.
    fn set_attribute(&self, py: Python<'_>, id: &str, name: String, value: &str) -> PyResult<()> {
        let value = serde_json::from_str(value).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut change = change(SystemTime::now());
        change.set.insert(name, value);
        self.ask(py, async |app| app.session_store().save(id, change).wait().await).map(drop)
    }

    /// Says for how many seconds a session is kept after a request.
    fn keep_session(&self, py: Python<'_>, id: &str, seconds: f64) -> PyResult<()> {
        let interval = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        let change = Change { max_inactive_interval: Some(interval), ..change(SystemTime::now()) };
        self.ask(py, async |app| app.session_store().save(id, change).wait().await).map(drop)
    }

    /// Forgets a session.
    fn end_session(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        self.ask(py, async |app| app.session_store().remove(id).wait().await)
    }

    /// Moves a session to another identifier.
    fn rename_session(&self, py: Python<'_>, from_: &str, to: &str) -> PyResult<()> {
        self.ask(py, async |app| app.session_store().rename(from_, to).wait().await)
    }
}

/// Nothing but that the session has been asked for now.
fn change(creation_time: SystemTime) -> Change {
    Change {
        is_new: false,
        creation_time,
        last_accessed_time: SystemTime::now(),
        max_inactive_interval: None,
        set: std::collections::BTreeMap::new(),
        removed: std::collections::BTreeSet::new(),
    }
}

fn known(id: String, record: &Record) -> Known {
    let attributes = serde_json::Value::from_iter(
        record.attributes.iter().map(|(name, value)| (name.clone(), value.clone())),
    );
    let since_epoch = record.creation_time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (id, attributes.to_string(), since_epoch.as_secs_f64(), record.max_inactive_interval.as_secs_f64())
}

/// The form of the identifiers that stores are asked for ([`vernal::SessionStore`]).
fn is_identifier(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
