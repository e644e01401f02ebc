//! What a Python application has declared, as an app of the engine.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use vernal::bind::BodyUse;
use vernal::route::{Pattern, Precedence};
use vernal::{Builder, HttpError, Route};

use crate::argument::{Argument, Kind};
use crate::controller::{Callable, PyController, Settings, Shared};
use crate::error_page::ErrorPages;
use crate::exported::RustApp;
use crate::host::websocket::Endpoint;
use crate::mistake::mistake;
use crate::regexp;
use crate::run::Runner;
use crate::run::here::Here;
use crate::server::start_error;
use crate::websocket;
use crate::{malformed, phrases, settings};

/// Declarations of a Python application; an engine's app is made of them whenever a server starts.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct App {
    session_factory: Py<PyAny>,
    session_cookie: String,
    /// Whether clients are told the text of exceptions that are no `HttpError`.
    #[pyo3(get)]
    expose_errors: bool,
    /// Settings of the engine, by their names.
    options: Py<PyDict>,
    declared: Mutex<Declared>,
    /// The engine's app for the servers of others, once it is built.
    hosted: PyOnceLock<vernal::App>,
    /// Finds the endpoints of WebSocket for them.
    endpoints: PyOnceLock<vernal::App>,
}

#[derive(Default)]
struct Declared {
    routes: Vec<Declaration>,
    filters: Vec<(FilterTarget, Arc<Py<PyAny>>)>,
    error_pages: Vec<(String, Py<PyAny>)>,
    resources: Vec<(String, String)>,
    /// What answers requests for files for which there is a filter.
    file_controller: Option<Declaration>,
    websockets: Vec<websocket::Declared>,
    mounts: Vec<Mount>,
}

/// An app in Rust, and where it is.
struct Mount {
    /// Empty for one that is the whole.
    prefix: String,
    app: Py<RustApp>,
    shares_sessions: bool,
}

struct Declaration {
    route: Route,
    location: vernal::Location,
    function: Py<PyAny>,
    make: Option<Py<PyAny>>,
    arguments: Py<PyAny>,
}

/// Which paths a filter is for.
#[derive(Clone)]
enum FilterTarget {
    Path(Pattern),
    Regexp(Arc<fancy_regex::Regex>),
}

#[pymethods]
impl App {
    /// An app without declarations; `options` are settings of the engine, by their names.
    #[new]
    fn new(
        session_factory: Py<PyAny>,
        session_cookie: String,
        expose_errors: bool,
        options: Py<PyDict>,
    ) -> App {
        App {
            session_factory,
            session_cookie,
            expose_errors,
            options,
            declared: Mutex::default(),
            hosted: PyOnceLock::new(),
            endpoints: PyOnceLock::new(),
        }
    }

    /// Declares a controller: a `_declarations.Route`.
    fn route(&self, declared: &Bound<'_, PyAny>) -> PyResult<()> {
        let declaration = Declaration::from_python(declared)?;
        self.lock().routes.push(declaration);
        Ok(())
    }

    /// Declares what answers requests for files for which there is a filter: a `_declarations.Route`, of which the mapping
    /// does not count.
    fn file_controller(&self, declared: &Bound<'_, PyAny>) -> PyResult<()> {
        let declaration = Declaration::from_python(declared)?;
        self.lock().file_controller = Some(declaration);
        Ok(())
    }

    /// Declares a filter: a `_declarations.Filter`.
    fn filter(&self, declared: &Bound<'_, PyAny>) -> PyResult<()> {
        let location: String = declared.getattr("location")?.extract()?;
        let placed = |text: String| mistake(format!("{location}: {text}"));
        let target = match pattern_of(declared)? {
            Some(expression) => FilterTarget::Regexp(Arc::new(regexp::compile(&expression).map_err(placed)?)),
            None => {
                let path: String = declared.getattr("path")?.extract()?;
                FilterTarget::Path(Pattern::parse(&path).map_err(placed)?)
            }
        };
        let function = declared.getattr("function")?.unbind();
        self.lock().filters.push((target, Arc::new(function)));
        Ok(())
    }

    /// Declares the page of an error: a `_declarations.ErrorPage`.
    fn error_page(&self, declared: &Bound<'_, PyAny>) -> PyResult<()> {
        let code = declared.getattr("code")?.extract()?;
        self.lock().error_pages.push((code, declared.clone().unbind()));
        Ok(())
    }

    /// Declares a handler of WebSocket connections: a `_declarations.WebsocketEndpoint`.
    fn websocket(&self, declared: &Bound<'_, PyAny>) -> PyResult<()> {
        let declared = websocket::Declared::from_python(declared, pattern_of(declared)?)?;
        self.lock().websockets.push(declared);
        Ok(())
    }

    /// Serves files: a `_declarations.Resource`.
    fn resource(&self, declared: &Bound<'_, PyAny>) -> PyResult<()> {
        let pattern = declared.getattr("pattern")?.extract()?;
        let directory = declared.getattr("directory")?.extract()?;
        self.lock().resources.push((pattern, directory));
        Ok(())
    }

