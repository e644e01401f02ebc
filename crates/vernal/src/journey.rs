//! The journey of a request: read this first.

use std::path::PathBuf;
use std::sync::Arc;

use http::Method;

use crate::accept::Watch;
use crate::access::Access;
use crate::app::App;
use crate::bind::BodyUse;
use crate::filter::FilterContext;
use crate::guard::{catch_panic, catch_panic_blocking};
use crate::request::{Captures, Connection, Request};
use crate::respond::{Body, OutgoingBody, Response, StaticFile, finish};
use crate::route::{Conditions, Found, MappingId};
use crate::{Error, HttpError, Result};

impl App {
    /// Answers a request. Never fails: an error has become a page.
    ///
    /// This is the one door: the server, the `tower::Service` and the test client all come through it. It needs no
    /// socket and, unless a controller may block, no thread.
    pub async fn handle(&self, mut request: Request) -> http::Response<OutgoingBody> {
        let access = self.logs_access().then(Access::begin);
        self.adopt(&mut request);
        let mut response = Response::default();
        let sent = match self.travel(&mut request, &mut response).await {
            Ok(()) => finish(self, &request, response).await,
            Err(error) => Ok(self.fail(&request, &error, response).await),
        };
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => self.fail(&request, &error, Response::default()).await,
        };
        if let Some(access) = access {
            access.end(&request, &sent);
        }
        sent
    }

    /// Parse, route, filter; the last filter lets it [`arrive`](App::arrive).
    async fn travel(&self, request: &mut Request, response: &mut Response) -> Result<()> {
        self.check_target(request)?;
        request.decode_path()?;
        let destination = self.find(request).await?;
        let filters = self.filters().matching(request.path());
        if filters.is_empty() {
            *response = self.arrive(&destination, request).await?;
            return Ok(());
        }
        if destination.body_use(self) != BodyUse::Stream {
            request.load_params().await?;
        }
        let connection = self.connection(request);
        let mut context = FilterContext::new(std::mem::take(request), connection, destination, filters);
        let result = context.do_chain().await;
        (*request, *response) = (context.request, context.response);
        result
    }

    /// Bind, call: the destination's own answer, without what filters have set.
    pub(crate) async fn arrive(&self, destination: &Destination, request: &mut Request) -> Result<Response> {
        match destination {
            Destination::Mapping(id) => {
                request.prepare(self.target(*id).body_use).await?;
                match self.target(*id).may_block {
                    true => self.call_blocking(*id, request).await,
                    false => {
                        catch_panic(async || self.target(*id).controller.call(request).wait().await).await
                    }
                }
            }
            Destination::File(path) => {
                let mut response = Response::default();
                response.set_body(Body::from(StaticFile::new(path)));
                Ok(response)
            }
            Destination::Options(allow) => Ok(Response::new(204).header("Allow", allow)),
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

    /// Finds the mapping, or else the static file, for the request (`spec/02` section 3).
    async fn find(&self, request: &mut Request) -> Result<Destination> {
        let elsewhere = match self.table().find(&request.method, request.path()) {
            Found::Slot(candidates) => {
                if candidates.needs_params() {
                    request.load_params().await?;
                }
                let fits = |params: &Conditions, headers: &Conditions| {
                    let by_params =
                        params.is_empty() || request.params().is_ok_and(|found| params.matches(found));
                    by_params && headers.matches(&request.headers)
                };
                let chosen = candidates.iter().find(|(_, params, headers)| fits(params, headers));
                let (mapping, ..) = chosen.ok_or_else(not_found)?;
                let (values, groups) = (candidates.values, candidates.groups);
                request.set_captures(Captures { mapping: Some(mapping), values, groups });
                return Ok(Destination::Mapping(mapping));
            }
            Found::Options(allow) => Ok(Destination::Options(allow)),
            Found::MethodNotAllowed(allow) => Err(Some(allow)),
            Found::NotFound if request.method == Method::OPTIONS && request.uri().path() == "*" => {
                Ok(Destination::Options(ALL_METHODS.to_owned()))
            }
            Found::NotFound => Err(None),
        };
        if let Some(located) = self.resources().find(request.path()) {
            return match request.method {
                Method::GET | Method::HEAD => Ok(Destination::File(self.resources().resolve(&located)?)),
                Method::OPTIONS => Ok(Destination::Options("GET, HEAD, OPTIONS".to_owned())),
                _ => Err(MethodNotAllowed("GET, HEAD, OPTIONS".to_owned()).into()),
            };
        }
        elsewhere
            .map_err(|allow| allow.map_or_else(|| not_found().into(), |allow| MethodNotAllowed(allow).into()))
    }

    /// Runs a controller that may block on the blocking pool; the request goes there and comes back.
    async fn call_blocking(&self, id: MappingId, request: &mut Request) -> Result<Response> {
        let app = self.clone();
        let moved = std::mem::take(request);
        let runtime = tokio::runtime::Handle::current();
        let call = move || {
            let answer = catch_panic_blocking(|| match app.target(id).controller.call(&moved) {
                crate::controller::Answer::Ready(result) => result,
                crate::controller::Answer::Pending(future) => runtime.block_on(future),
            });
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
        self.fail(&request, &error.into(), Response::default()).await
    }

    /// The page for an error, as it goes to the transport.
    async fn fail(
        &self,
        request: &Request,
        error: &Error,
        mut so_far: Response,
    ) -> http::Response<OutgoingBody> {
        let allow = error.downcast_ref::<MethodNotAllowed>();
        if let Some(MethodNotAllowed(allow)) = allow {
            so_far.headers.insert("Allow", allow);
        }
        let shown = match allow {
            Some(_) => HttpError::new(405).explain("The controller for your path takes other methods"),
            None => self.public_error(request, error),
        };
        let page = self.error_pages().render(&shown, request, so_far).await;
        match finish(self, request, page).await {
            Ok(sent) => sent,
            Err(failure) => {
                tracing::error!(error = ?failure, "an error page could not be sent");
                let mut bare = http::Response::new(OutgoingBody::default());
                *bare.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                bare
            }
        }
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
