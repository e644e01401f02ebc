//! Which mapping takes a request, which mistakes are found at start; `spec/02` sections 3 and 4, `spec/08` part B.

use proptest::prelude::*;

use super::*;
use crate::Headers;
#[cfg(target_os = "linux")]
use crate::properties::processor_time;
use crate::properties::run_for;
use crate::route::Precedence;

mod declaration;

/// Locations `my_app::a (src/a.rs:1)` and so on: a function named after its file.
fn at(function: &'static str, line: u32) -> Option<Location> {
    Some(Location { function, module: "my_app", file: "src/app.rs", line })
}

fn try_table(routes: &[Route]) -> Result<Table, Vec<String>> {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut builder = TableBuilder::new();
    for (line, route) in (1..).zip(routes) {
        let name = NAMES.get(line as usize - 1).copied().unwrap_or("z");
        builder.add(route, at(name, line));
    }
    builder.build()
}

#[track_caller]
fn table(routes: &[Route]) -> Table {
    try_table(routes).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[track_caller]
fn mistakes(routes: &[Route]) -> Vec<String> {
    try_table(routes).err().expect("mistakes")
}

/// The mapping that takes `GET /path?a=1`, parameters standing in for headers as well, or the kind of refusal.
fn ask(table: &Table, request: &str) -> Result<MappingId, String> {
    let (method, target) = request.split_once(' ').expect("method and target");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields: Headers = query
        .split('&')
        .filter(|item| !item.is_empty())
        .map(|item| item.split_once('=').unwrap_or((item, "")))
        .collect();
    match table.find(&Method::from_bytes(method.as_bytes()).expect("a method"), path) {
        Found::Slot(candidates) => candidates
            .iter()
            .find(|(_, params, headers)| params.matches(&fields) && headers.matches(&fields))
            .map(|(id, _, _)| id)
            .ok_or_else(|| "no candidate fits".to_owned()),
        Found::MethodNotAllowed(allow) => Err(format!("405 {allow}")),
        Found::Options(allow) => Err(format!("204 {allow}")),
        Found::NotFound => Err("404".to_owned()),
    }
}

#[track_caller]
fn assert_takes(table: &Table, request: &str, id: MappingId) {
    assert_eq!(ask(table, request), Ok(id), "{request}");
}

#[track_caller]
fn assert_refused(table: &Table, request: &str, how: &str) {
    assert_eq!(ask(table, request), Err(how.to_owned()), "{request}");
}

fn candidates<'t>(table: &'t Table, path: &str) -> Candidates<'t> {
    match table.find(&Method::GET, path) {
        Found::Slot(candidates) => candidates,
        _ => panic!("nothing takes GET {path}"),
    }
}

fn values<'p>(table: &Table, path: &'p str) -> Vec<&'p str> {
    let found = candidates(table, path).values;
    found.iter().map(|value| &path[value.start as usize..value.end as usize]).collect()
}

fn groups<'p>(table: &Table, path: &'p str) -> Vec<Option<&'p str>> {
    let found = candidates(table, path).groups;
    found
        .into_iter()
        .map(|group| group.map(|group| &path[group.start as usize..group.end as usize]))
        .collect()
}

#[test]
fn exact_beats_variable_beats_regexp() {
    let table = table(&[
        Route::regexp("^/ex/var/.*$"),
        Route::path("/ex/var/{name}"),
        Route::path("/ex/var/fixed"),
        Route::regexp("^/").rank(-1),
    ]);
    assert_takes(&table, "GET /ex/var/fixed", 2);
    assert_takes(&table, "GET /ex/var/x", 1);
    assert_takes(&table, "GET /ex/var/a/b", 3);
}

#[test]
fn rank_does_not_move_a_route_to_another_stage() {
    let table = table(&[
        Route::path("/p/x").rank(5),
        Route::path("/p/{v}").rank(-5),
        Route::regexp("^/p/x").rank(-9),
    ]);
    assert_takes(&table, "GET /p/x", 0);
    assert_takes(&table, "GET /p/y", 1);
}

