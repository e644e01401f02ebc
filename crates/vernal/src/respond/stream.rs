//! Long answers, written as they come.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderValue;

use crate::respond::content_type::ContentType;
use crate::respond::response::{ByteStream, Content, Data, Response};
use crate::respond::{Body, IntoResponse};
use crate::{Error, Result};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of unknown length, sent piece by piece.
///
/// Pieces are asked for as fast as the client reads them and no faster. An error ends the connection, or the stream of
/// HTTP/2, once all before it has gone out, so that the client knows the answer is not whole.
///
/// ```
/// use vernal::Stream;
///
/// fn count() -> Stream { Stream::iter((1..=3).map(|number| format!("{number}\n"))) }
/// ```
pub struct Stream {
    pieces: ByteStream,
    content_type: ContentType,
}

impl Stream {
    /// The pieces of a stream; its errors break the answer off.
    pub fn bytes<S, T, E>(stream: S) -> Self
    where
        S: futures_core::Stream<Item = Result<T, E>> + Send + 'static,
        T: Into<Bytes>,
        E: Into<BoxError>,
    {
        Stream { pieces: Box::pin(Pieces(Box::pin(stream))), content_type: ContentType::Known(&OCTETS) }
    }

    /// The pieces of an iterator. It runs on the event loop, so it must not block.
    pub fn iter<I>(pieces: I) -> Self
    where
        I: IntoIterator<Item: Into<Bytes>, IntoIter: Send + 'static>,
    {
        Stream {
            pieces: Box::pin(Iterated(Box::new(pieces.into_iter()))),
            content_type: ContentType::Known(&OCTETS),
        }
    }

    /// Names the content type; `application/octet-stream` by default, and where the name cannot be sent.
    pub fn content_type(mut self, content_type: &'static str) -> Self {
        match HeaderValue::from_str(content_type) {
            Ok(value) => self.content_type = ContentType::Named(Box::new(value)),
            Err(error) => tracing::error!(content_type, %error, "a stream cannot have this content type"),
        }
        self
    }
}

static OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
static EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

impl From<Stream> for Body {
    fn from(stream: Stream) -> Self {
        Body(Some(Content { data: Data::Stream(stream.pieces), content_type: Some(stream.content_type) }))
    }
}

impl IntoResponse for Stream {
    fn into_response(self) -> Result<Response> {
        Ok(Response::default().body(self))
    }
}

struct Pieces<S>(Pin<Box<S>>);

impl<S, T, E> futures_core::Stream for Pieces<S>
where
    S: futures_core::Stream<Item = Result<T, E>>,
    T: Into<Bytes>,
    E: Into<BoxError>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.0.as_mut().poll_next(context);
        piece.map(|piece| piece.map(|piece| piece.map(Into::into).map_err(Into::into)))
    }
}

struct Iterated<I>(Box<I>);

impl<I: Iterator<Item: Into<Bytes>>> futures_core::Stream for Iterated<I> {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(|piece| Ok(piece.into())))
    }
}

/// Server-sent events (WHATWG HTML section 9.2): one long answer that carries messages to a page.
///
/// ```
/// use vernal::{Event, Sse, Stream};
///
/// fn ticks() -> Sse { Sse::iter((0..3).map(|tick| Event::data(tick).name("tick"))) }
/// ```
pub struct Sse(Stream);

impl Sse {
    /// The events of a stream.
    pub fn new<S>(events: S) -> Self
    where
        S: futures_core::Stream<Item = Event> + Send + 'static,
    {
        let pieces = Box::pin(Events(Box::pin(events)));
        Sse(Stream { pieces, content_type: ContentType::Known(&EVENTS) })
    }

    /// The events of an iterator, which must not block.
    pub fn iter<I>(events: I) -> Self
    where
        I: IntoIterator<Item = Event, IntoIter: Send + 'static>,
    {
        let mut stream = Stream::iter(events.into_iter().map(|event| event.text));
        stream.content_type = ContentType::Known(&EVENTS);
        Sse(stream)
    }
}

impl IntoResponse for Sse {
    fn into_response(self) -> Result<Response, Error> {
        Ok(Response::default().header("Cache-Control", "no-cache").body(self.0))
    }
}

struct Events<S>(Pin<Box<S>>);

impl<S: futures_core::Stream<Item = Event>> futures_core::Stream for Events<S> {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context).map(|event| event.map(|event| Ok(event.text.into())))
    }
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub struct Event {
    text: String,
}

impl Event {
    /// An event that carries this text; its lines stay lines.
    pub fn data(data: impl Display) -> Self {
        let mut text = String::new();
        for line in data.to_string().replace("\r\n", "\n").split(['\r', '\n']) {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
        Event { text }
    }

    /// Names the kind of event; `message` for the page where none is named. Line breaks become spaces.
    pub fn name(self, name: impl Display) -> Self {
        self.field("event", name)
    }

    /// Names the event, so that a page that lost the connection can say what it has seen.
    pub fn id(self, id: impl Display) -> Self {
        self.field("id", id)
    }

    fn field(mut self, field: &str, value: impl Display) -> Self {
        let value = value.to_string().replace(['\r', '\n', '\0'], " ");
        self.text.insert_str(0, &format!("{field}: {value}\n"));
        self
    }
}
