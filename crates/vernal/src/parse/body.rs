//! The body of a request: nothing, bytes in memory, or a stream that is read when asked for.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::Body as _;
use tokio::runtime::Handle;

#[cfg(feature = "compression")]
use super::coded::{Decoded, Decoders};
use crate::parse::pace::Pace;
use crate::{Headers, HttpError, Limits};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Arriving = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// A body as the transport hands it over.
#[derive(Default)]
pub(crate) enum Incoming {
    #[default]
    Empty,
    Whole(Bytes),
    Arriving(Arriving),
    /// A body that is not even begun with.
    #[cfg(feature = "compression")]
    Refused(HttpError),
}

impl Incoming {
    /// A body of any transport; one that is known to be empty costs nothing.
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() { Incoming::Empty } else { Incoming::Arriving(Box::pin(Boxed(body))) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Incoming::Empty)
    }

    /// Reads all of it, up to the limit `body`, decoded if the fields say that it is compressed.
    pub(crate) async fn read_whole(self, headers: &Headers, limits: &Limits) -> Result<Bytes, HttpError> {
        let mut reader = self.reader(headers, limits, limits.body);
        let decodes = reader.decodes();
        if let (Incoming::Whole(bytes), false) = (&mut reader.incoming, decodes) {
            let bytes = std::mem::take(bytes);
            return if bytes.len() > limits.body { Err(too_large(limits.body)) } else { Ok(bytes) };
        }
        reader.check_announced()?;
        let Some(first) = reader.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = reader.chunk().await? else { return Ok(first) };
        let mut whole = BytesMut::with_capacity(first.len() + second.len());
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(chunk) = reader.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Reads it piece by piece, up to the limit `upload`, decoded if the fields say that it is compressed.
    pub(crate) fn into_reader(self, headers: &Headers, limits: &Limits) -> BodyReader {
        self.reader(headers, limits, limits.upload)
    }

    fn reader(self, headers: &Headers, limits: &Limits, limit: usize) -> BodyReader {
        #[cfg(feature = "compression")]
        let (incoming, decoders) = match Decoders::new(headers, limits, limit) {
            _ if self.is_empty() => (self, None),
            Ok(decoders) => (self, decoders),
            Err(error) => (Incoming::Refused(error), None),
        };
        #[cfg(not(feature = "compression"))]
        let (incoming, _) = (self, headers);
        BodyReader {
            incoming,
            rest: Bytes::new(),
            limit,
            remaining: limit,
            pace: Pace::new(limits.body_timeout, limits.body_rate),
            deadline: None,
            #[cfg(feature = "compression")]
            decoders: decoders.map(|decoders| Box::new(CodedBody { decoders, at_end: false, made: 0 })),
        }
    }
}

/// The body of a request, piece by piece: nothing is buffered beyond the piece at hand.
///
/// A body that the client has compressed (`Content-Encoding`: gzip, deflate, br, zstd) comes decoded, with the feature
/// `compression`; limits count what it is then. A filter that removes the field gets it, or lets it be read, as it came.
///
/// ```
/// use vernal::{BodyReader, Result};
///
/// async fn count(mut body: BodyReader) -> Result<String> {
///     let mut bytes = 0;
///     while let Some(chunk) = body.chunk().await? {
///         bytes += chunk.len();
///     }
///     Ok(format!("{bytes} bytes"))
/// }
/// ```
pub struct BodyReader {
    incoming: Incoming,
    rest: Bytes,
    limit: usize,
    remaining: usize,
    pace: Pace,
    deadline: Option<Pin<Box<tokio::time::Sleep>>>,
    #[cfg(feature = "compression")]
    decoders: Option<Box<CodedBody>>,
}

/// The decoders of a body, and how far they are.
#[cfg(feature = "compression")]
struct CodedBody {
    decoders: Decoders,
    at_end: bool,
    /// Bytes made since others had their turn.
    made: usize,
}

/// Bytes that are decoded before others have their turn: about a millisecond's worth.
#[cfg(feature = "compression")]
const TURN: usize = 256 * 1024;

