//! The journey of a request: read this first.

use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;
use tokio::runtime::Handle;

use crate::accept::Watch;
use crate::access::Access;
use crate::app::{App, Runs, Target};
use crate::bind::BodyUse;
use crate::controller::{Answer, Call};
use crate::filter::FilterContext;
use crate::guard::{CatchPanic, catch_panic};
use crate::request::{Captures, Connection, Request};
use crate::respond::favicon;
use crate::respond::{IntoResponse, OutgoingBody, Response, StaticFile, close_session, finish, uses_session};
use crate::route::{Conditions, Found, MappingId};
use crate::{Error, HttpError, Result};

impl App {
    /// Answers a request. Never fails: an error has become a page.
    ///
    /// This is the one door: the server, the `tower::Service` and the test client all come through it, and so may other
    /// transports, with [`Request::raw`]. It needs no socket and, unless a controller may block, no thread.
    ///
    /// It may be awaited outside of any tokio runtime, and so may the body. Then a controller that may block, a file that is
    /// read and a response that is compressed block the thread that polls, and what is bounded by a clock (`body_timeout`,
    /// `body_rate`, `request_timeout`) is left to the transport. What controllers themselves ask of tokio, such as a timer
    /// in a [`Stream`](crate::Stream), needs the runtime as ever.
    pub async fn handle(&self, mut request: Request) -> http::Response<OutgoingBody> {
        self.adopt(&mut request);
        match self.enter(&mut request) {
            Some(app) => app.answer(&mut request).await,
            None => self.answer(&mut request).await,
        }
    }

    /// The page for what was no request, as [`Request::raw`] found.
    pub async fn refusal(&self, error: HttpError) -> http::Response<OutgoingBody> {
        let connection = Arc::new(Connection::new(self.clone(), None, Watch::default()));
        self.refuse(&connection, error).await
    }

    /// The journey of a request that stays where it is: what a future holds is copied when it is made.
    pub(crate) async fn answer(&self, request: &mut Request) -> http::Response<OutgoingBody> {
        let access = Access::begin(self.logs_access());
        let mut answered = match self.travel(request) {
            Answer::Ready(answered) => answered,
            Answer::Pending(future) if self.limits().request_timeout.is_zero() => CatchPanic(future).await,
            Answer::Pending(future) => self.in_time(CatchPanic(future)).await,
        };
        if uses_session(self, request) {
            answered = Box::pin(close_session(self, request, answered)).await;
            if let Ok(response) = &answered {
                request.keep_cookies(response);
            }
        }
        let sent = match answered.and_then(|response| finish(self, request, response)) {
            Ok(sent) => sent,
            Err(error) => Box::pin(self.fail(request, error)).await,
        };
        if let Some(access) = access {
            access.end(request, &sent);
        }
        sent
    }

    /// Parse, route, filter; the last filter lets it [`arrive`](App::arrive).
    fn travel<'r>(&'r self, request: &'r mut Request) -> Answer<'r> {
        let destination = match self.check_target(request).and_then(|()| self.find(request)) {
            Ok(Some(destination)) => destination,
            Ok(None) => return Answer::future(self.travel_by_form(request)),
            Err(error) => return Answer::Ready(Err(error)),
        };
        if self.filters().is_empty() {
            return self.arrive(&destination, request);
        }
        let filters = self.filters().matching(request.path());
        if filters.is_empty() {
            return self.arrive(&destination, request);
        }
        Answer::future(self.pass_filters(request, destination, filters))
    }

    /// Bind, call: the destination's own answer, without what filters have set.
    pub(crate) fn arrive<'r>(&'r self, destination: &Destination, request: &'r mut Request) -> Answer<'r> {
        let target = match destination {
            Destination::Mapping(id) => self.target(*id),
            Destination::Favicon => return Answer::Ready(Ok(favicon::favicon())),
            Destination::File(file) => return Answer::Ready(file.clone().into_response()),
            Destination::Options(allow) => {
                return Answer::Ready(Ok(Response::new(204).header("Allow", allow)));
            }
        };
        if !request.is_prepared(target.body_use) {
            return Answer::future(self.prepare_and_call(target, request));
        }
        let answer = match target.runs {
            Runs::Here => catch_panic(|| target.controller.call(request)),
            Runs::OnThread => Ok(Answer::future(self.call_blocking(target, request))),
            Runs::Elsewhere => call_elsewhere(target, request),
        };
        answer.unwrap_or_else(|error| Answer::Ready(Err(error)))
    }
}

