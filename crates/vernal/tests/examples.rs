//! The observed requests and responses of the reference, replayed against the same controllers in Rust: in process, and
//! through a socket where the answer is the begin of another protocol.
//!
//! `examples/cases.jsonl` has a case a line, with the reference's own identifiers. Where the Rust face answers
//! otherwise by design, `differs` says why and the response is the one that is meant.

#![cfg(all(feature = "macros", feature = "compression"))]

#[cfg(feature = "websocket")]
mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use vernal::prelude::*;
use vernal::testing::{Answer, Client};

#[derive(Deserialize)]
struct Case {
    id: String,
    topic: String,
    request: Asked,
    response: Expected,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    target: String,
    headers: std::collections::BTreeMap<String, String>,
    body: Option<Content>,
}

#[derive(Deserialize)]
struct Expected {
    status: u16,
    headers: std::collections::BTreeMap<String, OneOrMany>,
    #[serde(default)]
    headers_absent: Vec<String>,
    body: Option<Content>,
    /// The body without its coding.
    body_gunzip: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Bytes(Vec<u8>),
    /// Compared as a value, however it is spaced.
    Json {
        json: Value,
    },
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Content::Text(text) => text.clone().into_bytes(),
            Content::Bytes(bytes) => bytes.clone(),
            Content::Json { json } => json.to_string().into_bytes(),
        }
    }
}

