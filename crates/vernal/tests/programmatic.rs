//! The same without any attribute: `App::builder()`, controllers, filters and pages of closures, and the app inside
//! another server as a `tower::Service`.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;

use http_body::Body as _;
use tower_service::Service;
use vernal::bind::BodyUse;
use vernal::controller::{self, Answer, Controller};
use vernal::filter::{self, FilterPattern};
use vernal::prelude::*;
use vernal::testing::Client;
use vernal::{Route, bind};

fn built(builder: vernal::Builder) -> Client {
    Client::new(builder.build().unwrap_or_else(|error| panic!("{error}")))
}

#[tokio::test]
async fn a_closure_is_a_controller() {
    let hello = controller::from_fn(|request: &Request| {
        format!("Hello, {}, {:?}!", request.path_value("name").unwrap_or("you"), request.param("age"))
    });
    let size = controller::from_async_fn(|request: &Request| {
        Box::pin(async move {
            let value: Value = request.json().await?;
            Ok::<_, vernal::Error>((201, Json(value)))
        })
    });
    let app = App::builder()
        .route(Route::path("/hello/{name}").method(["GET", "POST"]).params("!secret"), hello)
        .route(Route::path("/json").method("PUT").headers("Content-Type^=application/json"), size)
        .route(
            Route::regexp("^/reg/(.+)$"),
            controller::from_fn(|request: &Request| request.groups().next().flatten().map(str::to_owned)),
        );
    let client = built(app);
    assert_eq!(client.get("/hello/world?age=16").send().await.text(), "Hello, world, Some(\"16\")!");
    assert_eq!(
        client.post("/hello/world").form(&[("age", "7")]).send().await.text(),
        "Hello, world, Some(\"7\")!"
    );
    assert_eq!(client.get("/hello/world?secret").send().await.status(), 404);
    let answer = client.request("PUT", "/json").json(&json!([1])).send().await;
    assert_eq!((answer.status(), answer.text()), (201, "[1]"));
    assert_eq!(client.get("/reg/a/b").send().await.text(), "a/b");
}

#[tokio::test]
async fn filters_run_in_the_order_in_which_they_were_added() {
    let named = |name: &'static str| {
        filter::from_fn(move |context| {
            Box::pin(async move {
                context.response.headers.append("X-Trace", name);
                context.do_chain().await
            })
        })
    };
    let client = built(
        App::builder()
            .route(Route::path("/a/b"), controller::from_fn(|_: &Request| "b"))
            .filter(FilterPattern::regexp("^/a"), named("first"))
            .filter(FilterPattern::path("/a/**"), named("second"))
            .filter(FilterPattern::path("/c"), named("never")),
    );
    let answer = client.get("/a/b").send().await;
    assert_eq!(answer.headers().get_all("x-trace").collect::<Vec<_>>(), ["first", "second"]);
}

#[tokio::test]
async fn pages_files_values_and_settings_are_declared_alike() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("index.html"), "<html></html>").expect("a file");
    std::fs::write(directory.path().join("note.txt"), "a note").expect("a file");
    let app = App::builder()
        .error_page(&["404"], |error, request| {
            let page = format!("{} {}", error.code, request.path());
            Answer::Ready(page.into_response())
        })
        .error_page(&["5xx", "*"], |error, _| {
            Answer::future(async move { Json(json!({"error": error.message})).into_response() })
        })
        .resource("/public/**", directory.path())
        .index_files(["index.html"])
        .manage(String::from("managed"))
        .limits(Limits::default().parameters(2))
        .route(
            Route::path("/state"),
            controller::from_fn(|request: &Request| {
                let count = request.params()?.len();
                Ok::<_, vernal::Error>(request.state::<String>().map(|state| format!("{} {count}", *state)))
            }),
        );
    let client = built(app);
    assert_eq!(client.get("/nowhere").send().await.text(), "404 /nowhere");
    assert_eq!(client.post("/public/note.txt").send().await.text(), r#"{"error":"Method Not Allowed"}"#);
    assert_eq!(client.get("/public/note.txt").send().await.text(), "a note");
    assert_eq!(client.get("/public/").send().await.text(), "<html></html>");
    assert_eq!(client.get("/public/../note.txt").send().await.status(), 404);
    assert_eq!(client.get("/state").send().await.text(), "managed 0");
    assert_eq!(client.get("/state?a=1&b=2&c=3").send().await.status(), 400);
}

