//! The last station: a response as it goes to the transport.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body as _;

use crate::app::App;
use crate::request::Request;
use crate::respond::file::FileBody;
use crate::respond::response::{Content, Data, Outgoing, OutgoingBody, Response};
use crate::{HttpError, Result, session};

/// A reason phrase other than the standard one, for transports that can send it.
#[derive(Clone)]
pub(crate) struct Reason(pub(crate) Box<str>);

/// Fills in what the application left open and turns values into bytes: the content type, a file's representation,
/// the form of an answer to HEAD.
///
/// # Errors
///
/// 404 for a file that is not there, 500 for a field or cookie that cannot be sent.
pub(crate) fn finish(request: &Request, response: Response) -> Result<http::Response<OutgoingBody>> {
    if let Some(field) = response.headers.invalid() {
        let text = format!("the field {:?} cannot carry the value {:?}", field.name, field.value);
        return Err(InvalidResponse(text).into());
    }
    let mut status = response.status.unwrap_or_default();
    if status.is_informational() {
        let text = format!("{status} is no answer: the client would wait for another");
        return Err(InvalidResponse(text).into());
    }
    let mut headers = response.headers.into_map();
    if !headers.is_empty() {
        drop_framing(&mut headers, &request.method);
    }
    for cookie in &response.cookies {
        headers.append(SET_COOKIE, cookie.to_header().map_err(|error| InvalidResponse(error.to_string()))?);
    }
    let body = match response.content {
        None => Outgoing::Empty,
        Some(content) => represent(content, request, &mut status, &mut headers)?,
    };
    let mut sent =
        http::Response::new(frame(OutgoingBody::from(body), &request.method, status, &mut headers));
    *sent.status_mut() = status;
    *sent.headers_mut() = headers;
    if let Some(reason) = response.reason {
        sent.extensions_mut().insert(Reason(reason));
    }
    Ok(sent)
}

/// A response that an application put together wrongly; it becomes a 500 and a line in the log.
#[derive(Debug)]
struct InvalidResponse(String);

impl std::fmt::Display for InvalidResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidResponse {}

/// Whether the request opened a session, or came with the cookie of one.
pub(crate) fn uses_session(app: &App, request: &Request) -> bool {
    request.opened_session().is_some() || has_session_cookie(app, request)
}

fn has_session_cookie(app: &App, request: &Request) -> bool {
    let has_cookies = request.headers.as_map().keys().any(|name| name == COOKIE);
    has_cookies && request.cookie(app.session_settings().name()).is_some()
}

/// Saves the session that was used, keeps one alive that was not, and sets its cookie (`spec/05` section 3).
///
/// An error's page carries the cookie as well: what the request has changed is saved, and a client that kept the old
/// identifier of a renewed session would be left without any.
pub(crate) async fn close_session(
    app: &App,
    request: &mut Request,
    answered: Result<Response>,
) -> Result<Response> {
    let Some(session) = request.existing_session().await? else { return answered };
    let had_cookie = has_session_cookie(app, request);
    let cookie = session::finish(app.session_store(), app.session_settings(), &session, had_cookie).await?;
    match answered {
        Ok(mut response) => {
            response.cookies.extend(cookie);
            Ok(response)
        }
        Err(error) => {
            let mut so_far = request.take_aside();
            so_far.cookies.extend(cookie);
            request.set_aside(so_far);
            Err(error)
        }
    }
}

/// The bytes of a body, and the fields that describe them.
fn represent(
    content: Content,
    request: &Request,
    status: &mut StatusCode,
    headers: &mut HeaderMap,
) -> Result<Outgoing, HttpError> {
    if let Some(content_type) = content.content_type {
        default_content_type(headers, content_type);
    }
    let file = match content.data {
        Data::Bytes(bytes) => return Ok(Outgoing::Bytes(bytes)),
        Data::Stream(stream) => return Ok(Outgoing::Stream(stream)),
        Data::File(file) => file,
    };
    let cache = request.app().map(App::file_cache);
    // preconditions and ranges are about the resource, not about what says that something went wrong
    let answer = match *status {
        StatusCode::OK => file.open(&request.method, &request.headers, cache)?,
        _ => file.open_whole(cache)?,
    };
    if answer.status != StatusCode::OK {
        *status = answer.status;
    }
    if headers.is_empty() {
        *headers = answer.headers;
    } else {
        for (name, value) in &answer.headers {
            if !headers.contains_key(name) {
                headers.append(name, value.clone());
            }
        }
    }
    Ok(match answer.body {
        FileBody::Bytes(bytes) => Outgoing::Bytes(bytes),
        FileBody::Stream(stream) => Outgoing::File(stream),
        FileBody::Empty { length } => {
            if let Some(length) = length {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            Outgoing::Empty
        }
    })
}

/// The framing is the transport's; only the answer to HEAD may name a length of its own (`spec/08` A44).
fn drop_framing(headers: &mut HeaderMap, method: &Method) {
    headers.remove(TRANSFER_ENCODING);
    if method != Method::HEAD {
        headers.remove(CONTENT_LENGTH);
    }
}

fn default_content_type(headers: &mut HeaderMap, content_type: &'static str) {
    let content_type = HeaderValue::from_static(content_type);
    if headers.is_empty() {
        headers.insert(CONTENT_TYPE, content_type);
    } else {
        headers.entry(CONTENT_TYPE).or_insert(content_type);
    }
}

/// Makes body and `Content-Length` agree with the method and the status (RFC 9110 sections 6.4.1 and 9.3.2).
fn frame(body: OutgoingBody, method: &Method, status: StatusCode, headers: &mut HeaderMap) -> OutgoingBody {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        headers.remove(CONTENT_LENGTH);
        headers.remove(CONTENT_TYPE);
        return OutgoingBody::default();
    }
    if method != Method::HEAD {
        return body;
    }
    let announced = headers.contains_key(CONTENT_LENGTH) && body.is_end_stream();
    if let (false, Some(length)) = (announced, body.size_hint().exact()) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    OutgoingBody::default()
}
