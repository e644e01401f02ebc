//! What the attributes generate, called through an app: every source of a value, every kind of declaration.

#![forbid(unsafe_code)]

use vernal::prelude::*;
use vernal::testing::Client;

mod sources {
    use super::*;

    #[route("/text/{name}", method = "GET")]
    async fn text(
        name: &str,
        nick_name: Option<&str>,
        #[default("me")] who: &str,
        #[default("secret")] r#type: String,
        #[default(16)] age: u8,
        #[default(vec![1, 2])] levels: Vec<i32>,
        _user: Option<u64>,
        request: &Request,
    ) -> String {
        format!("{name} {nick_name:?} {who} {type} {age} {levels:?} {_user:?} {}", request.path())
    }

    #[route("/elsewhere")]
    fn elsewhere(
        #[header] user_token: Option<String>,
        #[header("X-Kind")] kind: String,
        #[cookie("sc")] crumb: Option<Cookie>,
        #[cookie] plain: Option<String>,
        #[param("passwd")] password: String,
        #[param] extra: Json<Vec<u8>>,
    ) -> String {
        let crumb = crumb.map(|crumb| crumb.value().to_owned());
        format!("{user_token:?} {kind} {crumb:?} {plain:?} {password} {:?}", *extra)
    }

    #[route(regexp = "^/?reg/(a+)(b+)?$")]
    fn groups(#[group(0)] first: String, #[group(1)] second: Option<String>, all: RegGroups) -> String {
        format!("{first} {second:?} {}", all.len())
    }

    #[route("/star/*")]
    #[route("**/stars")]
    fn wildcard(#[path] rest: String) -> String {
        rest
    }

    #[route("/maybe")]
    #[route("/maybe/{id}", method = ["get", "post"])]
    fn some_patterns(id: Option<u64>) -> String {
        format!("{id:?}")
    }

    #[route("/json", method = "POST")]
    async fn body(Json(numbers): Json<Vec<u8>>) -> Json<Vec<u8>> {
        Json(numbers.into_iter().rev().collect())
    }
}

mod models {
    use super::*;

    type Name = String;

    #[derive(Model)]
    struct Person {
        name: Name,
        #[default("unknown")]
        sex: String,
        #[param("years")]
        age: u32,
        #[header]
        user_token: Option<String>,
        #[path_value]
        id: u64,
    }

    #[route("/person/{id}", method = ["GET", "POST"])]
    fn person(person: Person) -> String {
        let Person { name, sex, age, user_token, id } = person;
        format!("{name} {sex} {age} {user_token:?} {id}")
    }

    struct Point(i32, i32);

    impl FromRequest for Point {
        async fn from_request(request: &Request, param: &Param) -> Result<Self> {
            let text = request.param(&param.name).unwrap_or("0,0");
            let (x, y) = text.split_once(',').unwrap_or_default();
            Ok(Point(x.parse()?, y.parse()?))
        }
    }

    #[route("/point", method = "POST")]
    fn point(Point(x, y): Point, #[param] centre: Point) -> String {
        format!("{x} {y} {} {}", centre.0, centre.1)
    }

    #[route("/named")]
    fn named_point(centre: Point) -> String {
        format!("{}/{}", centre.0, centre.1)
    }
}

mod objects {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Counter {
        title: &'static str,
        count: AtomicU64,
    }

    impl Counter {
        const STEP: u64 = 2;
    }

    #[controller("/counter/{step}", method = "GET", init = Counter { title: "count", count: AtomicU64::new(0) })]
    impl Counter {
        #[route]
        fn next(&self, step: u64, #[default(Self::STEP)] times: u64) -> String {
            format!("{} {}", self.title, self.count.fetch_add(step * times, Ordering::Relaxed))
        }

        #[route("last", method = "POST")]
        #[route(regexp = "^/last$")]
        async fn last(&self) -> String {
            self.read()
        }

        #[request_map("/about")]
        fn about() -> &'static str {
            "counts"
        }

        #[cfg(any())]
        #[route("/never")]
        fn never(&self, nothing: Nothing) {}

        fn read(&self) -> String {
            self.count.load(Ordering::Relaxed).to_string()
        }
    }

    #[derive(Default)]
    struct Fresh(AtomicU64);

    #[controller(scope = "request")]
    impl Fresh {
        #[route("/fresh")]
        fn fresh(&self) -> String {
            self.0.fetch_add(1, Ordering::Relaxed).to_string()
        }
    }
}

mod around {
    use super::*;

    #[request_filter("/star/*", order = 1)]
    #[request_filter(regexp = "^/maybe")]
    async fn mark(ctx: &mut FilterContext) -> Result<()> {
        ctx.do_chain().await?;
        ctx.response.headers.insert("X-Mark", "yes");
        Ok(())
    }

    #[error_message("404", 405)]
    fn not_there(code: u16, message: &str, request: &Request) -> String {
        format!("{code} {message} {}", request.path())
    }

    #[error_message("4xx")]
    async fn refused(_code: u32, explain: String) -> String {
        explain
    }
}

mod second {
    use super::*;

    #[route("/second", app = "second")]
    #[route("/both", app = "second")]
    #[route("/both")]
    fn second() -> &'static str {
        "second"
    }

    #[error_message(app = "second")]
    fn every_error(code: u16) -> String {
        format!("second {code}")
    }
}

