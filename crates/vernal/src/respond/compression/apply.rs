//! One response: whether it is compressed, and what its fields then say.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::body::{self, Coded};
use super::{Rules, negotiate};
use crate::request::Request;
use crate::respond::response::Outgoing;
use crate::respond::{StaticFile, conditional};

/// What a response is about, where the response itself doesn't tell: 304 has no body, 206 a part of one.
pub(crate) struct Representation {
    pub(crate) content_type: HeaderValue,
    pub(crate) length: u64,
}

impl Representation {
    /// The file that an answer without its whole content is about; `None` where the answer tells.
    pub(crate) fn of(file: &StaticFile, request: &Request, status: StatusCode) -> Option<Self> {
        let is_partial = matches!(status, StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT);
        let matters = is_partial && request.app().is_some_and(|app| app.compression().is_some());
        let length = matters.then(|| file.path().metadata().ok())??.len();
        Some(Representation { content_type: file.type_of_file(), length })
    }
}

/// Compresses the body, if it is one of those, and makes the fields say so.
pub(crate) fn code(
    rules: &Rules,
    request: &Request,
    status: StatusCode,
    headers: &mut HeaderMap,
    body: Outgoing,
    whole: Option<Representation>,
) -> Outgoing {
    let is_not_modified = status == StatusCode::NOT_MODIFIED;
    if is_not_modified && whole.is_none() {
        if holds_weak_form(&request.headers, headers) {
            weaken(headers);
            if rules.vary {
                vary(headers);
            }
        }
        return body;
    }
    // most responses end here, or with the next question
    let length = whole.as_ref().map(|whole| whole.length).or_else(|| length(&body, request, headers));
    if length.is_some_and(|length| length < rules.minimum.max(1)) {
        return body;
    }
    let content_type = whole.as_ref().map(|whole| &whole.content_type).or_else(|| headers.get(CONTENT_TYPE));
    let is_listed =
        |content_type: &HeaderValue| rules.types.iter().any(|listed| listed.matches(content_type.as_bytes()));
    if !content_type.is_some_and(is_listed) {
        return body;
    }
    let has_no_body = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    let is_coded = headers.contains_key(CONTENT_ENCODING);
    if has_no_body || is_coded || has_digest(headers) || is_not_to_be_transformed(headers) {
        return body;
    }
    if rules.vary {
        vary(headers);
    }
    let offered = rules.codings.iter().map(|(coding, _)| *coding);
    let chosen = negotiate::choose(request.headers.as_map(), offered);
    let chosen = rules.codings.iter().find(|(coding, _)| Some(*coding) == chosen);
    let Some((coding, level)) = chosen.filter(|_| status != StatusCode::PARTIAL_CONTENT) else { return body };
    if is_not_modified {
        weaken(headers);
        return body;
    }
    let coded = match request.method {
        Method::HEAD => Coded::unknown(),
        _ => match body::encode(body, *coding, *level, length) {
            Ok(coded) => coded,
            Err(failure) => {
                let (error, body) = *failure;
                tracing::error!(%coding, %error, "a response cannot be compressed");
                return body;
            }
        },
    };
    weaken(headers);
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    coded.0
}

/// The bytes that the body has uncompressed, where that is known.
fn length(body: &Outgoing, request: &Request, headers: &HeaderMap) -> Option<u64> {
    let exact = body.size_hint().exact();
    let announced = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    match request.method {
        // the body of a file, or one that the application left out
        Method::HEAD if exact.is_none_or(|length| length == 0) => announced().or(exact),
        _ => exact,
    }
}

/// Adds `Accept-Encoding` to what the response varies by (RFC 9110 section 12.5.5), if it does not vary by everything.
pub(crate) fn vary(headers: &mut HeaderMap) {
    const NAME: &str = "Accept-Encoding";
    let is_said = headers
        .get_all(VARY)
        .iter()
        .any(|value| members(value).any(|name| name == "*" || name.eq_ignore_ascii_case(NAME)));
    if is_said {
        return;
    }
    let before = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
    let merged = before.chain([NAME]).filter(|value| !value.trim().is_empty()).collect::<Vec<_>>().join(", ");
    match HeaderValue::from_str(&merged) {
        Ok(merged) => headers.insert(VARY, merged),
        Err(_) => headers.insert(VARY, HeaderValue::from_static(NAME)),
    };
}

/// Marks the entity tag as weak: bytes that are made anew each time are only equivalent (section 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")) else { return };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        headers.insert(ETAG, weak);
    }
}

/// Whether the client asked with the weak form of the strong tag that an application's own 304 has: what it keeps is
/// then a response that was compressed.
fn holds_weak_form(asked: &crate::Headers, headers: &HeaderMap) -> bool {
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.starts_with('"'));
    tag.is_some_and(|tag| {
        conditional::any_tag(asked, IF_NONE_MATCH, |asked| asked.strip_prefix("W/") == Some(tag))
    })
}

/// Digests that an application has computed are of the bytes that it gave (RFC 9530, RFC 3230, RFC 1864).
fn has_digest(headers: &HeaderMap) -> bool {
    const DIGESTS: [HeaderName; 4] = [
        HeaderName::from_static("repr-digest"),
        HeaderName::from_static("content-digest"),
        HeaderName::from_static("digest"),
        HeaderName::from_static("content-md5"),
    ];
    DIGESTS.iter().any(|name| headers.contains_key(name))
}

/// `Cache-Control: no-transform` (RFC 9111 section 5.2.2.6).
fn is_not_to_be_transformed(headers: &HeaderMap) -> bool {
    let mut directives = headers.get_all(CACHE_CONTROL).iter().flat_map(members);
    directives.any(|directive| directive.eq_ignore_ascii_case("no-transform"))
}

/// The members of a list; none of one that is not text.
fn members(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(|member| member.trim_matches([' ', '\t']))
}
