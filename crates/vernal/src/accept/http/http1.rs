//! HTTP/1.1.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
#[cfg(feature = "websocket")]
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming as Arriving;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep};

use crate::HttpError;
use crate::accept::http::head::Refusal;
use crate::accept::socket::{Remains, Socket};
use crate::accept::stream::Stream;
use crate::accept::{CUT, ENDING, Handover, InFlight, Serving, Watch, refusal};
use crate::parse::Incoming;
use crate::request::{Connection, Request};
use crate::respond::{OutgoingBody, Reason};
#[cfg(feature = "websocket")]
use crate::{
    accept::http::plain,
    app::App,
    websocket::{Accepted, EndpointId, Upgrade},
};

/// A connection without a request for so long gives back the room that a conversation takes, some 20 KB, and waits
/// for the next request with its socket alone. The allocator keeps the room of as many as talk at once, so this is short.
const REST: Duration = Duration::from_millis(100);

/// How a conversation ended.
pub(crate) enum Outcome {
    /// The connection is over.
    Ended,
    /// The client speaks HTTP/2: the stream comes back, with what has been read.
    #[cfg(feature = "http2")]
    IsHttp2(Stream, Bytes),
    /// Nothing is under way: the stream comes back, with what has been read of the next request.
    Rests(Stream, Bytes),
    /// All is answered, but the client may still be sending, or reading.
    Finished(Stream),
    /// A WebSocket goes on where HTTP has ended.
    #[cfg(feature = "websocket")]
    Switched(Box<Switched>),
}

/// A connection that speaks another protocol from here on.
#[cfg(feature = "websocket")]
pub(crate) struct Switched {
    pub(crate) stream: Stream,
    /// What is to be written before anything else: the end of the answer.
    pub(crate) unsent: Vec<u8>,
    /// What the client has sent already.
    pub(crate) early: Bytes,
    pub(crate) accepted: Accepted,
}