/// What came back, in process or through a socket.
struct Seen {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl From<Answer> for Seen {
    fn from(answer: Answer) -> Seen {
        let (status, headers) = (answer.status(), answer.headers().clone());
        Seen { status, headers, body: answer.bytes().to_vec() }
    }
}

#[cfg(feature = "websocket")]
impl From<support::Answer> for Seen {
    fn from(answer: support::Answer) -> Seen {
        let headers = answer.fields.iter().map(|(name, value)| (name, value)).collect();
        Seen { status: answer.status, headers, body: answer.body }
    }
}

fn cases() -> Vec<Case> {
    let lines = include_str!("examples/cases.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

impl Case {
    /// Whether its answer is the begin of another protocol.
    fn needs_a_socket(&self) -> bool {
        self.topic == "websocket.handshake"
    }
}

impl Expected {
    fn problems(&self, answer: &Seen) -> Vec<String> {
        let mut problems = Vec::new();
        if answer.status != self.status {
            problems.push(format!("status {}, not {}", answer.status, self.status));
        }
        for (name, wanted) in &self.headers {
            let wanted = match wanted {
                OneOrMany::One(value) => std::slice::from_ref(value),
                OneOrMany::Many(values) => values,
            };
            let found: Vec<&str> = answer.headers.get_all(name).collect();
            if found != wanted {
                problems.push(format!("{name} is {found:?}, not {wanted:?}"));
            }
        }
        for name in self.headers_absent.iter().filter(|name| answer.headers.contains(name)) {
            problems.push(format!("there is a {name}"));
        }
        let same = match &self.body {
            None => true,
            Some(Content::Json { json }) => {
                serde_json::from_slice::<Value>(&answer.body).is_ok_and(|found| found == *json)
            }
            Some(content) => content.bytes() == answer.body,
        };
        if !same {
            let wanted = self.body.as_ref().map(Content::bytes).unwrap_or_default();
            let found = String::from_utf8_lossy(&answer.body);
            problems.push(format!("body {found:?}, not {:?}", String::from_utf8_lossy(&wanted)));
        }
        if let Some(wanted) = &self.body_gunzip {
            let mut found = String::new();
            let outcome = flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut found);
            if outcome.is_err() || found != *wanted {
                problems.push(format!("compressed is {found:?}, not {wanted:?}"));
            }
        }
        problems
    }
}

#[tokio::test]
async fn every_example_is_answered_as_it_should_be() {
    let files = Files::new();
    let root = files.0.path();
    let server = || {
        Server::new()
            .resource("/ex/pub/*", root.join("pub"))
            .resource("/ex/all/**", root.join("pub"))
            .resource("*.ini", root.join("ini"))
            .resource("**.exini", root.join("ini"))
            .manage(Root(root.to_owned()))
    };
    let app = server().build().unwrap_or_else(|error| panic!("{error}"));
    let gzip = server().gzip(["text/css", "text/html", "text/csv"], 6);
    let gzip = gzip.build().unwrap_or_else(|error| panic!("{error}"));
    let mut failed = Vec::new();
    for case in cases().iter().filter(|case| !case.needs_a_socket()) {
        let client = Client::new(if case.topic == "gzip" { gzip.clone() } else { app.clone() });
        let mut call = client.request(&case.request.method, &case.request.target);
        for (name, value) in &case.request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = &case.request.body {
            call = call.body(body.bytes());
        }
        for problem in case.response.problems(&call.send().await.into()) {
            failed.push(format!("{}: {problem}", case.id));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[cfg(feature = "websocket")]
#[test]
fn every_example_of_a_handshake_is_answered_through_a_socket_as_it_should_be() {
    let files = Files::new();
    let server = support::Running::start(Server::new().manage(Root(files.0.path().to_owned())));
    let cases = cases();
    let cases: Vec<_> = cases.iter().filter(|case| case.needs_a_socket()).collect();
    assert_eq!(cases.len(), 6);
    let mut failed = Vec::new();
    for Case { id, request, response, .. } in cases {
        let fields: String =
            request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{} {} HTTP/1.1\r\nHost: x\r\n{fields}\r\n", request.method, request.target);
        for problem in response.problems(&server.ask(head).into()) {
            failed.push(format!("{id}: {problem}"));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

struct Root(PathBuf);

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        let directory = tempfile::tempdir().expect("a directory");
        let put = |name: &str, content: &[u8]| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
            std::fs::write(path, content).expect("a file");
        };
        put("pub/note.txt", b"a note\n");
        put("pub/page.html", b"<html><body>page</body></html>");
        put("pub/data.json", b"{\"k\": 1}");
        put("pub/UPPER.TXT", b"upper");
        put("pub/blob", b"\x00\x01\x02");
        put("pub/app.js", b"var a = 1;\n");
        put("pub/\u{4e2d}\u{6587}.txt", b"cn");
        put("pub/sub/deep.txt", b"deep");
        put("pub/with space.txt", b"space");
        put("ini/top.ini", b"[top]\n");
        put("ini/sub/low.ini", b"[low]\n");
        put("dl/report.csv", b"a,b\n1,2\n");
        put("private.txt", b"private");
        Files(directory)
    }
}

mod routing {
    use super::*;

    /// What a controller sees of the way to it.
    fn seen(label: &str, request: &Request) -> Value {
        let values: serde_json::Map<String, Value> = request
            .path_values()
            .map(|(name, value)| {
                (if name.is_empty() { "__path_wildcard" } else { name }.to_owned(), value.into())
            })
            .collect();
        let groups: Vec<&str> = request.groups().map(Option::unwrap_or_default).collect();
        json!({"c": label, "path": request.path(), "pv": values, "rg": groups})
    }

    macro_rules! named {
        ($($name:ident($($attribute:tt)*);)*) => {$(
            #[route($($attribute)*)]
            fn $name(request: &Request) -> Value {
                seen(stringify!($name), request)
            }
        )*};
    }

    named! {
        alpha("/ex/alpha");
        mstr("/ex/m-str", method = "GET, post");
        mlist("/ex/m-list", method = ["put", "DELETE"]);
        mtuple("/ex/m-tuple", method = ["GET", "HEAD"]);
        getonly("/ex/get-only", method = "GET");
        dup1("/ex/dup");
        dup2("/ex/dup", rank = -1);
        spec_any("/ex/spec");
        spec_get("/ex/spec", method = "GET");
        var("/ex/var/{name}");
        var2("/ex/a/{one}/b/{two}");
        varfile("/ex/file-{n}.json");
        cnpath("/ex/\u{8def}\u{5f84}/\u{5b50}");
        cnvar("/ex/cv/{\u{540d}}");
        star("/ex/star/*");
        deep("/ex/deep/**");
        pre1("*/ex-tail");
        pre2("**/ex-deeptail");
        shape_var("/ex/shape/{x}");
        shape_star("/ex/shape/*", rank = -1);
        shape_exact("/ex/shape/fixed");
        order_deep("/ex/order/**");
        order_star("/ex/order/*");
        reg1(regexp = "^/ex/re/([a-z]+)-(\\d+)$");
        reg2(regexp = "^ex/renoslash/(\\w+)");
        reg3(regexp = "^/ex/var/.*$");
        noslash("ex/noslash");
        dot("/ex/v1.0/{x}");
        p_eq("/ex/p/eq", params = "a=b");
        p_ne("/ex/p/ne", params = "a!=b");
        p_sw("/ex/p/sw", params = "a^=b");
        p_not("/ex/p/not", params = "!a");
        p_has("/ex/p/has", params = "a");
        p_all("/ex/p/all", params = ["a=1", "c!=2"]);
        p_any("/ex/p/any", params = ["a=1", "c=2"], match_all_params = false);
        p_sel_default("/ex/p/sel");
        p_sel_one("/ex/p/sel", params = "k=1");
        p_sel_two("/ex/p/sel", params = "k=2");
        p_block_get("/ex/p/block", method = "GET", params = "k=1");
        p_block_any("/ex/p/block");
        h_eq("/ex/h/eq", headers = "X-Ver=2");
        h_sw("/ex/h/sw", headers = "Accept^=application/");
        h_not("/ex/h/not", headers = "!X-Ver");
        h_any("/ex/h/any", headers = ["X-A=1", "X-B=1"], match_all_headers = false);
    }

    #[route("/ex/stack-a")]
    #[route("/ex/stack-b", method = "POST")]
    fn stacked() -> &'static str {
        "stacked"
    }

    #[route(url = "/ex/kw-url")]
    fn kw_url() -> &'static str {
        "kw"
    }
}

mod classes {
    use super::*;

    struct A(String);

    #[controller("/ex/cls", method = "GET", init = A("arg/kwarg".to_owned()))]
    impl A {
        #[route]
        fn root(&self) -> Value {
            json!({"m": "root", "s": self.0})
        }

        #[route("/sub/{v}")]
        fn sub(&self, v: String) -> Value {
            json!({"m": "sub", "v": v})
        }

        #[route("noslash", method = "POST")]
        fn noslash(&self, #[default("dq")] q: String) -> Value {
            json!({"m": "noslash", "q": q})
        }

        #[route(regexp = "^/ex/clsre/(.*)$")]
        fn reg(&self, #[group(0)] g: String) -> Value {
            json!({"m": "reg", "g": g})
        }
    }

    #[derive(Default)]
    struct B;

    #[controller("/ex/clsp", params = "k", headers = "X-K")]
    impl B {
        #[route("/u", params = "a=1")]
        fn union(&self) -> Value {
            json!({"m": "union"})
        }
    }

    #[derive(Default)]
    struct C;

    #[controller("/ex/clsany")]
    impl C {
        #[route("/x", params = ["a=1", "b=1"], match_all_params = false)]
        fn anyof(&self) -> Value {
            json!({"m": "anyof"})
        }
    }

    #[derive(Default)]
    struct D(AtomicU32);

    #[controller("/ex/perreq", scope = "request")]
    impl D {
        #[route]
        fn count(&self) -> Value {
            json!({"n": self.0.fetch_add(1, Ordering::Relaxed) + 1})
        }
    }
}

mod binding {
    use std::collections::BTreeMap;

    use vernal::Params;

    use super::*;

    macro_rules! shows {
        ($($path:literal $name:ident($(#[$($attribute:tt)*])? $value:ident: $type:ty);)*) => {$(
            #[route($path)]
            fn $name($(#[$($attribute)*])? $value: $type) -> Value {
                json!({"x": $value})
            }
        )*};
    }

    shows! {
        "/ex/b/plain" plain(x: String);
        "/ex/b/str" text(#[default("dflt")] x: String);
        "/ex/b/int" int(x: i64);
        "/ex/b/intd" int_default(#[default(16)] x: i64);
        "/ex/b/float" float(#[default(0.5)] x: f64);
        "/ex/b/bool" boolean(#[default(true)] x: bool);
        "/ex/b/list" list(#[default(vec!["d".to_owned()])] x: Vec<String>);
        "/ex/b/listarg" list_argument(x: Vec<String>);
        "/ex/b/list-int" list_int(x: Vec<i64>);
        "/ex/b/none" none(x: Option<String>);
        "/ex/b/int-none" int_none(x: Option<i64>);
        "/ex/b/opt" optional(x: Option<String>);
        "/ex/b/opt-req" optional_argument(x: Option<String>);
        "/ex/b/default-wins" default_wins(#[default("s")] x: String);
        "/ex/b/kwonly" keyword(#[default("kd")] x: String);
    }

    #[route("/ex/b/dict")]
    fn dict(
        #[param]
        #[default(Json(json!({"d": 1})))]
        x: Json<Value>,
    ) -> Value {
        json!({"x": x.0})
    }

    #[route("/ex/b/two")]
    fn two(first: i64, second: i64) -> Value {
        json!({"first": first, "second": second})
    }

    #[route("/ex/b/param")]
    fn param(
        #[param("other")]
        #[default("pd")]
        x: String,
    ) -> Value {
        json!({"v": x, "name": "other"})
    }

    #[route("/ex/b/param-req")]
    fn param_required(#[param("other")] x: String) -> Value {
        json!({"v": x})
    }

    #[route("/ex/b/params")]
    fn params(
        #[param("tag")]
        #[default(vec!["t0".to_owned()])]
        x: Vec<String>,
    ) -> Value {
        json!({"v": x, "name": "tag"})
    }

    #[route("/ex/b/params-req")]
    fn params_required(#[param("tag")] x: Vec<String>) -> Result<Value> {
        if x.is_empty() {
            let explain = "Parameter[tag] is required.";
            return Err(HttpError::new(400).message("Missing Parameter").explain(explain).into());
        }
        Ok(json!({"v": x}))
    }

    #[route("/ex/b/header")]
    fn header(
        #[header("X-Token")]
        #[default("none")]
        x: String,
    ) -> Value {
        json!({"v": x, "name": "X-Token"})
    }

    #[route("/ex/b/header-req")]
    fn header_required(#[header("X-Token")] x: String) -> Value {
        json!({"v": x})
    }

    #[route("/ex/b/header-arg")]
    fn header_argument(#[header] accept: Option<String>) -> Value {
        json!({"v": accept.unwrap_or_default()})
    }

    #[route("/ex/b/headers")]
    fn headers(headers: Headers) -> Value {
        headers.iter().filter(|(name, _)| name.starts_with("x-")).collect()
    }

    #[route("/ex/b/cookie")]
    fn cookie(
        #[cookie("flavour")]
        #[default("plain")]
        x: String,
    ) -> Value {
        json!({"v": x})
    }

    #[route("/ex/b/cookie-req")]
    fn cookie_required(#[cookie("flavour")] x: Cookie) -> Value {
        json!({"v": x.value()})
    }

    #[route("/ex/b/cookie-arg")]
    fn cookie_argument(flavour: Cookie) -> Value {
        json!({"v": flavour.value()})
    }

    #[route("/ex/b/cookies")]
    fn cookies(cookies: Cookies) -> Value {
        cookies.iter().map(|cookie| (cookie.name(), cookie.value())).collect()
    }

    #[route("/ex/b/path/{who}")]
    #[route("/ex/b/pathname/{who}")]
    fn path(#[path("who")] x: String) -> Value {
        json!({"v": x})
    }

    #[route("/ex/b/wild/**")]
    fn wild(#[path] x: String) -> Value {
        json!({"v": x})
    }

    #[route(regexp = "^/ex/b/rg/(\\w+)/(\\w+)$")]
    fn groups(all: RegGroups, #[group(1)] second: String) -> Value {
        json!({"all": &*all, "second": second, "i": 1})
    }

    #[route(regexp = "^/ex/b/rgbad/(\\w+)$")]
    fn group_too_large(#[group(3)] x: String) -> Value {
        json!({"v": x})
    }

    #[route("/ex/b/model")]
    fn model(params: Params) -> Json<Params> {
        Json(params)
    }

    #[route("/ex/b/json")]
    async fn body_json(d: Json<serde_json::Map<String, Value>>) -> Value {
        json!({"got": d.0})
    }

    fn all(params: &Params) -> BTreeMap<&str, Vec<&str>> {
        params.names().map(|name| (name, params.get_all(name).collect())).collect()
    }

    #[route("/ex/b/reqjson")]
    async fn request_json(request: &Request) -> Result<Value> {
        let json: Option<Value> = request.json().await.ok();
        Ok(json!({"json": json, "params": all(request.params()?)}))
    }

    #[route("/ex/b/bytes")]
    fn bytes(b: Bytes) -> Value {
        json!({"n": b.len(), "text": String::from_utf8_lossy(&b)})
    }

    #[route("/ex/b/reader")]
    async fn reader(mut r: BodyReader, #[default(4)] n: usize) -> Result<Value> {
        let mut sizes = Vec::new();
        loop {
            let part = r.read(n).await?;
            if part.is_empty() {
                break;
            }
            sizes.push(part.len());
        }
        Ok(json!({"total": sizes.iter().sum::<usize>(), "max": sizes.iter().max().unwrap_or(&0)}))
    }

    #[route("/ex/b/form")]
    async fn form(request: &Request) -> Result<Value> {
        let parameters = all(request.params()?);
        let first: BTreeMap<&str, &str> =
            parameters.iter().map(|(name, values)| (*name, values[0])).collect();
        let body = String::from_utf8_lossy(request.bytes().await?);
        Ok(json!({"parameters": parameters, "parameter": first, "body": body}))
    }

    #[route("/ex/b/file", method = "POST")]
    async fn file(doc: MultipartFile, #[default("")] title: String) -> Result<Value> {
        Ok(json!({
            "name": doc.name(), "filename": doc.filename(), "ct": doc.content_type(),
            "content": String::from_utf8_lossy(&doc.bytes().await?), "empty": doc.is_empty(), "title": title,
        }))
    }

    #[route("/ex/b/file-opt")]
    fn file_optional(doc: Option<MultipartFile>) -> Value {
        let filename = doc.as_ref().map(MultipartFile::filename).unwrap_or_default();
        json!({"filename": filename, "empty": doc.as_ref().is_none_or(MultipartFile::is_empty)})
    }

    #[route("/ex/b/request")]
    fn request(r: &Request) -> Value {
        json!({"method": r.method.as_str(), "path": r.path(), "p": r.param("p").unwrap_or("nop")})
    }

    #[route("/ex/b/session")]
    fn session(s: Session) -> Value {
        let max = s.max_inactive_interval().as_secs();
        json!({"new": s.is_new(), "n": s.attribute_names().len(), "max": max, "len": s.id().len()})
    }

    struct Point(i64, i64);

    impl FromRequest for Point {
        async fn from_request(request: &Request, param: &Param) -> Result<Self> {
            let explain = format!("Parameter[{}] is required.", param.name);
            let missing = || HttpError::new(400).message("Missing Parameter").explain(explain);
            let raw = request.param(&param.name).filter(|raw| !raw.is_empty()).ok_or_else(missing)?;
            let bad = || HttpError::new(422).message("Bad Point").explain(raw);
            let (x, y) = raw.split_once(',').ok_or_else(bad)?;
            Ok(Point(x.parse().map_err(|_| bad())?, y.parse().map_err(|_| bad())?))
        }
    }

    #[route("/ex/b/point")]
    fn point(pt: Point) -> Value {
        json!({"x": pt.0, "y": pt.1})
    }

    #[route("/ex/b/bag")]
    fn bag(bag: Model<BTreeMap<String, String>>) -> Json<BTreeMap<String, String>> {
        Json(bag.0)
    }
}

mod responses {
    use std::time::Duration;

    use super::*;

    #[route("/ex/r/text")]
    fn text(#[default("hello")] t: String) -> String {
        t
    }

    #[route("/ex/r/html")]
    fn html() -> &'static str {
        "  <!DOCTYPE html><html><body>x</body></html>\n"
    }

    #[route("/ex/r/html2")]
    fn html_upper() -> &'static str {
        "<HTML>up</HTML>"
    }

    #[route("/ex/r/html-open")]
    fn html_open() -> &'static str {
        "<html>unfinished"
    }

    #[route("/ex/r/xml")]
    fn xml() -> &'static str {
        "<?xml version=\"1.0\"?><r/>"
    }

    #[route("/ex/r/xml-upper")]
    fn xml_upper() -> &'static str {
        "<?XML version=\"1.0\"?><r/>"
    }

    #[route("/ex/r/dict")]
    fn dict() -> Value {
        json!({"name": "\u{4e2d}", "n": null, "t": true, "l": [1, 2.5], "d": {}})
    }

    #[route("/ex/r/bytes")]
    fn bytes() -> &'static [u8] {
        b"raw\x00bytes"
    }

    #[route("/ex/r/bytearray")]
    fn vec() -> Vec<u8> {
        b"array".to_vec()
    }

    #[route("/ex/r/none")]
    fn none() {}

    #[route("/ex/r/int")]
    fn int(#[default(204)] c: u16) -> u16 {
        c
    }

    #[route("/ex/r/list")]
    fn list() -> Json<[u8; 2]> {
        Json([1, 2])
    }

    #[route("/ex/r/headers")]
    fn headers() -> Headers {
        Headers::from([("X-One", "1"), ("X-Many", "a"), ("X-Many", "b"), ("X-Int", "5")])
    }

    #[route("/ex/r/cookies")]
    fn cookies() -> Cookies {
        let first = Cookie::new("k", "v").path("/p").max_age(Duration::from_secs(60));
        [first, Cookie::new("q", "needs quoting; yes")].into_iter().collect()
    }

    #[route("/ex/r/redirect")]
    fn redirect() -> Redirect {
        Redirect::to("/ex/r/text?t=moved")
    }

    #[route("/ex/r/response")]
    fn response() -> Response {
        let mut response =
            Response::new(201).header("X-Made", "1").header("X-Set", "s").body(json!({"made": true}));
        response.headers.append("X-Made", "2");
        response.cookie(Cookie::new("lost", "1"))
    }

    #[route("/ex/r/tuple")]
    fn tuple() -> (&'static str, u16, Headers, Value, u16, Headers) {
        let second = Headers::from([("X-A", "2"), ("X-B", "3")]);
        ("first", 202, Headers::from([("X-A", "1")]), json!({"second": 1}), 203, second)
    }

    #[route("/ex/r/tuple-cookies")]
    fn tuple_cookies() -> (Cookie, u16, Value) {
        (Cookie::new("t", "1"), 418, json!({"body": "json"}))
    }

    #[route("/ex/r/static")]
    fn file(root: State<Root>) -> StaticFile {
        StaticFile::new(root.0.join("dl/report.csv")).content_type("text/csv")
    }

    #[route("/ex/r/static-ct")]
    fn file_type(root: State<Root>) -> StaticFile {
        StaticFile::new(root.0.join("dl/report.csv"))
    }

    #[route("/ex/r/static-missing")]
    fn file_missing(root: State<Root>) -> StaticFile {
        StaticFile::new(root.0.join("dl/nothing.csv"))
    }

    #[route("/ex/r/ct")]
    fn content_type() -> (Headers, &'static str) {
        (Headers::from([("Content-Type", "text/css")]), "a{}")
    }

    #[route("/ex/r/ct-lower")]
    fn content_type_lower() -> (Headers, &'static str) {
        (Headers::from([("content-type", "text/css")]), "a{}")
    }

    #[route("/ex/r/param-body")]
    fn whole() -> Response {
        Response::new(203).header("X-Res", "1").cookie(Cookie::new("rc", "1")).body(json!({"from": "res"}))
    }

    #[route("/ex/r/send")]
    fn send() -> Response {
        Response::new(206).body("sent")
    }

    #[route("/ex/r/send-redirect")]
    fn send_redirect() -> Redirect {
        Redirect::to("/ex/alpha")
    }

    #[route("/ex/r/write")]
    fn write() -> Stream {
        Stream::iter([Bytes::from_static(b"one"), Bytes::from_static(b"two")])
    }

    #[route("/ex/r/async")]
    async fn later(#[default(1)] n: i64) -> Value {
        json!({"n": n})
    }
}

mod errors {
    use super::*;

    #[route("/ex/e/http")]
    fn http(
        #[default(400)] code: u16,
        #[default("msg")] m: String,
        #[default("expl")] x: String,
    ) -> HttpError {
        HttpError::new(code).message(m).explain(x)
    }

    #[route("/ex/e/http-default")]
    fn http_default() -> HttpError {
        HttpError::new(403)
    }

    #[route("/ex/e/exc")]
    fn exception() -> Result<()> {
        Err(std::io::Error::other("broken <thing> & more"))?
    }

    #[error_message("410")]
    fn gone(code: u16, message: &str, explain: &str) -> String {
        format!("GONE {code}|{message}|{explain}")
    }

    #[error_message("45x")]
    fn class(message: &str, code: u16, explain: &str) -> Value {
        json!({"m": message, "c": code, "e": explain})
    }

    #[error_message("451")]
    fn by_name(explain: &str, message: &str, code: u16) -> String {
        format!("<html><body>{code}/{message}/{explain}</body></html>")
    }

    #[error_message("456")]
    fn failing() -> String {
        panic!("error page failed")
    }
}

mod filters {
    use super::*;

    #[request_filter("/ex/f/mark/*", order = 1)]
    async fn mark(context: &mut FilterContext) -> Result<()> {
        context.request.headers.insert("X-Marked", "yes");
        context.response.headers.insert("X-Filter", "star");
        context.do_chain().await
    }

    #[request_filter(regexp = "^/ex/f/mark/two$", order = 2)]
    async fn mark_two(context: &mut FilterContext) -> Result<()> {
        context.response.headers.append("X-Filter", "regexp");
        context.do_chain().await
    }

    #[route("/ex/f/mark/{n}")]
    fn marked(
        #[header("X-Marked")]
        #[default("no")]
        m: String,
    ) -> Value {
        json!({"marked": m})
    }

    #[request_filter("/ex/f/deny")]
    async fn deny(_: &mut FilterContext) -> Result<()> {
        Err(HttpError::new(401).message("Login").explain("who are you").into())
    }

    #[request_filter("/ex/f/redirect")]
    async fn redirect(context: &mut FilterContext) -> Result<()> {
        context.send_redirect("/ex/alpha")
    }

    #[request_filter("/ex/f/error")]
    async fn error(context: &mut FilterContext) -> Result<()> {
        context.send_error(403, "Blocked")
    }

    #[request_filter("/ex/f/boom")]
    async fn boom(_: &mut FilterContext) -> Result<()> {
        Err(std::io::Error::other("filter failed"))?
    }

    #[route("/ex/f/deny")]
    #[route("/ex/f/redirect")]
    #[route("/ex/f/error")]
    #[route("/ex/f/boom")]
    fn never() -> &'static str {
        "never"
    }

    #[request_filter("/ex/f/params")]
    async fn params(context: &mut FilterContext) -> Result<()> {
        context.request.params_mut()?.set("p", ["replaced", "x"]);
        context.do_chain().await
    }

    #[route("/ex/f/params")]
    fn replaced(#[default("d")] p: String, #[param("p")] ps: Vec<String>) -> Value {
        json!({"p": p, "ps": ps})
    }

    #[request_filter("/ex/f/body")]
    async fn body(context: &mut FilterContext) -> Result<()> {
        context.response.set_body("from filter");
        context.do_chain().await
    }

    #[route("/ex/f/body")]
    fn nothing() {}
}

#[cfg(feature = "websocket")]
mod websocket {
    use super::*;

    #[derive(Default)]
    struct Blue;

    #[websocket_handler("/ex/ws/{room}")]
    impl WebsocketHandler for Blue {
        async fn on_handshake(&self, mode: Option<String>, room: &str) -> Result<Handshake> {
            Ok(match mode.as_deref() {
                Some("refuse") => Handshake::refuse(403).header("X-Why", "closed"),
                Some("headers") => Handshake::accept().header("X-Room", room),
                Some("boom") => Err(std::io::Error::other("no"))?,
                _ => Handshake::accept(),
            })
        }
    }
}
