//! What an argument may be, where its value is looked for, and what is answered when the value is missing or wrong.

use std::sync::Mutex;

use serde::Deserialize;
use vernal::bind::{Expected, FromText, Kind, Optional};
use vernal::prelude::*;
use vernal::testing::{Answer, Client};

fn client() -> Client {
    let app = Server::new().scan(module_path!()).manage(Visits(Mutex::new(0))).build();
    Client::new(app.unwrap_or_else(|error| panic!("{error}")))
}

#[track_caller]
fn assert_refused(answer: &Answer, message: &str, explain: &str) {
    let expected = json!({"code": 400, "message": message, "explain": explain});
    assert_eq!(answer.json::<Value>().unwrap_or_default(), expected, "{}", answer.text());
    assert_eq!(answer.status(), 400);
}

/// Asks by GET and expects this text.
async fn expect(cases: &[(&str, &str)]) {
    let client = client();
    for (target, text) in cases {
        let answer = client.get(target).send().await;
        assert_eq!((answer.status(), answer.text()), (200, *text), "{target}");
    }
}

/// Asks by GET and expects a 400 that says this.
async fn refuse(cases: &[(&str, &str, &str)]) {
    let client = client();
    for (target, message, explain) in cases {
        assert_refused(&client.get(target).send().await, message, explain);
    }
}

mod plain {
    use super::*;

    #[derive(Deserialize)]
    struct Extra {
        k: Vec<u8>,
    }

    #[route("/say_hello/to/{name}", method = ["GET", "POST", "PUT"])]
    fn say_hello(
        name: String,
        user_name: String,
        nick_name: Option<String>,
        #[default(16)] age: u8,
        #[default(true)] male: bool,
        skills: Vec<String>,
        levels: Vec<i32>,
        #[param("passwd")] password: String,
        #[param] extra: Option<Json<Extra>>,
    ) -> String {
        let extra = extra.map(|extra| extra.0.k);
        format!("{name} {user_name} {nick_name:?} {age} {male} {skills:?} {levels:?} {password} {extra:?}")
    }

    #[tokio::test]
    async fn the_name_says_which_value_and_the_type_how_it_is_read() {
        expect(&[
            (
                "/say_hello/to/world?user_name=u&passwd=p",
                "world u None 16 true [] [] p None",
            ),
            (
                "/say_hello/to/w?user_name=&passwd=p&nick_name=n&age=17&male=0&skills=a&skills=b&levels=1&levels=-2&extra=%7B%22k%22:[1,2]%7D",
                "w  Some(\"n\") 17 false [\"a\", \"b\"] [1, -2] p Some([1, 2])",
            ),
        ])
        .await;
    }