/// Speaks HTTP/1.1 until the connection ends or rests.
pub(crate) async fn converse(
    stream: Stream,
    early: Bytes,
    connection: &Arc<Connection>,
    serving: &Serving,
) -> Outcome {
    let (watch, drain) = (&connection.watch, &serving.drain);
    let mut socket = TokioIo::new(Socket::new(stream, Arc::clone(connection)));
    #[cfg(feature = "http2")]
    if may_be_http2(connection, serving) {
        socket.inner_mut().look_for_http2();
    }
    if !early.is_empty() {
        socket.inner_mut().read_before(early);
    }
    let handover = socket.inner().handover();
    let switch = Switch::default();
    let service = service_fn(|request| answer(connection, request, serving, handover.as_ref(), &switch));
    let mut conversation = builder(serving).serve_connection(socket, service);

    let mut ending = pin!(drain.reached(ENDING));
    let (mut awaited, mut awaits) = (ENDING, false);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    let ended = poll_fn(|context| {
        watch.begin_turn();
        while drain.has_reached(awaited) {
            // no `graceful_shutdown`: it forgets what has arrived and has not been read
            if awaited != ENDING {
                return Poll::Ready(None);
            }
            let grace = timer.insert(Box::pin(tokio::time::sleep_until(drain.grace())));
            let _ = pin!(unconstrained(grace.as_mut())).poll(context);
            (awaited, awaits) = (CUT, false);
            ending.set(drain.reached(CUT));
        }
        let mut polled = Pin::new(&mut conversation).poll(context);
        if polled.is_pending() && watch.is_put_off() {
            polled = Pin::new(&mut conversation).poll(context);
        }
        if let Poll::Ready(result) = polled {
            return Poll::Ready(Some(result));
        }
        // a stage that was awaited once wakes this task; asking for it again would take the lock of all connections
        if !std::mem::replace(&mut awaits, true)
            && pin!(unconstrained(ending.as_mut())).poll(context).is_ready()
        {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        poll_deadline(&mut timer, watch, serving, context).map(|()| None)
    })
    .await;

    if let Some(Err(error)) = &ended {
        tracing::debug!(peer = ?connection.peer, %error, "a connection ended early");
    }
    let parts = conversation.into_parts();
    let (socket, unread) = (parts.io.into_inner(), parts.read_buf);
    #[cfg(feature = "http2")]
    if socket.is_http2() {
        let remains = socket.into_remains();
        return Outcome::IsHttp2(remains.stream, remains.unseen);
    }
    let was_cut = drain.has_reached(CUT);
    if let Some(mut refusal) = socket.refused() {
        let line = unread.iter().take_while(|byte| **byte != b'\n').count();
        if refusal.status == 431 && line > connection.app.limits().target_bytes {
            refusal.status = 414;
        }
        let explain = match ended {
            Some(Err(error)) if refusal.explain.is_empty() => format!("{error}."),
            _ => refusal.explain.to_owned(),
        };
        Box::pin(refuse(connection, serving, socket.into_remains(), &refusal, explain)).await;
        return Outcome::Ended;
    }
    if ended.is_none() && !was_cut && socket.is_in_head() && !watch.is_blocked() {
        let seconds = connection.app.limits().header_timeout.as_secs_f32();
        let explain = format!("The head of the request was not complete after {seconds} seconds.");
        let refusal = Refusal::new(408, "");
        Box::pin(refuse(connection, serving, socket.into_remains(), &refusal, explain)).await;
        return Outcome::Ended;
    }
    let is_whole = socket.is_between_messages();
    let Remains { mut stream, unsent, unseen } = socket.into_remains();
    #[cfg(feature = "websocket")]
    if let (Some(Ok(())), Some(accepted)) = (&ended, switch.take()) {
        let early = joined(unread, unseen);
        return Outcome::Switched(Box::new(Switched { stream, unsent, early, accepted }));
    }
    // hyper ends without a flush behind an answer to a request for a protocol that the app does not switch to
    if matches!(ended, Some(Ok(()))) && !unsent.is_empty() {
        let limit = connection.app.limits().header_timeout;
        return match tokio::time::timeout(limit, stream.write_all(&unsent)).await {
            Ok(Ok(())) => Outcome::Finished(stream),
            _ => Outcome::Ended,
        };
    }
    if ended.is_none() && watch.is_blocked() {
        tracing::debug!(peer = ?connection.peer, "a client that does not read its answer was cut");
        stream.reset_on_close();
    }
    match ended {
        None if !was_cut && watch.is_waiting() && unsent.is_empty() => {
            Outcome::Rests(stream, joined(unread, unseen))
        }
        Some(Ok(())) if !is_whole || awaited == CUT => Outcome::Finished(stream),
        _ => Outcome::Ended,
    }
}

/// Sends the app's page for a request that no controller hears of.
async fn refuse(
    connection: &Arc<Connection>,
    serving: &Serving,
    remains: Remains,
    refusal: &Refusal,
    explain: String,
) {
    let Refusal { status, head_only, .. } = *refusal;
    let refuse = async {
        let replaced = serving.replaced(connection);
        let connection = replaced.as_ref().unwrap_or(connection);
        let error = HttpError::new(status).explain(explain);
        let error = match &refusal.line {
            Some(line) => connection.app.request_line_error(line, error),
            None => error,
        };
        let page = connection.app.refuse(connection, error).await;
        let title_case = serving.settings.title_case_headers;
        refusal::send(remains, page, head_only, title_case).await;
    };
    if tokio::time::timeout(connection.app.limits().header_timeout, refuse).await.is_err() {
        tracing::warn!(status, "the page for a malformed request took too long");
    }
}

/// What hyper had not understood yet, and what it had not seen.
fn joined(unread: Bytes, unseen: Bytes) -> Bytes {
    match (unread.is_empty(), unseen.is_empty()) {
        (_, true) => unread,
        (true, _) => unseen,
        _ => [unread, unseen].concat().into(),
    }
}

/// Whether a connection may begin with the preface of HTTP/2. Over TLS that was agreed on before (RFC 9113 section 3.2).
#[cfg(feature = "http2")]
fn may_be_http2(connection: &Connection, serving: &Serving) -> bool {
    #[cfg(feature = "tls")]
    if connection.tls.is_some() {
        return false;
    }
    serving.settings.http2 && connection.watch.requests() == 0
}

fn builder(serving: &Serving) -> http1::Builder {
    let limits = serving.app.limits();
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        .writev(true)
        .keep_alive(serving.settings.keep_alive)
        .title_case_headers(serving.settings.title_case_headers)
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes);
    builder
}