    /// Gives an app in Rust all paths below a prefix, or, where that is empty, all there are. It has its sessions in common
    /// with Python where `shares_sessions`.
    fn mount(&self, prefix: String, app: Py<RustApp>, shares_sessions: bool) {
        self.lock().mounts.push(Mount { prefix, app, shares_sessions });
    }

    /// Checks what was declared and builds an app for the servers of others, once; what is declared after that they do
    /// not see.
    fn build(&self, py: Python<'_>) -> PyResult<()> {
        self.hosted(py)?;
        self.endpoints(py).map(drop)
    }
}

/// The text of the regular expression of a declaration, where it has one.
fn pattern_of(declared: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let compiled = declared.getattr("regexp")?;
    if compiled.is_none() { Ok(None) } else { Ok(Some(compiled.getattr("pattern")?.extract()?)) }
}

/// Where a function stands; what Python itself says of the declaration, where it has no place in a file.
fn location(function: &Bound<'_, PyAny>, declared: &Bound<'_, PyAny>) -> PyResult<vernal::Location> {
    let text = |object: &Bound<'_, PyAny>, name: &str| object.getattr(name)?.extract::<String>();
    let known = || -> PyResult<vernal::Location> {
        let code = function.getattr("__code__")?;
        Ok(vernal::Location::interned(
            &text(function, "__qualname__")?,
            &text(function, "__module__")?,
            &text(&code, "co_filename")?,
            code.getattr("co_firstlineno")?.extract()?,
        ))
    };
    match known() {
        Ok(location) => Ok(location),
        Err(_) => Ok(vernal::Location::interned(&text(declared, "location")?, "", "", 0)),
    }
}

impl App {
    fn lock(&self) -> std::sync::MutexGuard<'_, Declared> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine's app for the servers of others, whose threads run its controllers.
    pub(crate) fn hosted(&self, py: Python<'_>) -> PyResult<vernal::App> {
        let build = || self.server(py, Arc::new(Here))?.build().map_err(start_error);
        self.hosted.get_or_try_init(py, build).cloned()
    }

    /// An app that has the endpoints of WebSocket as its routes, by their numbers, for the servers of others.
    pub(crate) fn endpoints(&self, py: Python<'_>) -> PyResult<vernal::App> {
        let build = || {
            let mut builder = settings::apply(as_the_reference(), self.options.bind(py), true)?;
            for (number, declared) in self.lock().websockets.iter().enumerate() {
                builder = builder.route_at(declared.route.clone(), declared.location, Endpoint(number));
            }
            builder.build().map_err(start_error)
        };
        self.endpoints.get_or_try_init(py, build).cloned()
    }

    /// An endpoint as it was declared.
    pub(crate) fn endpoint(&self, py: Python<'_>, number: usize) -> Option<Py<PyAny>> {
        self.lock().websockets.get(number).map(|declared| declared.object.clone_ref(py))
    }

    /// A server in the making; its controllers are called by this runner.
    pub(crate) fn server(&self, py: Python<'_>, runner: Arc<dyn Runner>) -> PyResult<vernal::Server> {
        let whole = self
            .lock()
            .mounts
            .iter()
            .find(|mount| mount.prefix.is_empty())
            .map(|mount| mount.app.clone_ref(py));
        match whole {
            Some(app) => Ok(app.get().server()),
            None => Ok(vernal::Server::of(self.builder(py, runner)?)),
        }
    }

    fn builder(&self, py: Python<'_>, runner: Arc<dyn Runner>) -> PyResult<Builder> {
        let mounted = self.mounted(py)?;
        let declared = self.lock();
        let compatible = settings::is_compatible(self.options.bind(py))?;
        let settings = Arc::new(Settings {
            runner: Arc::clone(&runner),
            filters: Filters(declared.filters.clone()),
            session_factory: self.session_factory.clone_ref(py),
            session_cookie: self.session_cookie.clone(),
            expose_errors: self.expose_errors,
            compatible,
        });
        let mut builder = settings::apply(as_the_reference(), self.options.bind(py), runner.may_wait())?;
        for declaration in &declared.routes {
            let controller = declaration.controller(py, &settings)?;
            builder = builder.route_at(declaration.route.clone(), declaration.location, Shared(controller));
        }
        let mut pages = ErrorPages::new(compatible);
        for (code, page) in &declared.error_pages {
            pages.add(code, page.clone_ref(py));
        }
        for declared in &declared.websockets {
            let (route, location, handlers) = declared.endpoint(py, &runner, self.expose_errors);
            builder = builder.websocket_at(route, location, handlers);
        }
        builder = builder.error_page(&["*"], move |info, _| pages.make(&runner, info));
        for (pattern, directory) in &declared.resources {
            builder = builder.resource(pattern, directory);
        }
        if let Some(declaration) = &declared.file_controller {
            let controller = declaration.controller(py, &settings)?;
            builder =
                builder.file_controller(move |path| settings.filters.is_any_for(path), Shared(controller));
        }
        Ok(mounted.into_iter().fold(builder, |builder, (prefix, app)| builder.mount(prefix, app)))
    }

