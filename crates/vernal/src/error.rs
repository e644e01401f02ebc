//! What can go wrong: an answer for the client, or a reason not to start.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;

/// The result of most functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that travels to the client: a status code, a message (the reason phrase) and an explanation.
///
/// It may be returned from controllers, filters and bindings through `?`; the error page that fits its code
/// turns it into a response (`spec/04` section 7).
///
/// ```
/// use vernal::HttpError;
///
/// let error = HttpError::new(403).explain("only the author may edit a notice");
/// assert_eq!(error.code(), 403);
/// assert_eq!(error.message_text(), "Forbidden");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    code: u16,
    message: Option<String>,
    explain: String,
    field: Option<(&'static str, &'static str)>,
}

impl HttpError {
    /// An error with this status code and the code's standard phrase as its message.
    ///
    /// A code outside 400 to 599 becomes 500: an error cannot claim success. Where it must be able to, see
    /// [`with_any_code`](HttpError::with_any_code).
    pub fn new(code: u16) -> Self {
        let code = if (400..600).contains(&code) { code } else { 500 };
        HttpError { code, message: None, explain: String::new(), field: None }
    }

    /// An error with any status code that can be the answer to a request: 200 to 999. Others become 500, since a client
    /// waits for another answer after those below 200.
    ///
    /// It is meant for what has no say in the codes: a proxy, a face of another language. It travels as any other error,
    /// past the rest of the controller and to the error page that is for all codes (`*`); 204 and 304 have no body.
    ///
    /// ```
    /// use vernal::HttpError;
    ///
    /// assert_eq!(HttpError::with_any_code(304).code(), 304);
    /// assert_eq!(HttpError::with_any_code(799).message_text(), "???");
    /// assert_eq!(HttpError::with_any_code(100).code(), 500);
    /// ```
    pub fn with_any_code(code: u16) -> Self {
        let code = if (200..1000).contains(&code) { code } else { 500 };
        HttpError { code, ..HttpError::new(500) }
    }

    /// Replaces the standard phrase. An empty text stays empty, on the status line as well.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Says more about the cause; empty by default.
    pub fn explain(mut self, explain: impl Into<String>) -> Self {
        self.explain = explain.into();
        self
    }

    /// Adds a header field that the answer has to have.
    #[cfg(feature = "compression")]
    pub(crate) fn field(mut self, name: &'static str, value: &'static str) -> Self {
        self.field = Some((name, value));
        self
    }

    /// The header field that the answer has to have.
    pub(crate) fn own_field(&self) -> Option<(&'static str, &'static str)> {
        self.field
    }

    /// 400 with the given explanation: the form of every error of parsing and binding.
    pub fn bad_request(explain: impl Into<String>) -> Self {
        HttpError::new(400).explain(explain)
    }

    /// The status code: 400 to 599, or 200 to 999 of [`with_any_code`](HttpError::with_any_code).
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The status code as the type of the `http` crate.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The message, or the standard phrase of the code where none was given.
    pub fn message_text(&self) -> &str {
        match &self.message {
            Some(message) => message,
            None => self.status().canonical_reason().unwrap_or("???"),
        }
    }

    /// The explanation, empty where none was given.
    pub fn explain_text(&self) -> &str {
        &self.explain
    }

    /// The message, where it differs from the standard phrase.
    pub(crate) fn own_message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP error {} {}", self.code, self.message_text())?;
        if !self.explain.is_empty() {
            write!(f, ": {}", self.explain)?;
        }
        Ok(())
    }
}

impl StdError for HttpError {}

/// Why a server could not start; see the questions on [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartErrorKind {
    Declaration,
    Configuration,
    Bind,
}

/// A mistake found before the port was bound, or the port that could not be bound.
#[derive(Debug)]
pub(crate) struct StartError {
    kind: StartErrorKind,
    text: String,
    /// What the system calls it.
    code: Option<i32>,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for StartError {}

/// Any error: an [`HttpError`] for the client, a reason not to start, or an error of the application.
///
/// Every `std::error::Error` converts into it, so `?` works in controllers and filters. Errors other than
/// [`HttpError`] become a 500 whose text reaches the log, not the client
/// (unless [`expose_errors`](crate::app::Builder::expose_errors) is on).
pub struct Error {
    source: Box<dyn StdError + Send + Sync>,
}

impl Error {
    pub(crate) fn start(kind: StartErrorKind, text: impl Into<String>) -> Self {
        Error { source: Box::new(StartError { kind, text: text.into(), code: None }) }
    }

    /// The error of an address that the system refuses.
    pub(crate) fn bind(text: impl Into<String>, code: Option<i32>) -> Self {
        Error { source: Box::new(StartError { kind: StartErrorKind::Bind, text: text.into(), code }) }
    }

    /// The error meant for the client, if it is one.
    pub fn as_http(&self) -> Option<&HttpError> {
        self.source.downcast_ref()
    }

    /// The error of the application or library behind this one, if it is of type `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.source.downcast_ref()
    }

    /// Whether a declaration is at fault: a bad pattern, two routes for one request, a missing `State`.
    pub fn is_declaration(&self) -> bool {
        self.has_kind(StartErrorKind::Declaration)
    }

    /// Whether a setting is at fault: a limit, a resource pattern, a host name.
    pub fn is_configuration(&self) -> bool {
        self.has_kind(StartErrorKind::Configuration)
    }

    /// Whether the address could not be bound.
    pub fn is_bind(&self) -> bool {
        self.has_kind(StartErrorKind::Bind)
    }

    /// The system's own number of the error, where the address could not be bound because of one; see
    /// [`std::io::Error::raw_os_error`].
    pub fn raw_os_error(&self) -> Option<i32> {
        self.source.downcast_ref::<StartError>()?.code
    }

    fn has_kind(&self, kind: StartErrorKind) -> bool {
        self.source.downcast_ref::<StartError>().is_some_and(|error| error.kind == kind)
    }
}

impl fmt::Debug for Error {
    /// What `fn main() -> vernal::Result<()>` prints: the text and its causes, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            write!(f, "\ncaused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Error { source: Box::new(error) }
    }
}
