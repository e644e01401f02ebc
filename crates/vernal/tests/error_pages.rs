//! What is answered when something fails: the pages of an application by code, class and for all, and the default.

use vernal::prelude::*;
use vernal::testing::{Answer, Client};

#[route("/fail/{code}")]
fn fail(code: u16, message: Option<String>, #[default("because")] explain: String) -> Result<()> {
    let error = HttpError::new(code).explain(explain);
    Err(match message {
        Some(message) => error.message(message),
        None => error,
    })?
}

#[route("/standard")]
fn standard_error() -> Result<String> {
    let number: u8 = "secret <text>".parse::<u8>()?;
    Ok(number.to_string())
}

#[route("/io")]
async fn io_error() -> Result<String, std::io::Error> {
    Err(std::io::Error::other("the disk & <its secret>"))
}

#[route("/panic")]
async fn panics() -> &'static str {
    panic!("a secret of the panic")
}

#[route("/panic/blocking")]
fn panics_blocking() -> &'static str {
    panic!("a secret of the panic")
}

#[route("/int/{number}")]
fn int(number: u8) -> String {
    number.to_string()
}

fn client_of(server: Server) -> Client {
    Client::new(server.build().unwrap_or_else(|error| panic!("{error}")))
}

/// The controllers without any page.
fn bare() -> Client {
    client_of(Server::new())
}

mod pages {
    use super::*;

    #[route("/fail/{code}", app = "pages")]
    fn fail_with_page(
        code: u16,
        #[default("m")] message: String,
        #[default("x")] explain: String,
    ) -> Result<()> {
        super::fail(code, Some(message), explain)
    }

    #[route("/int/{number}", app = "pages")]
    fn int(number: u8) -> String {
        number.to_string()
    }

    #[error_message("403", "404", app = "pages")]
    fn not_there(code: u16, message: &str, explain: &str) -> String {
        format!("<html><body>{code} {message} {explain}</body></html>")
    }

    #[error_message("50x", app = "pages")]
    async fn broken(message: String, code: u16) -> String {
        format!("broken {code} {message}")
    }

    #[error_message(503, app = "pages")]
    fn unavailable() -> (Headers, Value) {
        (Headers::from([("Retry-After", "10")]), json!({"later": true}))
    }

    #[error_message("40x", app = "pages")]
    fn bad_request(explain: &str, request: &Request) -> String {
        format!("{} {explain}", request.path())
    }

    #[error_message("410", app = "pages")]
    fn gone() -> Result<String> {
        Err(HttpError::new(400).message("the page failed"))?
    }

    #[error_message("411", app = "pages")]
    fn panicking() -> String {
        panic!("the page panicked")
    }

    #[error_message("5xx", app = "pages")]
    fn other_server_errors(code: u16) -> String {
        format!("5xx {code}")
    }

    #[error_message(app = "pages")]
    fn all_others(code: u16) -> (u16, Value) {
        (200, json!({"code": code}))
    }

    fn client() -> Client {
        client_of(Server::app("pages"))
    }

    async fn get(target: &str) -> Answer {
        client().get(target).send().await
    }

