//! Each precondition alone, their order, and what is to be ignored.

use std::time::Duration;

use super::Verdict::{NotModified, PreconditionFailed, Proceed};
use super::*;

const TAG: &str = "\"a-b-c\"";
const BEFORE: &str = "Sun, 22 Nov 2026 16:14:32 GMT";
const SAME: &str = "Sun, 22 Nov 2026 16:14:33 GMT";
const AFTER: &str = "Sun, 22 Nov 2026 16:14:34 GMT";

/// `SAME` and a bit, as file systems have it.
fn changed() -> SystemTime {
    httpdate::parse_http_date(SAME).expect("a date") + Duration::from_nanos(123_456_789)
}

fn verdict(method: Method, fields: &[(&str, &str)]) -> Verdict {
    let headers: Headers = fields.iter().copied().collect();
    evaluate(&method, &headers, TAG, changed())
}

#[test]
fn a_request_without_preconditions_proceeds() {
    assert_eq!(verdict(Method::GET, &[]), Proceed);
    assert_eq!(verdict(Method::GET, &[("accept", "*/*"), ("range", "bytes=0-")]), Proceed);
}

#[test]
fn if_none_match_finds_the_tag_in_lists_weak_forms_and_the_star() {
    for (field, expected) in [
        (TAG, NotModified),
        ("W/\"a-b-c\"", NotModified),
        ("*", NotModified),
        ("\"x\", \"a-b-c\"", NotModified),
        ("\"x,y\",W/\"z\" ,\t\"a-b-c\"", NotModified),
        (",\"a-b-c\"", NotModified),
        ("\"x\"", Proceed),
        ("\"x, \"a-b-c\"", Proceed),
        ("\"a-b-c", Proceed),
        ("a-b-c", Proceed),
        ("w/\"a-b-c\"", Proceed),
        ("\"*\"", Proceed),
        ("x, \"a-b-c\"", Proceed),
        ("", Proceed),
    ] {
        assert_eq!(verdict(Method::GET, &[("if-none-match", field)]), expected, "{field:?}");
        assert_eq!(verdict(Method::HEAD, &[("if-none-match", field)]), expected, "{field:?}");
    }
    assert_eq!(verdict(Method::GET, &[("if-none-match", "\"x\""), ("if-none-match", TAG)]), NotModified);
}

#[test]
fn if_none_match_fails_for_methods_that_change_something() {
    assert_eq!(verdict(Method::PUT, &[("if-none-match", "*")]), PreconditionFailed);
    assert_eq!(verdict(Method::PUT, &[("if-none-match", "\"x\"")]), Proceed);
}

#[test]
fn if_match_compares_strongly() {
    for (field, expected) in [
        (TAG, Proceed),
        ("*", Proceed),
        ("\"x\",\"a-b-c\"", Proceed),
        ("W/\"a-b-c\"", PreconditionFailed),
        ("\"x\"", PreconditionFailed),
        ("", PreconditionFailed),
    ] {
        assert_eq!(verdict(Method::GET, &[("if-match", field)]), expected, "{field:?}");
    }
    let headers = Headers::from([("if-match", "W/\"a\"")]);
    assert_eq!(evaluate(&Method::GET, &headers, "W/\"a\"", changed()), PreconditionFailed);
}

#[test]
fn dates_compare_in_whole_seconds() {
    for (field, since, unmodified) in [
        (BEFORE, Proceed, PreconditionFailed),
        (SAME, NotModified, Proceed),
        (AFTER, NotModified, Proceed),
        ("Sunday, 22-Nov-26 16:14:33 GMT", NotModified, Proceed),
        ("Sun Nov 22 16:14:33 2026", NotModified, Proceed),
    ] {
        assert_eq!(verdict(Method::GET, &[("if-modified-since", field)]), since, "{field:?}");
        assert_eq!(verdict(Method::GET, &[("if-unmodified-since", field)]), unmodified, "{field:?}");
    }
}

#[test]
fn dates_that_cannot_be_read_are_ignored() {
    for field in ["", "yesterday", "0", "Sun, 22 Nov 1926 16:14:33 GMT", "Sun, 32 Nov 2026 16:14:33 GMT", "é"]
    {
        assert_eq!(verdict(Method::GET, &[("if-modified-since", field)]), Proceed, "{field:?}");
        assert_eq!(verdict(Method::GET, &[("if-unmodified-since", field)]), Proceed, "{field:?}");
    }
    assert_eq!(verdict(Method::GET, &[("if-modified-since", SAME), ("if-modified-since", SAME)]), Proceed);
    assert_eq!(verdict(Method::POST, &[("if-modified-since", SAME)]), Proceed);
}

#[test]
fn a_tag_settles_what_a_date_would_have_said_otherwise() {
    assert_eq!(verdict(Method::GET, &[("if-none-match", "\"x\""), ("if-modified-since", AFTER)]), Proceed);
    assert_eq!(verdict(Method::GET, &[("if-none-match", TAG), ("if-modified-since", BEFORE)]), NotModified);
    assert_eq!(verdict(Method::GET, &[("if-match", TAG), ("if-unmodified-since", BEFORE)]), Proceed);
    assert_eq!(verdict(Method::GET, &[("if-match", "\"x\""), ("if-none-match", TAG)]), PreconditionFailed);
    assert_eq!(verdict(Method::GET, &[("if-match", TAG), ("if-none-match", TAG)]), NotModified);
    assert_eq!(
        verdict(Method::GET, &[("if-unmodified-since", SAME), ("if-modified-since", SAME)]),
        NotModified
    );
}

#[test]
fn values_that_are_not_text_match_nothing() {
    let mut headers = Headers::new();
    let value = http::HeaderValue::from_bytes(b"\"\xff\"").expect("obs-text");
    headers.as_map_mut().insert(IF_NONE_MATCH, value);
    assert_eq!(evaluate(&Method::GET, &headers, TAG, changed()), Proceed);
}

#[test]
fn a_range_applies_only_to_the_representation_that_if_range_names() {
    let applies = |field| range_applies(&Headers::from([("if-range", field)]), TAG, changed());
    assert!(range_applies(&Headers::new(), TAG, changed()));
    assert!(applies(TAG));
    assert!(applies(SAME));
    for field in ["\"x\"", "W/\"a-b-c\"", BEFORE, AFTER, "*", "", "\"x\", \"a-b-c\""] {
        assert!(!applies(field), "{field:?}");
    }
    let weak = Headers::from([("if-range", "W/\"a\"")]);
    assert!(!range_applies(&weak, "W/\"a\"", changed()), "a weak tag says nothing about bytes");
}

#[test]
fn last_modified_is_a_date_that_can_be_sent() {
    assert_eq!(
        last_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        "Sun, 09 Sep 2001 01:46:40 GMT"
    );
    assert_eq!(last_modified(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
    let future = last_modified(SystemTime::now() + Duration::from_secs(400_000_000_000));
    let written = httpdate::parse_http_date(&future).expect("a date");
    assert!(written <= SystemTime::now());
}

#[test]
fn an_entity_tag_is_quoted_and_follows_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a");
    let tag = |content: &str| {
        std::fs::write(&path, content).expect("written");
        entity_tag(&path.metadata().expect("metadata"))
    };
    let first = tag("one");
    assert!(first.starts_with('"') && first.ends_with('"') && first.len() > 8, "{first}");
    assert!(
        first[1..first.len() - 1].bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
        "{first}"
    );
    assert_eq!(first, entity_tag(&path.metadata().expect("metadata")));
    assert_ne!(first, tag("three"));
}
