//! Precedence by declaration: `spec/02` section 3 to the letter, but for a lower rank, which comes first here as well.

use super::*;

#[track_caller]
fn declared(routes: &[Route]) -> Table {
    let mut builder = TableBuilder::new();
    builder.precedence(Precedence::Declaration);
    for route in routes {
        builder.add(route, None);
    }
    builder.build().unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[test]
fn of_one_path_the_last_one_that_fits_is_taken() {
    let table = declared(&[
        Route::path("/x"),
        Route::path("/x").params("a=1"),
        Route::path("/y").params("a=1"),
        Route::path("/y"),
    ]);
    assert_takes(&table, "GET /x?a=1", 1);
    assert_takes(&table, "GET /x", 0);
    assert_takes(&table, "GET /y?a=1", 3);
}

#[test]
fn patterns_of_one_shape_are_one_pattern() {
    let table = declared(&[Route::path("/p/{a}"), Route::path("/p/{b}"), Route::path("/p/*")]);
    assert_takes(&table, "GET /p/1", 2);
    assert_eq!(values(&table, "/p/1"), ["1"]);
}

#[test]
fn of_different_patterns_the_first_one_is_taken() {
    let table = declared(&[
        Route::path("/p/**"),
        Route::path("/p/{a}"),
        Route::path("/q/{a}").params("k"),
        Route::path("/q/{a}.txt"),
        Route::path("/q/**"),
    ]);
    assert_takes(&table, "GET /p/1", 0);
    assert_takes(&table, "GET /q/1.txt?k", 2);
    assert_refused(&table, "GET /q/1.txt", "no candidate fits");
    assert_takes(&table, "GET /q/1/2", 4);
}

#[test]
fn a_pattern_has_the_place_of_its_first_route_for_the_method() {
    let table = declared(&[
        Route::path("/p/{a}").method("POST"),
        Route::path("/p/**").method("GET, POST"),
        Route::path("/p/{b}").method("GET, POST"),
    ]);
    assert_takes(&table, "GET /p/1", 1);
    assert_takes(&table, "POST /p/1", 2);
}

#[test]
fn exact_paths_come_before_patterns_and_those_before_expressions() {
    let table = declared(&[
        Route::regexp("^/p"),
        Route::path("/**"),
        Route::path("/p"),
        Route::regexp("^/[pq]").method("GET"),
        Route::path("/p/{a}").method("GET"),
    ]);
    assert_takes(&table, "GET /p", 2);
    assert_takes(&table, "GET /p/1", 4);
    assert_takes(&table, "POST /p/1", 1);
}

#[test]
fn of_expressions_the_first_one_of_the_methods_own_is_taken() {
    let table = declared(&[
        Route::regexp("^/a"),
        Route::regexp("^/ab").method("GET"),
        Route::regexp("^/abc").method("GET"),
        Route::regexp("^/ab").method("GET"),
    ]);
    assert_takes(&table, "GET /abc", 3);
    assert_takes(&table, "PUT /abc", 0);
}

#[test]
fn a_rank_still_counts_first() {
    let table =
        declared(&[Route::path("/p/**"), Route::path("/p/{a}").rank(-1), Route::path("/p/{b}").rank(1)]);
    assert_takes(&table, "GET /p/1", 1);
    assert_takes(&table, "GET /p/1/2", 0);
}

#[test]
fn only_the_first_pattern_that_matches_is_found_among_any_patterns() {
    let part = prop::sample::select(vec!["a", "/", "/a", "/{x}", "/{y}", "/a{z}", "-{w}", "*", "**"]);
    let piece = prop::sample::select(vec!["a", "b", "/", "-"]);
    let patterns = prop::collection::vec(prop::collection::vec(part, 0..5), 1..20);
    let paths = prop::collection::vec(prop::collection::vec(piece, 0..8), 1..10);
    run_for((patterns, paths), |(patterns, paths)| {
        let texts = patterns.iter().map(|parts| parts.concat());
        let patterns: Vec<Pattern> = texts.filter_map(|text| Pattern::parse(&text).ok()).collect();
        let routes: Vec<Route> = patterns.iter().map(|pattern| Route::path(pattern.as_str())).collect();
        let table = declared(&routes);
        for path in paths.iter().map(|pieces| format!("/{}", pieces.concat())) {
            let first = |exact: bool| {
                patterns
                    .iter()
                    .find(|pattern| pattern.is_exact() == exact && pattern.matches(&path).is_some())
            };
            let last_of_its_shape = first(true)
                .or_else(|| first(false))
                .and_then(|first| patterns.iter().rposition(|other| other.shape() == first.shape()));
            let found = match table.find(&Method::GET, &path) {
                Found::Slot(candidates) => candidates.iter().next().map(|(id, ..)| id as usize),
                _ => None,
            };
            prop_assert_eq!(found, last_of_its_shape, "{} among {:?}", path, routes);
        }
        Ok(())
    });
}