#[test]
fn the_bucket_of_the_method_hides_that_of_any_method() {
    let table = table(&[
        Route::path("/ex/spec"),
        Route::path("/ex/spec").method("GET"),
        Route::path("/ex/block").method("GET").params("k=1"),
        Route::path("/ex/block"),
    ]);
    assert_takes(&table, "GET /ex/spec", 1);
    assert_takes(&table, "POST /ex/spec", 0);
    assert_takes(&table, "GET /ex/block?k=1", 2);
    assert_refused(&table, "GET /ex/block", "no candidate fits");
    assert_takes(&table, "POST /ex/block", 3);
}

#[test]
fn an_any_method_mapping_hides_method_mappings_of_later_stages() {
    let table =
        table(&[Route::path("/a/{x}").method("GET"), Route::path("/a/b"), Route::path("/a/c").method("PUT")]);
    assert_takes(&table, "GET /a/b", 1);
    assert_takes(&table, "GET /a/c", 0);
    assert_takes(&table, "PUT /a/c", 2);
}

#[test]
fn the_first_pattern_that_matches_decides_even_if_its_conditions_fail() {
    let table = table(&[Route::path("/a/b").params("k"), Route::path("/a/{x}"), Route::path("/a/**")]);
    assert_takes(&table, "GET /a/b?k=1", 0);
    assert_refused(&table, "GET /a/b", "no candidate fits");
    assert_takes(&table, "GET /a/x", 1);
    assert_takes(&table, "GET /a/x/y", 2);
}

#[test]
fn patterns_of_one_shape_share_a_slot() {
    let table = table(&[
        Route::path("/p/{a}").rank(1),
        Route::path("/p/*"),
        Route::path("p/{b}").params("k"),
        Route::path("/p/{c}").params("k=1").headers("x"),
    ]);
    let ids: Vec<MappingId> = candidates(&table, "/p/1").iter().map(|(id, _, _)| id).collect();
    assert_eq!(ids, [3, 2, 1, 0], "by rank, then more conditions first");
    assert_takes(&table, "GET /p/1?k=1&x=1", 3);
    assert_takes(&table, "GET /p/1?k=1", 2);
    assert_takes(&table, "GET /p/1", 1);
    assert_eq!((table.mapping_names(0), table.mapping_names(1)), (&["a".to_owned()][..], &[][..]));
    assert_eq!(table.pattern_text(2), "p/{b}");
    assert_eq!(table.location(2), at("c", 3));
    assert_eq!(table.iter().map(|(id, mapping)| (id, mapping.location)).last(), Some((3, at("d", 4))));
}

#[test]
fn parameters_select_among_equal_paths() {
    let table = table(&[
        Route::path("/ex/p/sel"),
        Route::path("/ex/p/sel").params("k=1"),
        Route::path("/ex/p/sel").params("k=2"),
    ]);
    assert_takes(&table, "GET /ex/p/sel?k=1", 1);
    assert_takes(&table, "GET /ex/p/sel?k=2", 2);
    assert_takes(&table, "GET /ex/p/sel?k=2&k=1", 1);
    assert_takes(&table, "GET /ex/p/sel", 0);
}

#[test]
fn routes_of_equal_rank_and_conditions_stand_in_source_order() {
    let routes =
        [Route::path("/p").params("k=1"), Route::path("/p").params("k=2"), Route::path("/p").params("k=3")];
    let mut builder = TableBuilder::new();
    builder.add(&routes[0], at("late", 30));
    builder.add(&routes[1], at("early", 10));
    builder.add(&routes[2], None);
    let table = builder.build().unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let ids: Vec<MappingId> = candidates(&table, "/p").iter().map(|(id, _, _)| id).collect();
    assert_eq!(ids, [1, 0, 2]);
}

