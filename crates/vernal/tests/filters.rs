//! What stands around the controllers: which filters a request passes, in which order, and what they may change.

use std::sync::Mutex;

use vernal::prelude::*;
use vernal::testing::{Answer, Client};

fn client(module: &'static str) -> Client {
    Client::new(Server::new().scan(module).build().unwrap_or_else(|error| panic!("{error}")))
}

mod sample {
    use super::*;

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

    #[route("/tuple/{name}", method = ["GET", "POST"])]
    #[route("/tuple")]
    fn tuple(name: Option<String>, #[header] filter_set: String) -> (u16, String) {
        (201, format!("{name:?} {filter_set}"))
    }

    #[tokio::test]
    async fn a_filter_ends_the_request_or_lets_it_pass_and_changes_both_ways() {
        let client = client(module_path!());
        let answer = client.get("/tuple/a").send().await;
        assert_eq!((answer.status(), answer.header("location"), answer.text()), (302, Some("/index"), ""));
        let answer = client.get("/tuple/a?user_name=n").send().await;
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.json::<Value>().expect("JSON")["message"], "pass should be passed");
        for target in ["/tuple/a?user_name=n&pass=p", "/tuple?user_name=n&pass=p"] {
            let answer = client.get(target).send().await;
            assert_eq!((answer.status(), answer.header("res-filter-header")), (201, Some("from-filter")));
            assert!(answer.text().ends_with("through filter"), "{}", answer.text());
        }
        let answer = client.post("/tuple/a").form(&[("user_name", "n"), ("pass", "p")]).send().await;
        assert_eq!(answer.status(), 201, "a filter sees the parameters of a form");
    }
}

mod order {
    use super::*;

    /// Writes down when a filter begins and when it ends.
    async fn note(context: &mut FilterContext, name: &str) -> Result<()> {
        context.response.headers.append("X-Trace", format!("{name} begins"));
        context.do_chain().await?;
        context.response.headers.append("X-Trace", format!("{name} ends"));
        Ok(())
    }

    macro_rules! filters {
        ($($name:ident($($attribute:tt)*);)*) => {$(
            #[request_filter($($attribute)*)]
            async fn $name(context: &mut FilterContext) -> Result<()> {
                note(context, stringify!($name)).await
            }
        )*};
    }

    filters! {
        unordered_b("/order/**");
        unordered_a("/order/**");
        last("/order/*", order = 20);
        equal_b("/order/{name}", order = 10);
        equal_a(regexp = "^/order/", order = 10);
        first(regexp = ".*", order = -1);
        elsewhere("/elsewhere", order = 0);
        other_app("/order/**", app = "other");
    }

    #[route("/order/all")]
    async fn controller() -> Response {
        Response::default().header("X-Trace", "controller")
    }

    #[route("/order/all/deep")]
    fn deep() {}

    fn trace(answer: &Answer) -> Vec<&str> {
        answer.headers().get_all("x-trace").collect()
    }

    #[tokio::test]
    async fn filters_nest_by_their_order_then_by_name() {
        let answer = client(module_path!()).get("/order/all").send().await;
        let names = ["first", "equal_a", "equal_b", "last", "unordered_a", "unordered_b"];
        let begins = names.iter().map(|name| format!("{name} begins"));
        let ends = names.iter().rev().map(|name| format!("{name} ends"));
        let expected: Vec<String> = begins.chain(["controller".to_owned()]).chain(ends).collect();
        assert_eq!(trace(&answer), expected);
    }

    #[tokio::test]
    async fn a_filter_runs_once_and_only_where_its_pattern_matches() {
        let answer = client(module_path!()).get("/order/all/deep").send().await;
        let begins: Vec<&str> = trace(&answer).into_iter().filter(|line| line.ends_with("begins")).collect();
        assert_eq!(begins, ["first begins", "equal_a begins", "unordered_a begins", "unordered_b begins"]);
    }

    #[tokio::test]
    async fn a_404_runs_no_filter() {
        let answer = client(module_path!()).get("/order/nothing").send().await;
        assert_eq!((answer.status(), trace(&answer).len()), (404, 0));
    }

