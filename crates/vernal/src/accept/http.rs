//! HTTP/1.1: the one file that knows hyper.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming as Arriving;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::HttpError;
use crate::accept::socket::Socket;
use crate::accept::{Drain, InFlight, Watch, refusal};
use crate::app::App;
use crate::parse::Incoming;
use crate::request::{Connection, Request};
use crate::respond::{OutgoingBody, Reason};
use crate::start::ConnectionSettings;

/// Serves one connection until it ends.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    app: App,
    settings: Arc<ConnectionSettings>,
    drain: Drain,
    permit: Option<OwnedSemaphorePermit>,
) {
    let connection = Arc::new(Connection { app, peer: Some(peer), watch: Watch::new() });
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&connection)));
    let service = service_fn(|request| answer(Arc::clone(&connection), request, &settings));
    let mut conversation = builder(&settings).serve_connection(socket, service);

    let mut begun = pin!(drain.begun());
    let mut asked_to_end = false;
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    let ended = poll_fn(|context| {
        if !asked_to_end && begun.as_mut().poll(context).is_ready() {
            asked_to_end = true;
            Pin::new(&mut conversation).graceful_shutdown();
        }
        match Pin::new(&mut conversation).poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => poll_deadline(&mut timer, &connection.watch, &settings, context).map(|()| None),
        }
    })
    .await;

    if let Some(Err(error)) = &ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
    let socket = conversation.into_parts().io.into_inner();
    if let Some(status) = socket.refused() {
        let explain = ended.and_then(Result::err).map_or_else(String::new, |error| format!("{error}."));
        let page = connection.app.refuse(&connection, HttpError::new(status).explain(explain)).await;
        refusal::send(socket.into_stream(), page).await;
    }
    drop(permit);
}

fn builder(settings: &ConnectionSettings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        .keep_alive(settings.keep_alive)
        .pipeline_flush(true)
        .max_headers(settings.headers)
        .max_header_size(settings.header_bytes);
    builder
}

/// Brings a request through the door.
fn answer(
    connection: Arc<Connection>,
    request: hyper::Request<Arriving>,
    settings: &ConnectionSettings,
) -> impl Future<Output = Result<hyper::Response<OutgoingBody>, Infallible>> {
    connection.watch.begin_request();
    let last = connection.watch.requests() == settings.keep_alive_max_requests;
    let (parts, body) = request.into_parts();
    let mut request = Request::from_parts(parts, Incoming::new(body));
    request.set_connection(Arc::clone(&connection));
    async move {
        let mut response = connection.app.answer(&mut request).await;
        complete(&mut response, last);
        match response.body().size_hint().exact() {
            Some(_) => connection.watch.end_request(),
            None => response.body_mut().hold(InFlight(Arc::clone(&connection))),
        }
        Ok(response)
    }
}

/// What only HTTP/1.1 says: the reason phrase, the end of the connection, the mark of [`refusal`].
fn complete(response: &mut hyper::Response<OutgoingBody>, last: bool) {
    if let Some(Reason(phrase)) = response.extensions_mut().remove()
        && let Ok(phrase) = ReasonPhrase::try_from(phrase)
    {
        response.extensions_mut().insert(phrase);
    }
    if last {
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    mark_own_refusal(response);
}

/// Marks an empty answer with a status that hyper uses for malformed requests; see [`refusal`].
fn mark_own_refusal(response: &mut hyper::Response<OutgoingBody>) {
    let alike = matches!(
        response.status(),
        StatusCode::BAD_REQUEST | StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
    if alike && response.body().is_end_stream() {
        let (name, value) = refusal::MARK;
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

/// Ready when the connection has kept the server waiting too long. The timer is set to the earliest moment at which
/// that may be so, and set anew when it fires too early.
fn poll_deadline(
    timer: &mut Option<Pin<Box<Sleep>>>,
    watch: &Watch,
    settings: &ConnectionSettings,
    context: &mut Context<'_>,
) -> Poll<()> {
    let timer = match timer {
        Some(timer) if !timer.is_elapsed() => return Poll::Pending,
        Some(timer) => timer,
        None => timer.insert(Box::pin(tokio::time::sleep(Duration::from_secs(1)))),
    };
    loop {
        let remaining = watch.remaining(settings.header_timeout, settings.idle_timeout);
        if remaining.is_zero() {
            return Poll::Ready(());
        }
        timer.as_mut().reset(Instant::now() + remaining);
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
    }
}