#[test]
fn only_parameter_conditions_need_parameters() {
    let table = table(&[
        Route::path("/plain"),
        Route::path("/headers").headers("X-A"),
        Route::path("/params"),
        Route::path("/params").params("k"),
        Route::path("/empty").params(""),
    ]);
    for (path, needed) in [("/plain", false), ("/headers", false), ("/params", true), ("/empty", false)] {
        assert_eq!(candidates(&table, path).needs_params(), needed, "{path}");
    }
}

/// The patterns from the most specific to the least, whatever the order in which they were added.
#[track_caller]
fn assert_specificity(path: &str, patterns: &[&str]) {
    for count in 1..=patterns.len() {
        let kept = &patterns[patterns.len() - count..];
        for backwards in [false, true] {
            let mut order: Vec<&str> = kept.to_vec();
            if backwards {
                order.reverse();
            }
            let routes: Vec<Route> = order.iter().map(|pattern| Route::path(*pattern)).collect();
            let table = table(&routes);
            let id = ask(&table, &format!("GET {path}")).unwrap_or_else(|how| panic!("{path}: {how}"));
            assert_eq!(order[id as usize], kept[0], "{path} among {order:?}");
        }
    }
}

#[test]
fn the_more_specific_shape_comes_first_in_any_order_of_addition() {
    assert_specificity(
        "/ex/order/one",
        &["/ex/order/*", "/ex/order/**", "/ex/**", "**/order/one", "**/one", "/**"],
    );
    assert_specificity("/ex/file-1.json", &["/ex/file-{n}.json", "/ex/file-{n}", "/ex/{n}.json", "/ex/{n}"]);
    assert_specificity("/a/b/c", &["/a/b/{x}", "/a/{x}/c", "/a/{x}/{y}", "/{x}/b/c", "/{x}/{y}/{z}"]);
    assert_specificity("/a/bc", &["/a/b*", "/a/{x}", "/a/b**", "/a/**", "/a**"]);
    assert_specificity("/a/b.txt", &["/a/{x}.txt", "/a/*", "*/b.txt", "**b.txt", "**.txt"]);
}

#[test]
fn the_lowest_rank_of_a_shape_goes_before_specificity() {
    let table = table(&[
        Route::path("/o/**").rank(-1),
        Route::path("/o/*"),
        Route::path("/o/{x}").rank(-2).method("PUT"),
        Route::path("/q/{x}").rank(3).params("k"),
        Route::path("/q/{x}").rank(-3),
        Route::path("/q/**").rank(-1),
    ]);
    assert_takes(&table, "GET /o/1", 0);
    assert_takes(&table, "PUT /o/1", 2);
    assert_takes(&table, "GET /q/1?k", 4);
    assert_takes(&table, "GET /q/1/2", 5);
}

#[test]
fn values_stand_in_the_path_as_given() {
    let table = table(&[
        Route::path("/ex/a/{one}/b/{two}"),
        Route::path("/ex/file-{n}.json"),
        Route::path("/ex/deep/**"),
        Route::path("*/ex-tail"),
        Route::path("**/ex-deeptail"),
        Route::path("/ex/alpha"),
        Route::path("/ex/cv/{名}"),
    ]);
    assert_eq!(values(&table, "/ex/a/1/b/2"), ["1", "2"]);
    assert_eq!(values(&table, "/ex/file-7.json"), ["7"]);
    assert_eq!(values(&table, "/ex/deep/one/two.txt"), ["one/two.txt"]);
    assert_eq!(values(&table, "/any/ex-tail"), ["any"]);
    assert_eq!(values(&table, "/any/more/ex-deeptail"), ["any/more"]);
    assert_eq!(values(&table, "/ex/alpha"), [""; 0]);
    assert_eq!(values(&table, "/ex/cv/值"), ["值"]);
    for path in ["/ex/deep/", "/any/more/ex-tail", "/ex-deeptail", "/ex/Alpha", "/ex/alpha/", "/"] {
        assert_refused(&table, &format!("GET {path}"), "404");
    }
}