    #[tokio::test]
    async fn filters_stand_before_files_too() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("note.txt"), "a note").expect("a file");
        let app = Server::new().scan(module_path!()).resource("/files/*", directory.path()).build();
        let answer = Client::new(app.expect("an app")).get("/files/note.txt").send().await;
        assert_eq!((answer.text(), trace(&answer)[0]), ("a note", "first begins"));
    }
}

mod changes {
    use super::*;

    #[request_filter("/changes/request")]
    async fn change_request(context: &mut FilterContext) -> Result<()> {
        context.request.params_mut()?.set("p", ["replaced", "x"]);
        context.request.extensions.insert(7_u8);
        context.do_chain().await
    }

    #[route("/changes/request")]
    fn request(p: String, #[param("p")] all: Vec<String>, request: &Request) -> String {
        format!("{p} {all:?} {:?}", request.extensions.get::<u8>())
    }

    #[request_filter("/changes/defaults/*")]
    async fn set_defaults(context: &mut FilterContext) -> Result<()> {
        context.response.set_status(202);
        context.response.set_body("from filter");
        context.response.headers.append("X-Filter", "filter");
        context.response.set_cookie(Cookie::new("filter", "1"));
        context.do_chain().await
    }

    #[route("/changes/defaults/none")]
    fn nothing() {}

    #[route("/changes/defaults/all")]
    fn everything() -> (u16, Headers, Cookie, &'static str) {
        (203, Headers::from([("X-Filter", "controller")]), Cookie::new("controller", "1"), "from controller")
    }

    #[request_filter("/changes/response")]
    async fn change_response(context: &mut FilterContext) -> Result<()> {
        context.do_chain().await?;
        assert_eq!(context.response.status(), 201);
        assert!(context.response.has_body());
        context.response.set_status(200);
        context.response.set_body(json!({"replaced": true}));
        context.response.headers.remove("X-Controller");
        Ok(())
    }

    #[route("/changes/response")]
    fn response() -> Response {
        Response::new(201).header("X-Controller", "1").body("original")
    }

    #[request_filter("/changes/error/{kind}")]
    async fn handle_error(context: &mut FilterContext) -> Result<()> {
        context.response.headers.insert("X-Before", "kept");
        match context.do_chain().await {
            Err(error) if error.as_http().is_some_and(|error| error.code() == 409) => {
                context.response.set_body("handled");
                Ok(())
            }
            other => other,
        }
    }

    #[route("/changes/error/{kind}")]
    fn fail(kind: String) -> Result<()> {
        match kind.as_str() {
            "panic" => panic!("for the filter"),
            "conflict" => Err(HttpError::new(409))?,
            _ => Err(HttpError::new(410))?,
        }
    }

