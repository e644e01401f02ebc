//! The journey of a request: read this first.

use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;

use crate::accept::Watch;
use crate::access::Access;
use crate::app::App;
use crate::bind::BodyUse;
use crate::controller::Answer;
use crate::filter::FilterContext;
use crate::guard::{CatchPanic, catch_panic};
use crate::request::{Captures, Connection, Request};
use crate::respond::{IntoResponse, OutgoingBody, Response, StaticFile, finish};
use crate::route::{Conditions, Found, MappingId};
use crate::{Error, HttpError, Result};

impl App {
    /// Answers a request. Never fails: an error has become a page.
    ///
    /// This is the one door: the server, the `tower::Service` and the test client all come through it. It needs no
    /// socket and, unless a controller may block, no thread.
    pub async fn handle(&self, mut request: Request) -> http::Response<OutgoingBody> {
        self.adopt(&mut request);
        self.answer(&mut request).await
    }

    /// The journey, of a request that stays where it is: what a future holds is copied when it is made.
    pub(crate) async fn answer(&self, request: &mut Request) -> http::Response<OutgoingBody> {
        let access = self.logs_access().then(Access::begin);
        let sent = match self.travel(request).await {
            Ok(response) => finish(self, request, response).await,
            Err(failure) => Ok(Box::pin(self.fail(request, *failure)).await),
        };
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => Box::pin(self.fail(request, error.into())).await,
        };
        if let Some(access) = access {
            access.end(request, &sent);
        }
        sent
    }

    /// Parse, route, filter; the last filter lets it [`arrive`](App::arrive).
    async fn travel(&self, request: &mut Request) -> Result<Response, Box<Failure>> {
        self.check_target(request)?;
        request.decode_path()?;
        let destination = match self.find(request)? {
            Some(destination) => destination,
            None => Box::pin(self.find_by_form(request)).await?,
        };
        let filters = self.filters().matching(request.path());
        if filters.is_empty() {
            return Ok(self.arrive(&destination, request).await?);
        }
        Box::pin(self.pass_filters(request, destination, filters)).await
    }

    /// Bind, call: the destination's own answer, without what filters have set.
    pub(crate) async fn arrive(&self, destination: &Destination, request: &mut Request) -> Result<Response> {
        let id = match destination {
            Destination::Mapping(id) => *id,
            Destination::File(path) => return StaticFile::new(path).into_response(),
            Destination::Options(allow) => return Ok(Response::new(204).header("Allow", allow)),
        };
        let target = self.target(id);
        if !request.is_prepared(target.body_use) {
            Box::pin(request.prepare(target.body_use)).await?;
        }
        if target.may_block {
            return Box::pin(self.call_blocking(id, request)).await;
        }
        match catch_panic(|| target.controller.call(request))? {
            Answer::Ready(answer) => answer,
            Answer::Pending(future) => CatchPanic(future).await,
        }
    }
}

/// Where a request goes.
pub(crate) enum Destination {
    Mapping(MappingId),
    File(PathBuf),
    /// The answer to OPTIONS where no controller takes it; the value of the `Allow` field.
    Options(String),
}

impl Destination {
    fn body_use(&self, app: &App) -> BodyUse {
        match self {
            Destination::Mapping(id) => app.target(*id).body_use,
            Destination::File(_) | Destination::Options(_) => BodyUse::Nothing,
        }
    }
}

