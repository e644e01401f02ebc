//! Requests to controllers: patterns, conditions, the table.

mod build;
pub(crate) mod condition;
pub(crate) mod expressions;
mod method;
mod pattern;
pub(crate) mod table;
mod trie;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

pub use expressions::PathMatcher;
pub use pattern::{Pattern, Values};

pub(crate) use condition::{Conditions, Lookup};
pub(crate) use table::{Found, Mapping, MappingId, Table, TableBuilder};

/// Which requests reach a controller: a path pattern or a regular expression, and what narrows it.
///
/// The attributes and the programmatic face build the same value. Nothing is checked here: mistakes are reported
/// when the server starts, all at once, each with the function it stands at (`spec/02`).
///
/// ```
/// use vernal::route::Route;
///
/// let route = Route::path("/orders/{id}").method("GET, POST").params(["version=2", "!draft"]).rank(1);
/// ```
#[derive(Debug, Clone)]
pub struct Route {
    target: Target,
    methods: Vec<String>,
    params: Vec<String>,
    headers: Vec<String>,
    match_all_params: Option<bool>,
    match_all_headers: Option<bool>,
    rank: Option<i32>,
}

/// Which of several routes takes a request that more than one of them could take.
///
/// In either case exact paths come before patterns with variables or wildcards, those before regular expressions, and in
/// each of these a route that names the request's method before one for any method. A lower
/// [`rank`](Route::rank) comes before a higher one.
///
/// ```
/// use vernal::{App, Request, Route, controller, route::Precedence};
///
/// let app = App::builder()
///     .precedence(Precedence::Declaration)
///     .route(Route::path("/files/{name}"), controller::from_fn(|_: &Request| "any file"))
///     .route(Route::path("/files/{name}.txt"), controller::from_fn(|_: &Request| "never reached"))
///     .build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precedence {
    /// The more specific pattern; of one pattern's routes that with more conditions. Two routes that nothing tells apart
    /// are a mistake that is reported at start.
    #[default]
    Specificity,
    /// The pattern, or the regular expression, of which a route for this method was declared first. Of several routes of
    /// one pattern (`/p/{a}`, `/p/{b}` and `/p/*` are one) the one declared last whose conditions fit. There are no
    /// ambiguities (`spec/02` section 3).
    ///
    /// Attributes count in the order of their modules' names and of the lines in each, what is added by hand in the order
    /// of the calls.
    Declaration,
}

#[derive(Debug, Clone)]
enum Target {
    Path(String),
    Regexp(String),
}

impl Route {
    /// Requests whose path matches a [`Pattern`]; the leading slash is optional.
    pub fn path(pattern: impl Into<String>) -> Route {
        Route::new(Target::Path(pattern.into()))
    }

    /// Requests whose path matches a regular expression at its start; it is not anchored at the end unless it says
    /// so. The path is tried with its leading slash, then without. Its syntax is that of the `regex` crate, and what
    /// [`Builder::regexp_fallback`](crate::Builder::regexp_fallback) takes beyond that.
    pub fn regexp(expression: impl Into<String>) -> Route {
        Route::new(Target::Regexp(expression.into()))
    }

    fn new(target: Target) -> Route {
        Route {
            target,
            methods: Vec::new(),
            params: Vec::new(),
            headers: Vec::new(),
            match_all_params: None,
            match_all_headers: None,
            rank: None,
        }
    }

    /// Only these methods, in any case: `"GET"`, `"GET, POST"` or a list. Without this call: any method.
    pub fn method(mut self, methods: impl IntoMethods) -> Route {
        self.methods = methods.into_methods();
        self
    }

    /// Only requests whose parameters fit: `a=b`, `a!=b`, `a^=b` (starts with), `a` (present), `!a` (absent).
    ///
    /// One expression or a list of them; a text is one expression, commas and all (`spec/02` section 5).
    pub fn params(mut self, expressions: impl IntoExpressions) -> Route {
        self.params = expressions.into_expressions();
        self
    }

    /// Only requests whose header fields fit; expressions as for [`params`](Route::params), names in any case.
    pub fn headers(mut self, expressions: impl IntoExpressions) -> Route {
        self.headers = expressions.into_expressions();
        self
    }

    /// Whether all parameter expressions must fit (the default) or any one of them.
    pub fn match_all_params(mut self, all: bool) -> Route {
        self.match_all_params = Some(all);
        self
    }

    /// Whether all header expressions must fit (the default) or any one of them.
    pub fn match_all_headers(mut self, all: bool) -> Route {
        self.match_all_headers = Some(all);
        self
    }

    /// The place among routes that could take the same request: the lowest rank comes first; 0 by default.
    pub fn rank(mut self, rank: i32) -> Route {
        self.rank = Some(rank);
        self
    }