fn client() -> Client {
    Client::new(Server::new().build().expect("an app"))
}

async fn get(target: &str) -> String {
    client().get(target).send().await.text().to_owned()
}

#[tokio::test]
async fn an_argument_is_found_by_its_name() {
    assert_eq!(get("/text/Ann").await, "Ann None me secret 16 [1, 2] None /text/Ann");
    assert_eq!(
        get("/text/Ann?nick_name=A&who=you&type=x&age=7&levels=3&levels=4&user=5").await,
        "Ann Some(\"A\") you x 7 [3, 4] Some(5) /text/Ann"
    );
}

#[tokio::test]
async fn an_attribute_says_where_else_to_look() {
    let answer = client()
        .get("/elsewhere?passwd=p&extra=[1,2]")
        .header("User-Token", "t")
        .header("X-Kind", "k")
        .header("Cookie", "sc=1; plain=2")
        .send()
        .await;
    assert_eq!(answer.text(), "Some(\"t\") k Some(\"1\") Some(\"2\") p [1, 2]");
}

#[tokio::test]
async fn groups_and_wildcards_are_values() {
    assert_eq!(get("/reg/aab").await, "aa Some(\"b\") 2");
    assert_eq!(get("/reg/aa").await, "aa None 2");
    assert_eq!(get("/star/ship").await, "ship");
    assert_eq!(get("/many/little/stars").await, "many/little");
}

#[tokio::test]
async fn a_variable_of_some_patterns_may_be_absent() {
    assert_eq!(get("/maybe").await, "None");
    assert_eq!(get("/maybe/5").await, "Some(5)");
}

#[tokio::test]
async fn a_body_is_taken_apart_in_the_signature() {
    let answer = client().post("/json").json(&[1, 2, 3]).send().await;
    assert_eq!(answer.text(), "[3,2,1]");
}

#[tokio::test]
async fn a_model_is_bound_field_by_field() {
    let answer = client().get("/person/9?name=Ann&years=44").header("user-token", "t").send().await;
    assert_eq!(answer.text(), "Ann unknown 44 Some(\"t\") 9");
    let answer =
        client().post("/person/9").form(&[("name", "Bob"), ("years", "1"), ("sex", "m")]).send().await;
    assert_eq!(answer.text(), "Bob m 1 None 9");
    assert_eq!(get("/person/9?years=1").await, "Parameter[name] is required.");
}

#[tokio::test]
async fn a_binding_of_ones_own_sees_the_fields_of_a_form() {
    let answer = client().post("/point").form(&[("Point", "1,2"), ("centre", "3,4")]).send().await;
    assert_eq!(answer.text(), "1 2 3 4");
    assert_eq!(get("/named?centre=5,6").await, "5/6");
}

#[tokio::test]
async fn methods_share_one_object() {
    let client = client();
    assert_eq!(client.get("/counter/3").send().await.text(), "count 0");
    assert_eq!(client.get("/counter/1?times=1").send().await.text(), "count 6");
    assert_eq!(client.post("/counter/0/last").send().await.text(), "7");
    assert_eq!(client.get("/last").send().await.text(), "7");
    assert_eq!(client.get("/counter/0/about").send().await.text(), "counts");
    assert_eq!(client.post("/counter/0/about").send().await.status(), 405);
}

#[tokio::test]
async fn an_object_per_request_is_new_each_time() {
    let client = client();
    for _ in 0..2 {
        assert_eq!(client.get("/fresh").send().await.text(), "0");
    }
}

#[tokio::test]
async fn a_filter_stands_before_all_its_patterns() {
    let client = client();
    for (target, mark) in [("/star/x", Some("yes")), ("/maybe", Some("yes")), ("/fresh", None)] {
        assert_eq!(client.get(target).send().await.header("X-Mark"), mark, "{target}");
    }
}

#[tokio::test]
async fn an_error_page_takes_what_it_names() {
    assert_eq!(get("/nowhere").await, "404 Controller Not Found /nowhere");
    assert_eq!(get("/text/Ann?age=old").await, "Parameter[age] should be an int.");
}

#[tokio::test]
async fn declarations_belong_to_their_app() {
    let second = Client::new(Server::app("second").build().expect("an app"));
    assert_eq!(second.get("/second").send().await.text(), "second");
    assert_eq!(second.get("/both").send().await.text(), "second");
    assert_eq!(second.get("/fresh").send().await.text(), "second 404");
    assert_eq!(get("/both").await, "second");
    assert_eq!(client().get("/second").send().await.status(), 404);
}

#[test]
fn the_location_is_the_line_of_the_function() {
    let found = vernal::inventory::iter::<vernal::scan::Declaration>.into_iter().find_map(|declaration| {
        match declaration {
            vernal::scan::Declaration::Route(route) if route.location.function == "Counter::last" => {
                Some(route.location)
            }
            _ => None,
        }
    });
    let location = found.expect("the declaration");
    let line = include_str!("attributes.rs").lines().position(|line| line.contains("async fn last(&self)"));
    assert_eq!(location.line as usize, line.expect("the line") + 1);
    assert_eq!((location.module, location.file.ends_with("attributes.rs")), ("attributes::objects", true));
}
