//! What a pattern matches and which values it yields; `spec/02` section 2 and `spec/08` part B.

use proptest::prelude::*;

use super::*;
use crate::properties::run_for;

fn parsed(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|mistake| panic!("{mistake}"))
}

/// The values as texts; `None` where the path does not match.
fn values<'p>(pattern: &Pattern, path: &'p str) -> Option<Vec<&'p str>> {
    let values = pattern.matches(path)?;
    Some(values.iter().map(|value| &path[value.start as usize..value.end as usize]).collect())
}

#[track_caller]
fn assert_values(pattern: &str, path: &str, expected: &[&str]) {
    assert_eq!(values(&parsed(pattern), path).as_deref(), Some(expected), "{pattern} on {path}");
}

#[track_caller]
fn assert_no_match(pattern: &str, path: &str) {
    assert_eq!(values(&parsed(pattern), path), None, "{pattern} on {path}");
}

#[test]
fn an_exact_pattern_matches_its_path_only() {
    assert_values("/ex/alpha", "/ex/alpha", &[]);
    assert_values("/ex/路径/子", "/ex/路径/子", &[]);
    assert_values("/a b(c).", "/a b(c).", &[]);
    for path in ["/ex/alpha/", "/ex/Alpha", "/ex", "/ex/alpha\n", "ex/alpha"] {
        assert_no_match("/ex/alpha", path);
    }
}

#[test]
fn the_leading_slash_of_a_pattern_is_optional() {
    assert_values("ex/noslash", "/ex/noslash", &[]);
    assert_values("ex/{x}", "/ex/1", &["1"]);
    assert_values("/*/tail", "/any/tail", &["any"]);
    assert_values("", "/", &[]);
    assert_values("/", "/", &[]);
}

#[test]
fn a_variable_takes_one_or_more_characters_of_one_segment() {
    assert_values("/var/{name}", "/var/jo-hn_1.x", &["jo-hn_1.x"]);
    assert_values("/var/{name}", "/var/中文", &["中文"]);
    assert_values("/cv/{名}", "/cv/值", &["值"]);
    assert_values("/a/{one}/b/{two}", "/a/1/b/2", &["1", "2"]);
    assert_values("/{x}/", "/1/", &["1"]);
    assert_no_match("/var/{name}", "/var/");
    assert_no_match("/var/{name}", "/var");
    assert_no_match("/var/{name}", "/var/a/b");
    assert_no_match("/{x}/", "/1");
}

#[test]
fn a_variable_takes_all_characters_but_the_slash() {
    for text in ["a:b", "a b", "a+b", "a,b", "a~b", "%41", "{", "a\nb", "\u{fffd}"] {
        assert_values("/v/{x}", &format!("/v/{text}"), &[text]);
    }
}

#[test]
fn variable_characters_narrow_variables_and_wildcards() {
    let narrow = |text: &str| parsed(text).variable_characters(|c| c.is_alphanumeric());
    assert_eq!(values(&narrow("/v/{x}"), "/v/ab"), Some(vec!["ab"]));
    assert_eq!(values(&narrow("/v/{x}"), "/v/a:b"), None);
    assert_eq!(values(&narrow("/v/**"), "/v/a/b"), Some(vec!["a/b"]));
    assert_eq!(values(&narrow("/v/**"), "/v/a:b"), None);
    assert_eq!(values(&narrow("**/v"), "/a:b/v"), None);
    assert_eq!(values(&narrow("/{a}:{b}"), "/1:2"), Some(vec!["1", "2"]));
    assert_eq!(values(&narrow("/{a}:{b}"), "/1:2:3"), None);
    assert_eq!(values(&narrow("/file:x"), "/file:x"), Some(vec![]), "literal text is not narrowed");
}

#[test]
fn a_line_break_at_the_end_is_part_of_the_path() {
    assert_values("/v/{x}", "/v/a\n", &["a\n"]);
    assert_no_match("/file-{n}.json", "/file-1.json\n");
    assert_no_match("/exact", "/exact\n");
}

#[test]
fn variables_inside_a_segment_take_as_much_as_they_can_from_the_left() {
    assert_values("/file-{n}.json", "/file-7.json", &["7"]);
    assert_values("/{a}-{b}", "/1-2-3", &["1-2", "3"]);
    assert_values("/{a}{b}", "/xyz", &["xy", "z"]);
    assert_values("/{a}{b}", "/äöü", &["äö", "ü"]);
    assert_values("/x{a}x{b}x", "/xxxxxx", &["xx", "x"]);
    assert_values("/{a}.{b}/{c}", "/1.2/3", &["1", "2", "3"]);
    assert_no_match("/file-{n}.json", "/file-.json");
    assert_no_match("/{a}-{b}", "/1-");
    assert_no_match("/{a}{b}", "/x");
    assert_no_match("/aa{x}aa", "/aaa");
}

#[test]
fn literal_text_is_literal_beside_variables() {
    assert_values("/dot/v1.0/{x}", "/dot/v1.0/a", &["a"]);
    assert_no_match("/dot/v1.0/{x}", "/dot/v1X0/a");
    assert_no_match("/ex/file-{n}.json", "/ex/file-7_json");
    assert_no_match("/a+/{x}", "/aa/1");
}

#[test]
fn braces_around_anything_but_a_word_are_text() {
    for text in ["/{a-b}", "/{ a }", "/{}", "/{a", "/a}", "/{a/b}"] {
        assert_eq!(parsed(text).variable_names(), [""; 0], "{text}");
        assert_values(text, text, &[]);
    }
    assert_values("/{{a}}", "/{1}", &["1"]);
}