/// Where a request goes.
pub(crate) enum Destination {
    Mapping(MappingId),
    File(StaticFile),
    /// The icon of an app that maps none.
    Favicon,
    /// The answer to OPTIONS where no controller takes it; the value of the `Allow` field.
    Options(String),
}

impl Destination {
    fn body_use(&self, app: &App) -> BodyUse {
        match self {
            Destination::Mapping(id) => app.target(*id).body_use,
            Destination::File(_) | Destination::Favicon | Destination::Options(_) => BodyUse::Nothing,
        }
    }
}

/// The steps of the journey that take more than a line.
impl App {
    /// Makes the request one of this app, where the transport has not.
    pub(crate) fn adopt(&self, request: &mut Request) {
        if !request.connection().is_some_and(|connection| connection.app.is(self)) {
            let connection = self.connection(request);
            request.set_connection(connection);
        }
    }

    /// The connection of the request, or one for a request that came without.
    fn connection(&self, request: &Request) -> Arc<Connection> {
        match request.connection() {
            Some(connection) if connection.app.is(self) => Arc::clone(connection),
            _ => {
                // another server has left the address among the extensions
                let peer = request.peer_addr().or_else(|| request.extensions.get().copied());
                let mut connection = Connection::new(self.clone(), peer, Watch::default());
                if let Some(other) = request.connection() {
                    (connection.is_unix, connection.proxied) = (other.is_unix, other.proxied);
                    connection.is_proxied_tls = other.is_proxied_tls;
                }
                Arc::new(connection)
            }
        }
    }

    /// Refuses over-long targets (RFC 9110 section 15.5.15).
    pub(crate) fn check_length(&self, request: &Request) -> Result<(), HttpError> {
        let limit = self.limits().target_bytes;
        match request.uri().path().len() + request.query().len() > limit {
            true => Err(HttpError::new(414).explain(format!("The target may have at most {limit} bytes."))),
            false => Ok(()),
        }
    }

    /// Refuses over-long targets and methods that are none (RFC 9110 section 9.1).
    fn check_target(&self, request: &mut Request) -> Result<()> {
        self.check_length(request)?;
        if request.method == Method::CONNECT {
            return Err(HttpError::new(501).explain("Server does not open tunnels").into());
        }
        if !is_standard(&request.method) {
            let upper = request.method.as_str().to_ascii_uppercase();
            match Method::from_bytes(upper.as_bytes()) {
                Ok(method) if is_standard(&method) => request.method = method,
                _ => {
                    return Err(HttpError::new(501).explain("Server does not support this operation").into());
                }
            }
        }
        Ok(())
    }

