//! The opening handshake: from a request to a connection, or to the answer that refuses it (RFC 6455 section 4.2).

use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, UPGRADE};
use http::{HeaderValue, Method, StatusCode, Version};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::accept::Drain;
use crate::access::Access;
use crate::app::App;
use crate::guard::{CatchPanic, catch_panic};
#[cfg(feature = "http2")]
use crate::journey::not_found;
use crate::request::Request;
use crate::respond::{Outgoing, OutgoingBody, Response, close_session, finish, uses_session};
use crate::websocket::blocking::on_thread;
use crate::websocket::conversation::converse;
use crate::websocket::deflate::{self, DeflateParameters};
use crate::websocket::endpoint::EndpointId;
use crate::websocket::request::list;
use crate::websocket::{Event, EventKind, Handshake, WebsocketHandler, WebsocketRequest, WebsocketSession};
use crate::{HttpError, Result};

/// A connection that is open as soon as its answer has gone out.
pub(crate) struct Accepted {
    pub(crate) session: WebsocketSession,
    pub(crate) handler: Arc<dyn WebsocketHandler>,
    /// Its place among the streams of a connection of HTTP/2, kept until it ends: a session may outlive that.
    #[cfg(feature = "http2")]
    pub(crate) running: Option<crate::accept::Running>,
}

impl Accepted {
    /// Speaks WebSocket until the connection ends. `early` is what the client has sent already.
    pub(crate) async fn converse<S>(self, stream: S, early: Bytes, drain: Drain)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _present = Present(self.session.clone());
        #[cfg(feature = "http2")]
        let _running = self.running;
        converse(stream, early, self.session, self.handler, drain).await;
    }
}

/// Takes a connection out of its rooms when it has ended, however it has.
struct Present(WebsocketSession);

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(rooms) = self.0.rooms() {
            rooms.leave_all(&self.0);
        }
    }
}

/// What a request of HTTP/1.1 asks for.
pub(crate) enum Upgrade {
    /// No WebSocket.
    No,
    /// One that has an endpoint.
    Endpoint(EndpointId),
    /// One that has none.
    Nowhere,
}

/// Among the extensions of an answer that has the fields of the protocol and of the handler alone.
#[derive(Clone)]
pub(crate) struct Plain;

/// The answer to a handshake, and the connection if it accepts.
pub(crate) type Shaken = (http::Response<OutgoingBody>, Option<Accepted>);

impl App {
    /// The endpoint for a request that asks for a WebSocket, however it asks; notes the values of its pattern.
    pub(crate) fn websocket(&self, request: &mut Request) -> Option<EndpointId> {
        self.endpoints().find(request)
    }

    /// Whether a request of HTTP/1.1 asks for a WebSocket (section 4.1). Any other is none of ours, and one whose path has
    /// no endpoint only where WebSockets are apart from HTTP: the journey over HTTP answers it otherwise, and in any case
    /// one whose target it refuses.
    pub(crate) fn websocket_upgrade(&self, request: &mut Request) -> Upgrade {
        let is_apart = self.websocket_settings().is_apart_from_http();
        let asks = (is_apart || !self.endpoints().is_empty())
            && request.headers.as_map().contains_key(UPGRADE)
            && request.method == Method::GET
            && request.version() == Version::HTTP_11
            && list(request, "upgrade").any(|protocol| protocol.eq_ignore_ascii_case("websocket"))
            && list(request, "connection").any(|option| option.eq_ignore_ascii_case("upgrade"));
        if !asks {
            return Upgrade::No;
        }
        match self.websocket(request) {
            Some(endpoint) => Upgrade::Endpoint(endpoint),
            None if is_apart && self.check_length(request).is_ok() && request.decode_path().is_ok() => {
                Upgrade::Nowhere
            }
            None => Upgrade::No,
        }
    }

    /// The answer to a request for a WebSocket on a path that has no endpoint.
    pub(crate) fn answer_nowhere(&self, request: &Request) -> http::Response<OutgoingBody> {
        let access = Access::begin(self.logs_access());
        let mut answer = http::Response::new(OutgoingBody::from(Outgoing::Empty));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        answer.extensions_mut().insert(Plain);
        if let Some(access) = access {
            access.end(request, &answer);
        }
        answer
    }

