//! What narrows a route beside its path and method: `params` and `headers`, with their five expressions and two modes.

use vernal::prelude::*;
use vernal::testing::Client;

fn client() -> Client {
    Client::new(Server::new().scan(module_path!()).build().unwrap_or_else(|error| panic!("{error}")))
}

macro_rules! narrowed {
    ($($name:ident($path:literal, $($attribute:tt)*);)*) => {$(
        #[route($path, $($attribute)*)]
        fn $name() -> &'static str {
            stringify!($name)
        }
    )*};
}

narrowed! {
    equals("/equals", params = "a=b");
    differs("/differs", params = "a!=b");
    starts("/starts", params = "a^=b");
    present("/present", params = "a");
    absent("/absent", params = "!a");
    empty_value("/empty-value", params = "a=");
    twice_equals("/twice-equals", params = "a==b");
    all("/all", params = ["a=b", "c!=d"]);
    any("/any", params = ["a=b", "c=d"], match_all_params = false);
    header_equals("/h/equals", headers = "X-Version=2");
    header_differs("/h/differs", headers = "X-Version!=2");
    header_starts("/h/starts", headers = "Content-Type^=text/");
    header_present("/h/present", headers = "x-version");
    header_absent("/h/absent", headers = "!X-Version");
    header_all("/h/all", headers = ["X-A=1", "!X-B"]);
    header_any("/h/any", headers = ["X-A=1", "X-B=1"], match_all_headers = false);
    both("/both", params = "a=1", headers = "X-A");
}

mod select {
    use super::*;

    #[route("/select", params = "kind=one")]
    fn one() -> &'static str {
        "one"
    }

    #[route("/select", params = "kind=two")]
    fn two() -> &'static str {
        "two"
    }

    #[route("/select")]
    fn other() -> &'static str {
        "other"
    }
}

async fn statuses(cases: &[(&str, u16)]) {
    let client = client();
    for (target, status) in cases {
        assert_eq!(client.get(target).send().await.status(), *status, "{target}");
    }
}

#[tokio::test]
async fn equals_wants_one_of_the_values_to_be_the_same() {
    statuses(&[
        ("/equals?a=b", 200),
        ("/equals?a=c", 404),
        ("/equals", 404),
        ("/equals?a=c&a=b", 200),
        ("/empty-value?a=", 200),
        ("/empty-value?a", 200),
        ("/empty-value?a=1", 404),
        ("/twice-equals?a=%3Db", 200),
    ])
    .await;
}

#[tokio::test]
async fn differs_wants_the_name_and_no_value_that_is_the_same() {
    statuses(&[("/differs?a=c", 200), ("/differs?a=b", 404), ("/differs", 404), ("/differs?a=c&a=b", 404)])
        .await;
}

#[tokio::test]
async fn starts_with_wants_one_of_the_values_to_begin_so() {
    statuses(&[("/starts?a=bcd", 200), ("/starts?a=abc", 404), ("/starts?a=x&a=by", 200), ("/starts", 404)])
        .await;
}

#[tokio::test]
async fn a_name_wants_to_be_there_or_not_to_be_there() {
    statuses(&[
        ("/present?a", 200),
        ("/present?a=1", 200),
        ("/present", 404),
        ("/absent?b=1", 200),
        ("/absent", 200),
        ("/absent?a", 404),
    ])
    .await;
}

#[tokio::test]
async fn all_expressions_have_to_match_unless_one_is_enough() {
    statuses(&[
        ("/all?a=b&c=e", 200),
        ("/all?a=b", 404),
        ("/all?a=b&c=d", 404),
        ("/any?a=b", 200),
        ("/any?c=d", 200),
        ("/any?c=e", 404),
        ("/any", 404),
    ])
    .await;
}

#[tokio::test]
async fn headers_are_narrowed_alike_with_names_in_any_case() {
    let client = client();
    for (target, fields, status) in [
        ("/h/equals", &[("x-version", "2")][..], 200),
        ("/h/equals", &[("X-VERSION", "3")], 404),
        ("/h/equals", &[("X-Version", "3"), ("X-Version", "2")], 200),
        ("/h/differs", &[("X-Version", "3")], 200),
        ("/h/differs", &[], 404),
        ("/h/starts", &[("Content-Type", "text/html")], 200),
        ("/h/starts", &[("Content-Type", "image/png")], 404),
        ("/h/present", &[("X-Version", "")], 200),
        ("/h/present", &[], 404),
        ("/h/absent", &[], 200),
        ("/h/absent", &[("x-version", "1")], 404),
        ("/h/all", &[("X-A", "1")], 200),
        ("/h/all", &[("X-A", "1"), ("X-B", "1")], 404),
        ("/h/any", &[("X-B", "1")], 200),
        ("/h/any", &[("X-B", "2")], 404),
        ("/both?a=1", &[("X-A", "")], 200),
        ("/both?a=1", &[], 404),
        ("/both", &[("X-A", "")], 404),
    ] {
        let mut call = client.get(target);
        for (name, value) in fields {
            call = call.header(name, value);
        }
        assert_eq!(call.send().await.status(), status, "{target} {fields:?}");
    }
}

#[tokio::test]
async fn conditions_choose_between_controllers_of_one_path() {
    let client = client();
    for (target, text) in [
        ("/select?kind=one", "one"),
        ("/select?kind=two", "two"),
        ("/select", "other"),
        ("/select?kind=x", "other"),
    ] {
        assert_eq!(client.get(target).send().await.text(), text, "{target}");
    }
}

#[tokio::test]
async fn parameters_of_a_form_count_and_a_file_has_no_text() {
    let client = client();
    assert_eq!(client.post("/equals").form(&[("a", "b")]).send().await.text(), "equals");
    assert_eq!(client.post("/equals").form(&[("a", "c")]).send().await.status(), 404);
    let form = "--X\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nb\r\n--X--\r\n";
    let upload =
        |target| client.post(target).header("Content-Type", "multipart/form-data; boundary=X").body(form);
    assert_eq!(upload("/starts").send().await.status(), 404);
    assert_eq!(upload("/present").send().await.status(), 200);
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_a_bad_request() {
    let answer = client().get("/equals?a=%zz").send().await;
    assert_eq!(answer.status(), 400, "{}", answer.text());
}
