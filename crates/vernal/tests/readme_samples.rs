//! The samples of the guide, as a user would write them in one program: each of them has to work as it stands.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vernal::prelude::*;
use vernal::testing::Client;

mod controllers {
    use super::*;

    #[route("/")]
    #[route("/index")]
    fn index() -> &'static str {
        "<html><body>Hello, World!</body></html>"
    }

    #[route("/say_hello", method = "GET")]
    #[route("/say_hello_all", method = ["GET", "POST", "PUT"])]
    #[route("/exact", params = "a=b")]
    #[route("/any", params = ["a=b", "c!=d"], match_all_params = false, headers = "Content-Type^=text/")]
    fn hello() -> &'static str {
        "<html><body>Hello, World!</body></html>"
    }

    #[route("/admin", app = "2")]
    fn admin() -> &'static str {
        "the second app"
    }

    #[route("/star/*")]
    #[route("*/star")]
    #[route("/stars/**")]
    #[route("**/stars")]
    fn star_path(#[path] path_val: String) -> String {
        format!("<html><body>{path_val}</body></html>")
    }

    #[route(regexp = "^(reg/(.+))$", method = "GET")]
    fn my_reg_ctr(reg_groups: RegGroups, #[group(1)] second: String) -> String {
        format!("{reg_groups:?}, {second}")
    }

    async fn say(something: String) -> String {
        format!("Success! {something}")
    }

    #[request_map("/中文/coroutine")]
    async fn coroutine_ctrl(#[default("Hey!")] hey: String) -> String {
        say(hey).await
    }

    #[derive(Deserialize, Serialize, Debug)]
    struct Extra {
        key: String,
    }

    #[route("/say_hello/to/{name}", method = ["GET", "POST", "PUT"])]
    async fn say_hello(
        name: String,
        user_name: String,
        nick_name: Option<String>,
        #[default(16)] age: u8,
        #[default(true)] male: bool,
        skills: Vec<String>,
        levels: Vec<i32>,
        #[param("passwd")] password: String,
        #[param] extra: Json<Extra>,
        #[header] user_token: Option<String>,
        #[header("Content-Type")] kind: String,
        #[cookie("sc")] sc: Option<Cookie>,
        headers: Headers,
        cookies: Cookies,
        params: Params,
        session: Session,
        request: &Request,
    ) -> Result<Value> {
        session.set("in-session", "Hello, Session!")?;
        Ok(json!({
            "plain": [name, user_name, nick_name, age, male, skills, levels, password, extra.0, user_token, kind],
            "sc": sc.map(|cookie| cookie.value().to_owned()),
            "counts": [headers.len(), cookies.len(), params.len()],
            "request": [request.method.as_str(), request.path(), request.query()],
            "session": session.get::<String>("in-session"),
        }))
    }

    #[route("/orders/{id}", method = "PUT")]
    async fn replace(#[path] id: u64, order: Json<Extra>) -> Json<(u64, Extra)> {
        Json((id, order.0))
    }

    #[route("/raw", method = "PUT")]
    async fn raw(body: Bytes) -> u16 {
        if body.is_empty() { 400 } else { 204 }
    }

    #[route("/big", method = "PUT")]
    async fn big(mut body: BodyReader) -> Result<String> {
        let mut length = 0;
        while let Some(chunk) = body.chunk().await? {
            length += chunk.len();
        }
        Ok(format!("{length} bytes"))
    }

    #[route("/upload", method = "POST")]
    async fn upload(img: MultipartFile, title: Option<String>) -> Result<String> {
        let directory = tempfile::tempdir()?;
        img.save_to(directory.path().join(img.safe_filename())).await?;
        Ok(format!("<!DOCTYPE html><html><body>{title:?} upload ok!</body></html>"))
    }

    #[route("/state")]
    fn users(db: State<Db>) -> Json<Vec<&'static str>> {
        Json(db.users.clone())
    }

    #[derive(Model, Serialize)]
    struct Person {
        name: String,
        #[default("secret")]
        sex: String,
        age: u32,
    }

    #[route("/model_binding/person")]
    fn person(person: Person) -> Json<Person> {
        Json(person)
    }

    #[derive(Deserialize)]
    struct Dog {
        #[serde(default = "a_dog")]
        name: String,
    }

    fn a_dog() -> String {
        "a dog".to_owned()
    }

    #[route("/model_binding/dog")]
    fn dog(dog: Model<Dog>) -> Value {
        json!({"name": dog.name})
    }

    struct MyController {
        name: String,
        description: &'static str,
    }

    impl MyController {
        fn new(name: &str, description: &'static str) -> Self {
            MyController { name: name.to_owned(), description }
        }
    }

    #[controller("/obj", method = "GET", init = MyController::new("ctr_name", "made once"))]
    impl MyController {
        #[route]
        fn default(&self, name: String) -> Json<Value> {
            Json(json!({"message": format!("hello, {name}, {} says. ", self.name)}))
        }

        #[route("/say_hello", method = ["GET", "POST"])]
        async fn say_hello(&self, name: String) -> String {
            format!("hello, {name}, {}", self.description)
        }

        #[route(regexp = "^(reg2/(.+))$")]
        fn reg(&self, groups: RegGroups) -> String {
            groups[1].clone()
        }
    }

    #[route("/res/tuple")]
    fn tuple() -> (u16, Headers, Cookies, Value) {
        let cookies = [Cookie::new("userInfo", "ABC").path("/")].into_iter().collect();
        (200, Headers::from([("x", "y")]), cookies, json!({"success": true, "message": "Success!"}))
    }

    #[route("/res/response")]
    fn response() -> Response {
        let mut response =
            Response::new(200).header("userToken", "user_id_token_xxxx").header("Content-Type", "text/html");
        response.headers.append("userToken", "xxxx");
        response
            .cookie(Cookie::new("userInfo", "ABC").path("/"))
            .body("<!DOCTYPE html><html><body>hello world</body></html>")
    }

    #[route("/res/error")]
    fn error() -> Result<()> {
        Err(HttpError::new(403).message("No").explain("…").into())
    }

    #[route("/res/write/bytes")]
    fn write_bytes() -> Stream {
        Stream::iter([Bytes::from_static(b"abcd"), Bytes::from_static(b"efg")])
    }

    #[route("/res/redirect")]
    fn redirect() -> Redirect {
        Redirect::to("/index")
    }

    #[error_message("403", "404")]
    fn not_there(code: u16, message: &str, explain: &str) -> String {
        format!(
            "<html><head><title>{code}</title></head><body>message: {message}, explain: {explain}</body></html>"
        )
    }

    #[error_message("50x")]
    fn broken(code: u16, message: &str) -> String {
        format!("{code}-{message}")
    }

    #[error_message]
    fn other(code: u16) -> Json<Value> {
        Json(json!({"code": code}))
    }

    #[route("/tuple/{name}")]
    fn filtered(#[header] filter_set: String, name: String) -> String {
        format!("{name} {filter_set}")
    }

    #[request_filter("/tuple/**", order = 10)]
    #[request_filter(regexp = "^/tuple")]
    async fn check_user(ctx: &mut FilterContext) -> Result<()> {
        ctx.request.headers.insert("filter-set", "through filter");
        if ctx.request.param("user_name").is_none() {
            return ctx.send_redirect("/index");
        }
        if ctx.request.param("pass").is_none() {
            return Err(HttpError::new(400).message("pass should be passed").into());
        }
        ctx.do_chain().await?;
        ctx.response.headers.insert("Res-Filter-Header", "from-filter");
        Ok(())
    }
}

