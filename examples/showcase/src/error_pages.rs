//! The pages for errors.

use vernal::prelude::*;

use crate::pages::{self, context};

// show: error-pages
#[error_message("403", "404")]
fn not_there(code: u16, message: &str, explain: &str, request: &Request) -> Result<Response> {
    page("not_there", code, message, explain, request)
}

#[error_message("50x")]
fn broken(code: u16, request: &Request) -> Result<Response> {
    page("broken", code, "Something broke", "It is not your fault. It has been written down.", request)
}

#[error_message]
fn other(code: u16, message: &str, explain: &str, request: &Request) -> Result<Response> {
    page("other", code, message, explain, request)
}
// end

/// HTML for those who asked for it, JSON for the others. The texts are escaped already.
fn page(page: &str, code: u16, message: &str, explain: &str, request: &Request) -> Result<Response> {
    if !request.headers.get("accept").is_some_and(|accepted| accepted.contains("text/html")) {
        let body = json!({"code": code, "message": message, "explain": explain, "page": page});
        return Ok(Response::new(code).body(body));
    }
    let html = pages::render("error.html", context! { page, code, message, explain })?;
    Ok(Response::new(code).body(html))
}
