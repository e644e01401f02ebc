//! The head of an answer of HTTP/1.1 in bytes, where it is not hyper that writes it.

use http::{Extensions, HeaderValue, StatusCode};

use crate::headers::make_title_case;
use crate::respond::Reason;

/// The status line, these fields, and the empty line.
pub(crate) fn response_head<'f>(
    status: StatusCode,
    extensions: &Extensions,
    fields: impl Iterator<Item = (&'f str, &'f HeaderValue)>,
    title_case: bool,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(format!("HTTP/1.1 {} ", status.as_u16()).as_bytes());
    let phrase = status.canonical_reason().unwrap_or_default().as_bytes();
    head.extend_from_slice(extensions.get().map_or(phrase, Reason::as_bytes));
    head.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        let start = head.len();
        head.extend_from_slice(name.as_bytes());
        if title_case {
            make_title_case(&mut head[start..]);
        }
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