#[test]
fn variable_characters_hold_for_the_whole_table() {
    let mut builder = TableBuilder::new();
    builder.variable_characters(|c| c.is_alphanumeric());
    for pattern in ["/v/{x}", "/m-{x}", "/d/**", "**.txt"] {
        builder.add(&Route::path(pattern), None);
    }
    let table = builder.build().unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    for (id, path) in (0..).zip(["v/ab", "m-ab", "d/a/b", "a/b.txt"]) {
        assert_takes(&table, &format!("GET /{path}"), id);
        assert_refused(&table, &format!("GET /{}", path.replace('b', ":")), "404");
    }
}

#[test]
fn a_regexp_is_anchored_at_the_start_only() {
    let table = table(&[Route::regexp(r"/ex/re/([a-z]+)-(\d+)$"), Route::regexp(r"ex/renoslash/(\w+)")]);
    assert_eq!(groups(&table, "/ex/re/abc-42"), [Some("abc"), Some("42")]);
    assert_eq!(groups(&table, "/ex/renoslash/abc/rest"), [Some("abc")], "the path without its slash");
    for path in ["/ex/re/ABC-42", "/ex/re/abc-42/", "/x/ex/re/abc-42", "/x/ex/renoslash/a"] {
        assert_refused(&table, &format!("GET {path}"), "404");
    }
}

#[test]
fn a_group_without_a_part_in_the_match_is_none() {
    let table = table(&[Route::regexp("^/opt/(a)?(b|c)?$"), Route::regexp("^both(x|y)|^/other")]);
    assert_eq!(groups(&table, "/opt/c"), [None, Some("c")]);
    assert_eq!(groups(&table, "/opt/"), [None, None]);
    assert_eq!(groups(&table, "/bothy"), [Some("y")]);
    assert_eq!(groups(&table, "/other"), [None], "an alternative does not escape the anchor");
    assert_refused(&table, "GET /x/other", "404");
}

#[test]
fn the_path_with_its_slash_is_tried_first() {
    let table = table(&[Route::regexp("/?(.*)"), Route::regexp("bare").rank(-1)]);
    assert_eq!(groups(&table, "/x"), [Some("x")]);
    assert_takes(&table, "GET /bare", 1);
}

#[test]
fn an_expression_in_verbose_mode_may_end_in_a_comment() {
    let table = table(&[Route::regexp("(?x) /verbose/ (\\d+) # a number")]);
    assert_eq!(groups(&table, "/verbose/7"), [Some("7")]);
}

#[test]
fn regexps_go_by_rank_then_by_place_in_the_source() {
    let table = table(&[
        Route::regexp("^/z"),
        Route::regexp("^/a.*"),
        Route::regexp("^/a"),
        Route::regexp("^/ab").rank(-1),
        Route::regexp("^/abc").method("GET").rank(9),
    ]);
    assert_takes(&table, "GET /a", 1);
    assert_takes(&table, "GET /ab", 3);
    assert_takes(&table, "GET /abc", 4);
    assert_takes(&table, "POST /abc", 3);
}

#[test]
fn head_uses_the_mapping_of_get() {
    let table = table(&[
        Route::path("/get").method("GET"),
        Route::path("/own").method("GET"),
        Route::path("/own").method("HEAD"),
        Route::path("/both").method("GET"),
        Route::path("/both"),
        Route::path("/any"),
        Route::path("/post").method("POST"),
    ]);
    assert_takes(&table, "HEAD /get", 0);
    assert_takes(&table, "HEAD /own", 2);
    assert_takes(&table, "HEAD /both", 3);
    assert_takes(&table, "HEAD /any", 5);
    assert_refused(&table, "HEAD /post", "405 OPTIONS, POST");
}

