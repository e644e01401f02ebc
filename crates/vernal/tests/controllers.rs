//! Controller structs: their prefix, what they narrow, how many objects there are, and their methods' own routes.

use std::sync::atomic::{AtomicU32, Ordering};

use vernal::prelude::*;
use vernal::testing::Client;

fn client() -> Client {
    Client::new(Server::new().scan(module_path!()).build().unwrap_or_else(|error| panic!("{error}")))
}

async fn expect(cases: &[(&str, &str, &str)]) {
    let client = client();
    for (method, target, expected) in cases {
        let answer = client.request(method, target).send().await;
        let found = format!("{} {}", answer.status(), answer.text());
        assert!(
            found == *expected || found.starts_with(&format!("{expected} ")),
            "{method} {target}: {found}"
        );
    }
}

struct MyController {
    name: String,
}

impl MyController {
    fn new(name: &str) -> Self {
        MyController { name: name.to_owned() }
    }
}

#[controller("/obj", method = "GET", init = MyController::new("ctr_name"))]
impl MyController {
    #[route]
    fn default(&self, name: String) -> Value {
        json!({"message": format!("hello, {name}, {}", self.name)})
    }

    #[route("/say_hello", method = ["GET", "POST"])]
    async fn say_hello(&self, name: String) -> String {
        format!("{} says hello, {name}", self.name)
    }

    #[route("no/slash")]
    #[request_map("/second/{id}")]
    fn several(&self, id: Option<u64>) -> String {
        format!("{id:?}")
    }

    #[route(regexp = "^(reg/(.+))$")]
    fn reg(&self, groups: RegGroups) -> String {
        groups.join(" ")
    }

    #[route("/static")]
    fn without_object(word: String) -> String {
        word
    }
}

#[tokio::test]
async fn the_prefix_stands_before_the_paths_of_the_methods() {
    expect(&[
        ("GET", "/obj?name=n", r#"200 {"message":"hello, n, ctr_name"}"#),
        ("GET", "/obj/?name=n", "404"),
        ("GET", "/obj/say_hello?name=n", "200 ctr_name says hello, n"),
        ("GET", "/obj/no/slash", "200 None"),
        ("GET", "/obj/second/2", "200 Some(2)"),
        ("GET", "/obj/static?word=w", "200 w"),
    ])
    .await;
}

#[tokio::test]
async fn a_methods_own_http_methods_replace_those_of_the_struct() {
    expect(&[
        ("POST", "/obj?name=n", "405"),
        ("POST", "/obj/say_hello?name=n", "200 ctr_name says hello, n"),
        ("PUT", "/obj/say_hello?name=n", "405"),
    ])
    .await;
}

#[tokio::test]
async fn an_expression_takes_the_method_of_the_struct_but_not_its_prefix() {
    expect(&[
        ("GET", "/reg/abc", "200 reg/abc abc"),
        ("GET", "/obj/reg/abc", "404"),
        ("POST", "/reg/abc", "405"),
    ])
    .await;
}

#[derive(Default)]
struct Counter(AtomicU32);

impl Counter {
    fn next(&self) -> String {
        (self.0.fetch_add(1, Ordering::Relaxed) + 1).to_string()
    }
}

#[controller("/singleton")]
impl Counter {
    #[route("/one")]
    fn one(&self) -> String {
        self.next()
    }

    #[route("/two")]
    async fn two(&self) -> String {
        self.next()
    }
}

struct PerRequest {
    counter: Counter,
    made: u32,
}

static MADE: AtomicU32 = AtomicU32::new(0);

#[controller("/request", scope = "request", init = PerRequest { counter: Counter::default(), made: MADE.fetch_add(1, Ordering::Relaxed) + 1 })]
impl PerRequest {
    #[route]
    async fn count(&self) -> String {
        format!("{} {}", self.made, self.counter.next())
    }
}

#[tokio::test]
async fn a_singleton_is_one_object_for_all_methods_and_requests_of_an_app() {
    let one = client();
    for (target, count) in [("/singleton/one", "1"), ("/singleton/two", "2"), ("/singleton/one", "3")] {
        assert_eq!(one.get(target).send().await.text(), count);
    }
    assert_eq!(client().get("/singleton/one").send().await.text(), "1");
}

#[tokio::test]
async fn in_request_scope_each_request_has_one_object_of_its_own() {
    let client = client();
    for expected in ["1 1", "2 1", "3 1"] {
        assert_eq!(client.get("/request").send().await.text(), expected);
    }
}

#[derive(Default)]
struct Team;

#[controller("/teams/{team}")]
impl Team {
    #[route("/members/{member}")]
    fn member(&self, team: String, member: u32) -> String {
        format!("{team} {member}")
    }
}

#[tokio::test]
async fn the_prefix_may_have_variables() {
    let client = client();
    assert_eq!(client.get("/teams/red/members/7").send().await.text(), "red 7");
    let answer = client.get("/teams/red/members/x").send().await;
    assert!(answer.text().contains("PathValue[member] should be an int."), "{}", answer.text());
}

#[derive(Default)]
struct Files;

#[controller("/files")]
impl Files {
    #[route("/**")]
    fn file(&self, #[path] file: &str) -> String {
        file.to_owned()
    }
}

#[tokio::test]
async fn a_wildcard_may_come_from_the_method() {
    assert_eq!(client().get("/files/a/b.txt").send().await.text(), "a/b.txt");
}

#[derive(Default)]
struct Narrowed;

#[controller("/narrowed", params = "k", headers = "X-K")]
impl Narrowed {
    #[route("/all", params = "a=1")]
    fn all(&self) -> &'static str {
        "all"
    }

    #[route("/any", params = ["a=1", "b=1"], match_all_params = false)]
    fn any(&self) -> &'static str {
        "any"
    }
}