    #[tokio::test]
    async fn the_controller_sees_what_a_filter_changed_in_the_request() {
        let answer = client(module_path!()).get("/changes/request?p=original").send().await;
        assert_eq!(answer.text(), r#"replaced ["replaced", "x"] Some(7)"#);
    }

    #[tokio::test]
    async fn what_a_filter_sets_before_the_chain_is_a_default() {
        let client = client(module_path!());
        let answer = client.get("/changes/defaults/none").send().await;
        assert_eq!(
            (answer.status(), answer.text(), answer.header("x-filter")),
            (202, "from filter", Some("filter"))
        );
        let answer = client.get("/changes/defaults/all").send().await;
        assert_eq!((answer.status(), answer.text()), (203, "from controller"));
        assert_eq!(answer.headers().get_all("x-filter").collect::<Vec<_>>(), ["filter", "controller"]);
        assert_eq!(answer.headers().get_all("set-cookie").collect::<Vec<_>>(), ["filter=1", "controller=1"]);
    }

    #[tokio::test]
    async fn after_the_chain_the_whole_answer_can_be_changed() {
        let answer = client(module_path!()).get("/changes/response").send().await;
        assert_eq!(
            (answer.status(), answer.text(), answer.header("x-controller")),
            (200, r#"{"replaced":true}"#, None)
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }

    #[tokio::test]
    async fn a_filter_may_handle_the_error_of_what_comes_after_it() {
        let client = client(module_path!());
        assert_eq!(client.get("/changes/error/conflict").send().await.text(), "handled");
        let answer = client.get("/changes/error/gone").send().await;
        assert_eq!((answer.status(), answer.header("x-before")), (410, Some("kept")));
        assert_eq!(client.get("/changes/error/panic").send().await.status(), 500);
    }
}

mod ends {
    use super::*;

    #[request_filter("/ends/{how}")]
    async fn end(context: &mut FilterContext) -> Result<()> {
        let how = context.request.path_value("how").unwrap_or_default().to_owned();
        match how.as_str() {
            "redirect" => context.send_redirect("/index"),
            "error" => context.send_error(403, "Blocked"),
            "failure" => Err(std::io::Error::other("a secret of the filter"))?,
            "response" => {
                context.response = Response::new(418).body("a teapot");
                Ok(())
            }
            "silent" => Ok(()),
            "panic" => panic!("in a filter"),
            "late" => {
                context.do_chain().await?;
                context.send_error(500, "too late")
            }
            _ => context.do_chain().await,
        }
    }

    #[route("/ends/{how}")]
    fn controller(how: String, calls: State<Calls>) -> &'static str {
        calls.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(how);
        "reached"
    }

    struct Calls(Mutex<Vec<String>>);

    #[route("/calls")]
    fn calls(calls: State<Calls>) -> String {
        calls.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).join(" ")
    }

    #[tokio::test]
    async fn a_filter_that_does_not_continue_ends_the_request_with_its_own_response() {
        let app = Server::new().scan(module_path!()).manage(Calls(Mutex::default())).build();
        let client = Client::new(app.unwrap_or_else(|error| panic!("{error}")));
        for (how, status, text) in [
            ("redirect", 302, ""),
            ("error", 403, r#"{"code": 403, "message": "Blocked", "explain": ""}"#),
            ("failure", 500, r#"{"code": 500, "message": "Internal Server Error", "explain": ""}"#),
            ("response", 418, "a teapot"),
            ("silent", 200, ""),
            ("panic", 500, r#"{"code": 500, "message": "Internal Server Error", "explain": ""}"#),
            ("late", 500, r#"{"code": 500, "message": "too late", "explain": ""}"#),
            ("on", 200, "reached"),
        ] {
            let answer = client.get(&format!("/ends/{how}")).send().await;
            assert_eq!((answer.status(), answer.text()), (status, text), "{how}");
        }
        assert_eq!(client.get("/calls").send().await.text(), "late on");
    }
}

mod keeps {
    use super::*;

    #[request_filter("/keeps/**")]
    async fn forget(context: &mut FilterContext) -> Result<()> {
        context.request.params_mut()?.remove("gone");
        context.request.params_mut()?.remove("gone");
        context.do_chain().await
    }

    #[route("/keeps/params")]
    fn names(params: Params) -> String {
        params.names().collect::<Vec<_>>().join(" ")
    }

    #[route("/keeps/body", method = "POST")]
    fn length(body: Bytes) -> String {
        body.len().to_string()
    }

    #[tokio::test]
    async fn a_parameter_that_a_filter_removes_stays_away() {
        assert_eq!(client(module_path!()).get("/keeps/params?gone=1").send().await.text(), "");
    }

    #[tokio::test]
    async fn a_form_that_a_filter_may_ask_about_is_still_the_controllers_body() {
        let form = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--\r\n";
        for content_type in ["multipart/form-data; boundary=b", "text/plain"] {
            let client = client(module_path!());
            let call = client.post("/keeps/body").header("Content-Type", content_type).body(form);
            assert_eq!(call.send().await.text(), form.len().to_string(), "{content_type}");
        }
    }
}

#[test]
fn a_bad_expression_is_told_at_start() {
    use vernal::filter::{self, FilterPattern};
    let pass = filter::from_fn(|context| Box::pin(context.do_chain()));
    let error = App::builder().filter(FilterPattern::regexp("("), pass).build().err().expect("a mistake");
    assert!(error.is_declaration() && error.to_string().starts_with("a filter: "), "{error}");
}
