//! The body of a response (`spec/04` section 3).

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyString};
use vernal::{Response, StaticFile};

use crate::json::{to_json, utf8};
use crate::names::Names;
use crate::respond::{Failure, unsupported};

/// A file of the app's resources, as a body.
#[pyclass(frozen, module = "simple_http_server._engine")]
pub(crate) struct Resource(pub(crate) StaticFile);

/// Whether the type itself, not one that is derived from it, is one of a body.
pub(super) fn is_plain_body(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyDict>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyByteArray>()
}

pub(super) fn is_body(value: &Bound<'_, PyAny>, names: &Names) -> PyResult<bool> {
    Ok(value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyDict>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || is_file(value, names)?)
}

/// Whether it is a file, which knows when it was modified.
pub(super) fn is_file(value: &Bound<'_, PyAny>, names: &Names) -> PyResult<bool> {
    Ok(value.is_instance_of::<Resource>() || value.is_instance(names.static_file.bind(value.py()))?)
}

const TEXT: &str = "text/plain; charset=utf8";

/// The bytes of a body, and its type unless the application has set one (`spec/04` section 3).
pub(super) fn set_body(
    py: Python<'_>,
    response: &mut Response,
    body: Option<Bound<'_, PyAny>>,
) -> Result<(), Failure> {
    let Some(body) = body else {
        set_content(response, Vec::new(), TEXT);
        return Ok(());
    };
    if let Ok(text) = body.cast::<PyString>() {
        let encoded;
        let text = match text.to_str() {
            Ok(text) => stripped(text.as_bytes()),
            Err(_) => {
                encoded = utf8(text)?;
                stripped(&encoded)
            }
        };
        set_content(response, text.to_vec(), sniffed(text));
    } else if body.is_instance_of::<PyDict>() {
        set_content(response, to_json(&body)?, "application/json; charset=utf8");
    } else if let Ok(bytes) = body.cast::<PyBytes>() {
        set_content(response, bytes.as_bytes().to_vec(), "application/octet-stream");
    } else if let Ok(bytes) = body.cast::<PyByteArray>() {
        set_content(response, bytes.to_vec(), TEXT);
    } else if let Ok(file) = body.cast::<Resource>() {
        response.set_body(file.get().0.clone());
    } else if body.is_instance(Names::get(py)?.static_file.bind(py))? {
        let path: std::path::PathBuf = body.getattr("file_path")?.extract()?;
        let content_type: String = body.getattr("content_type")?.extract()?;
        if !response.headers.contains("content-type") {
            response.headers.insert("Content-Type", content_type);
        }
        response.set_body(StaticFile::new(path));
    } else {
        return Err(unsupported());
    }
    Ok(())
}

fn set_content(response: &mut Response, bytes: Vec<u8>, content_type: &'static str) {
    let fields = response.headers.as_map_mut();
    if !fields.contains_key(CONTENT_TYPE) {
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response.set_body(bytes);
}

/// The text without what Python takes for white space at its ends.
fn stripped(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let is_space =
                |character: char| character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character);
            text.trim_matches(is_space).as_bytes()
        }
        Err(_) => bytes,
    }
}

fn sniffed(text: &[u8]) -> &'static str {
    let begins =
        |start: &[u8]| text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start));
    match text.ends_with(b">") {
        true if text.starts_with(b"<?xml") => "text/xml; charset=utf8",
        true if begins(b"<!doctype html") || begins(b"<html") => "text/html; charset=utf8",
        _ => TEXT,
    }
}