    #[tokio::test]
    async fn a_form_carries_parameters_like_a_query_and_comes_first() {
        let client = client();
        let call = client.post("/say_hello/to/w?skills=query&passwd=query");
        let answer =
            call.form(&[("user_name", "a b+c"), ("passwd", "form"), ("skills", "form")]).send().await;
        assert_eq!(answer.text(), r#"w a b+c None 16 true ["form", "query"] [] form None"#);
        let call = client.request("PUT", "/say_hello/to/w?user_name=u");
        let call = call.header("Content-Type", "Application/x-www-form-urlencoded; charset=UTF-8");
        assert_eq!(call.body("passwd=a+b").send().await.text(), "w u None 16 true [] [] a b None");
    }

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named() {
        let base = "/say_hello/to/w?user_name=u&passwd=p";
        refuse(&[
            ("/say_hello/to/w?passwd=p", "Missing Parameter", "Parameter[user_name] is required."),
            ("/say_hello/to/w?user_name=u", "Missing Parameter", "Parameter[passwd] is required."),
            (&format!("{base}&age=old"), "Bad Request", "Parameter[age] should be an int."),
            (&format!("{base}&age="), "Bad Request", "Parameter[age] should be an int."),
            (&format!("{base}&age=1.5"), "Bad Request", "Parameter[age] should be an int."),
            (&format!("{base}&age=256"), "Bad Request", "Parameter[age] should be an int that fits u8."),
            (
                &format!("{base}&age=-1"),
                "Bad Request",
                "Parameter[age] should be an int that is not negative.",
            ),
            (&format!("{base}&levels=1&levels=x"), "Bad Request", "One of the parameter[levels] is not int."),
            (&format!("{base}&extra=notjson"), "Bad Request", "Parameter[extra] should be a JSON string."),
            (
                &format!("{base}&extra=[1]"),
                "Bad Request",
                "Parameter[extra] is JSON of a shape that does not fit.",
            ),
        ])
        .await;
    }

    #[tokio::test]
    async fn the_first_argument_that_fails_ends_the_request() {
        refuse(&[("/say_hello/to/w?age=x", "Missing Parameter", "Parameter[user_name] is required.")]).await;
    }

    #[route("/kinds")]
    fn kinds(integer: Option<i64>, float: Option<f64>, truth: Option<bool>, letter: Option<char>) -> String {
        format!("{integer:?} {float:?} {truth:?} {letter:?}")
    }

    #[tokio::test]
    async fn every_plain_kind_is_read() {
        expect(&[
            ("/kinds", "None None None None"),
            (
                "/kinds?integer=%20-12%20&float=1e3&truth=no&letter=中",
                "Some(-12) Some(1000.0) Some(true) Some('中')",
            ),
            ("/kinds?truth=FALSE", "None None Some(false) None"),
            ("/kinds?truth=", "None None Some(false) None"),
            ("/kinds?truth=0", "None None Some(false) None"),
        ])
        .await;
        refuse(&[
            ("/kinds?float=abc", "Bad Request", "Parameter[float] should be a float."),
            ("/kinds?letter=ab", "Bad Request", "Parameter[letter] should be a single character."),
        ])
        .await;
    }

    #[route("/lists")]
    fn lists(
        #[default(vec!["d".to_owned()])] texts: Vec<String>,
        numbers: Option<Vec<f32>>,
        truths: Vec<bool>,
    ) -> String {
        format!("{texts:?} {numbers:?} {truths:?}")
    }

    #[tokio::test]
    async fn a_list_may_have_a_default_or_be_optional() {
        expect(&[
            ("/lists", r#"["d"] None []"#),
            (
                "/lists?texts=a&numbers=1&numbers=2.5&truths=1&truths=false",
                r#"["a"] Some([1.0, 2.5]) [true, false]"#,
            ),
        ])
        .await;
        refuse(&[(
            "/lists?numbers=1&numbers=x",
            "Bad Request",
            "One of the parameter[numbers] is not float.",
        )])
        .await;
    }

    #[route("/borrowed")]
    async fn borrowed(name: &str, other: Option<&str>, #[default("d")] third: &str) -> String {
        format!("{name} {other:?} {third}")
    }

    #[tokio::test]
    async fn text_may_be_borrowed() {
        expect(&[("/borrowed?name=n", "n None d"), ("/borrowed?name=n&other=o&third=t", "n Some(\"o\") t")])
            .await;
    }

    #[route("/json-default")]
    fn json_default(
        #[param]
        #[default(Json(json!({"d": 1})))]
        x: Json<Value>,
    ) -> Json<Value> {
        x
    }

    #[tokio::test]
    async fn json_in_a_parameter_may_have_a_default() {
        expect(&[("/json-default", r#"{"d":1}"#), ("/json-default?x=[1]", "[1]")]).await;
    }

    #[tokio::test]
    async fn a_file_is_no_text() {
        let form =
            "--X\r\nContent-Disposition: form-data; name=\"user_name\"; filename=\"f\"\r\n\r\nx\r\n--X--\r\n";
        let client = client();
        let call = client.post("/say_hello/to/w").header("Content-Type", "multipart/form-data; boundary=X");
        assert_refused(
            &call.body(form).send().await,
            "Bad Request",
            "Parameter[user_name] should be text, not a file.",
        );
    }
}

mod path {
    use super::*;

    #[route("/path/{id}/of/{name}")]
    fn path(#[path] id: u64, #[path("name")] who: Option<String>) -> String {
        format!("{id} {who:?}")
    }

    #[route("/some")]
    #[route("/some/{page}")]
    fn sometimes(#[default(1)] page: u32) -> String {
        format!("page {page}")
    }

    #[route("/shadow/{id}")]
    fn shadow(#[param] id: String) -> String {
        id
    }

    #[tokio::test]
    async fn path_values_are_converted_and_may_be_named() {
        expect(&[
            ("/path/7/of/me", "7 Some(\"me\")"),
            ("/path/7/of/me?id=8", "7 Some(\"me\")"),
            ("/some", "page 1"),
            ("/some/2", "page 2"),
            ("/shadow/7?id=8", "8"),
        ])
        .await;
        refuse(&[
            ("/path/x/of/me", "Bad Request", "PathValue[id] should be an int."),
            ("/shadow/7", "Missing Parameter", "Parameter[id] is required."),
        ])
        .await;
    }
}

mod fields {
    use super::*;

    #[route("/headers")]
    fn headers(
        #[header] user_token: Option<String>,
        #[header("Content-Type")] kind: Option<&str>,
        #[header] accept: Vec<String>,
        #[header("X-Level")]
        #[default(3)]
        level: u8,
        headers: Headers,
    ) -> String {
        format!("{user_token:?} {kind:?} {accept:?} {level} {}", headers.len())
    }

    #[route("/header-required")]
    fn required(#[header] user_token: String) -> String {
        user_token
    }

    #[route("/header-numbers")]
    fn numbers(#[header("X-N")] n: Vec<u8>) -> String {
        format!("{n:?}")
    }

    #[route("/cookies")]
    fn cookies(
        #[cookie("sc")] first: Option<Cookie>,
        #[cookie] theme: Option<String>,
        sc: Option<Cookie>,
        #[cookie("level")]
        #[default(3)]
        level: u8,
        cookies: Cookies,
    ) -> String {
        let value = |cookie: Option<Cookie>| cookie.map(|cookie| cookie.value().to_owned());
        format!("{:?} {theme:?} {:?} {level} {}", value(first), value(sc), cookies.len())
    }

    #[route("/cookie-required")]
    fn required_cookie(flavour: Cookie) -> String {
        flavour.value().to_owned()
    }

    #[tokio::test]
    async fn header_fields_are_found_in_any_case_and_with_dashes() {
        let client = client();
        for name in ["user_token", "user-token", "User-Token"] {
            let answer = client.get("/headers").header(name, "t").send().await;
            assert_eq!(answer.text(), "Some(\"t\") None [] 3 1", "{name}");
        }
        let call =
            client.get("/headers").header("accept", "a/b").header("Accept", "c/d").header("X-LEVEL", 4);
        let answer = call.header("content-type", "text/plain").send().await;
        assert_eq!(answer.text(), r#"None Some("text/plain") ["a/b", "c/d"] 4 4"#);
    }

    #[tokio::test]
    async fn a_header_that_is_missing_or_wrong_is_named() {
        let client = client();
        assert_refused(
            &client.get("/header-required").send().await,
            "Missing Header",
            "Header[user-token] is required.",
        );
        assert_refused(
            &client.get("/headers").header("X-Level", "high").send().await,
            "Bad Request",
            "Header[X-Level] should be an int.",
        );
        assert_refused(
            &client.get("/header-numbers").header("X-N", "1").header("X-N", "n").send().await,
            "Bad Request",
            "One of the header[X-N] is not int.",
        );
    }

    #[tokio::test]
    async fn cookies_are_values_or_cookies() {
        let client = client();
        assert_eq!(client.get("/cookies").send().await.text(), "None None None 3 0");
        let answer =
            client.get("/cookies").header("Cookie", "sc=1; theme=\"q w\"; level=4; a=1; a=2").send().await;
        assert_eq!(answer.text(), r#"Some("1") Some("q w") Some("1") 4 4"#);
        let answer = client.get("/cookie-required").header("Cookie", "a/b=1; flavour=choc").send().await;
        assert_eq!(answer.text(), "choc");
        assert_refused(
            &client.get("/cookie-required").send().await,
            "Missing Cookie",
            "Cookie[flavour] is required.",
        );
    }
}

mod groups {
    use super::*;

    #[route(regexp = "^/groups/([a-z]+)-([0-9]+)$")]
    fn groups(#[group(1)] second: u32, #[group(0)] first: &str, all: RegGroups) -> String {
        format!("{first} {second} {all:?}")
    }

    #[route(regexp = "^/word/([a-z]+)$")]
    fn word(#[group(0)] number: u8) -> String {
        number.to_string()
    }

    #[tokio::test]
    async fn groups_are_counted_from_zero_and_converted() {
        expect(&[("/groups/abc-42", r#"abc 42 Groups(["abc", "42"])"#)]).await;
        refuse(&[("/word/abc", "Bad Request", "Group[number] should be an int.")]).await;
    }
}

mod whole {
    use super::*;

    #[route("/params", method = ["GET", "POST"])]
    fn params(params: Params) -> Json<Params> {
        Json(params)
    }

    #[route("/request/{id}", method = ["GET", "POST"])]
    fn request(request: &Request) -> String {
        format!(
            "{} {} {} {:?} {:?} {:?} {:?} {:?}",
            request.method,
            request.path(),
            request.query(),
            request.param("a"),
            request.path_value("id"),
            request.headers.get("x-a"),
            request.cookie("c").map(Cookie::value),
            request.route(),
        )
    }

    #[route("/request-body", method = "POST")]
    async fn request_body(request: &Request) -> Result<String> {
        let value: Value = request.json().await?;
        Ok(format!("{} {value} {:?}", request.bytes().await?.len(), request.content_length()))
    }

    struct Attached(&'static str);

    #[request_filter("/extended")]
    async fn attach(context: &mut FilterContext) -> Result<()> {
        context.request.extensions.insert(Attached::new());
        context.do_chain().await
    }

    impl Attached {
        fn new() -> std::sync::Arc<Attached> {
            std::sync::Arc::new(Attached("attached"))
        }
    }

    #[route("/extended")]
    fn extended(request: &Request) -> Option<&'static str> {
        request.extensions.get::<std::sync::Arc<Attached>>().map(|attached| attached.0)
    }

    #[tokio::test]
    async fn all_parameters_are_one_or_many_values_each() {
        let client = client();
        let answer = client.get("/params?a=1&b=2&b=3&c&d=&x=y+z").send().await;
        let expected = json!({"a": "1", "b": ["2", "3"], "c": "", "d": "", "x": "y z"});
        assert_eq!(answer.json::<Value>().expect("JSON"), expected);
        let answer = client.post("/params?t=q").form(&[("t", "1"), ("u", "中")]).send().await;
        assert_eq!(answer.json::<Value>().expect("JSON"), json!({"t": ["1", "q"], "u": "中"}));
    }

    #[tokio::test]
    async fn the_request_has_everything_with_the_parameters_of_a_form() {
        let client = client();
        let call = client.get("/request/7?a=1").header("X-A", "h").header("Cookie", "c=v");
        assert_eq!(
            call.send().await.text(),
            r#"GET /request/7 a=1 Some("1") Some("7") Some("h") Some("v") Some("/request/{id}")"#
        );
        let answer = client.post("/request/7?q").form(&[("a", "form")]).send().await;
        assert_eq!(
            answer.text(),
            r#"POST /request/7 q Some("form") Some("7") None None Some("/request/{id}")"#
        );
        let answer = client.post("/request-body").json(&json!([1])).send().await;
        assert_eq!(answer.text(), "3 [1] None");
        assert_eq!(client.get("/extended").send().await.text(), "attached");
    }
}

mod bodies {
    use super::*;

    #[derive(Deserialize, serde::Serialize)]
    struct Order {
        item: String,
        count: u32,
    }

    #[route("/orders", method = "POST")]
    async fn create(order: Json<Order>) -> Json<Order> {
        order
    }

    #[route("/orders/blocking", method = "POST")]
    fn create_blocking(Json(order): Json<Order>) -> String {
        format!("{} {}", order.count, order.item)
    }

    #[route("/orders/optional", method = "POST")]
    fn maybe(order: Option<Json<Order>>) -> String {
        order.map_or_else(|| "nothing".to_owned(), |order| order.0.item)
    }

    #[route("/raw", method = "PUT")]
    async fn raw(body: Bytes) -> u16 {
        if body.is_empty() { 400 } else { 204 }
    }

    #[route("/raw/optional", method = "PUT")]
    fn raw_optional(body: Option<Bytes>) -> String {
        format!("{:?}", body.map(|body| body.len()))
    }

    #[route("/big", method = "PUT")]
    async fn big(mut body: BodyReader) -> Result<String> {
        let mut sizes = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            sizes.push(chunk.len());
        }
        Ok(format!("{sizes:?}"))
    }

    #[tokio::test]
    async fn json_comes_from_the_body() {
        let client = client();
        let order = json!({"item": "tea", "count": 2});
        let answer = client.post("/orders").json(&order).send().await;
        assert_eq!(answer.json::<Value>().expect("JSON"), order);
        assert_eq!(client.post("/orders/blocking").json(&order).send().await.text(), "2 tea");
        let call = client.post("/orders").header("Content-Type", "application/vnd.order+json; charset=utf-8");
        assert_eq!(call.body(order.to_string()).send().await.status(), 200);
    }

    #[tokio::test]
    async fn a_body_that_is_no_json_of_this_shape_says_where() {
        let client = client();
        let call = client.post("/orders").header("Content-Type", "text/plain").body("{}");
        assert_refused(
            &call.send().await,
            "Bad Request",
            "The content type of this request must be \"application/json\"",
        );
        for body in ["{bad", "", "[1]", "{\"item\": \"tea\"}", "\u{feff}{}"] {
            let call = client.post("/orders").header("Content-Type", "application/json").body(body);
            let answer = call.send().await;
            assert_eq!(answer.status(), 400, "{body:?}");
            assert!(answer.text().contains("\"message\": \"Bad Request\""), "{body:?}: {}", answer.text());
        }
    }

    #[tokio::test]
    async fn a_body_may_be_optional() {
        let client = client();
        assert_eq!(client.post("/orders/optional").send().await.text(), "nothing");
        let order = json!({"item": "tea", "count": 2});
        assert_eq!(client.post("/orders/optional").json(&order).send().await.text(), "tea");
        let call = client.post("/orders/optional").header("Content-Type", "text/plain").body("x");
        assert_eq!(call.send().await.status(), 400);
        assert_eq!(client.request("PUT", "/raw/optional").send().await.text(), "None");
        assert_eq!(client.request("PUT", "/raw/optional").body("abc").send().await.text(), "Some(3)");
    }

    #[tokio::test]
    async fn the_body_is_bytes_of_any_type_or_comes_piece_by_piece() {
        let client = client();
        assert_eq!(client.request("PUT", "/raw").body(vec![0, 255]).send().await.status(), 204);
        assert_eq!(client.request("PUT", "/big").body("0123456789").send().await.text(), "[10]");
        assert_eq!(client.request("PUT", "/big").send().await.text(), "[]");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_too_large() {
        let limits = Limits::default().body(8);
        let app = Server::new().scan(module_path!()).limits(limits).build().expect("an app");
        let answer = Client::new(app).request("PUT", "/raw").body("0123456789").send().await;
        assert_eq!(answer.status(), 413);
        assert!(answer.text().contains("The body may have at most 8 bytes."), "{}", answer.text());
    }
}

mod files {
    use super::*;

    #[route("/upload", method = "POST")]
    async fn upload(img: MultipartFile, title: Option<String>) -> Result<String> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join(img.safe_filename());
        img.save_to(&path).await?;
        let saved = std::fs::read(&path)?.len();
        Ok(format!(
            "{} {} {} {} {saved} {} {title:?}",
            img.name(),
            img.filename(),
            img.content_type(),
            img.len(),
            img.is_spooled()
        ))
    }

    #[route("/upload/optional", method = ["GET", "POST"])]
    fn upload_optional(img: Option<MultipartFile>) -> String {
        format!("{:?}", img.map(|img| img.filename().to_owned()))
    }

    #[route("/upload/many", method = "POST")]
    fn upload_many(img: Vec<MultipartFile>, doc: Option<Vec<MultipartFile>>) -> String {
        let names: Vec<&str> = img.iter().map(MultipartFile::filename).collect();
        format!("{names:?} {:?}", doc.map(|files| files.len()))
    }

    /// A form with these parts: name, file name or none, content.
    fn form(parts: &[(&str, Option<&str>, &str)]) -> String {
        let mut body = String::new();
        for (name, filename, content) in parts {
            let filename = filename.map(|name| format!("; filename=\"{name}\"\r\nContent-Type: image/png"));
            let rest = filename.unwrap_or_default();
            body += &format!(
                "--XBX\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{content}\r\n"
            );
        }
        body + "--XBX--\r\n"
    }

    async fn send(target: &str, parts: &[(&str, Option<&str>, &str)]) -> Answer {
        let client = client();
        let call = client.post(target).header("Content-Type", "multipart/form-data; boundary=XBX");
        call.body(form(parts)).send().await
    }

    #[tokio::test]
    async fn a_file_is_bound_with_the_fields_beside_it() {
        let answer = send("/upload", &[("img", Some("../a.png"), "\0png\r\n"), ("title", None, "T")]).await;
        assert_eq!(answer.text(), r#"img ../a.png image/png 6 6 false Some("T")"#);
        let large = "x".repeat(400_000);
        let answer = send("/upload", &[("img", Some("a.png"), &large)]).await;
        assert_eq!(answer.text(), "img a.png image/png 400000 400000 true None");
    }

    #[tokio::test]
    async fn files_may_be_optional_or_several() {
        let files = [("img", Some("a"), "1"), ("img", Some("b"), "2"), ("doc", Some("c"), "3")];
        assert_eq!(send("/upload/many", &files).await.text(), r#"["a", "b"] Some(1)"#);
        assert_eq!(send("/upload/many", &[("x", None, "1")]).await.text(), "[] None");
        assert_eq!(send("/upload/optional", &files).await.text(), "Some(\"a\")");
        assert_eq!(client().get("/upload/optional").send().await.text(), "None");
    }

    #[tokio::test]
    async fn a_file_that_is_missing_or_text_is_named() {
        let answer = send("/upload", &[("title", None, "T")]).await;
        assert_refused(&answer, "Missing Parameter", "Parameter[img] is required.");
        let answer = send("/upload", &[("img", None, "text")]).await;
        assert_refused(&answer, "Bad Request", "Parameter[img] should be a file.");
        let answer = send("/upload/optional", &[("img", None, "text")]).await;
        assert_refused(&answer, "Bad Request", "Parameter[img] should be a file.");
    }
}

struct Visits(Mutex<u32>);

mod state {
    use super::*;

    #[route("/visit")]
    fn visit(visits: State<Visits>) -> String {
        let mut count = visits.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *count += 1;
        count.to_string()
    }

    #[tokio::test]
    async fn a_managed_value_is_one_for_all_requests() {
        let client = client();
        client.get("/visit").send().await;
        assert_eq!(client.get("/visit").send().await.text(), "2");
    }

    #[test]
    fn a_value_that_no_one_manages_is_told_at_start() {
        let error = Server::new().scan(module_path!()).build().err().expect("a mistake");
        let text = error.to_string();
        assert!(text.starts_with("arguments::state::visit ("), "{text}");
        assert!(
            text.ends_with(
                "the argument visits wants a State<arguments::Visits>, but the server was given none: call .manage(…)"
            ),
            "{text}"
        );
    }
}

mod own {
    use super::*;

    struct Percent(u8);

    impl FromText for Percent {
        const KIND: Kind = Kind::Integer;

        fn from_text(text: &str) -> Result<Self, Expected> {
            let wanted = Expected("a number from 0 to 100");
            text.parse().ok().filter(|number| *number <= 100).map(Percent).ok_or(wanted)
        }
    }

    #[route("/percent/{share}")]
    fn percent(share: Percent, other: Option<Percent>, all: Vec<Percent>) -> String {
        let all: Vec<u8> = all.iter().map(|percent| percent.0).collect();
        format!("{} {:?} {all:?}", share.0, other.map(|percent| percent.0))
    }

    struct Point {
        x: i32,
        y: i32,
    }

    impl Point {
        fn parse(text: &str) -> Result<Point, HttpError> {
            let wrong = || HttpError::new(422).message("Bad Point").explain(text);
            let (x, y) = text.split_once(',').ok_or_else(wrong)?;
            Ok(Point { x: x.parse().map_err(|_| wrong())?, y: y.parse().map_err(|_| wrong())? })
        }
    }

    impl FromRequest for Point {
        async fn from_request(request: &Request, param: &Param) -> Result<Self> {
            let missing = || HttpError::new(400).explain(format!("{} is needed", param.name));
            Ok(Point::parse(request.param(&param.name).ok_or_else(missing)?)?)
        }
    }

    impl Optional for Point {
        async fn optional(request: &Request, param: &Param) -> Result<Option<Self>> {
            Ok(request.param(&param.name).map(Point::parse).transpose()?)
        }
    }

    #[route("/point", method = ["GET", "POST"])]
    fn point(point: Point, other: Option<Point>) -> String {
        format!("{} {} {}", point.x, point.y, other.is_some())
    }

    /// Who asks, found in the session: a binding that waits.
    struct User(String);

    impl FromRequest for User {
        async fn from_request(request: &Request, _: &Param) -> Result<Self> {
            tokio::task::yield_now().await;
            let session = request.existing_session().await?;
            let name = session.and_then(|session| session.get("user"));
            Ok(User(name.ok_or_else(|| HttpError::new(401).explain("sign in first"))?))
        }
    }

    #[route("/sign-in")]
    fn sign_in(session: Session, name: String) -> Result<()> {
        session.set("user", name)
    }

    #[route("/me")]
    fn me(user: User) -> String {
        user.0
    }

    #[tokio::test]
    async fn a_type_of_ones_own_is_read_from_text() {
        expect(&[("/percent/7", "7 None []"), ("/percent/7?other=8&all=1&all=2", "7 Some(8) [1, 2]")]).await;
        refuse(&[
            ("/percent/101", "Bad Request", "PathValue[share] should be a number from 0 to 100."),
            ("/percent/1?other=x", "Bad Request", "Parameter[other] should be a number from 0 to 100."),
            (
                "/percent/1?all=1&all=x",
                "Bad Request",
                "One of the parameter[all] is not number from 0 to 100.",
            ),
        ])
        .await;
    }

    #[tokio::test]
    async fn a_type_of_ones_own_binds_itself_and_chooses_its_error() {
        let client = client();
        expect(&[("/point?point=3,4", "3 4 false"), ("/point?point=3,4&other=1,1", "3 4 true")]).await;
        refuse(&[("/point", "Bad Request", "point is needed")]).await;
        let answer = client.get("/point?point=3").send().await;
        assert_eq!(answer.text(), r#"{"code": 422, "message": "Bad Point", "explain": "3"}"#);
        assert_eq!(client.post("/point").form(&[("point", "5,6")]).send().await.text(), "5 6 false");
    }

    #[tokio::test]
    async fn a_binding_may_wait_even_for_a_controller_that_does_not() {
        let client = client();
        assert_eq!(client.get("/me").send().await.status(), 401);
        client.get("/sign-in?name=keijack").send().await;
        assert_eq!(client.get("/me").send().await.text(), "keijack");
    }
}