/// The steps of the journey that take more than a line.
impl App {
    /// Makes the request one of this app, where the transport has not.
    fn adopt(&self, request: &mut Request) {
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
                let peer = request.peer_addr();
                Arc::new(Connection { app: self.clone(), peer, watch: Watch::default() })
            }
        }
    }

    /// Refuses over-long targets (RFC 9110 section 15.5.15) and methods that are none (section 9.1).
    fn check_target(&self, request: &mut Request) -> Result<(), HttpError> {
        let length = request.uri().path().len() + request.query().len();
        if length > self.limits().target_bytes {
            let limit = self.limits().target_bytes;
            return Err(HttpError::new(414).explain(format!("The target may have at most {limit} bytes.")));
        }
        if !is_standard(&request.method) {
            let upper = request.method.as_str().to_ascii_uppercase();
            match Method::from_bytes(upper.as_bytes()) {
                Ok(method) if is_standard(&method) => request.method = method,
                _ => return Err(HttpError::new(501).explain("Server does not support this operation")),
            }
        }
        Ok(())
    }

    /// Finds the mapping, or else the static file, for the request (`spec/02` section 3); `None` where conditions
    /// on parameters can only be tried once the form has been read.
    fn find(&self, request: &mut Request) -> Result<Option<Destination>> {
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
                let (values, groups) = (candidates.values, candidates.groups.into_vec());
                request.set_captures(Captures { mapping: Some(mapping), values, groups });
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
            return match request.method {
                Method::GET | Method::HEAD => Ok(Some(Destination::File(self.resources().resolve(&located)?))),
                Method::OPTIONS => Ok(Some(Destination::Options("GET, HEAD, OPTIONS".to_owned()))),
                _ => Err(MethodNotAllowed("GET, HEAD, OPTIONS".to_owned()).into()),
            };
        }
        elsewhere
            .map_err(|allow| allow.map_or_else(|| not_found().into(), |allow| MethodNotAllowed(allow).into()))
    }

    /// Reads the form that conditions ask about, then finds the mapping.
    async fn find_by_form(&self, request: &mut Request) -> Result<Destination> {
        request.load_params().await?;
        self.find(request)?.ok_or_else(|| not_found().into())
    }

    /// Runs the filters around the controller.
    async fn pass_filters(
        &self,
        request: &mut Request,
        destination: Destination,
        filters: SmallVec<[usize; 4]>,
    ) -> Result<Response, Box<Failure>> {
        if destination.body_use(self) != BodyUse::Stream {
            request.load_params().await?;
        }
        let connection = self.connection(request);
        let mut context = FilterContext::new(std::mem::take(request), connection, destination, filters);
        let result = context.do_chain().await;
        *request = context.request;
        match result {
            Ok(()) => Ok(context.response),
            Err(error) => Err(Box::new(Failure { error, so_far: context.response })),
        }
    }

    /// Runs a controller that may block on the blocking pool; the request goes there and comes back.
    async fn call_blocking(&self, id: MappingId, request: &mut Request) -> Result<Response> {
        let app = self.clone();
        let moved = std::mem::take(request);
        let runtime = tokio::runtime::Handle::current();
        let call = move || {
            let call = || match app.target(id).controller.call(&moved) {
                Answer::Ready(answer) => answer,
                Answer::Pending(future) => runtime.block_on(future),
            };
            let answer = catch_panic(call).and_then(|answer| answer);
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
        let mut request = Request::default();
        request.set_connection(Arc::clone(connection));
        self.fail(&request, error.into()).await
    }

    /// The page for an error, as it goes to the transport.
    async fn fail(&self, request: &Request, failure: Failure) -> http::Response<OutgoingBody> {
        let Failure { error, mut so_far } = failure;
        let shown = match error.downcast_ref::<MethodNotAllowed>() {
            Some(MethodNotAllowed(allow)) => {
                so_far.headers.insert("Allow", allow);
                HttpError::new(405).explain("The controller for your path takes other methods")
            }
            None => self.public_error(request, &error),
        };
        let page = self.error_pages().render(&shown, request, so_far).await;
        match finish(self, request, page).await {
            Ok(sent) => sent,
            Err(error) => {
                tracing::error!(?error, "an error page could not be sent");
                let mut bare = http::Response::new(OutgoingBody::default());
                *bare.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                bare
            }
        }
    }
}

/// Why a journey ended early, and what filters had set by then.
struct Failure {
    error: Error,
    so_far: Response,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: error.into(), so_far: Response::default() }
    }
}

impl<E: Into<Error>> From<E> for Box<Failure> {
    fn from(error: E) -> Self {
        Box::new(Failure::from(error))
    }
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

fn not_found() -> HttpError {
    HttpError::new(404).message("Controller Not Found").explain("Cannot find a controller for your path")
}