#[test]
fn variable_names_come_from_left_to_right() {
    assert_eq!(parsed("/{b}/x-{a}.{_1}").variable_names(), ["b", "a", "_1"]);
    assert_eq!(parsed("/*").variable_names(), [""; 0]);
}

#[test]
fn a_star_takes_one_segment_or_a_part_of_it() {
    assert_values("/star/*", "/star/one", &["one"]);
    assert_values("/sm*", "/small", &["all"]);
    assert_values("*/ex-tail", "/any/ex-tail", &["any"]);
    assert_values("*.ico", "/favicon.ico", &["favicon"]);
    assert_values("/a/b*", "/a/bc", &["c"]);
    for path in ["/star/", "/star", "/star/one/two", "/star/one/"] {
        assert_no_match("/star/*", path);
    }
    assert_no_match("*/ex-tail", "/any/more/ex-tail");
    assert_no_match("*/ex-tail", "/ex-tail");
    assert_no_match("*.ico", "/deep/favicon.ico");
    assert_no_match("/sm*", "/sm");
}

#[test]
fn two_stars_take_any_depth() {
    assert_values("/deep/**", "/deep/one/two.txt", &["one/two.txt"]);
    assert_values("/deep/**", "/deep/one/", &["one/"]);
    assert_values("/de**", "/deep/one", &["ep/one"]);
    assert_values("**/tail", "/any/more/tail", &["any/more"]);
    assert_values("**.txt", "/any/more.txt", &["any/more"]);
    assert_no_match("/deep/**", "/deep/");
    assert_no_match("/deep/**", "/deep");
    assert_no_match("**/tail", "/tail");
    assert_no_match("**.txt", "/.txt");
}

#[test]
fn a_wildcard_alone_never_matches_the_root() {
    assert_values("/*", "/a", &["a"]);
    assert_values("/**", "/a/b", &["a/b"]);
    assert_values("*", "/a", &["a"]);
    assert_values("**", "/a/b", &["a/b"]);
    for pattern in ["/*", "/**", "*", "**"] {
        assert_no_match(pattern, "/");
        assert!(parsed(pattern).is_wildcard());
    }
    assert!(!parsed("/{x}").is_wildcard() && !parsed("/x").is_wildcard());
}

#[test]
fn mistakes_say_what_is_wrong() {
    let mistake = |text: &str| Pattern::parse(text).expect_err(text);
    for text in ["/a*/b", "/a**/b", "/***", "/*a*", "**a**", "a/*b"] {
        assert_eq!(
            mistake(text),
            format!("a * or ** may only stand at the start or at the end of a path: {text:?}")
        );
    }
    assert_eq!(mistake("/{a}/{b}/{a}"), r#"the variable {a} is named twice: "/{a}/{b}/{a}""#);
    assert_eq!(mistake("/{a}/**"), r#"a path has either {variables} or a * or **, not both: "/{a}/**""#);
}

#[test]
fn patterns_that_match_the_same_paths_have_one_shape() {
    for (one, another) in [("/p/{a}", "/p/{b}"), ("/p/{a}", "/p/*"), ("*/p", "{x}/p"), ("/p{a}", "p*")] {
        assert_eq!(parsed(one).shape(), parsed(another).shape(), "{one} {another}");
    }
    assert_ne!(parsed("/p/*").shape(), parsed("/p/**").shape());
}

/// The pattern as a regular expression: what `spec/02` section 2 says, with literal text escaped.
fn as_regex(pattern: &str) -> regex::Regex {
    let path = pattern.strip_prefix('/').unwrap_or(pattern);
    let escaped = regex::escape(path);
    let variables = regex::Regex::new(r"\\\{\w+\\\}").expect("a constant");
    let expression = variables.replace_all(&escaped, "([^/]+)").replace(r"\*\*", "((?s:.+))");
    regex::Regex::new(&format!(r"\A/{}\z", expression.replace(r"\*", "([^/]+)"))).expect(pattern)
}

#[test]
fn a_pattern_matches_as_the_regular_expression_of_the_specification() {
    let part = prop::sample::select(vec![
        "a", "b", "ab", "é", "/", "/", "-", ".", "{x}", "{y}", "{z}", "{", "*", "**",
    ]);
    let piece = prop::sample::select(vec!["a", "b", "ab", "é", "/", "/", "-", "."]);
    let inputs = (prop::collection::vec(part, 0..7), prop::collection::vec(piece, 0..12));
    run_for(inputs, |(pattern, path)| {
        let (pattern, path) = (pattern.concat(), format!("/{}", path.concat()));
        if let Ok(parsed) = Pattern::parse(&pattern) {
            let expected = as_regex(&pattern).captures(&path).map(|captures| {
                captures.iter().skip(1).flatten().map(|group| group.as_str()).collect::<Vec<_>>()
            });
            prop_assert_eq!(values(&parsed, &path), expected, "{} on {}", pattern, path);
        }
        Ok(())
    });
}

#[test]
fn no_text_makes_parsing_or_matching_panic() {
    run_for((".*", ".*"), |(pattern, path)| {
        if let Ok(parsed) = Pattern::parse(&pattern) {
            parsed.matches(&path);
            parsed.matches(&format!("/{path}"));
        }
        Ok(())
    });
}
