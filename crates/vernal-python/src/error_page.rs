//! The pages of errors: Python functions, and the one that is used where there is none (`spec/04` sections 7 and 9).

use std::sync::Arc;

use pyo3::prelude::*;
use tokio::sync::oneshot;
use vernal::controller::Answer;
use vernal::{ErrorInfo, Response};

use crate::json;
use crate::respond::{Failure, Parts, type_name};
use crate::run::{Job, Runner, Step};

/// The functions that make pages, by their codes.
pub(crate) struct ErrorPages {
    pages: Vec<(String, Arc<Py<PyAny>>)>,
    compatible: bool,
}

/// A page that is to be made.
pub(crate) struct PageJob {
    page: Arc<Py<PyAny>>,
    info: ErrorInfo,
    compatible: bool,
    way_back: oneshot::Sender<Response>,
}

impl ErrorPages {
    /// No pages.
    pub(crate) fn new(compatible: bool) -> ErrorPages {
        ErrorPages { pages: Vec::new(), compatible }
    }

    /// Adds a function for a code, `40x` or all (`""`); a later one replaces an earlier one.
    pub(crate) fn add(&mut self, code: &str, page: Py<PyAny>) {
        let code = code.to_lowercase();
        self.pages.retain(|(known, _)| *known != code);
        self.pages.push((code, Arc::new(page)));
    }

    /// The function for a code: its own, that of its first two digits, that of all.
    fn find(&self, code: u16) -> Option<&Arc<Py<PyAny>>> {
        let exact = code.to_string();
        let range = format!("{}x", &exact[..exact.len() - 1]);
        let by_key = |key: &str| self.pages.iter().find(|(known, _)| known == key).map(|(_, page)| page);
        by_key(&exact).or_else(|| (code > 200).then(|| by_key(&range).or_else(|| by_key(""))).flatten())
    }

    /// Makes the page of an error.
    pub(crate) fn make(&self, runner: &Arc<dyn Runner>, info: &ErrorInfo) -> Answer<'static> {
        let default = default_page(info);
        let Some(page) = self.find(info.code) else { return Answer::Ready(Ok(default)) };
        let (way_back, made) = oneshot::channel();
        runner.submit(Job::ErrorPage(PageJob {
            page: Arc::clone(page),
            info: info.clone(),
            compatible: self.compatible,
            way_back,
        }));
        Answer::future(async move { Ok(made.await.map_or(default, closing)) })
    }
}

impl PageJob {
    /// Calls the function.
    pub(crate) fn run(self, py: Python<'_>) -> Step {
        let called = py.import("simple_http_server._flow").and_then(|flow| {
            let info = &self.info;
            flow.call_method1("make_error_page", (&*self.page, info.code, &info.message, &info.explain))
        });
        match called {
            Ok(coroutine) if coroutine.get_type().is(crate::names::Names::coroutine(py)) => {
                Step::Await(coroutine.unbind(), Box::new(move |py, result| self.finish(py, result)))
            }
            made => {
                self.finish(py, made.map(Bound::unbind));
                Step::Done
            }
        }
    }

    fn finish(self, py: Python<'_>, made: PyResult<Py<PyAny>>) {
        let report = |failure: Failure, what: &str| {
            let location = self.page.bind(py).getattr("location");
            let place = location.map_or_else(|_| String::new(), |location| location.to_string());
            let _ = failure.told(&format!("The error page {place} {what}"), false);
        };
        let response = match made {
            Ok(page) => self.page(page.bind(py)).unwrap_or_else(|failure| {
                let name = type_name(page.bind(py));
                report(failure, &format!("has returned a value of type {name}, which cannot be sent"));
                default_page(&self.info)
            }),
            Err(error) => {
                report(error.into(), "failed");
                let text = format!("{}:{}", self.info.message, self.info.explain);
                Response::default().header("Content-Type", "text/plain; charset=utf8").body(text)
            }
        };
        let _ = self.way_back.send(response);
    }

    /// What the function has returned, if that can be sent (`spec/08` E-1).
    fn page(&self, returned: &Bound<'_, PyAny>) -> Result<Response, Failure> {
        let py = returned.py();
        let mut parts = Parts::new(self.compatible);
        parts.add_returned(returned.clone())?;
        parts.into_page(py)
    }
}

/// JSON text, labelled as text, with all that is not ASCII escaped.
fn default_page(info: &ErrorInfo) -> Response {
    let text = format!(
        r#"{{"code": {}, "message": {}, "explain": {}}}"#,
        info.code,
        json::ascii(&info.message),
        json::ascii(&info.explain)
    );
    closing(Response::default().header("Content-Type", "text/plain; charset=utf8").body(text))
}

/// Errors close the connection, as they do in the reference.
fn closing(response: Response) -> Response {
    response.header("Connection", "close")
}