    /// The handshake over HTTP/1.1: with the version and the key of section 4.2.1, answered by 101.
    pub(crate) async fn upgrade(&self, mut request: Request, endpoint: EndpointId) -> Shaken {
        let accept = check(&mut request).and_then(|()| accept_value(&request));
        let refused = accept.as_ref().err().cloned();
        let (mut answer, accepted) =
            self.shake_hands(request, endpoint, StatusCode::SWITCHING_PROTOCOLS, refused).await;
        if let (Some(_), Ok(accept)) = (&accepted, accept) {
            let headers = answer.headers_mut();
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        (answer, accepted)
    }

    /// The handshake over HTTP/2, for a CONNECT to `websocket`: with the version and no key, answered by 200 (RFC 8441
    /// section 5).
    #[cfg(feature = "http2")]
    pub(crate) async fn tunnel(&self, mut request: Request) -> Shaken {
        if let Some(endpoint) = self.websocket(&mut request) {
            let refused = check(&mut request).err();
            return self.shake_hands(request, endpoint, StatusCode::OK, refused).await;
        }
        // no controller takes CONNECT, so the journey would not say that the path is wrong
        let access = Access::begin(self.logs_access());
        let refused = self.check_length(&request).and_then(|()| request.decode_path());
        let error = refused.err().unwrap_or_else(not_found);
        let mut page = self.fail(&mut request, error.into()).await;
        keep_shut(&mut page, StatusCode::OK);
        if let Some(access) = access {
            access.end(&request, &page);
        }
        (page, None)
    }

    /// The handshake, whatever carries it. `accepts` is the status that opens the connection; `refused` is what the
    /// transport has against the request.
    pub(crate) async fn shake_hands(
        &self,
        request: Request,
        endpoint: EndpointId,
        accepts: StatusCode,
        refused: Option<HttpError>,
    ) -> Shaken {
        let access = Access::begin(self.logs_access());
        let handler = self.endpoints().handler(endpoint);
        let mut request = WebsocketRequest::new(request);
        let greeted = match refused {
            Some(refusal) => Err(refusal.into()),
            None => self.in_time(self.greet(&mut request, &handler)).await,
        };
        let (mut answered, deflate) = match greeted {
            Ok((response, deflate)) => (Ok(response), deflate),
            Err(error) => (Err(error), None),
        };
        if uses_session(self, &request) {
            answered = close_session(self, request.request_mut(), answered).await;
        }
        let (mut sent, accepted) = match answered.and_then(|response| finish(self, &request, response)) {
            Ok(mut sent) => {
                if deflate.is_some() {
                    *sent.status_mut() = accepts;
                }
                if accepts == StatusCode::SWITCHING_PROTOCOLS
                    && self.websocket_settings().is_apart_from_http()
                {
                    sent.extensions_mut().insert(Plain);
                }
                (sent, deflate)
            }
            Err(error) => (self.fail(request.request_mut(), error).await, None),
        };
        if accepted.is_none() {
            keep_shut(&mut sent, accepts);
        }
        if let Some(access) = access {
            access.end(&request, &sent);
        }
        let accepted = accepted.map(|deflate| {
            #[cfg(feature = "http2")]
            let running = request.request_mut().let_go();
            let session = WebsocketSession::new(request, self.limits(), deflate);
            Accepted {
                session,
                handler,
                #[cfg(feature = "http2")]
                running,
            }
        });
        (sent, accepted)
    }

    /// Whether pages of the site that a request names as its `Origin` may open a WebSocket, as
    /// [`WebsocketSettings`](crate::websocket::WebsocketSettings) has it. It is asked before each handshake; a face whose
    /// handshakes are made by the server of somebody else asks it itself.
    ///
    /// # Errors
    ///
    /// 403, and a line in the log, where they may not.
    pub fn check_origin(&self, request: &Request) -> Result<(), HttpError> {
        let Some(origin) = self.websocket_settings().refuses(request) else { return Ok(()) };
        tracing::warn!(
            origin,
            host = request.host(),
            path = request.path(),
            "a page of another site may not open a WebSocket; WebsocketSettings::origin lets it"
        );
        Err(HttpError::new(403).explain("Pages of this origin may not connect"))
    }

    /// Asks the handler; answers what goes to the client and, if that opens the connection, what was agreed on about
    /// compression.
    async fn greet(
        &self,
        request: &mut WebsocketRequest,
        handler: &Arc<dyn WebsocketHandler>,
    ) -> Result<(Response, Option<Option<DeflateParameters>>)> {
        let settings = self.websocket_settings();
        self.check_origin(request)?;
        let mut handshake = self.ask(request, handler).await?;
        for field in [UPGRADE, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS] {
            handshake.headers.as_map_mut().remove(field);
        }
        if let Some(status) = handshake.refusal() {
            if !(200..600).contains(&status) {
                return Err(Wrong(format!("a handshake cannot be refused with status {status}")).into());
            }
            return Ok((Response { headers: handshake.headers, ..Response::new(status) }, None));
        }
        let subprotocol = handshake.chosen_subprotocol();
        if let Some(chosen) = subprotocol.filter(|chosen| !request.subprotocols().any(|name| name == *chosen))
        {
            return Err(Wrong(format!("the client has not offered the subprotocol {chosen:?}")).into());
        }
        request.set_subprotocol(subprotocol.map(str::to_owned));
        let deflate = settings.deflate_settings().and_then(|settings| {
            let offers: Vec<&str> = list(request, "sec-websocket-extensions").collect();
            deflate::negotiate(&offers.join(","), settings)
        });
        let mut response = Response { headers: handshake.headers, ..Response::default() };
        let deflate = deflate.map(|(parameters, answer)| {
            response.headers.insert(SEC_WEBSOCKET_EXTENSIONS, answer);
            parameters
        });
        Ok((response, Some(deflate)))
    }

    /// Calls the handler's `on_handshake`, on a thread that may block if it may.
    async fn ask(
        &self,
        request: &mut WebsocketRequest,
        handler: &Arc<dyn WebsocketHandler>,
    ) -> Result<Handshake> {
        if !self.endpoints().may_block(&**handler, EventKind::Handshake) {
            return match catch_panic(|| handler.on_handshake(request))? {
                Event::Ready(answer) => answer,
                Event::Pending(future) | Event::Elsewhere(future) => CatchPanic(future).await,
            };
        }
        let (handler, moved) = (Arc::clone(handler), std::mem::take(request));
        let runtime = tokio::runtime::Handle::current();
        let (moved, answer) = on_thread(self.blocking(), move || {
            let answer = catch_panic(|| handler.on_handshake(&moved).wait_on_thread(&runtime));
            Ok((moved, answer))
        })
        .await?;
        *request = moved;
        answer?
    }
}

/// The one version there is (section 11.6).
const VERSION: &str = "13";

/// Sees to it that an answer that refuses is not taken for one that accepts: over HTTP/2 any status of success does.
fn keep_shut(answer: &mut http::Response<OutgoingBody>, accepts: StatusCode) {
    if accepts.is_success() && answer.status().is_success() {
        let status = answer.status().as_u16();
        tracing::error!(
            status,
            "a WebSocket over HTTP/2 cannot be refused with this status; the client gets a 500"
        );
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
}

/// What a handshake may not be without: the version; and what it may not have: a body, whose end nobody would wait for.
/// The page for either says which version there is.
fn check(request: &mut Request) -> Result<(), HttpError> {
    let checked = check_head(request);
    if checked.is_err() {
        request.set_aside(Response::default().header("Sec-WebSocket-Version", VERSION));
    }
    checked
}

fn check_head(request: &Request) -> Result<(), HttpError> {
    if request.headers.get_all("sec-websocket-version").ne([VERSION]) {
        return Err(HttpError::new(426).explain("This server speaks version 13 of the WebSocket protocol"));
    }
    let has_body = request.content_length().is_some_and(|length| length > 0)
        || request.headers.contains("transfer-encoding");
    match has_body {
        true => Err(HttpError::bad_request("A WebSocket handshake has no body")),
        false => Ok(()),
    }
}

/// The proof that the server has understood (section 4.2.2 step 5.4).
fn accept_value(request: &Request) -> Result<HeaderValue, HttpError> {
    let mut keys = request.headers.get_all("sec-websocket-key");
    let (Some(key), None) = (keys.next().filter(|key| is_key(key.trim())), keys.next()) else {
        let wanted = "Sec-WebSocket-Key should be 16 bytes in base64, once";
        return Err(HttpError::bad_request(wanted));
    };
    let mut hash = Sha1::new();
    hash.update(key.trim());
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    HeaderValue::from_str(&Base64::encode_string(&hash.finalize())).map_err(|_| HttpError::new(500))
}

/// 16 bytes are 22 characters of base64 and two of padding.
fn is_key(text: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.strip_suffix("==").is_some_and(|digits| digits.len() == 22 && digits.bytes().all(is_base64))
}

/// An answer that a handler put together wrongly; the client gets a 500, the log the reason.
#[derive(Debug)]
struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}
