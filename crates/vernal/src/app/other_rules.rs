//! Rules that applications have from elsewhere, where they differ from those of the engine.

use crate::app::Builder;
use crate::parse::Decoding;
use crate::{App, HttpError};

/// What [`Builder::request_line`] was given.
type RequestLine = Box<dyn Fn(&[u8], HttpError) -> HttpError + Send + Sync>;

/// The rules of an app; those of the engine, unless the builder was told others.
#[derive(Default)]
pub(crate) struct OtherRules {
    plus_stays_in_forms: bool,
    field_names: bool,
    no_ranges: bool,
    missing_file: Option<HttpError>,
    request_line: Option<RequestLine>,
    phrases: Option<fn(u16) -> Option<&'static str>>,
}

impl App {
    /// How the body of a form is read.
    pub(crate) fn form_decoding(&self) -> Decoding {
        Decoding { plus_is_space: !self.0.other_rules.plus_stays_in_forms, ..self.decoding() }
    }

    /// Whether the target of a request may have a fragment, which is passed over.
    pub(crate) fn permits_fragments(&self) -> bool {
        !self.decoding().strict
    }

    /// Whether the names of header fields are kept as they were received.
    pub(crate) fn keeps_field_names(&self) -> bool {
        self.0.other_rules.field_names
    }

    /// Whether a part of a file is sent where a part is asked for.
    pub(crate) fn answers_ranges(&self) -> bool {
        !self.0.other_rules.no_ranges
    }

    /// This error, or what an app says of files that are not there.
    pub(crate) fn file_error(&self, error: HttpError) -> HttpError {
        match &self.0.other_rules.missing_file {
            Some(missing) if error.code() == 404 => missing.clone(),
            _ => error,
        }
    }

    /// The error for a request line that is none.
    pub(crate) fn request_line_error(&self, line: &[u8], error: HttpError) -> HttpError {
        match &self.0.other_rules.request_line {
            Some(describe) => describe(line, error),
            None => error,
        }
    }

    /// The words of the app for this code, where they are not the standard ones.
    pub(crate) fn phrase(&self, code: u16) -> Option<&'static str> {
        self.0.other_rules.phrases.and_then(|phrases| phrases(code))
    }

    /// The error with the words that the app has for its code, where it has none of its own.
    pub(crate) fn in_own_words(&self, error: HttpError) -> HttpError {
        match self.phrase(error.code()) {
            Some(phrase) if error.own_message().is_none() => error.message(phrase),
            _ => error,
        }
    }
}

impl Builder {
    /// Puts regular expressions before patterns in which a variable or a wildcard would have to take other characters than
    /// these; behind the expressions such patterns are tried after all. By default patterns come first, whatever their
    /// variables take.
    ///
    /// ```
    /// use vernal::{App, Request, Route, controller};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let app = App::builder()
    ///     .preferred_variable_characters(|character| character.is_alphanumeric())
    ///     .route(Route::path("/{name}"), controller::from_fn(|_: &Request| "a name"))
    ///     .route(Route::regexp("^/.*:.*$"), controller::from_fn(|_: &Request| "a pair"))
    ///     .build()?;
    /// for (path, expected) in [("/ab", "a name"), ("/a:b", "a pair"), ("/a~b", "a name")] {
    ///     let answer = app.handle(Request::new("GET", path)).await;
    ///     assert_eq!(answer.into_body().into_memory().expect("text"), expected);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn preferred_variable_characters(mut self, preferred: fn(char) -> bool) -> Self {
        self.preferred_characters = Some(preferred);
        self
    }

    /// Whether a `+` stands for a space in queries and in the bodies of forms; it does in both by default, and in queries
    /// it does not after [`lenient_decoding(true)`](Builder::lenient_decoding).
    pub fn plus_is_space(mut self, in_queries: bool, in_forms: bool) -> Self {
        self.decoding.plus_is_space = in_queries;
        self.other_rules.plus_stays_in_forms = !in_forms;
        self
    }

    /// Whether requests keep the names of their header fields as the client spelled them, see
    /// [`Request::received_names`](crate::Request::received_names); they do not by default. Fields are looked up in any
    /// case, either way.
    pub fn keep_field_names(mut self, keep: bool) -> Self {
        self.other_rules.field_names = keep;
        self
    }

    /// Whether a part of a file is sent to those who ask for one (RFC 9110 section 14); it is by default. Without, the
    /// whole file is, and `Accept-Ranges` is left out.
    pub fn ranges(mut self, answered: bool) -> Self {
        self.other_rules.no_ranges = !answered;
        self
    }

    /// The error for a file that is not there, of a [resource](Builder::resource) or a
    /// [`StaticFile`](crate::StaticFile). By default it is a 404 with the explanation `Cannot find file for this url.`
    pub fn missing_file(mut self, error: HttpError) -> Self {
        self.other_rules.missing_file = Some(error);
        self
    }

    /// Describes request lines that are none in the app's own words: `describe` gets the line, as far as it has come and
    /// 256 bytes at the most, and the error that would be the answer. The line is the client's, and may be any bytes.
    ///
    /// Such a request reaches no controller. The connection ends with the page of the error, which HTTP/1.1 alone has.
    pub fn request_line(
        mut self,
        describe: impl Fn(&[u8], HttpError) -> HttpError + Send + Sync + 'static,
    ) -> Self {
        self.other_rules.request_line = Some(Box::new(describe));
        self
    }

    /// The words that stand for a status code (RFC 9110 section 15), where they are to be other than the usual ones: on
    /// the status line, and as the message of errors that have none of their own.
    ///
    /// ```
    /// use vernal::respond::Reason;
    /// use vernal::{App, Request};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> vernal::Result<()> {
    /// let app = App::builder().phrases(|code| (code == 501).then_some("Not Yet")).build()?;
    /// let answer = app.handle(Request::new("CONNECT", "/")).await;
    /// let reason = answer.extensions().get::<Reason>().map(Reason::as_bytes);
    /// assert_eq!(reason, Some(&b"Not Yet"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn phrases(mut self, phrases: fn(u16) -> Option<&'static str>) -> Self {
        self.other_rules.phrases = Some(phrases);
        self
    }
}
