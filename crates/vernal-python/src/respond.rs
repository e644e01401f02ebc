//! What a Python callable returns as a response (`spec/04`).

mod body;

use pyo3::exceptions::{PyFileNotFoundError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use vernal::{HttpError, Response};

pub(crate) use self::body::Resource;
use self::body::{is_body, is_file, is_plain_body, set_body};
use crate::names::Names;

/// Why there is no value or no response: an answer for the client, or an exception.
pub(crate) enum Failure {
    Http(HttpError),
    Python(PyErr),
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Failure::Http(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Failure::Python(error)
    }
}

impl Failure {
    /// The error as it travels to the client; an exception is logged, once and with its traceback.
    /// `expose` says whether the client is told its text.
    pub(crate) fn into_engine(self, expose: bool) -> vernal::Error {
        self.told("A controller failed", expose)
    }

    /// The same, where the log says that something else has happened.
    pub(crate) fn told(self, what: &str, expose: bool) -> vernal::Error {
        match self {
            Failure::Http(error) => error.into(),
            Failure::Python(exception) => {
                Python::attach(|py| from_exception(py, &exception, what, expose)).into()
            }
        }
    }

    /// The error as an exception.
    pub(crate) fn into_python(self, py: Python<'_>) -> PyErr {
        match self {
            Failure::Python(exception) => exception,
            Failure::Http(error) => {
                let given = (error.code(), error.message_text().to_owned(), error.explain_text().to_owned());
                match Names::get(py).and_then(|names| names.http_error.bind(py).call1(given)) {
                    Ok(exception) => PyErr::from_value(exception),
                    Err(failure) => failure,
                }
            }
        }
    }
}

/// The answer to an exception: what an `HttpError` says, else a 500 (`spec/04` section 7).
fn from_exception(py: Python<'_>, exception: &PyErr, what: &str, expose: bool) -> HttpError {
    let explain = match of_http_error(py, exception) {
        Ok(Some(error)) => return error,
        Ok(None) => report(py, exception, what),
        Err(why) => {
            let wanted = "an HttpError has a code of 200 to 999, and texts as message and explain";
            let unusable = PyTypeError::new_err(format!("{wanted}: {why}"));
            unusable.set_cause(py, Some(exception.clone_ref(py)));
            report(py, &unusable, what)
        }
    };
    HttpError::new(500).explain(if expose { explain } else { String::new() })
}

/// What an `HttpError` says; none for other exceptions.
///
/// # Errors
///
/// For one whose code is that of no answer, or whose texts are none.
fn of_http_error(py: Python<'_>, exception: &PyErr) -> PyResult<Option<HttpError>> {
    let value = exception.value(py);
    if !value.is_instance(Names::get(py)?.http_error.bind(py))? {
        return Ok(None);
    }
    let code = value.getattr("code")?;
    let number = code.extract().ok().filter(|number| (200..1000).contains(number));
    let number = number.ok_or_else(|| PyValueError::new_err(format!("{code} is no such code")))?;
    let message: Option<String> = value.getattr("message")?.extract()?;
    let explain = match value.getattr("explain")?.extract::<Option<String>>()? {
        Some(explain) => explain,
        None => {
            let module = py.import("simple_http_server.models.response")?;
            module.call_method1("_description", (&code,))?.extract()?
        }
    };
    Ok(Some(http_error(number, message, explain)))
}

/// Writes an exception of the application to the log, with its traceback; its text.
fn report(py: Python<'_>, exception: &PyErr, what: &str) -> String {
    let given = (exception.value(py), exception.traceback(py), what);
    let written = Names::get(py).and_then(|names| names.failed.bind(py).call1(given)?.extract());
    written.unwrap_or_else(|failure: PyErr| {
        tracing::error!(%exception, %failure, what, "an exception could not be logged");
        String::new()
    })
}

/// The type of a value, for the log.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().qualname().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// An error of any code that an application raises.
pub(crate) fn http_error(code: u16, message: Option<String>, explain: String) -> HttpError {
    let error = HttpError::with_any_code(code).explain(explain);
    match message {
        Some(message) => error.message(message),
        None if error.status().canonical_reason().is_none() => error.message("???"),
        None => error,
    }
}

/// A response that is put together: by filters, on the response object, by what is returned.
pub(crate) struct Parts<'py> {
    /// Whether it is to be as the original would send it, where something better would differ.
    compatible: bool,
    status: Option<u16>,
    headers: Vec<(String, String)>,
    cookies: Vec<String>,
    body: Option<Bound<'py, PyAny>>,
}