    /// Waits as long as the limit `request_timeout` allows.
    pub(crate) async fn in_time<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.limits().request_timeout;
        if limit.is_zero() || Handle::try_current().is_err() {
            return future.await;
        }
        let timeout = |_| {
            let seconds = limit.as_secs_f32();
            Err(HttpError::new(503).explain(format!("There was no answer within {seconds} seconds.")).into())
        };
        Box::pin(tokio::time::timeout(limit, future)).await.unwrap_or_else(timeout)
    }

    /// Finds the mapping, or else the static file, for the request (`spec/02` section 3); `None` where conditions
    /// on parameters can only be tried once the form has been read.
    fn find(&self, request: &mut Request) -> Result<Option<Destination>> {
        request.decode_path()?;
        let elsewhere = match self.table().find(&request.method, request.path()) {
            Found::Slot(candidates) => {
                if candidates.needs_params() {
                    if request.has_form() {
                        return Ok(None);
                    }
                    request.params()?;
                }
                let fits = |params: &Conditions, headers: &Conditions| {
                    let by_params =
                        params.is_empty() || request.params().is_ok_and(|found| params.matches(found));
                    by_params && headers.matches(&request.headers)
                };
                let chosen = candidates.iter().find(|(_, params, headers)| fits(params, headers));
                let (mapping, ..) = chosen.ok_or_else(not_found)?;
                let values = candidates.values;
                // most routes have none, for which `into_vec` would go a long way
                let groups = match candidates.groups.is_empty() {
                    true => Vec::new(),
                    false => candidates.groups.into_vec(),
                };
                let captures = Captures {
                    mapping: Some(mapping),
                    #[cfg(feature = "websocket")]
                    is_endpoint: false,
                    values,
                    groups,
                };
                request.set_captures(captures);
                return Ok(Some(Destination::Mapping(mapping)));
            }
            Found::Options(allow) => Ok(Some(Destination::Options(allow))),
            Found::MethodNotAllowed(allow) => Err(Some(allow)),
            Found::NotFound if request.method == Method::OPTIONS && request.uri().path() == "*" => {
                Ok(Some(Destination::Options(ALL_METHODS.to_owned())))
            }
            Found::NotFound => Err(None),
        };
        if let Some(located) = self.resources().find(request.path()) {
            let file = || {
                if let Some(controller) = self.file_controller(request.path()) {
                    return Ok(Some(Destination::Mapping(controller)));
                }
                let file = self.resources().resolve(&located).map_err(|error| self.file_error(error))?;
                Ok(Some(Destination::File(file)))
            };
            return match request.method {
                Method::GET | Method::HEAD => file(),
                _ if !self.implies_methods() => file(),
                Method::OPTIONS => Ok(Some(Destination::Options("GET, HEAD, OPTIONS".to_owned()))),
                _ => Err(MethodNotAllowed("GET, HEAD, OPTIONS".to_owned()).into()),
            };
        }
        let asks = matches!(request.method, Method::GET | Method::HEAD);
        if asks && self.has_favicon() && elsewhere.is_err() && request.path() == favicon::PATH {
            return Ok(Some(Destination::Favicon));
        }
        elsewhere
            .map_err(|allow| allow.map_or_else(|| not_found().into(), |allow| MethodNotAllowed(allow).into()))
    }

    /// Reads the form that conditions ask about, then begins again.
    async fn travel_by_form(&self, request: &mut Request) -> Result<Response> {
        // a form stays the body of a controller that wants it whole
        let body_use = match self.table().find(&request.method, request.path()) {
            Found::Slot(candidates) => {
                let uses = candidates.iter().map(|(id, ..)| self.target(id).body_use);
                uses.filter(|body_use| *body_use != BodyUse::Stream).fold(BodyUse::Form, Ord::max)
            }
            _ => BodyUse::Form,
        };
        request.prepare(body_use).await?;
        self.travel(request).wait().await
    }

    /// Runs the filters around the controller.
    async fn pass_filters(
        &self,
        request: &mut Request,
        destination: Destination,
        filters: SmallVec<[usize; 4]>,
    ) -> Result<Response> {
        match destination.body_use(self) {
            BodyUse::Stream => {}
            // a multipart form that is read for its parameters alone is gone for the controller
            body_use @ (BodyUse::FormOrJson | BodyUse::Whole) => request.prepare(body_use).await?,
            BodyUse::Nothing | BodyUse::Form => request.load_params().await?,
        }
        let connection = self.connection(request);
        let mut context = FilterContext::new(std::mem::take(request), connection, destination, filters);
        let result = context.do_chain().await;
        *request = context.request;
        match result {
            Ok(()) => Ok(context.response),
            Err(error) => {
                request.set_aside(context.response);
                Err(error)
            }
        }
    }

    /// Reads of the body what the controller asks for, and calls it where it may block.
    async fn prepare_and_call(&self, target: &Target, request: &mut Request) -> Result<Response> {
        request.prepare(target.body_use).await?;
        match target.runs {
            Runs::Here => catch_panic(|| target.controller.call(request))?.wait().await,
            Runs::OnThread => self.call_blocking(target, request).await,
            Runs::Elsewhere => call_elsewhere(target, request)?.wait().await,
        }
    }

    /// Runs a controller on the blocking pool; the request goes there and comes back.
    async fn call_blocking(&self, target: &Target, request: &mut Request) -> Result<Response> {
        let Ok(runtime) = Handle::try_current() else {
            return catch_panic(|| target.controller.call(request))?.wait().await;
        };
        let leave = Arc::clone(self.blocking()).acquire_owned().await?;
        let controller = Arc::clone(&target.controller);
        let moved = std::mem::take(request);
        let call = move || {
            let call = || match controller.call(&moved) {
                Answer::Ready(answer) => answer,
                Answer::Pending(future) => runtime.block_on(future),
            };
            let answer = catch_panic(call).and_then(|answer| answer);
            drop(leave);
            (moved, answer)
        };
        let (moved, answer) = tokio::task::spawn_blocking(call).await?;
        *request = moved;
        answer
    }

    /// The page for bytes that were no request.
    pub(crate) async fn refuse(
        &self,
        connection: &Arc<Connection>,
        error: HttpError,
    ) -> http::Response<OutgoingBody> {
        let access = Access::begin(self.logs_access());
        let mut request = Request::default();
        request.set_connection(Arc::clone(connection));
        let page = self.fail(&mut request, error.into()).await;
        if let Some(access) = access {
            access.end_refused(&request, &page);
        }
        page
    }

    /// The page for an error, as it goes to the transport.
    pub(crate) async fn fail(&self, request: &mut Request, error: Error) -> http::Response<OutgoingBody> {
        let mut so_far = request.take_aside();
        let shown = match error.downcast_ref::<MethodNotAllowed>() {
            Some(MethodNotAllowed(allow)) => {
                so_far.headers.insert("Allow", allow);
                HttpError::new(405).explain("The controller for your path takes other methods")
            }
            None => self.public_error(request, &error),
        };
        let shown = self.in_own_words(shown);
        if let Some((name, value)) = shown.own_field() {
            so_far.headers.insert(name, value);
        }
        let page = self.error_pages().render(&shown, request, so_far).await;
        match finish(self, request, page) {
            Ok(sent) => sent,
            Err(error) => {
                tracing::error!(?error, "an error page could not be sent");
                let mut bare = http::Response::new(OutgoingBody::default());
                *bare.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                if let Some(name) = self.server_name() {
                    bare.headers_mut().insert(http::header::SERVER, name.clone());
                }
                bare
            }
        }
    }
}

