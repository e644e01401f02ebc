//! What a controller may return, and the response it becomes: status, content type, fields, cookies, body.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use vernal::prelude::*;
use vernal::testing::{Answer, Client};
use vernal::{Body, SameSite};

fn client() -> Client {
    Client::new(Server::new().scan(module_path!()).build().unwrap_or_else(|error| panic!("{error}")))
}

async fn get(target: &str) -> Answer {
    client().get(target).send().await
}

/// Status, content type and body.
async fn expect(cases: &[(&str, u16, Option<&str>, &str)]) {
    for (target, status, content_type, body) in cases {
        let answer = get(target).await;
        let found = (answer.status(), answer.header("content-type"), answer.text());
        assert_eq!(found, (*status, *content_type, *body), "{target}");
    }
}

const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");
const HTML: Option<&str> = Some("text/html; charset=utf-8");
const XML: Option<&str> = Some("text/xml; charset=utf-8");
const JSON: Option<&str> = Some("application/json");
const OCTETS: Option<&str> = Some("application/octet-stream");

mod texts {
    use super::*;

    #[route("/text")]
    fn text(#[default("hello")] t: String) -> String {
        t
    }

    #[route("/html")]
    fn html() -> &'static str {
        "  <!DOCTYPE html><html><body>x</body></html>\n"
    }

    #[route("/xml")]
    async fn xml() -> &'static str {
        "<?xml version=\"1.0\"?><root></root>"
    }

    #[route("/text/plain")]
    fn plain(t: String) -> vernal::respond::Text {
        vernal::respond::Text(t)
    }

    #[tokio::test]
    async fn a_text_is_html_xml_or_plain_by_how_it_begins_and_ends() {
        expect(&[
            ("/text", 200, PLAIN, "hello"),
            ("/text?t=", 200, PLAIN, ""),
            ("/text?t=%20a%20b%0A", 200, PLAIN, " a b\n"),
            ("/text?t=%E4%B8%AD%E6%96%87", 200, PLAIN, "中文"),
            ("/text?t=<HTML>up</HTML>", 200, HTML, "<HTML>up</HTML>"),
            ("/text/plain?t=<html></html>", 200, PLAIN, "<html></html>"),
            ("/text?t=<html>unfinished", 200, PLAIN, "<html>unfinished"),
            ("/html", 200, HTML, "  <!DOCTYPE html><html><body>x</body></html>\n"),
            ("/xml", 200, XML, "<?xml version=\"1.0\"?><root></root>"),
        ])
        .await;
    }
}

mod values {
    use super::*;

    #[route("/json")]
    fn wrapped() -> Json<(u8, Option<&'static str>)> {
        Json((1, None))
    }

    #[route("/value")]
    fn value() -> Value {
        json!({"l": [1, 2.5], "n": null, "name": "中"})
    }

    #[route("/unserializable")]
    fn unserializable() -> Json<std::collections::HashMap<(u8, u8), u8>> {
        Json([((1, 2), 3)].into())
    }

    #[route("/bytes")]
    fn bytes() -> Bytes {
        Bytes::from_static(b"raw\0bytes")
    }

    #[route("/vec")]
    fn vec() -> Vec<u8> {
        b"vec".to_vec()
    }

    #[route("/slice")]
    fn slice() -> &'static [u8] {
        b"slice"
    }

    #[route("/nothing")]
    fn nothing() {}

    #[route("/number")]
    fn number() -> u16 {
        201
    }

    #[route("/status")]
    fn status() -> StatusCode {
        StatusCode::NO_CONTENT
    }

    #[route("/any-number/{number}")]
    fn any_number(number: u16) -> u16 {
        number
    }

    #[route("/option")]
    fn option(name: Option<String>) -> Option<String> {
        name
    }

    #[tokio::test]
    async fn values_are_json_bytes_a_status_or_nothing() {
        expect(&[
            ("/json", 200, JSON, "[1,null]"),
            ("/value", 200, JSON, r#"{"l":[1,2.5],"n":null,"name":"中"}"#),
            ("/bytes", 200, OCTETS, "raw\0bytes"),
            ("/vec", 200, OCTETS, "vec"),
            ("/slice", 200, OCTETS, "slice"),
            ("/nothing", 200, None, ""),
            ("/number", 201, None, ""),
            ("/status", 204, None, ""),
            ("/any-number/404", 404, None, ""),
            ("/option?name=n", 200, PLAIN, "n"),
        ])
        .await;
    }

    #[tokio::test]
    async fn what_is_no_response_is_a_500() {
        for target in ["/unserializable", "/any-number/99", "/any-number/1000"] {
            assert_eq!(get(target).await.status(), 500, "{target}");
        }
    }

    #[tokio::test]
    async fn nothing_where_something_may_be_is_not_found() {
        assert_eq!(get("/option").await.status(), 404);
    }
}

