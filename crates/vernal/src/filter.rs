//! What stands around the controller.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::guard::{CatchPanic, catch_panic};
use crate::journey::Destination;
use crate::request::{Connection, Request};
use crate::respond::{IntoResponse, Redirect, Response};
use crate::route::expressions::{self, Expressions, Fallback};
use crate::route::{Location, Pattern};
use crate::{HttpError, Result};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs before and after the controller. `#[request_filter]` makes one of a function, [`from_fn`] of a closure.
///
/// Filters stand before what was found: controllers, files, the answers to OPTIONS. A request that reaches none of
/// them (404, 405, a malformed target) passes no filter, so what every answer must have, such as a security header,
/// belongs into the error pages as well.
pub trait Filter: Send + Sync + 'static {
    /// Handles the request; [`FilterContext::do_chain`] runs what comes after this filter.
    fn filter<'c>(&'c self, context: &'c mut FilterContext) -> BoxFuture<'c, Result<()>>;
}

/// A function as a filter; what `#[request_filter]` makes.
pub struct FunctionFilter(for<'c> fn(&'c mut FilterContext) -> BoxFuture<'c, Result<()>>);

impl FunctionFilter {
    /// A filter from the call that the attribute generated.
    pub fn new(call: for<'c> fn(&'c mut FilterContext) -> BoxFuture<'c, Result<()>>) -> Self {
        FunctionFilter(call)
    }
}

impl Filter for FunctionFilter {
    fn filter<'c>(&'c self, context: &'c mut FilterContext) -> BoxFuture<'c, Result<()>> {
        (self.0)(context)
    }
}

struct Closure<F>(F);

impl<F> Filter for Closure<F>
where
    F: for<'c> Fn(&'c mut FilterContext) -> BoxFuture<'c, Result<()>> + Send + Sync + 'static,
{
    fn filter<'c>(&'c self, context: &'c mut FilterContext) -> BoxFuture<'c, Result<()>> {
        (self.0)(context)
    }
}

/// A closure as a filter, without any attribute.
///
/// ```
/// use vernal::filter::{self, FilterContext, FilterPattern};
/// use vernal::App;
///
/// let timing = filter::from_fn(|context: &mut FilterContext| Box::pin(async move {
///     context.do_chain().await?;
///     context.response.headers.insert("X-Checked", "yes");
///     Ok(())
/// }));
/// let app = App::builder().filter(FilterPattern::path("/**"), timing).build()?;
/// # Ok::<(), vernal::Error>(())
/// ```
pub fn from_fn<F>(function: F) -> impl Filter
where
    F: for<'c> Fn(&'c mut FilterContext) -> BoxFuture<'c, Result<()>> + Send + Sync + 'static,
{
    Closure(function)
}

/// The request and the response on their way through the chain.
///
/// The response collects what filters set before the controller runs (defaults for its answer) and, once
/// [`do_chain`](FilterContext::do_chain) has returned, is the whole answer, which may still be changed.
pub struct FilterContext {
    /// The request; later filters and the controller see what is changed.
    pub request: Request,
    /// The response so far.
    pub response: Response,
    connection: Arc<Connection>,
    destination: Destination,
    filters: SmallVec<[usize; 4]>,
    next: usize,
}

impl FilterContext {
    pub(crate) fn new(
        request: Request,
        connection: Arc<Connection>,
        destination: Destination,
        filters: SmallVec<[usize; 4]>,
    ) -> Self {
        FilterContext { request, response: Response::default(), connection, destination, filters, next: 0 }
    }

    /// Runs the rest of the chain and the controller. A filter that does not call this ends the request with what
    /// it has put into the response.
    ///
    /// # Errors
    ///
    /// The error of a later filter or of the controller; `?` hands it on to the error pages.
    pub async fn do_chain(&mut self) -> Result<()> {
        let connection = Arc::clone(&self.connection);
        let Some(filter) = self.filters.get(self.next) else {
            let answer = connection.app.arrive(&self.destination, &mut self.request).wait().await?;
            self.response.absorb(answer);
            return Ok(());
        };
        let filter = connection.app.filters().get(*filter);
        self.next += 1;
        let result = match catch_panic(|| filter.filter(self)) {
            Ok(future) => CatchPanic(future).await,
            Err(error) => Err(error),
        };
        self.next -= 1;
        result
    }

