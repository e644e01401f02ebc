//! A request as the app is to see it, like one of HTTP/1.1.

use http::header::{COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::parse::is_authority;
use crate::{HttpError, Limits};

/// Gives the request the form that HTTP/1.1 requests have: the authority as `Host`, the path as target, one `Cookie`.
///
/// # Errors
///
/// 400 for values with white space around them (section 8.2.1), the path `*` of another method than OPTIONS, an authority
/// that is missing, malformed, ambiguous or has user information (RFC 9113 section 8.3.1), or that the `Host` field
/// contradicts; 431 for too many fields.
pub(super) fn arrive(parts: &mut Parts, limits: &Limits) -> Result<(), HttpError> {
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.scheme = None;
    let authority = uri.authority.take();
    parts.uri = Uri::from_parts(uri).unwrap_or_default();

    if parts.uri.path() == "*" && parts.method != Method::OPTIONS {
        return Err(HttpError::bad_request("The path * is for OPTIONS alone."));
    }
    if let Some((name, _)) = parts.headers.iter().find(|(_, value)| has_margin(value)) {
        return Err(HttpError::bad_request(format!("The value of {name} has white space around it.")));
    }

    join_cookies(&mut parts.headers);
    if parts.headers.len() > limits.headers {
        let limit = limits.headers;
        return Err(HttpError::new(431).explain(format!("A request may have at most {limit} header fields.")));
    }

    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = match (authority, hosts.next(), hosts.next()) {
        (_, _, Some(_)) => return Err(HttpError::bad_request("The Host field is there twice.")),
        (None, None, _) => return Err(HttpError::bad_request("The request names no host.")),
        (None, Some(host), _) if is_authority(host.as_bytes()) => return Ok(()),
        (None, Some(_), _) => return Err(malformed()),
        (Some(authority), host, _) => {
            if authority.as_str().contains('@') {
                return Err(HttpError::bad_request("The authority may not have user information."));
            }
            if !is_authority(authority.as_str().as_bytes()) {
                return Err(malformed());
            }
            match host {
                Some(host) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
                    return Ok(());
                }
                Some(_) => return Err(HttpError::bad_request("Host and :authority name different hosts.")),
                None => HeaderValue::from_str(authority.as_str()),
            }
        }
    };
    let host = host.map_err(|_| HttpError::bad_request("The authority has characters that no host has."))?;
    parts.headers.insert(HOST, host);
    Ok(())
}

fn malformed() -> HttpError {
    HttpError::bad_request("The request names a host that is none.")
}

/// Whether white space stands at either end of a value (RFC 9113 section 8.2.1).
fn has_margin(value: &HeaderValue) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_space(value.as_bytes().first()) || is_space(value.as_bytes().last())
}

/// Joins what a client may send in several fields, so that each compresses on its own (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let mut whole = first.as_bytes().to_vec();
    for crumb in [second].into_iter().chain(crumbs) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(crumb.as_bytes());
    }
    // what is joined of values is a value
    if let Ok(whole) = HeaderValue::from_bytes(&whole) {
        headers.insert(COOKIE, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(uri: &str, fields: &[(&'static str, &str)]) -> Result<Parts, HttpError> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        arrive(&mut parts, &Limits::default().headers(3)).map(|()| parts)
    }

    fn refused(uri: &str, fields: &[(&'static str, &str)]) -> (u16, String) {
        let error = arrived(uri, fields).expect_err("it is refused");
        (error.code(), error.to_string())
    }

    #[test]
    fn the_authority_becomes_the_host() {
        let parts = arrived("http://a.example:81/p?q", &[]).expect("a request");
        assert_eq!(parts.headers["host"], "a.example:81");
        assert_eq!(parts.uri.to_string(), "/p?q");
    }

    #[test]
    fn a_host_that_agrees_stays() {
        let parts = arrived("http://a.example/", &[("host", "A.example")]).expect("a request");
        assert_eq!(parts.headers["host"], "A.example");
        assert!(arrived("/", &[("host", "a.example")]).is_ok());
    }

    #[test]
    fn hosts_in_doubt_are_refused() {
        assert_eq!(refused("http://a.example/", &[("host", "b.example")]).0, 400);
        assert_eq!(refused("http://me@a.example/", &[]).0, 400);
        assert_eq!(refused("/", &[("host", "a"), ("host", "a")]).0, 400);
        assert_eq!(refused("/", &[]).0, 400);
    }

    #[test]
    fn cookies_are_joined_before_fields_are_counted() {
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3"), ("cookie", "d=4")];
        let parts = arrived("http://a/", &crumbs).expect("a request");
        assert_eq!(parts.headers["cookie"], "a=1; b=2; c=3; d=4");
        assert_eq!(refused("http://a/", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]).0, 431);
    }
}
