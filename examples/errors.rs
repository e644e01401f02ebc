//! Errors travel through `?`; the page that fits their code is what the client sees.
//!
//! ```sh
//! cargo run -p vernal --example errors
//! curl -i http://127.0.0.1:9090/notices/7      # 404, by the page for 404
//! curl -i http://127.0.0.1:9090/notices/seven  # 400, from the binding: the page for all others
//! curl -i http://127.0.0.1:9090/file           # 500: the text of the error is in the log only
//! curl -i http://127.0.0.1:9090/panic          # 500 as well, and the server lives on
//! ```

use vernal::prelude::*;

#[route("/notices/{id}")]
async fn notice(id: u64) -> Result<String> {
    match id {
        1 => Ok("the only notice\n".to_owned()),
        _ => Err(HttpError::new(404).explain(format!("There is no notice {id}.")).into()),
    }
}

/// Any `std::error::Error` passes through `?`.
#[route("/file")]
fn file() -> Result<String> {
    Ok(std::fs::read_to_string("/no/such/file")?)
}

#[route("/panic")]
async fn panic() {
    panic!("on purpose");
}

/// Arguments are known by their names, and any of them may be left out. `message` and `explain` are escaped for HTML.
#[error_message(404)]
fn not_found(explain: &str) -> String {
    format!("<html><h1>Not here</h1><p>{explain}</p></html>")
}

#[error_message("50x")]
fn broken(code: u16) -> String {
    format!("Something went wrong here ({code}), and it is our fault.\n")
}

#[error_message]
fn other(code: u16, message: &str, explain: &str) -> Value {
    json!({"code": code, "message": message, "explain": explain})
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
