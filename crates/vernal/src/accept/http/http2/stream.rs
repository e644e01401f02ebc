//! One stream: a request and its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, DATE, EXPECT};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::account::{Account, Running};
use super::arrive::arrive;
use super::body::Arriving;
use super::flushes::{Flushes, Note};
use super::slowest;
#[cfg(feature = "websocket")]
use super::tunnel;
use crate::accept::http::date;
use crate::accept::{ENDING, Serving};
use crate::parse::Incoming;
use crate::request::{Connection, Request};
use crate::respond::{OutgoingBody, Reason as Phrase};

/// The most that is asked of a window at once: streams that wait side by side get their turns.
pub(super) const PIECE: usize = 64 * 1024;

/// What a stream needs beside its request.
pub(super) struct Exchange {
    pub(super) respond: SendResponse<Bytes>,
    pub(super) connection: Arc<Connection>,
    pub(super) account: Arc<Account>,
    pub(super) serving: Arc<Serving>,
    pub(super) flushes: Arc<Flushes>,
}

impl Exchange {
    /// Brings a request through the door. Ends early when the client resets the stream, and the controller with it,
    /// unless that blocks a thread.
    pub(super) async fn answer(mut self, request: http::Request<RecvStream>, running: Running) {
        let (mut parts, body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let arrived = arrive(&mut parts, self.connection.app.limits());
        #[cfg(feature = "websocket")]
        if arrived.is_ok() && tunnel::is_asked(&parts) {
            return Box::pin(self.open(parts, body, running)).await;
        }
        let (wanted, wants) = match expects_continue(&parts.headers) && !body.is_end_stream() {
            true => Some(oneshot::channel()).unzip(),
            false => (None, None),
        };
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let connection = Arc::clone(&self.connection);
        let answered = match arrived {
            Ok(()) => {
                let incoming = Incoming::new(Arriving::new(body, length, wanted));
                let mut request = Request::from_parts(parts, incoming);
                request.set_connection(Arc::clone(&connection));
                request.hold(running);
                let mounted = connection.app.enter(&mut request);
                let app = mounted.as_ref().unwrap_or(&connection.app);
                self.unless_reset(async { app.answer(&mut request).await }, wants).await
            }
            Err(error) => {
                let refused = self.unless_reset(connection.app.refuse(&connection, error), None).await;
                drop((body, running));
                refused
            }
        };
        if let Some(response) = answered {
            self.finish(response, is_head).await;
        }
    }

    /// Counts an answer.
    pub(super) fn answered(&self) {
        self.account.earn();
        if self.serving.drain.has_reached(ENDING) {
            self.serving.drain.answered();
        }
    }

    /// Sends an answer.
    pub(super) async fn finish(mut self, response: http::Response<OutgoingBody>, is_head: bool) {
        self.answered();
        if let Err(error) = self.send(response, is_head).await {
            tracing::debug!(peer = ?self.connection.peer, %error, "an answer was broken off");
        }
    }

    /// Awaits the answer; none if the client resets the stream first.
    pub(super) async fn unless_reset<T>(
        &mut self,
        answer: impl Future<Output = T>,
        mut wants: Option<oneshot::Receiver<()>>,
    ) -> Option<T> {
        let mut answer = pin!(answer);
        poll_fn(|context| {
            if let Poll::Ready(response) = answer.as_mut().poll(context) {
                return Poll::Ready(Some(response));
            }
            if let Some(wanted) = &mut wants
                && let Poll::Ready(wanted) = Pin::new(wanted).poll(context)
            {
                wants = None;
                if wanted.is_ok() {
                    self.invite();
                }
            }
            self.respond.poll_reset(context).map(|_| None)
        })
        .await
    }

    /// Tells a client that waits for it to send the body (RFC 9110 section 10.1.1).
    fn invite(&mut self) {
        let mut invitation = http::Response::new(());
        *invitation.status_mut() = StatusCode::CONTINUE;
        // fails where the client has reset the stream, of which others are told
        let _ = self.respond.send_informational(invitation);
    }

    async fn send(&mut self, response: http::Response<OutgoingBody>, is_head: bool) -> Result<(), h2::Error> {
        let (mut parts, body) = complete(response);
        let is_over = is_head || body.is_end_stream();
        if let (false, Some(length)) = (is_over, body.size_hint().exact()) {
            parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        let sender = self.respond.send_response(http::Response::from_parts(parts, ()), is_over)?;
        match is_over {
            true => Ok(()),
            false => self.send_body(sender, body).await,
        }
    }

    /// Sends a body as fast as the client makes room for it. No more of it is handed to the connection than there is
    /// room for, so that what a slow client holds can be seen, and ended, here.
    async fn send_body(
        &mut self,
        mut sender: SendStream<Bytes>,
        mut body: OutgoingBody,
    ) -> Result<(), h2::Error> {
        let mut pace = Pace::new(slowest(self.connection.app.limits()));
        let mut handed = self.flushes.note();
        loop {
            let next = poll_fn(|context| {
                match Pin::new(&mut body).poll_frame(context) {
                    Poll::Pending => pace.rest(),
                    ready => return ready.map(Ok),
                }
                sender.poll_reset(context).map(Err)
            });
            let Ok(next) = next.await else { return Ok(()) };
            let mut data = match next.map(|frame| frame.map(http_body::Frame::into_data)) {
                Some(Ok(Ok(data))) => data,
                Some(Ok(Err(_))) => continue,
                Some(Err(error)) => {
                    tracing::debug!(%error, "an answer broke off");
                    self.flushed(handed, &mut sender).await;
                    sender.send_reset(Reason::INTERNAL_ERROR);
                    return Ok(());
                }
                None => return sender.send_data(Bytes::new(), true),
            };
            let is_last = body.is_end_stream();
            while !data.is_empty() {
                sender.reserve_capacity(data.len().min(PIECE));
                let Some(room) = self.room(&mut sender, &mut pace).await? else { return Ok(()) };
                let piece = data.split_to(room.min(data.len()));
                self.account.earn();
                pace.took(piece.len());
                sender.send_data(piece, is_last && data.is_empty())?;
                handed = self.flushes.note();
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Waits until all that was sent has gone out, which a reset would drop, or until the client resets the stream.
    async fn flushed(&self, handed: Note, sender: &mut SendStream<Bytes>) {
        let mut flushed = pin!(self.flushes.reached(handed));
        poll_fn(|context| match flushed.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => sender.poll_reset(context).map(drop),
        })
        .await;
    }

    /// How many bytes may be sent; none where the stream has ended, or the client takes too long to make room.
    async fn room(
        &self,
        sender: &mut SendStream<Bytes>,
        pace: &mut Pace,
    ) -> Result<Option<usize>, h2::Error> {
        poll_fn(|context| {
            loop {
                let room = sender.capacity();
                if room > 0 {
                    return Poll::Ready(Ok(Some(room)));
                }
                match sender.poll_capacity(context) {
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Pending if pace.is_too_slow(context) => {
                        tracing::debug!(peer = ?self.connection.peer, "a client read too slowly");
                        sender.send_reset(Reason::CANCEL);
                        return Poll::Ready(Ok(None));
                    }
                    Poll::Pending => return sender.poll_reset(context).map(|_| Ok(None)),
                }
            }
        })
        .await
    }
}

/// How fast a client takes an answer. Its timer exists only where the answer has had to wait for the client.
struct Pace {
    time: Duration,
    least: u64,
    taken: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// For a client that has so long to take so many bytes.
    fn new((time, least): (Duration, u64)) -> Self {
        Pace { time, least, taken: 0, timer: None }
    }

    /// The answer waits for the app: that is not the client's fault.
    fn rest(&mut self) {
        self.timer = None;
    }

    fn took(&mut self, bytes: usize) {
        self.taken += bytes as u64;
    }

    /// The answer waits for the client; whether it has been waiting too long.
    fn is_too_slow(&mut self, context: &mut std::task::Context<'_>) -> bool {
        let (time, taken) = (self.time, &mut self.taken);
        let timer = self.timer.get_or_insert_with(|| {
            *taken = 0;
            Box::pin(tokio::time::sleep(time))
        });
        while timer.as_mut().poll(context).is_ready() {
            if *taken < self.least {
                return true;
            }
            *taken = 0;
            timer.as_mut().reset(Instant::now() + time);
        }
        false
    }
}

/// An answer as HTTP/2 has it.
pub(super) fn complete(response: http::Response<OutgoingBody>) -> (Parts, OutgoingBody) {
    let (mut parts, body) = response.into_parts();
    parts.extensions.remove::<Phrase>();
    strip_connection(&mut parts.headers);
    if !parts.headers.contains_key(DATE) {
        parts.headers.insert(DATE, date::now());
    }
    (parts, body)
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Removes what is about a connection of HTTP/1.1 (RFC 9113 section 8.2.2), and what `Connection` says is.
fn strip_connection(headers: &mut HeaderMap) {
    const FIELDS: [&str; 6] =
        ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"];
    if let Some(options) = headers.get("connection") {
        let names = String::from_utf8_lossy(options.as_bytes()).into_owned();
        for name in names.split(',').filter_map(|name| name.trim().parse::<HeaderName>().ok()) {
            headers.remove(name);
        }
    }
    for field in FIELDS {
        headers.remove(field);
    }
}