#[test]
fn a_path_known_for_other_methods_is_refused_with_what_is_allowed() {
    let table = table(&[
        Route::path("/m").method("GET, post"),
        Route::path("/{x}").method("PUT"),
        Route::regexp("^/m$").method("DELETE"),
        Route::path("/only").method("OPTIONS"),
    ]);
    assert_takes(&table, "POST /m", 0);
    assert_takes(&table, "PUT /m", 1);
    assert_takes(&table, "DELETE /m", 2);
    assert_refused(&table, "PATCH /m", "405 DELETE, GET, HEAD, OPTIONS, POST, PUT");
    assert_refused(&table, "PURGE /m", "405 DELETE, GET, HEAD, OPTIONS, POST, PUT");
    assert_refused(&table, "OPTIONS /m", "204 DELETE, GET, HEAD, OPTIONS, POST, PUT");
    assert_refused(&table, "GET /a/b", "404");
    assert_refused(&table, "OPTIONS /a/b", "404");
    assert_takes(&table, "OPTIONS /only", 3);
}

#[test]
fn a_mapping_for_any_method_takes_options_and_unknown_methods_too() {
    let table = table(&[Route::path("/any")]);
    for method in ["GET", "OPTIONS", "PATCH", "TRACE", "PURGE"] {
        assert_takes(&table, &format!("{method} /any"), 0);
    }
}

