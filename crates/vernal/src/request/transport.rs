//! Requests of other transports than the crate's own server: CGI and its kin, queues, the servers of other languages.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use percent_encoding::{AsciiSet, percent_encode};

use super::{NOT_IN_TARGET, Request};
use crate::HttpError;
use crate::parse::Incoming;

/// What a target of HTTP cannot carry; a fragment is none of it (RFC 9112 section 3.2).
const NOT_IN_RAW_TARGET: &AsciiSet = &NOT_IN_TARGET.add(b'#');

/// The longest target that the `http` crate takes.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

/// Among the extensions of a request that came through HTTPS elsewhere.
#[derive(Clone)]
pub(super) struct OverHttps;

impl Request {
    /// A request as another transport has it, in the bytes of the wire: a path and perhaps `?` and a query, or an absolute
    /// URI, percent-encoded. Bytes that a target cannot have as they are, such as spaces and those beyond ASCII, are
    /// percent-encoded as well; an empty target is `/`.
    ///
    /// The version is HTTP/1.1 and there is no body, unless the other calls say so. The transport is trusted to have
    /// bounded the head, and to have found the end of the body; sizes of the target and of what is read of the body are
    /// bounded by the app's [`Limits`](crate::Limits) all the same.
    ///
    /// ```
    /// use vernal::{App, Request, Route, controller};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let show = controller::from_fn(|request: &Request| {
    ///     format!("{}://{}{}", request.scheme(), request.host().unwrap_or("nowhere"), request.path())
    /// });
    /// let app = App::builder().route(Route::path("/{name}"), show).build()?;
    ///
    /// let fields = [(b"Host".as_slice(), b"example.org".as_slice())];
    /// let received = Request::raw(b"GET", b"/caf%C3%A9?size=2").and_then(|request| request.with_fields(fields));
    /// let answer = match received {
    ///     Ok(request) => app.handle(request.with_peer(([192, 0, 2, 1], 4711).into()).with_https(true)).await,
    ///     Err(error) => app.refusal(error).await,
    /// };
    ///
    /// let (head, body) = answer.into_parts();
    /// assert_eq!(head.status, 200);
    /// assert_eq!(body.into_memory().ok().as_deref(), Some("https://example.org/café".as_bytes()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// 501 for a method that is no token, 414 for a target of more than 65,534 bytes, 400 for one that is none; for
    /// [`App::refusal`](crate::App::refusal).
    pub fn raw(method: &[u8], target: &[u8]) -> Result<Request, HttpError> {
        let method = Method::from_bytes(method)
            .map_err(|_| HttpError::new(501).explain("Server does not support this operation"))?;
        let target = if target.is_empty() { b"/" } else { target };
        let target = percent_encode(target, NOT_IN_RAW_TARGET).to_string();
        if target.len() > LONGEST_TARGET {
            return Err(
                HttpError::new(414).explain(format!("The target may have at most {LONGEST_TARGET} bytes."))
            );
        }
        match Uri::try_from(target) {
            // `example.org:80`, the form of a CONNECT
            Ok(uri) if uri.authority().is_some() && uri.scheme().is_none() && method != Method::CONNECT => {
                Err(HttpError::bad_request("The target of this request is neither a path nor a URI."))
            }
            Ok(uri) => Ok(Request { method, uri, ..Request::default() }),
            Err(error) => {
                Err(HttpError::bad_request(format!("The target of this request is none: {error}.")))
            }
        }
    }

    /// The same request with this version of HTTP.
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The same request with more header fields, in the bytes of the wire; repeated names keep all their values.
    ///
    /// # Errors
    ///
    /// 400 for a name that is no token, and for a value with a line break or another control character.
    pub fn with_fields<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, HttpError> {
        let fields = fields.into_iter();
        let map = self.headers.as_map_mut();
        map.reserve(fields.size_hint().0.min(256));
        for (name, value) in fields {
            let name = name.as_ref();
            let parsed = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.as_ref()));
            let (Ok(name), Ok(value)) = parsed else {
                let name = name[..name.len().min(100)].escape_ascii();
                let explain = format!("The header field \"{name}\" of this request is malformed.");
                return Err(HttpError::bad_request(explain));
            };
            map.try_append(name, value).map_err(|_| HttpError::new(431))?;
        }
        Ok(self)
    }

    /// The same request, from the other end of a connection at this address: the client's, or that of the nearest
    /// [proxy](crate::TrustedProxies). A port that is not known is 0.
    pub fn with_peer(mut self, address: SocketAddr) -> Self {
        self.extensions.insert(address);
        self
    }

    /// The same request, which has come through HTTPS or not; it has not without this call.
    pub fn with_https(mut self, https: bool) -> Self {
        match https {
            true => self.extensions.insert(OverHttps),
            false => self.extensions.remove::<OverHttps>(),
        };
        self
    }

    /// The same request with a body that arrives piece by piece; it is not asked for any before somebody reads it.
    ///
    /// An error of the stream ends the request with 400, since it is the client that breaks off. The body has to be the
    /// whole of what the client has sent, without the framing of the transport.
    pub fn with_body_stream<S, E>(mut self, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.incoming = Mutex::new(Incoming::new(Streamed(Box::pin(stream))));
        self
    }
}

/// A stream of bytes as a body.
struct Streamed<S>(Pin<Box<S>>);

impl<S, E> http_body::Body for Streamed<S>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, E>>> {
        self.0.as_mut().poll_next(context).map(|piece| piece.map(|piece| piece.map(http_body::Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::App;
    use crate::properties::run_for;

    #[test]
    fn any_bytes_are_answered() {
        let app = App::builder().build().expect("an app");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
        let method = prop_oneof![Just(b"GET".to_vec()), bytes()];
        let target = prop_oneof![bytes(), "(http:/)?/[a-z%/?#:@.\\[\\]]{0,12}".prop_map(String::into_bytes)];
        let fields = proptest::collection::vec((bytes(), bytes()), 0..3);
        run_for((method, target, fields), |(method, target, fields)| {
            let request = Request::raw(&method, &target).and_then(|request| request.with_fields(fields));
            let answer = match request {
                Ok(request) => runtime.block_on(app.handle(request)),
                Err(error) => runtime.block_on(app.refusal(error)),
            };
            let status = answer.status().as_u16();
            let is_file_or_option = status == 200 || status == 204;
            prop_assert!(is_file_or_option || (400..500).contains(&status) || status == 501, "{}", status);
            Ok(())
        });
    }
}