    /// Answers with a redirect (302); nothing after this filter runs.
    ///
    /// # Errors
    ///
    /// None; the form lets a filter end with `return context.send_redirect(…)`.
    pub fn send_redirect(&mut self, url: impl Into<String>) -> Result<()> {
        self.response.absorb(Redirect::to(url).into_response()?);
        Ok(())
    }

    /// Answers with an error page; nothing after this filter runs.
    ///
    /// # Errors
    ///
    /// Always the error itself, for `return context.send_error(…)`.
    pub fn send_error(&mut self, code: u16, message: impl Into<String>) -> Result<()> {
        Err(HttpError::new(code).message(message).into())
    }
}

/// Which requests pass a filter.
#[derive(Debug, Clone)]
pub enum FilterPattern {
    /// A path pattern, as of a route.
    Path(String),
    /// A regular expression, tried against the path with its slash and without.
    Regexp(String),
}

impl FilterPattern {
    /// A path pattern, as of a route: `/admin/**`.
    pub fn path(pattern: impl Into<String>) -> Self {
        FilterPattern::Path(pattern.into())
    }

    /// A regular expression, anchored at the start: `^/admin`.
    pub fn regexp(expression: impl Into<String>) -> Self {
        FilterPattern::Regexp(expression.into())
    }
}

/// A filter before the app is built.
pub(crate) struct FilterEntry {
    pub(crate) patterns: Vec<FilterPattern>,
    pub(crate) order: Option<i32>,
    pub(crate) location: Option<Location>,
    pub(crate) filter: Box<dyn Filter>,
}

/// All filters of an app in the order in which they run: those with an order first, equal ones by name.
#[derive(Default)]
pub(crate) struct Filters {
    filters: Vec<Box<dyn Filter>>,
    paths: Vec<(usize, Pattern)>,
    expressions: Expressions<usize>,
}

impl Filters {
    pub(crate) fn new(
        mut entries: Vec<FilterEntry>,
        regexp_fallback: Option<&Fallback>,
        mistakes: &mut Vec<String>,
    ) -> Self {
        entries.sort_by_cached_key(|entry| {
            let name = entry.location.map(|location| format!("{}::{}", location.module, location.function));
            (entry.order.is_none(), entry.order, name)
        });
        let mut filters = Filters::default();
        let mut compiled = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let place = entry.location.map_or_else(|| "a filter".to_owned(), |location| location.to_string());
            for pattern in entry.patterns {
                match pattern {
                    FilterPattern::Path(text) => match Pattern::parse(&text) {
                        Ok(pattern) => filters.paths.push((index, pattern)),
                        Err(mistake) => mistakes.push(format!("{place}: {mistake}")),
                    },
                    FilterPattern::Regexp(text) => match expressions::compile(&text, regexp_fallback) {
                        Ok(expression) => compiled.push((expression, index)),
                        Err(mistake) => mistakes.push(format!("{place}: {mistake}")),
                    },
                }
            }
            filters.filters.push(entry.filter);
        }
        match Expressions::new(compiled) {
            Ok(expressions) => filters.expressions = expressions,
            Err(mistake) => mistakes.push(format!("the filters' regular expressions together: {mistake}")),
        }
        filters
    }

    pub(crate) fn get(&self, index: usize) -> &dyn Filter {
        &*self.filters[index]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The filters for this path, each once, in order.
    pub(crate) fn matching(&self, path: &str) -> SmallVec<[usize; 4]> {
        let mut found = SmallVec::new();
        found.extend(
            self.paths.iter().filter(|(_, pattern)| pattern.matches(path).is_some()).map(|(index, _)| *index),
        );
        // a filter whose expression cannot be tried is not passed by
        self.expressions.visit(path, true, &mut |index| found.push(*index));
        found.sort_unstable();
        found.dedup();
        found
    }
}
