//! Names, values and targets on their way between two servers.

use http::HeaderName;
use http::header::{
    CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// What a decoded path must not be taken for when it becomes a target again.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// A target of a decoded path, in bytes of UTF-8, and a query that was never decoded.
pub(super) fn target(path: &[u8], query: &[u8]) -> Vec<u8> {
    let mut target = Vec::with_capacity(path.len() + query.len() + 2);
    if !path.starts_with(b"/") {
        target.push(b'/');
    }
    for piece in percent_encode(path, NOT_IN_PATH) {
        target.extend_from_slice(piece.as_bytes());
    }
    if !query.is_empty() {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}

/// Whether a field is about the connection, and so the host's own (RFC 9110 section 7.6.1).
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TRANSFER_ENCODING, UPGRADE, TRAILER, TE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION]
        .contains(name)
        || name == "keep-alive"
}

/// A value of what the host says, if it is there.
pub(super) fn value<'py>(
    given: &Bound<'py, PyDict>,
    key: &Bound<'py, PyString>,
) -> Option<Bound<'py, PyAny>> {
    given.get_item(key).ok().flatten()
}

/// A text among what the host says, if it is there and is one.
pub(super) fn text<'py>(
    given: &Bound<'py, PyDict>,
    key: &Bound<'py, PyString>,
) -> Option<Bound<'py, PyString>> {
    value(given, key)?.cast_into().ok()
}

/// The bytes of a text whose characters stand for bytes (PEP 3333); one that has others is UTF-8.
pub(super) fn bytes_of(text: &Bound<'_, PyString>) -> Vec<u8> {
    let text = text.to_string_lossy();
    if text.is_ascii() {
        return text.into_owned().into_bytes();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(character).ok()).collect();
    bytes.unwrap_or_else(|| text.into_owned().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoded_path_stays_what_it_is() {
        assert_eq!(target(b"/a%41/b?c#d e", b"x=%41&y=?"), b"/a%2541/b%3Fc%23d%20e?x=%41&y=?");
        assert_eq!(target("/中".as_bytes(), b""), "/%E4%B8%AD".as_bytes());
        assert_eq!(target(b"", b""), b"/");
    }
}