struct Db {
    users: Vec<&'static str>,
}

fn server() -> Server {
    Server::new()
        .scan("readme_samples::controllers")
        .host("127.0.0.1")
        .port(9090)
        .resource("/public/*", "static")
        .resource("/deep/**", "static")
        .resource("*.ico", "static")
        .resource("**.txt", "static")
        .keep_alive(true)
        .keep_alive_max_requests(1000)
        .idle_timeout(Duration::from_secs(60))
        .limits(Limits::default().body(2 * MB).header_bytes(64 * KB))
        .manage(Db { users: vec!["keijack"] })
}

fn client() -> Client {
    Client::new(server().build().unwrap_or_else(|error| panic!("{error}")))
}

#[tokio::test]
async fn the_samples_answer_what_the_guide_says() {
    let client = client();
    for (method, target, status, text) in [
        ("GET", "/", 200, "<html><body>Hello, World!</body></html>"),
        ("GET", "/index", 200, "<html><body>Hello, World!</body></html>"),
        ("PUT", "/say_hello_all", 200, "<html><body>Hello, World!</body></html>"),
        ("GET", "/exact?a=b", 200, "<html><body>Hello, World!</body></html>"),
        ("GET", "/star/c", 200, "<html><body>c</body></html>"),
        ("GET", "/c/star", 200, "<html><body>c</body></html>"),
        ("GET", "/stars/c/d", 200, "<html><body>c/d</body></html>"),
        ("GET", "/c/d/stars", 200, "<html><body>c/d</body></html>"),
        ("GET", "/reg/abc/d", 200, r#"Groups(["reg/abc/d", "abc/d"]), abc/d"#),
        ("GET", "/中文/coroutine", 200, "Success! Hey!"),
        ("GET", "/state", 200, r#"["keijack"]"#),
        ("GET", "/model_binding/person?name=n&age=3", 200, r#"{"name":"n","sex":"secret","age":3}"#),
        ("GET", "/model_binding/dog", 200, r#"{"name":"a dog"}"#),
        ("GET", "/obj?name=n", 200, r#"{"message":"hello, n, ctr_name says. "}"#),
        ("POST", "/obj/say_hello?name=n", 200, "hello, n, made once"),
        ("GET", "/reg2/x", 200, "x"),
        ("GET", "/res/tuple", 200, r#"{"message":"Success!","success":true}"#),
        ("GET", "/res/response", 200, "<!DOCTYPE html><html><body>hello world</body></html>"),
        ("GET", "/res/write/bytes", 200, "abcdefg"),
        ("GET", "/res/redirect", 302, ""),
        ("GET", "/tuple/a", 302, ""),
        ("GET", "/tuple/a?user_name=n", 400, r#"{"code":400}"#),
        ("GET", "/tuple/a?user_name=n&pass=p", 200, "a through filter"),
        (
            "GET",
            "/res/error",
            403,
            "<html><head><title>403</title></head><body>message: No, explain: …</body></html>",
        ),
        ("PURGE", "/", 501, "501-Not Implemented"),
        ("PUT", "/raw", 400, ""),
        ("GET", "/raw", 405, r#"{"code":405}"#),
    ] {
        let answer = client.request(method, target).send().await;
        assert_eq!((answer.status(), answer.text()), (status, text), "{method} {target}");
    }
    let answer = client.get("/any?c=e").header("Content-Type", "text/css").send().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(client.request("PUT", "/big").body("12345").send().await.text(), "5 bytes");
    let answer = client.request("PUT", "/orders/7").json(&json!({"key": "k"})).send().await;
    assert_eq!(answer.text(), r#"[7,{"key":"k"}]"#);
}

#[tokio::test]
async fn the_large_signature_binds_everything_at_once() {
    let client = client();
    let call = client.post("/say_hello/to/world?levels=1&levels=2&age=7");
    let call = call.header("User-Token", "token").header("Cookie", "sc=crumb; other=1");
    let form =
        [("user_name", "u"), ("passwd", "p"), ("skills", "a"), ("skills", "b"), ("extra", r#"{"key":"k"}"#)];
    let answer = call.form(&form).send().await;
    assert_eq!(
        answer.json::<Value>().expect("JSON"),
        json!({
            "plain": [
                "world", "u", null, 7, true, ["a", "b"], [1, 2], "p", {"key": "k"}, "token",
                "application/x-www-form-urlencoded"
            ],
            "sc": "crumb",
            "counts": [3, 2, 8],
            "request": ["POST", "/say_hello/to/world", "levels=1&levels=2&age=7"],
            "session": "Hello, Session!",
        })
    );
    assert!(client.cookie("VERNAL_SESSION_ID").is_some());
}

#[tokio::test]
async fn a_second_app_has_its_own_controllers() {
    let second = Client::new(Server::app("2").build().expect("an app"));
    assert_eq!(second.get("/admin").send().await.text(), "the second app");
    assert_eq!(client().get("/admin").send().await.status(), 404);
    assert_eq!(second.get("/index").send().await.status(), 404);
}

#[test]
fn a_server_starts_tells_its_address_and_stops() {
    let server = server().port(0).handle_signals(false).workers(1);
    let handle = server.handle();
    assert!(!handle.is_ready());
    let running = std::thread::spawn(move || server.start());
    while !handle.is_ready() && !running.is_finished() {
        std::thread::yield_now();
    }
    assert!(handle.local_addr().is_some_and(|address| address.port() != 0));
    handle.stop();
    assert!(running.join().expect("no panic").is_ok());
    assert!(!handle.is_ready());
}
