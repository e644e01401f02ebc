//! Errors as responses: pages by code, by class, for all, and the page for those that have none.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::app::App;
use crate::controller::Answer;
use crate::guard::catch_panic;
use crate::request::Request;
use crate::respond::Reason;
use crate::respond::content_type::PLAIN;
use crate::respond::response::{Data, Response};
use crate::route::Location;
use crate::{Error, HttpError, Result};

/// What an error page may ask for. `message` and `explain` have `&`, `<` and `>` escaped for HTML, since they may
/// repeat what a client sent (`spec/04` section 7).
#[derive(Debug, Clone)]
pub struct ErrorInfo {
    /// The status code.
    pub code: u16,
    /// The message, escaped.
    pub message: String,
    /// The explanation, escaped.
    pub explain: String,
}

pub(crate) type PageFunction = Box<dyn for<'r> Fn(&'r ErrorInfo, &'r Request) -> Answer<'r> + Send + Sync>;

/// A page before the app is built: the codes it is for, and where it was declared.
pub(crate) struct ErrorPageEntry {
    pub(crate) codes: Vec<String>,
    pub(crate) location: Option<Location>,
    pub(crate) page: PageFunction,
}

/// All error pages of an app. A code prefers its own page, then that of its ten (`40x`), of its hundred (`4xx`),
/// then the page for all.
#[derive(Default)]
pub(crate) struct ErrorPages {
    pages: Vec<PageFunction>,
    by_code: HashMap<String, (usize, Option<Location>)>,
}

impl ErrorPages {
    /// Adds a page; two pages for one code are a mistake, as are texts that are no code.
    pub(crate) fn add(&mut self, entry: ErrorPageEntry, mistakes: &mut Vec<String>) {
        let index = self.pages.len();
        let codes = if entry.codes.is_empty() { vec!["*".to_owned()] } else { entry.codes };
        for code in codes {
            let code = code.to_ascii_lowercase();
            if !is_code(&code) {
                mistakes.push(format!(
                    "{}: an error page is for a code such as 404, 40x or 4xx, or for all (*), not for {code:?}",
                    place(entry.location)
                ));
            }
            if let Some((_, other)) = self.by_code.insert(code.clone(), (index, entry.location)) {
                mistakes.push(format!(
                    "{} and {} are both the error page for {code}",
                    place(other),
                    place(entry.location)
                ));
            }
        }
        self.pages.push(entry.page);
    }

    fn find(&self, code: u16) -> Option<&PageFunction> {
        if self.by_code.is_empty() {
            return None;
        }
        let code = code.to_string();
        let keys = [code.clone(), format!("{}x", &code[..2]), format!("{}xx", &code[..1]), "*".to_owned()];
        let (index, _) = keys.iter().find_map(|key| self.by_code.get(key))?;
        self.pages.get(*index)
    }

    /// The response for an error, with the fields that were set before it happened.
    pub(crate) async fn render(&self, error: &HttpError, request: &Request, so_far: Response) -> Response {
        let info = ErrorInfo {
            code: error.code(),
            message: escape_html(error.message_text()).into_owned(),
            explain: escape_html(error.explain_text()).into_owned(),
        };
        let mut response =
            Response { headers: so_far.headers, cookies: so_far.cookies, ..Response::default() };
        match self.find(error.code()) {
            Some(page) => match call(page, &info, request).await {
                Ok(answer) => response.absorb(answer),
                Err(failure) => {
                    tracing::error!(code = info.code, error = %failure, "the error page itself failed");
                    response.set_body(format!("{}:{}", info.message, info.explain));
                }
            },
            None => response.absorb(default_page(&info)),
        }
        response.status = Some(error.status());
        response.reason = error.own_message().and_then(Reason::new);
        response
    }
}

async fn call(page: &PageFunction, info: &ErrorInfo, request: &Request) -> Result<Response> {
    catch_panic(|| page(info, request))?.wait().await
}

fn is_code(code: &str) -> bool {
    let digits = code.trim_end_matches('x');
    code == "*" || (code.len() == 3 && matches!(digits.parse::<u16>(), Ok(4 | 5 | 40..=59 | 400..=599)))
}

fn place(location: Option<Location>) -> String {
    location.map_or_else(|| "an error page".to_owned(), |location| location.to_string())
}

/// JSON text, labelled as text: what it repeats of a request must not be read as anything else (`spec/08` E-2).
fn default_page(info: &ErrorInfo) -> Response {
    let (message, explain) = (ascii_json(&info.message), ascii_json(&info.explain));
    let text = format!(r#"{{"code": {}, "message": {message}, "explain": {explain}}}"#, info.code);
    Response::from_content(Data::Bytes(text.into()), &PLAIN)
}

/// A JSON string in which every character beyond ASCII is escaped.
fn ascii_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut ascii = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

fn escape_html(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>']) {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
    } else {
        text.into()
    }
}

impl App {
    /// The error for the client: its own, or a 500 whose cause goes to the log.
    pub(crate) fn public_error(&self, request: &Request, error: &Error) -> HttpError {
        match error.as_http() {
            Some(error) => error.clone(),
            None => {
                log_failure(request, error);
                let explain = if self.exposes_errors() { error.to_string() } else { String::new() };
                HttpError::new(500).explain(explain)
            }
        }
    }
}

/// Names the controller that failed, where it stands, and the error with its causes.
pub(crate) fn log_failure(request: &Request, error: &Error) {
    let location = request.location().map(|location| location.to_string()).unwrap_or_default();
    tracing::error!(
        method = %request.method, path = request.path(), controller = location, error = ?error,
        "a request failed"
    );
}