/// Brings a request through the door.
fn answer(
    connection: &Arc<Connection>,
    request: hyper::Request<Arriving>,
    serving: &Serving,
    handover: Option<&Arc<Handover>>,
    #[cfg_attr(not(feature = "websocket"), expect(unused_variables, reason = "nothing is switched to"))]
    switch: &Switch,
) -> impl Future<Output = Result<hyper::Response<OutgoingBody>, Infallible>> {
    connection.watch.begin_request();
    let last = connection.watch.requests() == serving.settings.keep_alive_max_requests;
    let (mut parts, body) = request.into_parts();
    // RFC 9112 section 3.2.2: the host of the target counts, not the field
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(http::header::HOST, host);
    }
    let mut request = Request::from_parts(parts, Incoming::new(body));
    if let Some(names) = connection.kept_names.take(connection.watch.requests()) {
        request.extensions.insert(names);
    }
    let replaced = serving.replaced(connection);
    request.set_connection(Arc::clone(replaced.as_ref().unwrap_or(connection)));
    let drain = &serving.drain;
    async move {
        let app = &replaced.as_ref().unwrap_or(connection).app;
        let mounted = app.enter(&mut request);
        let app = mounted.as_ref().unwrap_or(app);
        #[cfg(feature = "websocket")]
        let mut response = match app.websocket_upgrade(&mut request) {
            Upgrade::Endpoint(endpoint) => switch.answer(app, request, endpoint).await,
            Upgrade::Nowhere => app.answer_nowhere(&request),
            Upgrade::No => app.answer(&mut request).await,
        };
        #[cfg(feature = "websocket")]
        if let Some(head) = plain::head(&mut response, serving.settings.title_case_headers) {
            let _ = connection.plain_head.set(head);
        }
        #[cfg(not(feature = "websocket"))]
        let mut response = app.answer(&mut request).await;
        let mut last = last;
        if drain.has_reached(ENDING) {
            drain.answered();
            // requests that have arrived already are answered as well
            last |= !connection.watch.has_further_head();
        }
        complete(&mut response, last);
        if let Some(handover) = handover {
            response.body_mut().hand_files_over(handover);
        }
        match response.body().is_in_memory() {
            true => connection.watch.end_request(),
            false => response.body_mut().hold(InFlight(Arc::clone(connection))),
        }
        Ok(response)
    }
}

/// Where a connection that stops speaking HTTP is kept until HTTP has ended.
#[derive(Default)]
struct Switch {
    #[cfg(feature = "websocket")]
    accepted: Mutex<Option<Box<Accepted>>>,
}

#[cfg(feature = "websocket")]
impl Switch {
    /// Answers a request for a WebSocket.
    fn answer<'s>(
        &'s self,
        app: &'s App,
        request: Request,
        endpoint: EndpointId,
    ) -> Pin<Box<dyn Future<Output = hyper::Response<OutgoingBody>> + Send + 's>> {
        Box::pin(async move {
            let (response, accepted) = app.upgrade(request, endpoint).await;
            *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = accepted.map(Box::new);
            response
        })
    }

    fn take(&self) -> Option<Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).take().map(|accepted| *accepted)
    }
}

/// What only HTTP/1.1 says: the reason phrase, and the end of the connection.
fn complete(response: &mut hyper::Response<OutgoingBody>, last: bool) {
    if let Some(reason) = response.extensions_mut().remove::<Reason>() {
        if let Ok(phrase) = ReasonPhrase::try_from(reason.as_bytes()) {
            response.extensions_mut().insert(phrase);
        }
    } else if response.status() != StatusCode::OK && response.status().canonical_reason().is_none() {
        // RFC 9112 section 4 lets it be empty; hyper would write `<none>`
        response.extensions_mut().insert(ReasonPhrase::from_static(b""));
    }
    if last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Ready when the connection has kept the server waiting too long, or may rest. What the connection is doing is only
/// looked at when its one timer fires, so that a request sets none.
fn poll_deadline(
    timer: &mut Option<Pin<Box<Sleep>>>,
    watch: &Watch,
    serving: &Serving,
    context: &mut Context<'_>,
) -> Poll<()> {
    let timer = match timer {
        Some(timer) if !timer.is_elapsed() => return Poll::Pending,
        Some(timer) => timer,
        None => timer.insert(Box::pin(tokio::time::sleep(REST))),
    };
    let idle = serving.settings.idle_timeout.min(REST);
    // without `unconstrained` the timer would not be heard of where the task has used up its budget
    while pin!(unconstrained(timer.as_mut())).poll(context).is_ready() {
        let mut remaining = watch.remaining(serving.app.limits(), idle);
        if watch.is_waiting() && serving.drain.has_reached(ENDING) {
            remaining = serving.drain.grace().saturating_duration_since(Instant::now());
        }
        if remaining.is_zero() {
            return Poll::Ready(());
        }
        let look = if watch.is_in_header() { Duration::from_secs(1) } else { REST };
        timer.as_mut().reset(Instant::now() + remaining.min(look));
    }
    Poll::Pending
}
