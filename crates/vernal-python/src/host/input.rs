//! `wsgi.input`, which blocks: it is read on the server's thread, as such servers expect, and outside of everything that
//! belongs to a thread, since a server of greenlets goes on with other requests meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vernal::HttpError;

use super::body::{Arriving, Body};
use super::fields::value;

/// How many bytes of a body are asked for at once.
const PIECE: usize = 64 * 1024;

/// The file that has a request's body.
pub(crate) struct Input {
    file: Py<PyAny>,
    /// How many bytes are to come; none where the file says itself where it ends.
    remaining: Mutex<Option<u64>>,
    body: Arc<Body>,
}

impl Input {
    /// The body of the request that an `environ` has, where there is one.
    pub(super) fn of(environ: &Bound<'_, PyDict>, length: &[u8]) -> Result<Option<Input>, HttpError> {
        let py = environ.py();
        let Some(file) = value(environ, intern!(py, "wsgi.input")) else { return Ok(None) };
        let remaining =
            match length {
                // without a length only some servers say where a body ends
                [] => match value(environ, intern!(py, "wsgi.input_terminated")) {
                    Some(terminated) if terminated.is_truthy().unwrap_or(false) => None,
                    _ => return Ok(None),
                },
                digits => Some(number(digits).ok_or_else(|| {
                    HttpError::bad_request("The Content-Length of this request is no number.")
                })?),
            };
        let body = Arc::<Body>::default();
        if remaining == Some(0) {
            body.end();
        }
        Ok(Some(Input { file: file.unbind(), remaining: Mutex::new(remaining), body }))
    }

    pub(super) fn body(&self) -> &Arc<Body> {
        &self.body
    }

    /// What the engine reads.
    pub(super) fn stream(&self) -> Arriving {
        Arriving(Arc::clone(&self.body))
    }

    /// Reads a piece, where somebody waits for one; whether that was so.
    ///
    /// # Errors
    ///
    /// What ends the thread or the greenlet; any other exception ends the body.
    pub(crate) fn bring(&self, py: Python<'_>) -> PyResult<bool> {
        if !self.body.is_wanted() {
            return Ok(false);
        }
        let remaining = *self.remaining.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = remaining.and_then(|remaining| usize::try_from(remaining).ok());
        let wanted = wanted.map_or(PIECE, |wanted| wanted.min(PIECE));
        match self.read(py, wanted) {
            Ok(piece) => self.take(piece),
            Err(error) if error.is_instance_of::<PyException>(py) => self.body.break_off(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn read(&self, py: Python<'_>, wanted: usize) -> PyResult<Bytes> {
        let read = self.file.bind(py).call_method1(intern!(py, "read"), (wanted,))?;
        Ok(Bytes::copy_from_slice(read.extract()?))
    }

    fn take(&self, piece: Bytes) {
        let mut remaining = self.remaining.lock().unwrap_or_else(PoisonError::into_inner);
        let left = match *remaining {
            None if piece.is_empty() => return self.body.end(),
            Some(left) if piece.is_empty() => {
                return self.body.break_off(format!("{left} bytes of it have not come"));
            }
            left => left.map(|left| left.saturating_sub(piece.len() as u64)),
        };
        *remaining = left;
        self.body.feed(piece);
        if left == Some(0) {
            self.body.end();
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}
