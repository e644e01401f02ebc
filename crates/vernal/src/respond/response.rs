//! A response: status, fields, cookies, body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};

use crate::accept::{Handover, InFlight};
use crate::respond::Reason;
use crate::respond::content_type::ContentType;
use crate::respond::file::{FileStream, StaticFile};
use crate::{Cookie, Headers};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// A response. What is not set is left to others: a filter's status stays when the controller names none.
///
/// ```
/// use vernal::{Cookie, Response};
///
/// let response = Response::new(201).header("userToken", "abc").cookie(Cookie::new("theme", "dark")).body("made");
/// assert_eq!(response.status(), 201);
/// ```
#[derive(Default)]
pub struct Response {
    /// The header fields.
    pub headers: Headers,
    pub(crate) status: Option<StatusCode>,
    pub(crate) cookies: Vec<Cookie>,
    pub(crate) content: Option<Content>,
    pub(crate) reason: Option<Reason>,
    pub(crate) until_close: bool,
}

/// A body before it is sent, with the content type it has unless the application sets another.
pub(crate) struct Content {
    pub(crate) data: Data,
    pub(crate) content_type: Option<ContentType>,
}

pub(crate) enum Data {
    Bytes(Bytes),
    File(Box<StaticFile>),
    Stream(ByteStream),
}

impl Response {
    /// A response with this status code; one outside 100 to 999 becomes 500.
    pub fn new(status: u16) -> Self {
        Response { status: Some(status_code(status)), ..Response::default() }
    }

    /// Sets a header field.
    pub fn header(mut self, name: impl AsRef<str>, value: impl std::fmt::Display) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets a cookie.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.set_cookie(cookie);
        self
    }

    /// Sets the body: text, bytes, a file, a stream, JSON; its content type follows unless a header field says other.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.set_body(body);
        self
    }

    /// The status code; 200 where none was set.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_default().as_u16()
    }

    /// Sets the status code; one outside 100 to 999 becomes 500.
    pub fn set_status(&mut self, status: u16) {
        self.status = Some(status_code(status));
    }

    /// Sets a cookie.
    pub fn set_cookie(&mut self, cookie: Cookie) {
        self.cookies.push(cookie);
    }

    /// Sets the body.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.content = body.into().0;
    }

    /// Ends the body with the connection, instead of saying its length or sending it in chunks: the answer is one of
    /// HTTP/1.0, which clients of HTTP/1.1 read as well (RFC 9112 section 6.3). A client cannot tell such a body from one
    /// that was broken off. HTTP/2 has its own ends, and this means nothing there.
    pub fn until_close(mut self) -> Self {
        self.until_close = true;
        self
    }

    /// Whether a body has been set.
    pub fn has_body(&self) -> bool {
        self.content.is_some()
    }

    pub(crate) fn from_content(data: Data, content_type: &'static HeaderValue) -> Self {
        let content_type = Some(ContentType::Known(content_type));
        Response { content: Some(Content { data, content_type }), ..Response::default() }
    }

    /// Adds to this response what a controller answered: its status and body win, fields and cookies are added.
    pub(crate) fn absorb(&mut self, answer: Response) {
        if answer.status.is_some() || answer.reason.is_some() {
            self.reason = answer.reason;
        }
        self.until_close |= answer.until_close;
        self.status = answer.status.or(self.status);
        self.headers.merge(answer.headers);
        self.cookies.extend(answer.cookies);
        self.content = answer.content.or_else(|| self.content.take());
    }

    /// Whether it may turn out that this cannot be sent.
    pub(crate) fn may_fail(&self) -> bool {
        let is_file = matches!(&self.content, Some(Content { data: Data::File(_), .. }));
        is_file || self.headers.invalid().is_some()
    }

    /// Adds a further element of a tuple: what is already set stays, fields and cookies are added.
    pub(crate) fn join(&mut self, part: Response) {
        if self.status.is_none() {
            self.reason = self.reason.take().or(part.reason);
        }
        self.until_close |= part.until_close;
        self.status = self.status.or(part.status);
        self.headers.merge(part.headers);
        self.cookies.extend(part.cookies);
        self.content = self.content.take().or(part.content);
    }
}

pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or_else(|_| {
        tracing::error!(status, "a response has a status that is none: 500 is sent");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

/// What a response carries; made from text, bytes, JSON, files and streams with `into()`.
#[derive(Default)]
pub struct Body(pub(crate) Option<Content>);

/// A body on its way to the transport, which polls it as an `http_body::Body`, or takes what is in memory at once with
/// [`into_memory`](OutgoingBody::into_memory).
#[derive(Default)]
pub struct OutgoingBody {
    data: Outgoing,
    in_flight: Option<InFlight>,
    /// Why it breaks off, once all before has gone out.
    broken: Option<BoxError>,
}

impl OutgoingBody {
    /// The bytes of a body that is in memory, as most are, without polling it; a file or a stream comes back as it is.
    ///
    /// # Errors
    ///
    /// The body itself, where it has to be read piece by piece.
    pub fn into_memory(self) -> Result<Bytes, OutgoingBody> {
        match self.data {
            Outgoing::Empty => Ok(Bytes::new()),
            Outgoing::Bytes(bytes) => Ok(bytes),
            Outgoing::File(_) | Outgoing::Stream(_) => Err(self),
        }
    }

    /// Keeps the connection busy until this body has gone out.
    pub(crate) fn hold(&mut self, in_flight: InFlight) {
        self.in_flight = Some(in_flight);
    }

    /// Leaves a file to the transport, which takes what stands in for it as well.
    pub(crate) fn hand_files_over(&mut self, handover: &Arc<Handover>) {
        if let Outgoing::File(file) = &mut self.data {
            file.hand_over(handover);
        }
    }

    /// Breaks off. A transport that is told of it sends nothing any more, so it must have sent all before.
    fn poll_broken(&mut self, error: BoxError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &self.in_flight {
            Some(InFlight(connection)) if !connection.watch.has_flushed() => {
                self.broken = Some(error);
                Poll::Pending
            }
            _ => Poll::Ready(Some(Err(error))),
        }
    }

    /// Whether all of it is there already.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.data, Outgoing::Empty | Outgoing::Bytes(_))
    }
}

impl std::fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingBody").field("length", &self.data.size_hint().exact()).finish_non_exhaustive()
    }
}

impl From<Outgoing> for OutgoingBody {
    fn from(data: Outgoing) -> Self {
        OutgoingBody { data, in_flight: None, broken: None }
    }
}

#[derive(Default)]
pub(crate) enum Outgoing {
    #[default]
    Empty,
    Bytes(Bytes),
    File(Box<FileStream>),
    Stream(ByteStream),
}

impl Outgoing {
    /// What is known of its length.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Empty => SizeHint::with_exact(0),
            Outgoing::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outgoing::File(file) => SizeHint::with_exact(file.remaining()),
            Outgoing::Stream(_) => SizeHint::default(),
        }
    }
}

impl http_body::Body for OutgoingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(error) = self.broken.take() {
            return self.poll_broken(error);
        }
        let chunk = match &mut self.data {
            Outgoing::Empty => return Poll::Ready(None),
            Outgoing::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.data = Outgoing::Empty;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Outgoing::File(file) => Pin::new(file).poll_next(context).map_err(Into::into),
            Outgoing::Stream(stream) => stream.as_mut().poll_next(context),
        };
        match chunk {
            Poll::Ready(Some(Err(error))) => self.poll_broken(error),
            chunk => chunk.map(|chunk| chunk.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.data {
            Outgoing::Empty => true,
            Outgoing::Bytes(bytes) => bytes.is_empty(),
            Outgoing::File(file) => file.remaining() == 0,
            Outgoing::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.data.size_hint()
    }
}