/// A controller of a face of its own: it publishes what it wants and binds it by the same rules.
struct Greeter(Vec<Param>);

impl Controller for Greeter {
    fn params(&self) -> &[Param] {
        &self.0
    }

    fn call<'r>(&'r self, request: &'r Request) -> Answer<'r> {
        Answer::future(async move {
            let name = String::from_request(request, &self.0[0]).await?;
            let ages = Vec::<u8>::from_request(request, &self.0[1]).await?;
            format!("{name} {ages:?}").into_response()
        })
    }
}

#[tokio::test]
async fn a_signature_is_data() {
    let params = vec![
        Param::new("name", bind::Source::Path, bind::Kind::Text),
        Param::new("age", bind::Source::Parameter, bind::Kind::List(&bind::Kind::Integer)).optional(),
    ];
    let client = built(App::builder().route(Route::path("/greet/{name}"), Greeter(params)));
    assert_eq!(client.post("/greet/me?age=2").form(&[("age", "1")]).send().await.text(), "me [1, 2]");
    assert_eq!(client.get("/greet/me?age=x").send().await.status(), 400);
}

#[test]
fn mistakes_are_told_when_it_is_built() {
    let ok = || controller::from_fn(|_: &Request| "ok");
    let error = App::builder()
        .route(Route::path("/a/*/b"), ok())
        .route(Route::path("/m").method("GTE"), ok())
        .route(Route::path("/p").params("=b"), ok())
        .route(Route::path("/twice"), ok())
        .route(Route::path("twice"), ok())
        .resource("/exact", "static")
        .error_page(&["200"], |_, _| Answer::Ready("".into_response()))
        .build()
        .err()
        .expect("mistakes");
    let text = error.to_string();
    for part in [
        "may only stand at the start or at the end of a path: \"/a/*/b\"",
        "\"GTE\" is no method",
        "the expression \"=b\" names no parameter",
        "/exact",
        "not for \"200\"",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn two_routes_added_by_hand_for_one_request_are_told() {
    let ok = || controller::from_fn(|_: &Request| "ok");
    let line = line!() + 1;
    let twice = App::builder().route(Route::path("/twice"), ok()).route(Route::path("twice"), ok()).build();
    let text = twice.err().expect("a mistake").to_string();
    let place = format!("a route added by hand ({}:{line})", file!());
    assert!(text.contains(&format!("{place} and {place} both take any method on /twice")), "{text}");
    let ranked = App::builder().route(Route::path("/twice"), ok()).route(Route::path("/twice").rank(1), ok());
    assert!(ranked.build().is_ok());
}

#[route("/declared")]
fn declared() -> &'static str {
    "by attribute"
}

#[tokio::test]
async fn both_ways_of_declaring_add_up() {
    let hand = controller::from_fn(|_: &Request| "by hand");
    let server = Server::new().scan(module_path!()).declare(|app| app.route(Route::path("/hand"), hand));
    let client = Client::new(server.build().expect("an app"));
    assert_eq!(client.get("/declared").send().await.text(), "by attribute");
    assert_eq!(client.get("/hand").send().await.text(), "by hand");
}

/// A body as another server would hand it over.
struct Chunks(Vec<&'static str>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let next = (!self.0.is_empty()).then(|| self.0.remove(0));
        std::task::Poll::Ready(next.map(|chunk| Ok(http_body::Frame::data(chunk.into()))))
    }
}

#[tokio::test]
async fn an_app_is_a_service_inside_another_server() {
    let echo = controller::from_async_fn(|request: &Request| {
        Box::pin(async move { Ok::<_, vernal::Error>((202, request.bytes().await?.clone())) })
    });
    let app = App::builder().route(Route::path("/echo").method("POST"), echo).build().expect("an app");
    let mut service = app.into_service();
    poll_fn(|context| Service::<http::Request<Chunks>>::poll_ready(&mut service, context))
        .await
        .expect("ready");
    let request =
        http::Request::post("http://example.org/echo").body(Chunks(vec!["pi", "ng"])).expect("a request");
    let response = service.call(request).await.expect("an answer");
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let mut body = pin!(response.into_body());
    let frame =
        poll_fn(|context| body.as_mut().poll_frame(context)).await.expect("a frame").expect("no failure");
    assert_eq!(frame.into_data().expect("data"), "ping");
    let response =
        service.clone().call(http::Request::get("/nowhere").body(Chunks(vec![])).expect("a request")).await;
    assert_eq!(response.expect("an answer").status(), 404);
}

