//! Header fields as texts for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::{Headers, Request};

use crate::names::Names;

/// The value of a header field; several are joined (RFC 9110 section 5.3, RFC 6265 section 5.4 for cookies).
pub(crate) fn header(request: &Request, name: &str) -> Option<String> {
    let dashed = name.replace('_', "-");
    let map = request.headers.as_map();
    let values = if map.contains_key(name) { map.get_all(name) } else { map.get_all(dashed.as_str()) };
    joined(name, values.iter())
}

fn joined<'a>(name: &str, values: impl Iterator<Item = &'a http::HeaderValue>) -> Option<String> {
    let separator = if name.eq_ignore_ascii_case("cookie") { "; " } else { ", " };
    let mut joined: Option<String> = None;
    for value in values {
        let text = field_text(value);
        match &mut joined {
            Some(joined) => {
                joined.push_str(separator);
                joined.push_str(&text);
            }
            None => joined = Some(text),
        }
    }
    joined
}

/// The text of a field: UTF-8 where it is that, else ISO 8859-1.
fn field_text(value: &http::HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => latin_1(value.as_bytes()),
    }
}

/// All header fields, their names as the client has spelled them; over HTTP/2 in title case.
pub(crate) fn headers<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, PyDict>> {
    let headers = Names::get(py)?.headers.bind(py).call0()?.cast_into::<PyDict>()?;
    let received: Vec<&str> = request.received_names().collect();
    for name in request.headers.as_map().keys() {
        if let Some(value) = joined(name.as_str(), request.headers.as_map().get_all(name).iter()) {
            match received.iter().find(|received| received.eq_ignore_ascii_case(name.as_str())) {
                Some(received) => headers.set_item(received, value)?,
                None => headers.set_item(Headers::title_case(name.as_str()), value)?,
            }
        }
    }
    Ok(headers)
}

/// Bytes as the text of ISO 8859-1 that they are.
pub(crate) fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
