//! The last station: a response as it goes to the transport.

use http::header::{
    ACCEPT_RANGES, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, SERVER, SET_COOKIE, TRANSFER_ENCODING,
};
#[cfg(feature = "compression")]
use http::header::{CONTENT_ENCODING, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::Body as _;

use crate::app::App;
use crate::request::Request;
use crate::respond::Reason;
#[cfg(feature = "compression")]
use crate::respond::compression::{self, Found};
use crate::respond::file::{FileAnswer, FileBody, StaticFile};
use crate::respond::response::{Content, Data, Outgoing, OutgoingBody, Response};
use crate::{HttpError, Result, session};

/// Fills in what the application left open and turns values into bytes: the content type, a file's representation,
/// the form of an answer to HEAD.
///
/// # Errors
///
/// 404 for a file that is not there, 500 for a field or cookie that cannot be sent.
pub(crate) fn finish(
    app: &App,
    request: &Request,
    response: Response,
) -> Result<http::Response<OutgoingBody>> {
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
        None => Represented::from(Outgoing::Empty),
        Some(content) => represent(content, request, &mut status, &mut headers)?,
    };
    #[cfg(feature = "compression")]
    let body = match app.compression() {
        Some(rules) if !body.is_coded && !response.until_close => {
            compression::code(rules, request, status, &mut headers, body.outgoing, body.whole)
        }
        _ => body.outgoing,
    };
    #[cfg(not(feature = "compression"))]
    let body = body.outgoing;
    if let Some(name) = app.server_name() {
        headers.entry(SERVER).or_insert_with(|| name.clone());
    }
    let mut sent =
        http::Response::new(frame(OutgoingBody::from(body), &request.method, status, &mut headers));
    *sent.status_mut() = status;
    *sent.headers_mut() = headers;
    if response.until_close {
        // the one version that has no other end for a body whose length is not known
        *sent.version_mut() = Version::HTTP_10;
        sent.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let own_words = || app.phrase(status.as_u16()).and_then(Reason::new);
    if let Some(reason) =
        response.reason.or_else(|| if status == StatusCode::OK { None } else { own_words() })
    {
        sent.extensions_mut().insert(reason);
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
    let cookie = session::finish(
        app.session_store(),
        app.session_settings(),
        &session,
        had_cookie,
        request.is_secure(),
    )
    .await?;
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

/// The bytes of a body, and what compression wants to know of it beside the fields.
struct Represented {
    outgoing: Outgoing,
    /// Whether it is a form that was compressed beforehand.
    #[cfg(feature = "compression")]
    is_coded: bool,
    /// What an answer that is not the whole of a file is about.
    #[cfg(feature = "compression")]
    whole: Option<compression::Representation>,
}

impl From<Outgoing> for Represented {
    fn from(outgoing: Outgoing) -> Self {
        Represented {
            outgoing,
            #[cfg(feature = "compression")]
            is_coded: false,
            #[cfg(feature = "compression")]
            whole: None,
        }
    }
}

/// The bytes of a body, and the fields that describe them.
fn represent(
    content: Content,
    request: &Request,
    status: &mut StatusCode,
    headers: &mut HeaderMap,
) -> Result<Represented, HttpError> {
    if let Some(content_type) = content.content_type {
        default_content_type(headers, content_type.into());
    }
    let file = match content.data {
        Data::Bytes(bytes) => return Ok(Outgoing::Bytes(bytes).into()),
        Data::Stream(stream) => return Ok(Outgoing::Stream(stream).into()),
        Data::File(file) => file,
    };
    #[cfg(feature = "compression")]
    let (answer, is_coded) = match open_precompressed(&file, request, *status, headers) {
        Some(answer) => (answer, true),
        None => (open(&file, request, *status)?, false),
    };
    #[cfg(not(feature = "compression"))]
    let answer = open(&file, request, *status)?;
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
    let outgoing = match answer.body {
        FileBody::Bytes(bytes) => Outgoing::Bytes(bytes),
        FileBody::Stream(stream) => Outgoing::File(stream),
        FileBody::Empty { length } => {
            if let Some(length) = length {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            Outgoing::Empty
        }
    };
    Ok(Represented {
        outgoing,
        #[cfg(feature = "compression")]
        is_coded,
        #[cfg(feature = "compression")]
        whole: compression::Representation::of(&file, request, *status),
    })
}

/// Preconditions and ranges are about the resource, not about what says that something went wrong.
fn open(file: &StaticFile, request: &Request, status: StatusCode) -> Result<FileAnswer, HttpError> {
    let app = request.app();
    let cache = app.map(App::file_cache);
    let ranges = app.is_none_or(App::answers_ranges);
    let opened = match status {
        StatusCode::OK => file.open_with(&request.method, &request.headers, cache, ranges),
        _ => file.open_whole(cache),
    };
    let mut answer = opened.map_err(|error| match app {
        Some(app) => app.file_error(error),
        None => error,
    })?;
    if !ranges {
        answer.headers.remove(ACCEPT_RANGES);
    }
    Ok(answer)
}

/// The answer with a form of the file that was compressed beforehand, if that is switched on, there is one, and the
/// client wants it. A range is one of the file itself.
#[cfg(feature = "compression")]
fn open_precompressed(
    file: &StaticFile,
    request: &Request,
    status: StatusCode,
    headers: &mut HeaderMap,
) -> Option<FileAnswer> {
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    let is_on = request.app().is_some_and(App::serves_precompressed);
    if !is_on || !reads || status != StatusCode::OK || headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    let (coding, path) = match compression::find(file.path(), request.headers.as_map()) {
        Found::Nothing => return None,
        Found::Unwanted => {
            compression::vary(headers);
            return None;
        }
        Found::Wanted(coding, path) => (coding, path),
    };
    compression::vary(headers);
    if request.method == Method::GET && request.headers.as_map().contains_key(RANGE) {
        return None;
    }
    // it may have gone since it was looked for, or may not be read
    let answer = open(&file.in_form(path), request, status).ok()?;
    if answer.status == StatusCode::OK {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    Some(answer)
}

/// The framing is the transport's; only the answer to HEAD may name a length of its own (`spec/08` A44).
fn drop_framing(headers: &mut HeaderMap, method: &Method) {
    headers.remove(TRANSFER_ENCODING);
    if method != Method::HEAD {
        headers.remove(CONTENT_LENGTH);
    }
}

fn default_content_type(headers: &mut HeaderMap, content_type: HeaderValue) {
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
    // RFC 9110 section 15.3.6: a length of zero, which the transport says
    if status == StatusCode::RESET_CONTENT {
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