/// A controller that says itself what it needs of the body, and shows what has become of it.
struct Reads(BodyUse);

impl Controller for Reads {
    fn params(&self) -> &[Param] {
        &[]
    }

    fn body_use(&self) -> BodyUse {
        self.0
    }

    fn call<'r>(&'r self, request: &'r Request) -> Answer<'r> {
        Answer::future(async move {
            let mut unread = 0;
            let mut reader = request.body_reader();
            while let Some(piece) = reader.chunk().await? {
                unread += piece.len();
            }
            let kept = if unread == 0 { request.bytes().await?.len() } else { 0 };
            let name = request.param("name").unwrap_or("nobody");
            format!("{name}, {kept} kept, {unread} unread").into_response()
        })
    }
}

#[tokio::test]
async fn a_controller_says_what_it_needs_of_the_body() {
    let limits = Limits::default().body(300);
    let app = || {
        App::builder()
            .route(Route::path("/nothing"), Reads(BodyUse::Nothing))
            .route(Route::path("/some"), Reads(BodyUse::FormOrJson))
            .route(Route::path("/some").params("name=Ada"), Reads(BodyUse::FormOrJson))
            .limits(limits.clone())
    };
    let pass = filter::from_fn(|context| Box::pin(context.do_chain()));
    let plain = built(app());
    let filtered = built(app().filter(FilterPattern::path("/**"), pass));
    let multipart = |bytes: usize| {
        let part = "--B\r\nContent-Disposition: form-data; name";
        let file = "A".repeat(bytes);
        format!("{part}=\"name\"\r\n\r\nAda\r\n{part}=\"f\"; filename=\"f\"\r\n\r\n{file}\r\n--B--\r\n")
    };
    let (small, large) = (multipart(1), multipart(400));
    for (kind, body, expected) in [
        ("application/json", "{not JSON", "nobody, 9 kept, 0 unread".to_owned()),
        ("application/problem+json", "{}", "nobody, 2 kept, 0 unread".to_owned()),
        ("application/x-www-form-urlencoded", "name=Ada", "Ada, 8 kept, 0 unread".to_owned()),
        ("text/plain", "name=Ada", "nobody, 0 kept, 8 unread".to_owned()),
        ("multipart/form-data; boundary=B", &small, format!("Ada, {} kept, 0 unread", small.len())),
        ("multipart/form-data; boundary=B", &large, "Ada, 0 kept, 0 unread".to_owned()),
        ("application/json", "", "nobody, 0 kept, 0 unread".to_owned()),
    ] {
        for (client, how) in [(&plain, "plain"), (&filtered, "filtered")] {
            let ask = client.post("/some").header("Content-Type", kind).header("Content-Length", body.len());
            assert_eq!(ask.body(body.to_owned()).send().await.text(), expected, "{how}: {kind} {body:?}");
        }
    }
    let answer = plain.post("/nothing").form(&[("name", "Ada")]).send().await;
    assert_eq!(answer.text(), "nobody, 0 kept, 8 unread");
    let answer = plain.post("/some").header("Content-Type", "application/json").body("1".repeat(400)).send();
    assert_eq!(answer.await.status(), 413);
}

#[test]
fn what_arguments_need_of_the_body_adds_up() {
    let param = |kind| Param::new("a", bind::Source::Request, kind);
    assert_eq!(BodyUse::of(&[]), BodyUse::Nothing);
    assert_eq!(BodyUse::of(&[param(bind::Kind::Headers), param(bind::Kind::Text)]), BodyUse::Form);
    assert_eq!(BodyUse::of(&[param(bind::Kind::Bytes), param(bind::Kind::Text)]), BodyUse::Whole);
    assert_eq!(BodyUse::of(&[param(bind::Kind::Reader), param(bind::Kind::Bytes)]), BodyUse::Stream);
}
