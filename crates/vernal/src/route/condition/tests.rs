//! What expressions mean; `spec/02` section 5 and `spec/08` B4, B14.

use super::*;
use crate::properties::run_for;

struct Given(Vec<(String, Option<String>)>);

impl Lookup for Given {
    fn present(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).filter_map(|(_, value)| value.as_deref())
    }
}

/// Parameters written as a query.
fn given(query: &str) -> Given {
    let pairs = query
        .split('&')
        .filter(|item| !item.is_empty())
        .map(|item| item.split_once('=').unwrap_or((item, "")));
    Given(pairs.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect())
}

fn owned(expressions: &[&str]) -> Vec<String> {
    expressions.iter().map(|text| (*text).to_owned()).collect()
}

fn all(expressions: &[&str]) -> Conditions {
    Conditions::on_params(&owned(expressions), true).expect("expressions")
}

fn any(expressions: &[&str]) -> Conditions {
    Conditions::on_params(&owned(expressions), false).expect("expressions")
}

#[track_caller]
fn assert_matches(expression: &str, fitting: &[&str], others: &[&str]) {
    let conditions = all(&[expression]);
    for query in fitting {
        assert!(conditions.matches(&given(query)), "{expression} on {query}");
    }
    for query in others {
        assert!(!conditions.matches(&given(query)), "{expression} on {query}");
    }
}

#[test]
fn each_form_of_expression_has_its_meaning() {
    assert_matches("", &["", "a"], &[]);
    assert_matches("a", &["a", "a=", "a=1"], &["", "b=a"]);
    assert_matches("!a", &["", "z=1"], &["a", "a=1"]);
    assert_matches("a=b", &["a=b", "a=c&a=b"], &["", "a=c", "a=bc"]);
    assert_matches("a!=b", &["a=c", "a"], &["", "a=b", "a=c&a=b"]);
    assert_matches("a^=b", &["a=bcd", "a=x&a=by"], &["", "a=abc"]);
}

#[test]
fn the_first_equals_sign_decides() {
    assert_matches("a=", &["a", "a="], &["a=1"]);
    assert_matches("a==b", &["a==b"], &["a=b"]);
    assert_matches("a=b!=c", &["a=b!=c"], &["a=b"]);
    assert_matches("!a=b", &["!a=b"], &["", "a=c"]);
    assert_matches("!=b", &["!=b"], &["a=c"]);
    assert_matches("^=b", &["^=b"], &["a=b"]);
    assert_matches("a!b=c", &["a!b=c"], &["a=c"]);
    assert_matches("!a!=b", &["!a=c"], &["a=c", "!a=b"]);
    assert_matches("a!=", &["a=1"], &["a", ""]);
    assert_matches("a^=", &["a=1", "a"], &[""]);
}

#[test]
fn an_expression_without_a_name_is_a_mistake() {
    assert_eq!(
        Conditions::on_params(&owned(&["a", "=v"]), true).expect_err("no name"),
        "the expression \"=v\" names no parameter: write name, !name, name=value, name!=value or name^=value"
    );
    assert!(Conditions::on_headers(&owned(&["="]), true).expect_err("no name").contains("names no header"));
}

#[test]
fn all_expressions_must_match_or_any_one() {
    let both = all(&["a=1", "c!=2"]);
    assert!(both.matches(&given("a=1&c=3")));
    assert!(!both.matches(&given("a=1")));
    let either = any(&["a=1", "c=2"]);
    assert!(either.matches(&given("c=2")));
    assert!(!either.matches(&given("c=1")));
}

#[test]
fn only_real_expressions_count() {
    assert_eq!(all(&["", "a", "", "b"]).len(), 2);
    assert!(all(&[""]).is_empty() && any(&[]).is_empty());
    assert!(any(&[]).matches(&given("")), "an empty list asks nothing");
    assert!(any(&["a=1", ""]).matches(&given("")), "an empty expression in an any-list always matches");
    assert!(!all(&["a=1", ""]).matches(&given("")));
}