impl BodyReader {
    /// The next piece as it arrived; `None` at the end.
    ///
    /// # Errors
    ///
    /// 413 when the body is over the limit `upload`, 408 when nothing arrives for `body_timeout` or too
    /// little for `body_rate`, 400 when the
    /// client breaks off or its framing is malformed; for a compressed body 415 when the coding is unknown, 400 when it
    /// is not what the coding says.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        std::future::poll_fn(|context| self.poll_chunk(context)).await.transpose()
    }

    /// At most `limit` bytes; empty at the end, or when `limit` is 0.
    ///
    /// # Errors
    ///
    /// As [`chunk`](BodyReader::chunk).
    pub async fn read(&mut self, limit: usize) -> Result<Bytes, HttpError> {
        if limit == 0 {
            return Ok(Bytes::new());
        }
        let mut chunk = self.chunk().await?.unwrap_or_default();
        self.rest = chunk.split_off(limit.min(chunk.len()));
        Ok(chunk)
    }

    /// Refuses a body whose announced length is over the limit before any of it is read.
    fn check_announced(&self) -> Result<(), HttpError> {
        match &self.incoming {
            Incoming::Arriving(body) if body.size_hint().lower() > self.limit as u64 => {
                Err(too_large(self.limit))
            }
            _ => Ok(()),
        }
    }

    #[cfg(feature = "compression")]
    fn decodes(&self) -> bool {
        self.decoders.is_some()
    }

    #[cfg(not(feature = "compression"))]
    fn decodes(&self) -> bool {
        false
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        #[cfg(feature = "compression")]
        if let Some(mut decoding) = self.decoders.take() {
            let polled = self.poll_decoded(&mut decoding, context);
            if !matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                self.decoders = Some(decoding);
            }
            return polled;
        }
        self.poll_arriving(context)
    }

    /// The next piece of a compressed body.
    #[cfg(feature = "compression")]
    fn poll_decoded(
        &mut self,
        decoding: &mut CodedBody,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, HttpError>>> {
        if decoding.made > TURN {
            decoding.made = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match decoding.decoders.next(decoding.at_end) {
                Ok(Decoded::Piece(piece)) => {
                    decoding.made += piece.len();
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(Decoded::End) => return Poll::Ready(None),
                Err(error) => return self.fail(error),
                Ok(Decoded::Hungry) => {}
            }
            match self.poll_arriving(context) {
                Poll::Pending => {
                    decoding.made = 0;
                    return Poll::Pending;
                }
                Poll::Ready(None) if decoding.decoders.is_untouched() => return Poll::Ready(None),
                Poll::Ready(None) => decoding.at_end = true,
                Poll::Ready(Some(Ok(piece))) => decoding.decoders.feed(piece),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    /// The next piece as it comes from the client.
    fn poll_arriving(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        let chunk = match &mut self.incoming {
            Incoming::Empty => None,
            Incoming::Whole(_) => match std::mem::take(&mut self.incoming) {
                Incoming::Whole(bytes) if !bytes.is_empty() => Some(bytes),
                _ => None,
            },
            Incoming::Arriving(body) => match next_data(body.as_mut(), context) {
                Poll::Pending => return self.poll_deadline(context),
                Poll::Ready(Err(error)) => return self.fail(broken(&*error)),
                Poll::Ready(Ok(chunk)) => chunk,
            },
            #[cfg(feature = "compression")]
            Incoming::Refused(error) => {
                let error = error.clone();
                return self.fail(error);
            }
        };
        self.deadline = None;
        let Some(chunk) = chunk else { return Poll::Ready(None) };
        self.pace.arrived(chunk.len());
        match self.remaining.checked_sub(chunk.len()) {
            Some(remaining) => self.remaining = remaining,
            None => return self.fail(too_large(self.limit)),
        }
        Poll::Ready(Some(Ok(chunk)))
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        // without a runtime there is no clock; whoever brought the request has one
        if self.deadline.is_none() && Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let pace = &mut self.pace;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(pace.wait())));
        match deadline.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let explain = self.pace.complaint();
                self.fail(HttpError::new(408).explain(explain))
            }
        }
    }

    fn fail(&mut self, error: HttpError) -> Poll<Option<Result<Bytes, HttpError>>> {
        self.incoming = Incoming::Empty;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for BodyReader {
    type Item = Result<Bytes, HttpError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_chunk(context)
    }
}

/// The next data frame; trailers and empty frames are passed over.
fn next_data(
    mut body: Pin<&mut (dyn http_body::Body<Data = Bytes, Error = BoxError> + Send)>,
    context: &mut Context<'_>,
) -> Poll<Result<Option<Bytes>, BoxError>> {
    loop {
        match body.as_mut().poll_frame(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(None)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                _ => {}
            },
        }
    }
}

pub(super) fn too_large(limit: usize) -> HttpError {
    HttpError::new(413).explain(format!("The body may have at most {limit} bytes."))
}

/// The innermost cause says most.
fn broken(mut error: &(dyn std::error::Error + 'static)) -> HttpError {
    while let Some(cause) = error.source() {
        error = cause;
    }
    HttpError::bad_request(format!("The body could not be read: {error}."))
}

/// Any body, with its error boxed.
struct Boxed<B>(B);

impl<B> http_body::Body for Boxed<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}