    /// The apps that are mounted, where they are; made while nothing is locked, since what makes them is somebody's own.
    fn mounted(&self, py: Python<'_>) -> PyResult<Vec<(String, vernal::App)>> {
        let mount = |mount: &Mount| (mount.prefix.clone(), mount.app.clone_ref(py), mount.shares_sessions);
        let mounts: Vec<_> = self.lock().mounts.iter().map(mount).collect();
        let build = |(prefix, app, shares_sessions): (String, Py<RustApp>, bool)| {
            let session_cookie = shares_sessions.then_some(self.session_cookie.as_str());
            Ok((prefix, app.get().mounted(py, session_cookie)?))
        };
        mounts.into_iter().map(build).collect()
    }
}

/// Routes, paths and methods by the rules of the reference.
fn as_the_reference() -> Builder {
    vernal::App::builder()
        .precedence(Precedence::Declaration)
        .lenient_decoding(true)
        .implied_methods(false)
        .favicon(false)
        .regexp_fallback(regexp::fallback)
        .preferred_variable_characters(is_usual_in_variables)
        .variable_characters(|character| !character.is_control())
        .keep_field_names(true)
        .missing_file(HttpError::new(404).message("").explain("Cannot find file for this url."))
        .request_line(malformed::describe)
        .phrases(phrases::of)
}

/// What variables and wildcards take before regular expressions are asked (`spec/02` section 2); other characters they
/// take after those (`spec/08` B3).
fn is_usual_in_variables(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(character, '_' | '%' | '.' | '-' | '@' | '!' | '(' | ')' | '[' | ']' | '|' | '$')
}

impl Declaration {
    fn from_python(declared: &Bound<'_, PyAny>) -> PyResult<Declaration> {
        let function = declared.getattr("function")?;
        let method: String = declared.getattr("method")?.extract()?;
        let methods: Vec<String> = if method.is_empty() { Vec::new() } else { vec![method] };
        let route = match pattern_of(declared)? {
            Some(expression) => Route::regexp(expression),
            None => Route::path(declared.getattr("url")?.extract::<String>()?),
        };
        let route = route
            .method(methods)
            .params(declared.getattr("params")?.extract::<Vec<String>>()?)
            .match_all_params(declared.getattr("match_all_params")?.extract()?)
            .headers(declared.getattr("headers")?.extract::<Vec<String>>()?)
            .match_all_headers(declared.getattr("match_all_headers")?.extract()?);
        let factory = declared.getattr("object_factory")?;
        Ok(Declaration {
            route,
            location: location(&function, declared)?,
            function: function.unbind(),
            make: (!factory.is_none()).then(|| factory.unbind()),
            arguments: declared.getattr("arguments")?.unbind(),
        })
    }

    fn controller(&self, py: Python<'_>, settings: &Arc<Settings>) -> PyResult<Arc<PyController>> {
        let mut arguments = Vec::new();
        let mut body_use = BodyUse::Nothing;
        for object in self.arguments.bind(py).try_iter()? {
            let (argument, needs) = Argument::from_python(&object?)?;
            body_use = body_use.max(needs);
            arguments.push(argument);
        }
        if !settings.filters.0.is_empty() {
            body_use = body_use.max(BodyUse::FormOrJson);
        }
        let function = self.function.clone_ref(py);
        let callable = match &self.make {
            Some(make) => Callable::Method { make: make.clone_ref(py), function },
            None => Callable::Function(function),
        };
        let binds_by_flow = arguments.iter().any(|argument| argument.kind == Kind::Custom);
        Ok(Arc::new(PyController {
            callable,
            arguments,
            body_use,
            binds_by_flow,
            settings: Arc::clone(settings),
            location: self.location,
        }))
    }
}

/// The filters of an app, in the order in which they were declared.
pub(crate) struct Filters(Vec<(FilterTarget, Arc<Py<PyAny>>)>);

impl Filters {
    /// The filters for a path, each once (`spec/08` F-1).
    pub(crate) fn matching(&self, py: Python<'_>, path: &str) -> PyResult<Vec<Py<PyAny>>> {
        let mut matching = Vec::new();
        for (target, filter) in &self.0 {
            if target.matches(path)? {
                matching.push(filter.clone_ref(py));
            }
        }
        Ok(matching)
    }

    /// Whether there is a filter for a path; so too where that cannot be said, which [`matching`](Filters::matching) will
    /// say.
    fn is_any_for(&self, path: &str) -> bool {
        self.0.iter().any(|(target, _)| target.matches(path).unwrap_or(true))
    }
}

impl FilterTarget {
    fn matches(&self, path: &str) -> PyResult<bool> {
        match self {
            FilterTarget::Path(pattern) => Ok(pattern.matches(path).is_some()),
            FilterTarget::Regexp(expression) => {
                let bare = path.strip_prefix('/').unwrap_or(path);
                Ok(regexp::matches(expression, bare)? || regexp::matches(expression, path)?)
            }
        }
    }
}
