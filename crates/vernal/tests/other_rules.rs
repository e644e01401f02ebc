//! Settings for applications that were written for other rules than those of this crate: which expressions there are,
//! how text is decoded, which methods are answered.

use std::ops::Range;
use std::sync::Arc;

use vernal::controller::{self, Controller};
use vernal::filter::{self, FilterPattern};
use vernal::prelude::*;
use vernal::route::PathMatcher;
use vernal::testing::Client;
use vernal::{Builder, Route};

fn built(builder: Builder) -> Client {
    Client::new(builder.build().unwrap_or_else(|error| panic!("{error}")))
}

fn says(text: &'static str) -> impl Controller {
    controller::from_fn(move |_: &Request| text)
}

/// `(\w)\1(.*)?`: a doubled letter, which the `regex` crate cannot ask for.
struct Doubled;

impl PathMatcher for Doubled {
    fn captures(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
        let mut letters = path.chars();
        let first = letters.next().filter(|letter| letter.is_alphanumeric())?;
        let rest = (letters.next()? == first).then(|| 2 * first.len_utf8()..path.len())?;
        let rest = Some(rest).filter(|rest| !rest.is_empty());
        Some(vec![Some(0..first.len_utf8()), rest])
    }
}

/// A matcher with faults.
struct Faulty;

impl PathMatcher for Faulty {
    fn captures(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
        assert!(!path.contains("panic"), "a matcher that panics");
        Some(vec![Some(1..1000), Some(2..3)])
    }
}

fn with_fallback() -> Builder {
    App::builder().regexp_fallback(|expression| match expression {
        r"(\w)\1(.*)?" => Ok(Arc::new(Doubled)),
        r"(?=.)" => Ok(Arc::new(Faulty)),
        _ => Err("no engine has this".to_owned()),
    })
}

fn groups() -> impl Controller {
    controller::from_fn(|request: &Request| format!("{:?}", request.groups().collect::<Vec<_>>()))
}

