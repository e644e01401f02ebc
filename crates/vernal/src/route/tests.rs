//! What a declaration says, before anything is compiled.

use super::*;

fn joined(class: &str, path: &str) -> String {
    Route::path(path).within(&Route::path(class)).target_text().to_owned()
}

#[test]
fn methods_are_one_text_several_or_a_list() {
    let methods = |route: Route| route.methods;
    assert_eq!(methods(Route::path("/").method("GET")), ["GET"]);
    assert_eq!(methods(Route::path("/").method("GET, post ,PUT")), ["GET", "post", "PUT"]);
    assert_eq!(methods(Route::path("/").method(["GET", "POST"])), ["GET", "POST"]);
    assert_eq!(methods(Route::path("/").method(&["GET", "POST"][..])), ["GET", "POST"]);
    assert_eq!(methods(Route::path("/").method(vec![String::from("GET")])), ["GET"]);
    assert_eq!(methods(Route::path("/").method(String::from("GET"))), ["GET"]);
    assert!(methods(Route::path("/").method("")).is_empty());
    assert!(methods(Route::path("/").method([""; 0])).is_empty());
}

#[test]
fn an_expression_is_never_split() {
    assert_eq!(Route::path("/").params("a=1, b=2").params, ["a=1, b=2"]);
    assert_eq!(Route::path("/").headers(["Accept^=text/", "!X"]).headers, ["Accept^=text/", "!X"]);
    assert_eq!(Route::path("/").params(vec!["a".to_owned()]).params, ["a"]);
}

#[test]
fn the_path_of_a_class_stands_in_front() {
    assert_eq!(joined("/ex", ""), "/ex");
    assert_eq!(joined("/ex/", ""), "/ex/");
    assert_eq!(joined("", "/x"), "/x");
    assert_eq!(joined("", "x"), "/x");
    assert_eq!(joined("/ex", "/x"), "/ex/x");
    assert_eq!(joined("/ex", "x"), "/ex/x");
    assert_eq!(joined("/ex/", "/x"), "/ex/x");
    assert_eq!(joined("/ex", "/"), "/ex/");
    assert_eq!(joined("/", "/x"), "/x");
    assert_eq!(joined("/{v}", "*"), "/{v}/*");
}

#[test]
fn the_path_of_a_class_does_not_apply_to_regular_expressions() {
    let class = Route::path("/ex/cls").method("GET");
    let route = Route::regexp("^/ex/clsre/(.*)$").within(&class);
    assert_eq!(
        (route.target_text(), route.methods.as_slice()),
        ("^/ex/clsre/(.*)$", &["GET".to_owned()][..])
    );
    assert_eq!(Route::path("/x").within(&Route::regexp("^/ignored")).target_text(), "/x");
}

#[test]
fn a_method_replaces_what_its_class_says_or_adds_to_it() {
    let class = Route::path("/c").method("GET").params("k").headers("X-K").match_all_params(false).rank(2);
    let inheriting = Route::path("/u").params("a=1").within(&class);
    assert_eq!(inheriting.methods, ["GET"]);
    assert_eq!(inheriting.params, ["a=1", "k"]);
    assert_eq!(inheriting.headers, ["X-K"]);
    assert_eq!((inheriting.match_all_params, inheriting.match_all_headers), (Some(false), None));
    assert_eq!(inheriting.rank, Some(2));
    let own = Route::path("/u").method("POST").match_all_params(true).rank(0).within(&class);
    assert_eq!((own.methods, own.match_all_params, own.rank), (vec!["POST".to_owned()], Some(true), Some(0)));
}

#[test]
fn a_location_reads_as_a_place_in_the_source() {
    let location =
        Location { function: "hello", module: "my_app::controllers", file: "src/controllers.rs", line: 12 };
    assert_eq!(location.to_string(), "my_app::controllers::hello (src/controllers.rs:12)");
}