/// Gives a call to a controller that makes it elsewhere; the request comes back with the answer.
fn call_elsewhere<'r>(target: &Target, request: &'r mut Request) -> Result<Answer<'r>> {
    if !matches!(target.body_use, BodyUse::Nothing | BodyUse::Stream) {
        request.params()?;
    }
    // stays in the journey, whoever keeps the rest
    #[cfg(feature = "http2")]
    let running = request.let_go();
    let (call, awaited) = Call::new(std::mem::take(request));
    catch_panic(|| target.controller.take(call))?;
    Ok(Answer::future(async move {
        let answer = awaited.wait(request).await;
        #[cfg(feature = "http2")]
        if let Some(running) = running {
            request.hold(running);
        }
        answer
    }))
}

/// The path is known, for other methods; carries the value of the `Allow` field.
#[derive(Debug)]
struct MethodNotAllowed(String);

impl std::fmt::Display for MethodNotAllowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "method not allowed; allowed are {}", self.0)
    }
}

impl std::error::Error for MethodNotAllowed {}

const ALL_METHODS: &str = "CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE";

fn is_standard(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::POST
            | Method::HEAD
            | Method::PUT
            | Method::DELETE
            | Method::OPTIONS
            | Method::PATCH
            | Method::TRACE
            | Method::CONNECT
    )
}

pub(crate) fn not_found() -> HttpError {
    HttpError::new(404).message("Controller Not Found").explain("Cannot find a controller for your path")
}