#[derive(Default)]
struct Open;

#[controller("/open")]
impl Open {
    #[route("/any", params = ["a=1", "b=1"], match_all_params = false)]
    fn any(&self) -> &'static str {
        "any"
    }
}

#[tokio::test]
async fn the_expressions_of_struct_and_method_are_joined() {
    let client = client();
    let status = async |target: &str, header: bool| {
        let call = client.get(target);
        let call = if header { call.header("x-k", "1") } else { call };
        call.send().await.status()
    };
    assert_eq!(status("/narrowed/all?a=1&k=2", true).await, 200);
    assert_eq!(status("/narrowed/all?a=1", true).await, 404);
    assert_eq!(status("/narrowed/all?k=2", true).await, 404);
    assert_eq!(status("/narrowed/all?a=1&k", false).await, 404);
    assert_eq!(status("/narrowed/any?k", true).await, 200, "one of all expressions is enough");
    assert_eq!(status("/narrowed/any?c=1", true).await, 404);
    assert_eq!(status("/open/any?b=1", false).await, 200);
    assert_eq!(status("/open/any", false).await, 404, "a struct without expressions adds none");
}

struct Session {
    visits: AtomicU32,
}

mod other_app {
    use super::*;

    #[derive(Default)]
    struct Elsewhere;

    #[controller("/elsewhere", app = "controllers 2")]
    impl Elsewhere {
        #[route]
        fn here(&self) -> &'static str {
            "here"
        }
    }

    #[tokio::test]
    async fn a_struct_may_belong_to_another_app() {
        let app = Server::app("controllers 2").build().expect("an app");
        assert_eq!(Client::new(app).get("/elsewhere").send().await.text(), "here");
        assert_eq!(client().get("/elsewhere").send().await.status(), 404);
    }
}

#[controller("/own-name", init = Session { visits: AtomicU32::new(40) })]
impl Session {
    #[route]
    fn visits(&self, session: vernal::Session) -> String {
        format!("{} {}", self.visits.fetch_add(2, Ordering::Relaxed), session.is_new())
    }
}

#[tokio::test]
async fn a_method_may_take_every_kind_of_argument_beside_its_object() {
    let client = client();
    client.get("/own-name").send().await;
    assert_eq!(client.get("/own-name").send().await.text(), "42 false");
}