mod redirects {
    use super::*;

    #[route("/redirect")]
    fn redirect(kind: String, #[default("/index")] to: String) -> Redirect {
        match kind.as_str() {
            "303" => Redirect::see_other(to),
            "307" => Redirect::temporary(to),
            "308" => Redirect::permanent(to),
            _ => Redirect::to(to),
        }
    }

    #[tokio::test]
    async fn redirects_have_four_kinds() {
        for status in [302, 303, 307, 308] {
            let answer = get(&format!("/redirect?kind={status}")).await;
            assert_eq!(
                (answer.status(), answer.header("location"), answer.text()),
                (status, Some("/index"), "")
            );
        }
    }

    #[tokio::test]
    async fn a_location_is_encoded_and_splits_no_response() {
        for (to, location) in [
            ("/%E4%B8%AD%20%61", "/%E4%B8%AD%20a"),
            ("/a%0d%0aX-Evil:%201", "/a%0D%0AX-Evil:%201"),
            ("/a%2525", "/a%25"),
            ("https://example.org/?a=1%26b=2%23c", "https://example.org/?a=1&b=2#c"),
        ] {
            let answer = get(&format!("/redirect?kind=302&to={to}")).await;
            assert_eq!(answer.header("location"), Some(location));
            assert_eq!(answer.header("x-evil"), None);
        }
    }
}

mod responses {
    use super::*;

    #[route("/response")]
    fn response() -> Response {
        Response::new(200)
            .header("userToken", "abc")
            .header("X-Count", 5)
            .cookie(Cookie::new("userInfo", "ABC").path("/"))
            .body("<html>hello world</html>")
    }

    #[route("/append")]
    fn append() -> Response {
        let mut response = Response::default();
        response.set_status(202);
        response.headers.append("X-Many", "a");
        response.headers.append("x-many", "b");
        response.set_cookie(Cookie::new("first", "1"));
        response.set_cookie(Cookie::new("second", "needs quoting; yes").max_age(Duration::from_secs(60)));
        response
            .set_cookie(Cookie::new("third", "3").secure(true).http_only(true).same_site(SameSite::Strict));
        response.set_body(json!({"made": true}));
        response
    }

    #[route("/content-type")]
    fn content_type(#[default("text/css")] value: String) -> (Headers, &'static str) {
        (Headers::from([("content-type", value)]), "a{}")
    }

    #[route("/length")]
    fn length() -> Response {
        Response::new(200).header("Content-Length", 3).body("longer than three")
    }

    #[route("/field")]
    fn field(value: String) -> (Headers, &'static str) {
        (Headers::from([("X-Value", value)]), "sent")
    }

    #[route("/cookie")]
    fn cookie(name: String, value: String, #[default("/")] path: String) -> Cookie {
        Cookie::new(name, value).path(path)
    }

    #[route("/removal")]
    fn removal() -> Cookie {
        Cookie::removal("userInfo")
    }

    #[route("/no-content")]
    fn no_content() -> (u16, &'static str) {
        (204, "a body that cannot be")
    }

    #[route("/body")]
    fn body() -> Response {
        Response::new(200).body(Body::from(b"bytes".to_vec()))
    }

    #[tokio::test]
    async fn a_response_says_everything() {
        let answer = get("/response").await;
        assert_eq!(answer.header("usertoken"), Some("abc"));
        assert_eq!(answer.header("x-count"), Some("5"));
        assert_eq!(answer.header("set-cookie"), Some("userInfo=ABC; Path=/"));
        assert_eq!((answer.header("content-type"), answer.text()), (HTML, "<html>hello world</html>"));
        assert_eq!(get("/body").await.header("content-type"), OCTETS);
    }