#[test]
fn methods_match_in_any_case() {
    let table = table(&[Route::path("/m").method(["put", "DELETE"]), Route::path("/n").method("get, GET")]);
    assert_takes(&table, "PUT /m", 0);
    assert_takes(&table, "GET /n", 1);
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_place() {
    let texts = mistakes(&[
        Route::path("/a*/b").method("FETCH").params("=v"),
        Route::path("/fine"),
        Route::regexp("(").headers("=w"),
        Route::path("/fine"),
    ]);
    assert_eq!(texts.len(), 6, "{texts:#?}");
    assert_eq!(
        texts[0],
        r#"my_app::a (src/app.rs:1): a * or ** may only stand at the start or at the end of a path: "/a*/b""#
    );
    assert_eq!(
        texts[1],
        "my_app::a (src/app.rs:1): \"FETCH\" is no method: \
         use one of CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"
    );
    assert!(texts[2].starts_with("my_app::a (src/app.rs:1): the expression \"=v\" names no parameter"));
    assert!(texts[3].starts_with("my_app::c (src/app.rs:3): the regular expression \"(\" cannot be used: "));
    assert!(texts[3].contains("unclosed group"), "{}", texts[3]);
    assert!(texts[4].starts_with("my_app::c (src/app.rs:3): the expression \"=w\" names no header"));
    assert!(
        texts[5]
            .contains("my_app::b (src/app.rs:2) and my_app::d (src/app.rs:4) both take any method on /fine")
    );
}

#[test]
fn two_functions_for_one_request_are_a_mistake() {
    assert_eq!(
        mistakes(&[Route::path("/x").method("GET"), Route::path("x").method("post, get").rank(0)]),
        ["my_app::a (src/app.rs:1) and my_app::b (src/app.rs:2) both take GET /x (x) with rank 0: \
          give one a rank, a narrower method or a params condition"]
    );
    let pair =
        [Route::path("/p/{a}").method("PUT, GET").rank(2), Route::path("/p/*").method("GET, PUT").rank(2)];
    let texts = mistakes(&pair);
    assert!(
        texts.len() == 1 && texts[0].contains("both take GET, PUT /p/{a} (/p/*) with rank 2"),
        "{texts:?}"
    );
    let narrowed = [Route::path("/x").params("k"), Route::path("/x").params("j")];
    assert_eq!(mistakes(&narrowed).len(), 1, "a request may have both");
    assert_eq!(mistakes(&[Route::regexp("^/r"), Route::regexp("^/r")]).len(), 1);
}

#[test]
fn what_tells_two_functions_apart_is_no_mistake() {
    table(&[Route::path("/x"), Route::path("/x").rank(1)]);
    table(&[Route::path("/x"), Route::path("/x").method("GET")]);
    table(&[Route::path("/x"), Route::path("/x").params("k")]);
    table(&[Route::path("/x").params("k=1"), Route::path("/x").params("k!=1")]);
    table(&[Route::path("/x").headers("V=1"), Route::path("/x").headers("v=2")]);
    table(&[Route::path("/x/{a}"), Route::path("/x/{a}/b"), Route::path("/x/**")]);
    table(&[Route::regexp("^/r"), Route::regexp("^/r.*")]);
}

#[test]
fn one_function_may_be_mapped_twice() {
    let mut builder = TableBuilder::new();
    assert_eq!(builder.add(&Route::path("/x"), at("a", 1)), 0);
    assert_eq!(builder.add(&Route::path("/x"), at("a", 1)), 1);
    assert_takes(&builder.build().unwrap_or_else(|mistakes| panic!("{mistakes:#?}")), "GET /x", 0);
}

#[test]
fn routes_without_a_location_differ_from_all_others() {
    let mut builder = TableBuilder::new();
    builder.add(&Route::path("/x"), None);
    builder.add(&Route::path("/x"), None);
    let texts = builder.build().err().expect("mistakes");
    assert!(texts[0].starts_with("a route added by hand and a route added by hand both take"), "{texts:?}");
}

#[test]
fn a_class_without_expressions_adds_none_to_an_any_list() {
    let route =
        Route::path("/x").params(["a=1", "b=1"]).match_all_params(false).within(&Route::path("/ex/clsany"));
    let table = table(&[route]);
    assert_takes(&table, "GET /ex/clsany/x?b=1", 0);
    assert_refused(&table, "GET /ex/clsany/x", "no candidate fits");
}

#[cfg(target_os = "linux")]
#[test]
fn an_adversarial_path_is_searched_in_bounded_time() {
    let mut routes = Vec::new();
    for bits in 0..256_u32 {
        let segment =
            |bit: u32| if bits >> bit & 1 == 0 { format!("/a{{v{bit}}}") } else { format!("/{{v{bit}}}") };
        routes.push(Route::path((0..8).map(segment).collect::<String>() + "/end"));
    }
    let table = table(&routes);
    let start = processor_time();
    assert_refused(&table, &format!("GET {}/no", "/aaaaaaaa".repeat(8)), "404");
    assert_refused(&table, &format!("GET {}", "/a".repeat(100_000)), "404");
    let taken = processor_time() - start;
    assert!(taken.as_secs() < 5, "{taken:?}");
}

#[test]
fn the_tree_finds_what_trying_every_pattern_finds() {
    let part =
        prop::sample::select(vec!["a", "b", "/", "/", "/a", "/{x}", "/{y}", "/a{z}", "-{w}", ".", "*", "**"]);
    let piece = prop::sample::select(vec!["a", "b", "/", "/", "-", "."]);
    let patterns = prop::collection::vec(prop::collection::vec(part, 0..5), 1..20);
    let paths = prop::collection::vec(prop::collection::vec(piece, 0..8), 1..10);
    run_for((patterns, paths), |(patterns, paths)| {
        let texts = patterns.iter().map(|parts| parts.concat()).filter(|text| Pattern::parse(text).is_ok());
        let routes: Vec<Route> = (0..).zip(texts).map(|(rank, text)| Route::path(text).rank(rank)).collect();
        let table = table(&routes);
        for path in paths.iter().map(|pieces| format!("/{}", pieces.concat())) {
            let matching = |exact: bool| {
                let patterns =
                    routes.iter().map(|route| Pattern::parse(route.target_text()).expect("parsed before"));
                (0..).zip(patterns).find_map(|(id, pattern)| {
                    let is_exact = !pattern.is_wildcard() && pattern.variable_names().is_empty();
                    (is_exact == exact).then(|| Some((id, pattern.matches(&path)?))).flatten()
                })
            };
            let expected = matching(true).or_else(|| matching(false));
            let found = match table.find(&Method::GET, &path) {
                Found::Slot(candidates) => {
                    candidates.iter().next().map(|(id, _, _)| (id, candidates.values.clone()))
                }
                _ => None,
            };
            prop_assert_eq!(found, expected, "{} among {:?}", path, routes);
        }
        Ok(())
    });
}