    #[tokio::test]
    async fn a_code_prefers_its_own_page_then_its_class_then_the_page_for_all() {
        for (target, status, text) in [
            ("/fail/403", 403, "<html><body>403 m x</body></html>"),
            ("/fail/404?message=gone", 404, "<html><body>404 gone x</body></html>"),
            ("/fail/500", 500, "broken 500 m"),
            ("/fail/503", 503, r#"{"later":true}"#),
            ("/fail/409", 409, "/fail/409 x"),
            ("/fail/511", 511, "5xx 511"),
            ("/fail/418", 418, r#"{"code":418}"#),
        ] {
            let answer = get(target).await;
            assert_eq!((answer.status(), answer.text()), (status, text), "{target}");
        }
    }

    #[tokio::test]
    async fn a_page_is_a_response_but_for_its_status() {
        let answer = get("/fail/503").await;
        assert_eq!(answer.header("retry-after"), Some("10"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(get("/fail/403").await.header("content-type"), Some("text/html; charset=utf-8"));
    }

    #[tokio::test]
    async fn pages_also_see_errors_of_routing_and_binding() {
        assert_eq!(
            get("/nothing").await.text(),
            "<html><body>404 Controller Not Found Cannot find a controller for your path</body></html>"
        );
        assert_eq!(get("/int/x").await.text(), "/int/x PathValue[number] should be an int.");
        let answer = client().request("PURGE", "/int/1").send().await;
        assert_eq!((answer.status(), answer.text()), (501, "broken 501 Not Implemented"));
    }

    #[tokio::test]
    async fn what_a_page_shows_is_escaped() {
        assert_eq!(
            get("/fail/404?message=%3Cb%3E&explain=a%26b").await.text(),
            "<html><body>404 &lt;b&gt; a&amp;b</body></html>"
        );
    }

    #[tokio::test]
    async fn a_page_that_fails_itself_is_replaced_by_the_plain_texts() {
        for target in ["/fail/410?message=%3Cm%3E", "/fail/411?message=%3Cm%3E"] {
            let answer = get(target).await;
            assert_eq!(answer.text(), "&lt;m&gt;:x");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        }
    }

    #[tokio::test]
    async fn head_has_the_page_without_its_body() {
        let answer = client().request("HEAD", "/fail/403").send().await;
        assert_eq!((answer.status(), answer.text(), answer.header("content-length")), (403, "", Some("33")));
    }
}

mod twice {
    use super::*;

    #[error_message("404", app = "twice")]
    fn one() -> &'static str {
        "one"
    }

    #[error_message("40x", "404", app = "twice")]
    fn another() -> &'static str {
        "another"
    }

    #[test]
    fn two_pages_for_one_code_are_told_at_start() {
        let text = Server::app("twice").build().err().expect("a mistake").to_string();
        assert!(text.contains("twice::one (") && text.contains("twice::another ("), "{text}");
        assert!(text.ends_with("are both the error page for 404"), "{text}");
    }
}

#[tokio::test]
async fn without_a_page_an_error_is_json_labelled_as_text() {
    let answer = bare().get("/fail/400?message=a%3Cb%3E%E4%B8%AD&explain=%26%22").send().await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.text(), r#"{"code": 400, "message": "a&lt;b&gt;\u4e2d", "explain": "&amp;\""}"#);
    let answer = bare().get("/fail/403").send().await;
    assert_eq!(answer.text(), r#"{"code": 403, "message": "Forbidden", "explain": "because"}"#);
}

#[tokio::test]
async fn an_error_cannot_claim_success() {
    for code in ["200", "204", "302", "99", "700"] {
        assert_eq!(bare().get(&format!("/fail/{code}")).send().await.status(), 500, "{code}");
    }
}

#[tokio::test]
async fn the_text_of_other_errors_and_of_panics_stays_in_the_log() {
    let client = bare();
    for target in ["/standard", "/io", "/panic", "/panic/blocking"] {
        let answer = client.get(target).send().await;
        assert_eq!(answer.status(), 500, "{target}");
        assert_eq!(answer.text(), r#"{"code": 500, "message": "Internal Server Error", "explain": ""}"#);
    }
    assert_eq!(client.get("/int/7").send().await.text(), "7");
}

#[tokio::test]
async fn the_text_of_other_errors_may_be_exposed_as_the_reference_does() {
    let client = client_of(Server::new().expose_errors(true));
    for (target, explain) in [
        ("/standard", "invalid digit found in string"),
        ("/io", "the disk &amp; &lt;its secret&gt;"),
        ("/panic", "panicked: a secret of the panic"),
    ] {
        let answer = client.get(target).send().await;
        assert_eq!(answer.json::<Value>().expect("JSON")["explain"], explain, "{target}");
    }
}

#[tokio::test]
async fn a_panic_on_the_event_loop_ends_one_request_only() {
    let client = client_of(Server::new().prefer_coroutine(true));
    for target in ["/panic", "/panic/blocking"] {
        assert_eq!(client.get(target).send().await.status(), 500, "{target}");
        assert_eq!(client.get("/int/7").send().await.status(), 200);
    }
}

#[tokio::test]
async fn malformed_targets_are_refused() {
    let client = bare();
    for (target, status) in [("/int/%zz", 400), ("/int/%ff", 400), ("/int/%00", 400)] {
        assert_eq!(client.get(target).send().await.status(), status, "{target}");
    }
    let long = format!("/int/{}", "7".repeat(20_000));
    assert_eq!(client.get(&long).send().await.status(), 414);
}