    #[tokio::test]
    async fn fields_and_cookies_may_be_many() {
        let answer = get("/append").await;
        assert_eq!((answer.status(), answer.text()), (202, r#"{"made":true}"#));
        assert_eq!(answer.headers().get_all("X-Many").collect::<Vec<_>>(), ["a", "b"]);
        let cookies: Vec<&str> = answer.headers().get_all("set-cookie").collect();
        assert_eq!(cookies.len(), 3);
        assert_eq!(cookies[0], "first=1");
        assert!(cookies[1].contains("Max-Age=60"), "{}", cookies[1]);
        for attribute in ["third=3", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(cookies[2].contains(attribute), "{}", cookies[2]);
        }
    }

    #[tokio::test]
    async fn a_content_type_of_the_application_stays() {
        assert_eq!(get("/content-type").await.header("content-type"), Some("text/css"));
        assert_eq!(get("/content-type").await.headers().get_all("content-type").count(), 1);
    }

    #[tokio::test]
    async fn the_length_is_that_of_the_body() {
        let answer = get("/length").await;
        assert_eq!(answer.header("content-length"), None, "the transport counts");
        let head = client().request("HEAD", "/length").send().await;
        assert_eq!(head.text(), "");
        assert_eq!(get("/no-content").await.text(), "");
        assert_eq!(get("/no-content").await.header("content-type"), None);
    }

    #[tokio::test]
    async fn a_line_break_in_a_field_or_cookie_is_a_500_and_never_sent() {
        for target in [
            "/field?value=a%0d%0aX-Evil:%201",
            "/cookie?name=a&value=b&path=/%0d%0aX-Evil:%201",
            "/cookie?name=a%20b&value=c",
        ] {
            let answer = get(target).await;
            assert_eq!((answer.status(), answer.header("x-evil")), (500, None), "{target}");
        }
        assert_eq!(get("/field?value=%E4%B8%AD").await.header("x-value"), Some("中"));
    }

    #[tokio::test]
    async fn a_cookie_can_be_taken_away() {
        let answer = get("/removal").await;
        assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
        let client = client();
        client.get("/cookie?name=userInfo&value=v").send().await;
        assert_eq!(client.cookie("userInfo").as_deref(), Some("v"));
        client.get("/removal").send().await;
        assert_eq!(client.cookie("userInfo"), None);
    }
}

mod tuples {
    use super::*;

    fn cookies() -> Cookies {
        [Cookie::new("t", "1")].into_iter().collect()
    }

    #[route("/tuple/all")]
    fn all() -> (u16, Headers, Cookies, Value) {
        (200, Headers::from([("x", "y")]), cookies(), json!({"body": "json"}))
    }

    #[route("/tuple/backwards")]
    fn backwards() -> (Value, Cookies, Headers, StatusCode) {
        (json!({"body": "json"}), cookies(), Headers::from([("x", "y")]), StatusCode::OK)
    }

    #[route("/tuple/several")]
    fn several() -> (&'static str, u16, Headers, Value, u16, Headers) {
        let second = Headers::from([("X-A", "2"), ("X-B", "3")]);
        ("first", 202, Headers::from([("X-A", "1")]), json!({"second": 1}), 203, second)
    }

    #[route("/tuple/headers")]
    async fn only_headers() -> (Headers, Json<bool>) {
        (Headers::from([("userToken", "t")]), Json(true))
    }

    #[route("/tuple/one")]
    fn one() -> (u16,) {
        (418,)
    }

    #[route("/tuple/error")]
    fn error() -> (u16, Result<&'static str>) {
        (200, Err(HttpError::new(409).into()))
    }

    #[tokio::test]
    async fn a_tuple_joins_its_elements_in_any_order() {
        for target in ["/tuple/all", "/tuple/backwards"] {
            let answer = get(target).await;
            assert_eq!((answer.status(), answer.text()), (200, r#"{"body":"json"}"#));
            assert_eq!((answer.header("x"), answer.header("set-cookie")), (Some("y"), Some("t=1")));
        }
        assert_eq!(get("/tuple/headers").await.header("usertoken"), Some("t"));
        assert_eq!(get("/tuple/one").await.status(), 418);
    }

    #[tokio::test]
    async fn the_first_status_and_the_first_body_count_and_all_fields() {
        let answer = get("/tuple/several").await;
        assert_eq!((answer.status(), answer.text(), answer.header("content-type")), (202, "first", PLAIN));
        assert_eq!(answer.headers().get_all("x-a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(answer.header("x-b"), Some("3"));
    }

    #[tokio::test]
    async fn an_error_in_a_tuple_is_the_answer() {
        assert_eq!(get("/tuple/error").await.status(), 409);
    }
}

mod results {
    use super::*;

    #[route("/result")]
    fn result(number: Option<String>) -> Result<Json<u8>> {
        let text = number.ok_or_else(|| HttpError::new(403).message("No").explain("…"))?;
        Ok(Json(text.parse()?))
    }

    #[route("/result/own")]
    fn own() -> Result<&'static str, HttpError> {
        Err(HttpError::new(404).message("page not found"))
    }

    #[route("/error")]
    async fn error() -> HttpError {
        HttpError::new(402)
    }

    #[tokio::test]
    async fn an_error_is_answered_as_itself_or_as_a_500() {
        expect(&[
            ("/result?number=7", 200, JSON, "7"),
            ("/result", 403, PLAIN, r#"{"code": 403, "message": "No", "explain": "\u2026"}"#),
            (
                "/result?number=x",
                500,
                PLAIN,
                r#"{"code": 500, "message": "Internal Server Error", "explain": ""}"#,
            ),
            ("/result/own", 404, PLAIN, r#"{"code": 404, "message": "page not found", "explain": ""}"#),
            ("/error", 402, PLAIN, r#"{"code": 402, "message": "Payment Required", "explain": ""}"#),
        ])
        .await;
    }
}

mod files {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        let directory = std::env::temp_dir().join(format!("vernal-responses-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join(name);
        static MAKING: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _one_at_a_time = MAKING.lock().expect("no test panics here");
        if !path.exists() {
            std::fs::write(&path, "a,b\n1,2\n").expect("a file");
        }
        path
    }

    #[route("/file")]
    fn report(kind: Option<String>) -> StaticFile {
        let file = StaticFile::new(file("report.csv"));
        match kind {
            Some(kind) => file.content_type(kind),
            None => file,
        }
    }

    #[route("/file/download")]
    fn download() -> (Headers, StaticFile) {
        (
            Headers::from([("X-Report", "1")]),
            StaticFile::new(file("report.csv")).download_as("Bericht 中.csv"),
        )
    }

    #[route("/file/gone")]
    fn gone() -> (u16, StaticFile) {
        (410, StaticFile::new(file("report.csv")))
    }

    #[tokio::test]
    async fn a_file_that_explains_an_error_is_sent_whole() {
        let client = client();
        let answer =
            client.get("/file/gone").header("If-None-Match", "*").header("Range", "bytes=0-2").send();
        let answer = answer.await;
        assert_eq!((answer.status(), answer.text()), (410, "a,b\n1,2\n"));
        let head = client.request("HEAD", "/file/gone").send().await;
        assert_eq!((head.status(), head.header("content-length"), head.text()), (410, Some("8"), ""));
    }

    #[route("/file/missing")]
    fn missing() -> StaticFile {
        StaticFile::new(file("report.csv").with_file_name("nothing.csv"))
    }

    #[tokio::test]
    async fn a_file_is_sent_with_what_http_offers() {
        let client = client();
        let answer = client.get("/file").send().await;
        assert_eq!(
            (answer.status(), answer.header("content-type"), answer.text()),
            (200, Some("text/csv"), "a,b\n1,2\n")
        );
        let (tag, modified) =
            (answer.header("etag").expect("a tag"), answer.header("last-modified").expect("a date"));
        assert_eq!(client.get("/file").header("If-None-Match", tag).send().await.status(), 304);
        assert_eq!(client.get("/file").header("If-Modified-Since", modified).send().await.status(), 304);
        let part = client.get("/file").header("Range", "bytes=0-2").send().await;
        assert_eq!(
            (part.status(), part.header("content-range"), part.text()),
            (206, Some("bytes 0-2/8"), "a,b")
        );
        let head = client.request("HEAD", "/file").send().await;
        assert_eq!((head.status(), head.header("content-length"), head.text()), (200, Some("8"), ""));
        let own = client.get("/file?kind=application/pdf").send().await;
        assert_eq!(own.header("content-type"), Some("application/pdf"));
    }

    #[tokio::test]
    async fn a_file_may_be_a_download_and_an_element_of_a_tuple() {
        let answer = get("/file/download").await;
        assert_eq!((answer.header("x-report"), answer.text()), (Some("1"), "a,b\n1,2\n"));
        assert!(answer.header("content-disposition").is_some_and(|field| field.starts_with("attachment")));
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_not_found() {
        let answer = get("/file/missing").await;
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.json::<Value>().expect("JSON")["explain"], "Cannot find file for this url.");
    }
}

mod streams {
    use super::*;

    #[route("/iter")]
    fn iter() -> Stream {
        Stream::iter((1..=3).map(|number| format!("{number}\n"))).content_type("text/plain")
    }

    /// Some pieces, then an error if there is one.
    struct Pieces(Vec<&'static str>, Option<std::io::Error>);

    impl futures_core::Stream for Pieces {
        type Item = std::io::Result<Bytes>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            if self.0.is_empty() {
                return Poll::Ready(self.1.take().map(Err));
            }
            Poll::Ready(Some(Ok(self.0.remove(0).into())))
        }
    }

    #[route("/stream")]
    async fn stream() -> (u16, Stream) {
        (202, Stream::bytes(Pieces(vec!["abcd", "efg"], None)))
    }

    #[route("/broken")]
    fn broken() -> Response {
        Response::new(200).body(Stream::bytes(Pieces(vec!["abcd"], Some(std::io::Error::other("gone")))))
    }

    #[route("/events")]
    fn events() -> Sse {
        Sse::iter((0..2).map(|tick| Event::data(format!("{tick}\nline")).name("tick").id(tick)))
    }

    #[route("/echo", method = "POST")]
    fn echo(body: BodyReader) -> Stream {
        Stream::bytes(body)
    }

    #[tokio::test]
    async fn a_stream_is_written_as_it_comes() {
        expect(&[
            ("/iter", 200, Some("text/plain"), "1\n2\n3\n"),
            ("/stream", 202, OCTETS, "abcdefg"),
            (
                "/events",
                200,
                Some("text/event-stream"),
                "id: 0\nevent: tick\ndata: 0\ndata: line\n\nid: 1\nevent: tick\ndata: 1\ndata: line\n\n",
            ),
        ])
        .await;
        assert_eq!(get("/iter").await.header("content-length"), None);
        assert_eq!(get("/events").await.header("cache-control"), Some("no-cache"));
        assert_eq!(client().post("/echo").body("ping").send().await.text(), "ping");
    }

    #[tokio::test]
    async fn an_error_in_a_stream_breaks_the_answer_off() {
        let answer = get("/broken").await;
        assert_eq!((answer.status(), answer.text()), (200, "abcd"));
        assert_eq!(answer.failure().expect("a failure").to_string(), "gone");
    }
}

#[tokio::test]
async fn an_app_without_an_icon_has_one_and_its_own_goes_before_it() {
    let plain = Client::new(vernal::App::builder().build().expect("an app"));
    let icon = plain.get("/favicon.ico").send().await;
    assert_eq!((icon.status(), icon.header("content-type")), (200, Some("image/x-icon")));
    assert_eq!(icon.bytes().len(), 4286);

    let own = vernal::controller::from_fn(|_: &vernal::Request| "mine");
    let app = vernal::App::builder().route(vernal::Route::path("/favicon.ico"), own).build().expect("an app");
    assert_eq!(Client::new(app).get("/favicon.ico").send().await.text(), "mine");
}

#[route("/single", app = "single")]
fn single() -> (Headers, &'static str) {
    (Headers::from([("Content-Type", "text/css"), ("X-Many", "controller")]), "a{}")
}

#[request_filter("/single", app = "single")]
async fn defaults(ctx: &mut FilterContext) -> Result<()> {
    ctx.response.headers.insert("Content-Type", "text/plain");
    ctx.response.headers.insert("X-Many", "filter");
    ctx.do_chain().await
}

#[tokio::test]
async fn a_field_that_can_only_have_one_value_has_the_controllers() {
    let app = Server::app("single").scan(module_path!()).build().expect("an app");
    let answer = Client::new(app).get("/single").send().await;
    assert_eq!(answer.headers().get_all("content-type").collect::<Vec<_>>(), ["text/css"]);
    assert_eq!(answer.headers().get_all("x-many").collect::<Vec<_>>(), ["filter", "controller"]);
}

#[tokio::test]
async fn no_tunnels_are_opened() {
    let any = vernal::controller::from_fn(|_: &vernal::Request| "any");
    let app = vernal::App::builder().route(vernal::Route::path("/"), any).build().expect("an app");
    assert_eq!(Client::new(app).request("CONNECT", "/").send().await.status(), 501);
}