impl<'py> Parts<'py> {
    /// Nothing yet.
    pub(crate) fn new(compatible: bool) -> Parts<'py> {
        Parts { compatible, status: None, headers: Vec::new(), cookies: Vec::new(), body: None }
    }

    /// The parts as the response object has them.
    pub(crate) fn of_response(response: &Bound<'py, PyAny>, compatible: bool) -> PyResult<Parts<'py>> {
        let mut parts = Parts::new(compatible);
        parts.status = Some(status(&response.getattr("status_code")?)?);
        parts.add_headers(response.getattr("headers")?.cast::<PyDict>()?)?;
        parts.add_cookies(&response.getattr("cookies")?)?;
        let body = response.getattr("body")?;
        parts.body = (!body.is_none()).then_some(body);
        Ok(parts)
    }

    /// The parts as they are given one by one.
    pub(crate) fn given(
        compatible: bool,
        status_code: Bound<'py, PyAny>,
        headers: &Bound<'py, PyDict>,
        cookies: &Bound<'py, PyList>,
        body: Bound<'py, PyAny>,
    ) -> PyResult<Parts<'py>> {
        let mut parts = Parts::new(compatible);
        parts.status = Some(status(&status_code)?);
        parts.add_headers(headers)?;
        parts.cookies = cookies.extract()?;
        parts.body = (!body.is_none()).then_some(body);
        Ok(parts)
    }

    /// Adds what a controller has returned (`spec/04` section 2).
    pub(crate) fn add_returned(&mut self, returned: Bound<'py, PyAny>) -> Result<(), Failure> {
        let py = returned.py();
        if returned.is_none() {
            return Ok(());
        }
        if is_plain_body(&returned) {
            self.body = Some(returned);
            return Ok(());
        }
        let names = Names::get(py)?;
        if let Ok(tuple) = returned.cast::<PyTuple>() {
            self.add_tuple(tuple, names)
        } else if returned.is_instance(names.response.bind(py))? {
            self.add_response(&returned)
        } else if returned.is_instance(names.redirect.bind(py))? {
            self.status = Some(302);
            self.headers.push(("Location".to_owned(), location(&returned.getattr("url")?)?));
            self.body = None;
            Ok(())
        } else if let (Ok(number), false) = (returned.cast::<PyInt>(), returned.is_instance_of::<PyBool>()) {
            self.status =
                Some(number.extract().ok().filter(|code| (200..600).contains(code)).ok_or_else(unsupported)?);
            Ok(())
        } else if returned.is_instance(names.headers.bind(py))? {
            Ok(self.add_headers(returned.cast::<PyDict>().map_err(PyErr::from)?)?)
        } else if returned.is_instance(names.base_cookie.bind(py))? {
            Ok(self.add_cookies(&returned)?)
        } else if is_body(&returned, names)? {
            self.body = Some(returned);
            Ok(())
        } else {
            Err(unsupported())
        }
    }

    /// The first status, the first body, all fields and cookies of a tuple (`spec/04` section 4).
    fn add_tuple(&mut self, tuple: &Bound<'py, PyTuple>, names: &Names) -> Result<(), Failure> {
        let py = tuple.py();
        let (mut has_status, mut has_body) = (false, false);
        let mut fields: Vec<(String, String)> = Vec::new();
        for element in tuple.iter() {
            if element.is_instance_of::<PyInt>() {
                if !std::mem::replace(&mut has_status, true) {
                    self.status = Some(status(&element)?);
                }
            } else if element.is_instance(names.headers.bind(py))? {
                // of two `Headers` the later one says what a field is
                let later = self.fields_of(element.cast::<PyDict>().map_err(PyErr::from)?)?;
                let is_said = |name: &str| later.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
                fields.retain(|(name, _)| !is_said(name));
                fields.extend(later);
            } else if element.is_instance(names.base_cookie.bind(py))? {
                self.add_cookies(&element)?;
            } else if !has_body
                && (is_plain_body(&element) || element.get_type().is(names.static_file.bind(py)))
            {
                has_body = true;
                self.body = Some(element);
            }
        }
        self.headers.extend(fields);
        Ok(())
    }

    /// Status and body of another response win, its fields and cookies are added (`spec/08` S-1).
    fn add_response(&mut self, other: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let other = Parts::of_response(other, self.compatible)?;
        self.status = other.status;
        self.headers.extend(other.headers);
        self.cookies.extend(other.cookies);
        self.body = other.body;
        Ok(())
    }

    fn add_headers(&mut self, headers: &Bound<'py, PyDict>) -> PyResult<()> {
        let fields = self.fields_of(headers)?;
        self.headers.extend(fields);
        Ok(())
    }

    /// Every value of every field; a list has several.
    fn fields_of(&self, headers: &Bound<'py, PyDict>) -> PyResult<Vec<(String, String)>> {
        let mut fields = Vec::with_capacity(headers.len());
        for (name, value) in headers.iter() {
            let name: String = name.str()?.extract()?;
            match value.cast::<PyList>() {
                Ok(values) => {
                    for value in values.iter() {
                        self.add_field(&mut fields, name.clone(), &value)?;
                    }
                }
                Err(_) => self.add_field(&mut fields, name, &value)?,
            }
        }
        Ok(fields)
    }

    /// A value that is no text is left out where the original would do so, with a warning (`spec/04` section 1).
    fn add_field(
        &self,
        fields: &mut Vec<(String, String)>,
        name: String,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        if self.compatible && !value.is_instance_of::<PyString>() {
            let flow = value.py().import("simple_http_server._flow")?;
            flow.call_method1("warn_of_field", (name, value))?;
            return Ok(());
        }
        fields.push((name, field_value(value)?));
        Ok(())
    }

    fn add_cookies(&mut self, cookies: &Bound<'py, PyAny>) -> PyResult<()> {
        for morsel in cookies.call_method0("values")?.try_iter()? {
            self.cookies.push(morsel?.call_method0("OutputString")?.extract()?);
        }
        Ok(())
    }

    /// The cookie of the session.
    pub(crate) fn add_cookie(&mut self, cookie: String) {
        self.cookies.push(cookie);
    }

    /// The header fields alone.
    pub(crate) fn into_fields(mut self) -> Result<Response, Failure> {
        self.cookies.clear();
        self.into_plain_head()
    }

    /// Status, fields and cookies of an answer, which has been modified now, as far as the original knows (`spec/04`
    /// section 1).
    pub(crate) fn into_head(self) -> Result<Response, Failure> {
        let compatible = self.compatible;
        let mut response = self.into_plain_head()?;
        if compatible && !response.headers.contains("last-modified") {
            response.headers.as_map_mut().insert(http::header::LAST_MODIFIED, now());
        }
        Ok(response)
    }

    /// Status, fields and cookies.
    fn into_plain_head(self) -> Result<Response, Failure> {
        let mut response = Response::new(self.status.unwrap_or(200));
        for (name, value) in self.headers {
            match name.eq_ignore_ascii_case("content-type") {
                true => response.headers.insert(name, value),
                false => response.headers.append(name, value),
            }
        }
        for cookie in self.cookies {
            response.headers.append("Set-Cookie", cookie);
        }
        Ok(response)
    }

    /// The whole response.
    pub(crate) fn into_response(mut self, py: Python<'py>) -> Result<Response, Failure> {
        let body = self.body.take();
        let is_file = match &body {
            Some(body) if !is_plain_body(body) => is_file(body, Names::get(py)?)?,
            _ => false,
        };
        let mut response = if is_file { self.into_plain_head()? } else { self.into_head()? };
        set_body(py, &mut response, body)?;
        Ok(response)
    }

    /// The page of an error.
    ///
    /// # Errors
    ///
    /// As well where it is a file that is not there.
    pub(crate) fn into_page(mut self, py: Python<'py>) -> Result<Response, Failure> {
        let body = self.body.take();
        if let Some(body) = &body
            && body.is_instance(Names::get(py)?.static_file.bind(py))?
        {
            let path: std::path::PathBuf = body.getattr("file_path")?.extract()?;
            if !path.is_file() {
                return Err(PyFileNotFoundError::new_err(path.display().to_string()).into());
            }
        }
        let mut response = self.into_plain_head()?;
        set_body(py, &mut response, body)?;
        Ok(response)
    }
}

