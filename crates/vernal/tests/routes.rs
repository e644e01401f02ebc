//! Which controller takes a request: paths, wildcards, expressions, methods, precedence, and what is said at start
//! when nothing settles it.

use vernal::prelude::*;
use vernal::testing::Client;

fn client(module: &'static str) -> Client {
    let app = Server::app("routes").scan(module).build().unwrap_or_else(|error| panic!("{error}"));
    Client::new(app)
}

/// What the app answers, as `200 text`.
async fn answer(client: &Client, method: &str, target: &str) -> String {
    let answer = client.request(method, target).send().await;
    format!("{} {}", answer.status(), answer.text())
}

/// Asks for each target, by GET unless a method stands before it, and compares what comes.
async fn expect(client: &Client, expected: &[(&str, &str)]) {
    for (target, text) in expected {
        let named = target.split_once(' ').filter(|(method, _)| !method.starts_with('/'));
        let (method, target) = named.unwrap_or(("GET", target));
        let found = answer(client, method, target).await;
        assert!(found == *text || found.starts_with(&format!("{text} ")), "{method} {target}: {found}");
    }
}

mod paths {
    use super::*;

    #[route("/", app = "routes")]
    #[route("/index", app = "routes")]
    fn index() -> &'static str {
        "index"
    }

    #[route("no/slash", app = "routes")]
    fn no_slash() -> &'static str {
        "no slash"
    }

    #[route("/a b (c).txt", app = "routes")]
    fn literal() -> &'static str {
        "literal"
    }

    #[route("/中文/coroutine", app = "routes")]
    async fn chinese(#[default("Hey!")] hey: String) -> String {
        format!("Success! {hey}")
    }

    #[route("/值/{名}", app = "routes")]
    fn chinese_variable(#[path("名")] name: String) -> String {
        name
    }

    #[route("/say/{greeting}/to/{name}", app = "routes")]
    fn say(greeting: String, name: String) -> String {
        format!("{greeting} {name}")
    }

    #[route("/file-{number}.json", app = "routes")]
    fn file(number: u32) -> String {
        format!("file {number}")
    }

    #[route("/star/*", app = "routes")]
    #[route("*/star", app = "routes")]
    fn star(#[path] value: String) -> String {
        format!("star {value}")
    }

    #[route("/stars/**", app = "routes")]
    #[route("**/stars", app = "routes")]
    fn stars(#[path] value: String) -> String {
        format!("stars {value}")
    }

    #[request_map("/request_map/{name}", app = "routes")]
    fn second_name(name: &str) -> String {
        format!("request_map {name}")
    }

    #[route(path = "/keys/path", app = "routes")]
    #[route(url = "/keys/url", app = "routes")]
    fn keys() -> &'static str {
        "keys"
    }

    #[tokio::test]
    async fn a_path_is_taken_as_it_is_written() {
        expect(
            &client(module_path!()),
            &[
                ("/", "200 index"),
                ("/index", "200 index"),
                ("/index/", "404"),
                ("/Index", "404"),
                ("/no/slash", "200 no slash"),
                ("//no/slash", "200 no slash"),
                ("/a%20b%20(c).txt", "200 literal"),
                ("/a b (c)xtxt", "404"),
                ("/keys/path", "200 keys"),
                ("/keys/url", "200 keys"),
                ("/nothing", "404"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn a_path_may_be_chinese() {
        expect(
            &client(module_path!()),
            &[
                ("/中文/coroutine", "200 Success! Hey!"),
                ("/%E4%B8%AD%E6%96%87/coroutine?hey=%E4%BD%A0%E5%A5%BD", "200 Success! 你好"),
                ("/值/子", "200 子"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn a_variable_is_one_segment_or_a_part_of_it_decoded_once() {
        expect(
            &client(module_path!()),
            &[
                ("/say/hello/to/world", "200 hello world"),
                ("/say/hello/to/a%3Ab%20c", "200 hello a:b c"),
                ("/say/hello/to/%2541", "200 hello %41"),
                ("/say/hello/to/", "404"),
                ("/say/hello/to/a/b", "404"),
                ("/request_map/x", "200 request_map x"),
                ("/file-7.json", "200 file 7"),
                ("/file-7_json", "404"),
                ("/file-x.json", "400"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn one_star_is_one_segment_and_two_are_any_number() {
        expect(
            &client(module_path!()),
            &[
                ("/star/c", "200 star c"),
                ("/star/c/d", "404"),
                ("/star/", "404"),
                ("/c/star", "200 star c"),
                ("/c/d/star", "404"),
                ("/stars/c", "200 stars c"),
                ("/stars/c/d", "200 stars c/d"),
                ("/c/stars", "200 stars c"),
                ("/c/d/stars", "200 stars c/d"),
                ("/stars", "404"),
            ],
        )
        .await;
    }
}

mod expressions {
    use super::*;

    #[route(regexp = "^(reg/(.+))$", method = "GET", app = "routes")]
    fn expression(groups: RegGroups, #[group(1)] second: String) -> String {
        format!("{} {second}", groups.join(" "))
    }

    #[route(regexp = "^/opt/(a)?(b)?$", app = "routes")]
    fn optional(groups: RegGroups, #[group(0)] first: Option<String>) -> String {
        format!("{} {first:?}", groups.len())
    }

    #[route(regexp = "^/required/(a)?$", app = "routes")]
    fn required(#[group(0)] first: String) -> String {
        first
    }

    #[route("/both", app = "routes")]
    #[route(regexp = "^/both/([0-9]+)", app = "routes")]
    fn both(#[group(0)] number: Option<u32>) -> String {
        format!("{number:?}")
    }

    #[tokio::test]
    async fn an_expression_sees_the_path_with_its_slash_and_without() {
        expect(
            &client(module_path!()),
            &[
                ("/reg/abcef/aref/xxx", "200 reg/abcef/aref/xxx abcef/aref/xxx abcef/aref/xxx"),
                ("POST /reg/a", "405"),
                ("/reg/", "404"),
                ("/opt/a", "200 2 Some(\"a\")"),
                ("/opt/", "200 2 None"),
                ("/both", "200 None"),
                ("/both/12/not-anchored", "200 Some(12)"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn a_group_that_took_no_part_is_missing() {
        let answer = client(module_path!()).get("/required/").send().await;
        assert_eq!(answer.status(), 400);
        assert_eq!(
            answer.text(),
            r#"{"code": 400, "message": "Missing Group", "explain": "Group[0] took no part in the match."}"#
        );
    }
}

mod methods {
    use super::*;

    #[route("/text", method = "GET", app = "routes")]
    fn text() -> &'static str {
        "text"
    }

    #[route("/commas", method = "get, POST", app = "routes")]
    #[route("/list", method = ["GET", "POST", "PUT"], app = "routes")]
    fn several(request: &Request) -> String {
        format!("{} several", request.method)
    }

    #[route("/any", app = "routes")]
    fn any(request: &Request) -> String {
        format!("{} any", request.method)
    }

    #[route("/split", method = "GET", app = "routes")]
    fn split_get() -> &'static str {
        "get"
    }

    #[route("/split", method = "POST", app = "routes")]
    fn split_post() -> &'static str {
        "post"
    }

    #[route("/head", method = "HEAD", app = "routes")]
    fn own_head() -> Response {
        Response::new(204).header("X-Own", "head")
    }

    #[route("/head", method = "GET", app = "routes")]
    fn get_beside_head() -> &'static str {
        "get"
    }

    #[route("/options", method = "OPTIONS", app = "routes")]
    fn own_options() -> &'static str {
        "own options"
    }

    #[route("/patch", method = "PATCH", app = "routes")]
    fn patch() -> &'static str {
        "patched"
    }

    #[tokio::test]
    async fn methods_are_a_text_a_list_or_commas() {
        expect(
            &client(module_path!()),
            &[
                ("GET /text", "200 text"),
                ("POST /text", "405"),
                ("GET /commas", "200 GET several"),
                ("POST /commas", "200 POST several"),
                ("PUT /commas", "405"),
                ("PUT /list", "200 PUT several"),
                ("DELETE /list", "405"),
                ("DELETE /any", "200 DELETE any"),
                ("PATCH /patch", "200 patched"),
                ("get /text", "200 text"),
                ("PURGE /any", "501"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn a_known_path_with_another_method_says_which_are_allowed() {
        let client = client(module_path!());
        for (target, allow) in [
            ("/text", "GET, HEAD, OPTIONS"),
            ("/commas", "GET, HEAD, OPTIONS, POST"),
            ("/split", "GET, HEAD, OPTIONS, POST"),
        ] {
            let answer = client.request("DELETE", target).send().await;
            assert_eq!((answer.status(), answer.header("allow")), (405, Some(allow)), "{target}");
            assert_eq!(
                answer.text(),
                r#"{"code": 405, "message": "Method Not Allowed", "explain": "The controller for your path takes other methods"}"#
            );
        }
    }

    #[tokio::test]
    async fn head_is_get_without_the_body_unless_it_has_a_controller() {
        let client = client(module_path!());
        let answer = client.request("HEAD", "/text").send().await;
        assert_eq!((answer.status(), answer.text()), (200, ""));
        assert_eq!(answer.header("content-length"), Some("4"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        let own = client.request("HEAD", "/head").send().await;
        assert_eq!((own.status(), own.header("x-own")), (204, Some("head")));
        assert_eq!(client.request("HEAD", "/patch").send().await.status(), 405);
    }

    #[tokio::test]
    async fn options_are_answered_unless_they_have_a_controller() {
        let client = client(module_path!());
        let answer = client.request("OPTIONS", "/split").send().await;
        assert_eq!((answer.status(), answer.header("allow")), (204, Some("GET, HEAD, OPTIONS, POST")));
        assert_eq!(client.request("OPTIONS", "/options").send().await.text(), "own options");
        assert_eq!(client.request("OPTIONS", "/any").send().await.text(), "OPTIONS any");
        assert_eq!(client.request("OPTIONS", "/nothing").send().await.status(), 404);
        let server = client.request("OPTIONS", "*").send().await;
        assert_eq!(server.status(), 204);
        assert!(server.header("allow").is_some_and(|allow| allow.contains("PATCH")));
    }

    #[tokio::test]
    async fn an_unknown_path_is_not_found() {
        let answer = client(module_path!()).get("/nothing").send().await;
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(
            answer.text(),
            r#"{"code": 404, "message": "Controller Not Found", "explain": "Cannot find a controller for your path"}"#
        );
    }
}

mod precedence {
    use super::*;

    macro_rules! named {
        ($($name:ident($($attribute:tt)*);)*) => {$(
            #[route($($attribute)*, app = "routes")]
            fn $name() -> &'static str {
                stringify!($name)
            }
        )*};
    }

    named! {
        exact("/shape/fixed");
        variable("/shape/{x}");
        expression(regexp = "^/shape/.*$");
        deep("/order/**");
        star("/order/*");
        any_method("/method");
        get_only("/method", method = "GET");
        hidden_any("/hidden");
        hiding_get("/hidden", method = "GET", params = "k=1");
        variable_get("/stage/{x}", method = "GET");
        exact_any("/stage/fixed");
        plain("/narrow");
        narrow("/narrow", params = "k=1");
        narrower("/narrow", params = ["k=1", "v=2"]);
        second("/rank/same", rank = 2);
        first("/rank/same", rank = 1);
        early_star("/rank/{x}/z", rank = 5);
        late_deep("/rank/**", rank = -1);
    }

    #[tokio::test]
    async fn exact_comes_before_patterns_and_these_before_expressions() {
        expect(
            &client(module_path!()),
            &[
                ("/shape/fixed", "200 exact"),
                ("/shape/other", "200 variable"),
                ("/shape/a/b", "200 expression"),
                ("/stage/fixed", "200 exact_any"),
                ("/stage/other", "200 variable_get"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn the_more_specific_pattern_comes_first() {
        expect(&client(module_path!()), &[("/order/one", "200 star"), ("/order/one/two", "200 deep")]).await;
    }

    #[tokio::test]
    async fn an_own_method_hides_any_method_even_where_its_conditions_fail() {
        expect(
            &client(module_path!()),
            &[
                ("GET /method", "200 get_only"),
                ("POST /method", "200 any_method"),
                ("GET /hidden?k=1", "200 hiding_get"),
                ("GET /hidden", "404"),
                ("POST /hidden", "200 hidden_any"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn more_conditions_are_tried_first() {
        expect(
            &client(module_path!()),
            &[
                ("/narrow", "200 plain"),
                ("/narrow?k=1", "200 narrow"),
                ("/narrow?k=1&v=2", "200 narrower"),
                ("/narrow?k=2", "200 plain"),
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn a_rank_orders_by_hand() {
        expect(&client(module_path!()), &[("/rank/a/z", "200 late_deep"), ("/rank/same", "200 first")]).await;
    }
}

mod twice {
    use super::*;

    #[route("/twice/{a}", app = "routes")]
    fn one(a: &str) -> String {
        a.to_owned()
    }

    #[route("/twice/*", app = "routes")]
    fn another() -> &'static str {
        "another"
    }

    #[route("/same", method = "GET, POST", app = "routes")]
    fn same_one() {}

    #[route("/same", method = ["POST", "PUT"], app = "routes")]
    fn same_another() {}

    #[route(regexp = "(unclosed", app = "routes")]
    fn broken() {}

    #[test]
    fn two_functions_for_one_request_and_broken_expressions_are_told_at_start_together() {
        let error = Server::app("routes").scan(module_path!()).build().err().expect("a mistake");
        assert!(error.is_declaration());
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("both take")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        for (line, one, another, what) in [
            (lines[0], "twice::one (", "twice::another (", "/twice/{a} (/twice/*)"),
            (lines[1], "twice::same_one (", "twice::same_another (", "POST /same with rank 0"),
        ] {
            assert!(line.contains(one) && line.contains(another) && line.contains(what), "{line}");
            assert_eq!(line.matches("routes.rs:").count(), 2, "{line}");
            assert!(line.ends_with("give one a rank, a narrower method or a params condition"), "{line}");
        }
        assert!(text.contains("twice::broken ("), "{text}");
    }
}

mod selection {
    use super::*;

    mod inner {
        use super::*;

        #[route("/inner", app = "routes")]
        fn inner() -> &'static str {
            "inner"
        }
    }

    #[route("/outer", app = "routes")]
    #[route("/elsewhere", app = "routes elsewhere")]
    fn outer() -> &'static str {
        "outer"
    }

    #[tokio::test]
    async fn a_scan_takes_a_module_and_those_below_it() {
        let inner = Server::app("routes").scan(concat!(module_path!(), "::inner")).build().expect("an app");
        expect(&Client::new(inner), &[("/inner", "200 inner"), ("/outer", "404")]).await;
        expect(&client(module_path!()), &[("/inner", "200 inner"), ("/outer", "200 outer")]).await;
    }

    #[tokio::test]
    async fn a_scan_may_be_an_expression() {
        let app = Server::app("routes").scan_matching("selection::.*inner").build().expect("an app");
        expect(&Client::new(app), &[("/inner", "200 inner"), ("/outer", "404")]).await;
        let error = Server::app("routes").scan_matching("(").build().err().expect("a mistake");
        assert!(error.to_string().contains("scan_matching"), "{error}");
    }

    #[tokio::test]
    async fn a_route_belongs_to_the_app_it_names() {
        let app = Server::app("routes elsewhere").build().expect("an app");
        expect(&Client::new(app), &[("/elsewhere", "200 outer"), ("/outer", "404")]).await;
        expect(&client(module_path!()), &[("/elsewhere", "404")]).await;
    }

    #[test]
    fn an_empty_module_is_told_at_start() {
        let error = Server::app("routes").scan("routes::nowhere").build().err().expect("a mistake");
        assert!(error.to_string().contains("scan(\"routes::nowhere\"): no controller"), "{error}");
    }

    #[test]
    fn the_mappings_of_an_app_can_be_listed() {
        let app = Server::app("routes").scan(concat!(module_path!(), "::inner")).build().expect("an app");
        let mappings: Vec<String> = app.mappings().collect();
        assert_eq!(mappings.len(), 1);
        assert!(mappings[0].starts_with("* /inner routes::selection::inner::inner ("), "{}", mappings[0]);
    }
}