#[test]
fn a_file_is_present_and_has_no_value() {
    let upload = Given(vec![("a".to_owned(), None)]);
    assert!(all(&["a"]).matches(&upload) && all(&["a!=b"]).matches(&upload));
    assert!(
        !all(&["!a"]).matches(&upload) && !all(&["a^="]).matches(&upload) && !all(&["a="]).matches(&upload)
    );
}

#[test]
fn header_names_compare_without_regard_to_case() {
    let version = Conditions::on_headers(&owned(&["X-Ver=2"]), true).expect("expressions");
    for name in ["X-Ver", "x-ver", "X-VER"] {
        assert!(version.matches(&Headers::from([(name, "2")])), "{name}");
    }
    assert!(!version.matches(&Headers::from([("X-Ver", "3")])));
    let either = Conditions::on_headers(&owned(&["X-A=1", "X-B=1"]), false).expect("expressions");
    assert!(either.matches(&Headers::from([("X-B", "1")])));
    let odd = Conditions::on_headers(&owned(&["no header=1", "!@"]), true).expect("expressions");
    assert!(!odd.matches(&Headers::new()), "a name no field can have is never present");
}

#[test]
fn disjoint_conditions_are_recognised() {
    let pairs = [("k=1", "k!=1"), ("k=1", "k=2"), ("k^=ab", "k=xab"), ("k^=a", "k^=b")];
    let needing = ["k", "k=1", "k!=1", "k^=1"].map(|needs| ("!k", needs));
    for (one, another) in pairs.into_iter().chain(needing) {
        assert!(all(&[one]).disjoint(&all(&[another])), "{one} {another}");
        assert!(all(&[another, "z"]).disjoint(&all(&["y", one])), "{another} {one}, among others");
    }
    let lower = Conditions::on_headers(&owned(&["x-ver=1"]), true).expect("expressions");
    let upper = Conditions::on_headers(&owned(&["X-Ver=2"]), true).expect("expressions");
    assert!(lower.disjoint(&upper));
}

#[test]
fn conditions_that_one_request_can_fit_are_not_disjoint() {
    for (one, another) in [
        ("k=1", "j=2"),
        ("k=1", "k=1"),
        ("k=1", "k!=2"),
        ("k", "k=1"),
        ("k!=1", "k!=2"),
        ("!k", "!k"),
        ("!k", "j"),
        ("k^=a", "k^=ab"),
        ("k^=a", "k=ab"),
        ("k^=a", "k!=ab"),
        ("", "!k"),
    ] {
        assert!(!all(&[one]).disjoint(&all(&[another])), "{one} {another}");
        assert!(!all(&[another]).disjoint(&all(&[one])), "{another} {one}");
    }
}

#[test]
fn lists_of_alternatives_are_disjoint_if_all_pairs_are() {
    assert!(any(&["k=1", "k=2"]).disjoint(&all(&["k=3"])));
    assert!(any(&["k=1", "k=2"]).disjoint(&any(&["k=3", "!k"])));
    assert!(any(&["k=1", "j=1"]).disjoint(&all(&["k=2", "!j"])));
    assert!(!any(&["k=1", "k=2"]).disjoint(&any(&["k=3", "k=2"])));
    assert!(!any(&["k=1", ""]).disjoint(&all(&["k=2"])));
    assert!(!any(&[]).disjoint(&all(&["k=2"])));
}

#[test]
fn no_text_makes_compiling_or_matching_panic() {
    run_for((".*", ".*", "[a!^=]{0,6}"), |(one, another, short)| {
        for text in [&one, &another, &short] {
            if let Ok(conditions) = Conditions::on_params(std::slice::from_ref(text), true) {
                conditions.matches(&given(&another));
                conditions.matches(&Headers::new());
                conditions.disjoint(&conditions);
            }
        }
        Ok(())
    });
}