    /// Joins a method's route with that of the controller struct it belongs to (`spec/02` section 6).
    ///
    /// The struct's path goes in front, unless one of the two is a regular expression. The method's own HTTP
    /// methods, match-all settings and rank replace the struct's; the expressions of both apply.
    ///
    /// ```
    /// use vernal::route::Route;
    ///
    /// let class = Route::path("/orders").method("GET").params("version=2");
    /// let route = Route::path("{id}").within(&class); // GET /orders/{id}, if version=2
    /// ```
    pub fn within(mut self, class: &Route) -> Route {
        if let (Target::Path(own), Target::Path(prefix)) = (&self.target, &class.target) {
            self.target = Target::Path(join(prefix, own));
        }
        if self.methods.is_empty() {
            self.methods.clone_from(&class.methods);
        }
        self.params.extend_from_slice(&class.params);
        self.headers.extend_from_slice(&class.headers);
        self.match_all_params = self.match_all_params.or(class.match_all_params);
        self.match_all_headers = self.match_all_headers.or(class.match_all_headers);
        self.rank = self.rank.or(class.rank);
        self
    }

    /// Says whether two routes have the same target: a path with or without its leading slash, or an expression.
    #[cfg(feature = "websocket")]
    pub(crate) fn target_key(&self) -> (bool, String) {
        match &self.target {
            Target::Path(text) => (false, text.strip_prefix('/').unwrap_or(text).to_owned()),
            Target::Regexp(text) => (true, text.clone()),
        }
    }

    /// The methods as they were given; none for any method.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// The path pattern or regular expression as it was written.
    /// The methods as in an `Allow` field; `*` for any.
    pub(crate) fn methods_text(&self) -> String {
        if self.methods.is_empty() { "*".to_owned() } else { self.methods.join(", ") }
    }

    pub(crate) fn target_text(&self) -> &str {
        match &self.target {
            Target::Path(text) | Target::Regexp(text) => text,
        }
    }
}

/// One path behind the other with exactly one slash between them, none added for an empty one.
fn join(prefix: &str, path: &str) -> String {
    if path.is_empty() {
        return prefix.to_owned();
    }
    let slash = if prefix.ends_with('/') { "" } else { "/" };
    format!("{prefix}{slash}{}", path.strip_prefix('/').unwrap_or(path))
}

/// HTTP methods as [`Route::method`] takes them: one text, several separated by commas, or a list.
pub trait IntoMethods {
    /// The single names, in the order given.
    fn into_methods(self) -> Vec<String>;
}

/// Narrowing expressions as [`Route::params`] and [`Route::headers`] take them: one text, or a list.
pub trait IntoExpressions {
    /// The single expressions, in the order given.
    fn into_expressions(self) -> Vec<String>;
}

macro_rules! one_or_many {
    (one: [$($one:ty),*], many: [$($many:ty $(, $length:ident)?);*]) => {
        $(impl IntoMethods for $one {
            fn into_methods(self) -> Vec<String> { split_methods([self]) }
        }
        impl IntoExpressions for $one {
            fn into_expressions(self) -> Vec<String> { vec![self.to_string()] }
        })*
        $(impl<T: AsRef<str> $(, const $length: usize)?> IntoMethods for $many {
            fn into_methods(self) -> Vec<String> { split_methods(self) }
        }
        impl<T: AsRef<str> $(, const $length: usize)?> IntoExpressions for $many {
            fn into_expressions(self) -> Vec<String> {
                self.into_iter().map(|expression| expression.as_ref().to_owned()).collect()
            }
        })*
    };
}

one_or_many!(one: [&str, String, &String], many: [Vec<T>; &Vec<T>; &[T]; [T; N], N; &[T; N], N]);

fn split_methods(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut methods = Vec::new();
    for name in names {
        let single = name.as_ref().split(',').map(str::trim).filter(|name| !name.is_empty());
        methods.extend(single.map(str::to_owned));
    }
    methods
}

/// Where something was declared, for error texts: `my_app::controllers::hello (src/controllers.rs:12)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The function's name; `Type::method` for a method; empty for a route added by hand.
    pub function: &'static str,
    /// The path of its module.
    pub module: &'static str,
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line of the function, the same for all attributes on it.
    pub line: u32,
}

impl Location {
    /// A place whose name is only known while the program runs. Each different text is kept for as long as that.
    ///
    /// ```
    /// use vernal::Location;
    ///
    /// let place = Location::interned("hello", "controllers", "controllers.py", 12);
    /// assert_eq!(place.to_string(), "controllers::hello (controllers.py:12)");
    /// ```
    pub fn interned(function: &str, module: &str, file: &str, line: u32) -> Self {
        Location { function: interned(function), module: interned(module), file: interned(file), line }
    }

    /// Where a route was added by hand.
    pub(crate) fn by_hand(caller: &'static std::panic::Location<'static>) -> Self {
        Location { function: "", module: "", file: caller.file(), line: caller.line() }
    }

    pub(crate) fn is_by_hand(&self) -> bool {
        self.function.is_empty()
    }
}

/// This text, kept for as long as the program runs; equal ones are kept once.
fn interned(text: &str) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = texts.get(text) {
        return known;
    }
    let kept: &'static str = Box::leak(Box::from(text));
    texts.insert(kept);
    kept
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_by_hand() {
            return write!(f, "a route added by hand ({}:{})", self.file, self.line);
        }
        write!(f, "{}::{} ({}:{})", self.module, self.function, self.file, self.line)
    }
}