/// The time, as a field has it; the text is made once a second.
fn now() -> http::HeaderValue {
    thread_local! {
        static LAST: std::cell::RefCell<(u64, http::HeaderValue)> =
            const { std::cell::RefCell::new((0, http::HeaderValue::from_static(""))) };
    }
    let now = std::time::SystemTime::now();
    let second = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(of, text)| {
        if *of != second {
            let date = http::HeaderValue::from_str(&httpdate::fmt_http_date(now));
            (*of, *text) = (second, date.unwrap_or_else(|_| http::HeaderValue::from_static("")));
        }
        text.clone()
    })
}

fn unsupported() -> Failure {
    PyValueError::new_err("Body type is not supported.").into()
}

/// A status code; one that is none is a mistake of the application (`spec/08` S-4).
fn status(code: &Bound<'_, PyAny>) -> PyResult<u16> {
    let is_status = |code: &u16| (100..1000).contains(code);
    match code.extract::<u16>() {
        Ok(number) if is_status(&number) && !code.is_instance_of::<PyBool>() => Ok(number),
        _ => Err(PyValueError::new_err(format!("{} is no status code", code.repr()?))),
    }
}

/// A field value is text; numbers are written as such (`spec/08` S-3).
fn field_value(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned());
    }
    let is_value = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>();
    match is_value {
        true => Ok(value.str()?.to_str()?.to_owned()),
        false => Err(PyTypeError::new_err(format!("{} is no value of a header field", value.repr()?))),
    }
}

/// A URL as a field can carry it (`spec/08` A37).
fn location(url: &Bound<'_, PyAny>) -> PyResult<String> {
    let url: String = url.str()?.extract()?;
    if url.chars().all(|character| character.is_ascii_graphic()) {
        return Ok(url);
    }
    let mut encoded = String::with_capacity(url.len() + 16);
    for byte in url.bytes() {
        match byte.is_ascii_graphic() {
            true => encoded.push(byte.into()),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(encoded)
}