#[tokio::test]
async fn expressions_of_another_engine_stand_among_the_others() {
    let client = built(
        with_fallback()
            .route(Route::path("/aa/exact"), says("exact"))
            .route(Route::regexp(r"(\w)\1(.*)?"), groups())
            .route(Route::regexp("^/aa/(late)$"), says("later in the source"))
            .route(Route::regexp("^/bb/(early)$").rank(-1), says("by rank"))
            .route(Route::regexp("^/(ab)"), groups()),
    );
    assert_eq!(client.get("/aa/exact").send().await.text(), "exact");
    assert_eq!(client.get("/aa/late").send().await.text(), r#"[Some("a"), Some("/late")]"#);
    assert_eq!(client.get("/bb/early").send().await.text(), "by rank");
    assert_eq!(client.get("/%C3%A9%C3%A9").send().await.text(), r#"[Some("é"), None]"#);
    assert_eq!(client.get("/ab").send().await.text(), r#"[Some("ab")]"#);
    assert_eq!(client.get("/ba").send().await.status(), 404);
}

#[tokio::test]
async fn what_another_engine_does_wrong_ends_nothing() {
    let mark = || {
        filter::from_fn(|context| {
            Box::pin(async move {
                context.response.headers.insert("X-Filtered", "yes");
                context.do_chain().await
            })
        })
    };
    let client = built(
        with_fallback()
            .route(Route::regexp("(?=.)"), groups())
            .route(Route::path("/panic/exact"), says("exact"))
            .filter(FilterPattern::regexp("(?=.)"), mark()),
    );
    assert_eq!(client.get("/éa").send().await.text(), "[None, None]", "outside the path, inside a character");
    assert_eq!(client.get("/panic").send().await.status(), 404);
    let answer = client.get("/panic/exact").send().await;
    assert_eq!(answer.headers().get("x-filtered"), Some("yes"), "no filter is passed by");
}

#[tokio::test]
async fn filters_have_the_same_expressions() {
    let refuse = filter::from_fn(|context| Box::pin(async move { context.send_error(403, "No") }));
    let client = built(
        with_fallback()
            .route(Route::path("/{name}"), says("reached"))
            .filter(FilterPattern::regexp(r"(\w)\1(.*)?"), refuse),
    );
    assert_eq!(client.get("/aardvark").send().await.status(), 403);
    assert_eq!(client.get("/bear").send().await.text(), "reached");
}

#[test]
fn an_expression_that_no_engine_takes_is_told_at_start() {
    let text = |builder: Builder| builder.build().err().expect("a mistake").to_string();
    let told = text(with_fallback().route(Route::regexp(r"(?<=a)b"), says("never")));
    assert!(
        told.ends_with(r#"the regular expression "(?<=a)b" cannot be used: no engine has this"#),
        "{told}"
    );
    let told = text(App::builder().route(Route::regexp(r"(?=.)"), says("never")));
    assert!(told.contains("look-around"), "{told}");
}

#[tokio::test]
async fn text_is_decoded_leniently_where_that_is_asked_for() {
    let show =
        || controller::from_fn(|request: &Request| format!("{} {:?}", request.path(), request.param("a")));
    let app = || App::builder().route(Route::path("/{x}"), show());
    let (strict, lenient) = (built(app()), built(app().lenient_decoding(true)));
    assert_eq!(strict.get("/a%zz").send().await.status(), 400);
    assert_eq!(lenient.get("/a%zz?a=%f").send().await.text(), r#"/a%zz Some("%f")"#);
    assert_eq!(lenient.get("/%ff?a=%ff").send().await.text(), "/\u{fffd} Some(\"\u{fffd}\")");
    assert_eq!(strict.get("/a+b?a=1+1").send().await.text(), r#"/a+b Some("1 1")"#);
    assert_eq!(lenient.get("/a+b?a=1+1").send().await.text(), r#"/a+b Some("1+1")"#);
    assert_eq!(lenient.post("/f").form(&[("a", "1 1")]).send().await.text(), r#"/f Some("1 1")"#);
    assert_eq!(lenient.get("/a%00").send().await.status(), 400, "a NUL is none of it");
}

#[tokio::test]
async fn a_plus_stays_where_that_is_asked_for() {
    for (in_queries, in_forms) in [(true, true), (true, false), (false, true), (false, false)] {
        let client = built(App::builder().plus_is_space(in_queries, in_forms).route(
            Route::path("/"),
            controller::from_fn(|request: &Request| {
                format!("{:?} {:?}", request.param("q"), request.param("f"))
            }),
        ));
        let form = "application/x-www-form-urlencoded";
        let answer = client.post("/?q=1+2").header("Content-Type", form).body("f=3+4").send().await;
        let text = |is_space: bool, text: &str| text.replace('+', if is_space { " " } else { "+" });
        let expected = format!("Some({:?}) Some({:?})", text(in_queries, "1+2"), text(in_forms, "3+4"));
        assert_eq!(answer.text(), expected);
    }
}

#[tokio::test]
async fn expressions_come_before_patterns_whose_variables_take_unusual_characters() {
    let client = built(
        App::builder()
            .preferred_variable_characters(|character| character.is_alphanumeric())
            .variable_characters(|character| !character.is_control())
            .route(Route::path("/v/{name}"), says("variable"))
            .route(Route::path("/w/**"), says("wildcard"))
            .route(Route::path("/only/{name}"), says("only"))
            .route(Route::regexp("^/[vw]/.*[:~]"), says("expression")),
    );
    for (path, expected) in [
        ("/v/ab", "variable"),
        ("/v/a:b", "expression"),
        ("/v/a%20b", "variable"),
        ("/w/a/b", "wildcard"),
        ("/w/a/~", "expression"),
        ("/w/a/b%20", "wildcard"),
        ("/only/a:b", "only"),
    ] {
        assert_eq!(client.get(path).send().await.text(), expected, "{path}");
    }
    assert_eq!(client.get("/only/a%0A").send().await.status(), 404, "no variable takes this");
}

#[tokio::test]
async fn only_the_methods_that_were_named_are_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("note.txt"), "a note").expect("a file");
    let app = || {
        App::builder()
            .route(Route::path("/get").method("GET"), says("get"))
            .route(Route::path("/any"), says("any"))
            .resource("/files/*", directory.path())
    };
    let (usual, named) = (built(app()), built(app().implied_methods(false)));
    for (method, path, usually, now) in [
        ("HEAD", "/get", 200, 404),
        ("POST", "/get", 405, 404),
        ("OPTIONS", "/get", 204, 404),
        ("GET", "/get", 200, 200),
        ("HEAD", "/any", 200, 200),
        ("OPTIONS", "/any", 200, 200),
        ("HEAD", "/files/note.txt", 200, 200),
        ("POST", "/files/note.txt", 405, 200),
        ("OPTIONS", "/files/note.txt", 204, 200),
        ("POST", "/files/none", 405, 404),
    ] {
        let (was, is) = (usual.request(method, path).send().await, named.request(method, path).send().await);
        assert_eq!((was.status(), is.status()), (usually, now), "{method} {path}");
        assert_eq!(is.headers().get("allow"), None, "{method} {path}");
    }
    let answer = named.post("/get").send().await;
    assert!(answer.text().contains("Cannot find a controller for your path"), "{}", answer.text());
    assert_eq!(named.post("/files/note.txt").send().await.text(), "a note");
}

#[tokio::test]
async fn the_icon_can_be_left_to_the_application() {
    assert_eq!(built(App::builder()).get("/favicon.ico").send().await.status(), 200);
    assert_eq!(built(App::builder().favicon(false)).get("/favicon.ico").send().await.status(), 404);
}

#[tokio::test]
async fn a_controller_may_answer_for_files() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("note.txt"), "a note").expect("a file");
    let members_only = || {
        controller::from_fn(|request: &Request| match request.headers.get("Member") {
            Some(_) => request.resource(),
            None => Err(HttpError::new(401)),
        })
    };
    let app = App::builder()
        .resource("/files/**", directory.path())
        .resource("/open/**", directory.path())
        .file_controller(|path| path.starts_with("/files/"), members_only());
    let client = built(app);
    for (path, without, with) in [
        ("/files/note.txt", 401, 200),
        ("/files/none.txt", 401, 404),
        ("/files/%2e%2e/none.txt", 401, 404),
        ("/open/note.txt", 200, 200),
        ("/nowhere", 404, 404),
    ] {
        assert_eq!(client.get(path).send().await.status(), without, "{path}");
        assert_eq!(client.get(path).header("Member", "1").send().await.status(), with, "{path}");
    }
    let range = client.get("/files/note.txt").header("Member", "1").header("Range", "bytes=2-5").send().await;
    assert_eq!((range.status(), range.text()), (206, "note"));
    assert_eq!(client.post("/files/note.txt").header("Member", "1").send().await.status(), 405);
}
