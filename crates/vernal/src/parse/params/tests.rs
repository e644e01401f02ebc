//! `Params` as a container, and the parameters of queries and urlencoded bodies.

use serde_json::json;

use super::*;

const LENIENT: Decoding = Decoding { strict: false, plus_is_space: false };

fn parsed(raw: impl AsRef<[u8]>, decoding: Decoding) -> Params {
    let mut params = Params::new();
    parse_urlencoded(&mut params, raw.as_ref(), decoding, 1000).expect("parameters");
    params
}

fn pairs(params: &Params) -> Vec<(&str, &str)> {
    params.iter().filter_map(|(name, value)| Some((name, value.text()?))).collect()
}

fn refused(raw: impl AsRef<[u8]>, limit: usize) -> String {
    let mut params = Params::new();
    let error =
        parse_urlencoded(&mut params, raw.as_ref(), Decoding::default(), limit).expect_err("an error");
    assert_eq!(error.code(), 400);
    assert!(params.is_empty());
    error.explain_text().to_owned()
}

fn file(name: &str, filename: &str) -> MultipartFile {
    MultipartFile::from_bytes(name, filename, "text/plain", "content")
}

#[test]
fn values_of_a_name_keep_their_order() {
    let params = parsed("b=2&a=1&b=3", Decoding::default());
    assert_eq!(pairs(&params), [("b", "2"), ("a", "1"), ("b", "3")]);
    assert_eq!(params.get("b"), Some("2"));
    assert_eq!(params.get_all("b").collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(params.names().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(params.len(), 3);
}

#[test]
fn an_absent_name_has_no_values() {
    let params = parsed("a=1", Decoding::default());
    assert_eq!(params.get("A"), None, "names are case-sensitive");
    assert_eq!(params.get_all("b").count(), 0);
    assert!(!params.contains("b"));
    assert!(params.contains("a"));
}

#[test]
fn an_item_is_split_at_its_first_equals_sign() {
    assert_eq!(
        pairs(&parsed("a=b=c&d&=e&f=", Decoding::default())),
        [("a", "b=c"), ("d", ""), ("", "e"), ("f", "")]
    );
}

#[test]
fn empty_items_have_an_empty_name_and_an_empty_text_has_no_items() {
    assert_eq!(pairs(&parsed("s=x&&a=1", Decoding::default())), [("s", "x"), ("", ""), ("a", "1")]);
    assert_eq!(pairs(&parsed("&", Decoding::default())), [("", ""), ("", "")]);
    assert!(parsed("", Decoding::default()).is_empty());
}

#[test]
fn a_semicolon_does_not_separate() {
    assert_eq!(pairs(&parsed("a=1;b=2", Decoding::default())), [("a", "1;b=2")]);
}

#[test]
fn names_and_values_are_decoded() {
    assert_eq!(pairs(&parsed("%E4%B8%AD=%26%3d%25", Decoding::default())), [("中", "&=%")]);
    assert_eq!(pairs(&parsed("中=文", Decoding::default())), [("中", "文")]);
}

#[test]
fn a_plus_is_a_space_where_asked_for() {
    assert_eq!(pairs(&parsed("a+b=x+y%2B", Decoding::default())), [("a b", "x y+")]);
    assert_eq!(pairs(&parsed("a+b=x+y%2B", LENIENT)), [("a+b", "x+y+")]);
}

#[test]
fn malformed_escapes_are_refused_or_stay() {
    assert_eq!(refused("a=1&b=%zz", 1000), "The parameter contains a malformed percent escape: %zz");
    assert_eq!(refused("%", 1000), "The parameter contains a malformed percent escape: %");
    assert_eq!(pairs(&parsed("b=%zz&c=%4", LENIENT)), [("b", "%zz"), ("c", "%4")]);
}

/// `spec/08` C14.
#[test]
fn invalid_utf_8_is_refused_or_replaced() {
    assert_eq!(refused(b"a=\xff", 1000), "The parameter is not valid UTF-8.");
    assert_eq!(refused("a=%ff", 1000), "The parameter is not valid UTF-8.");
    assert_eq!(
        pairs(&parsed(b"a=1&b=x%ffy&\xe4=z", LENIENT)),
        [("a", "1"), ("b", "x\u{fffd}y"), ("\u{fffd}", "z")]
    );
}

#[test]
fn a_character_cannot_straddle_two_parameters() {
    for raw in ["a=%C3&%A9=x", "%C3=%A9", "%C3&%A9"] {
        assert_eq!(refused(raw, 1000), "The parameter is not valid UTF-8.", "{raw}");
    }
}

#[test]
fn more_parameters_than_the_limit_are_refused() {
    assert_eq!(refused("a&b&c", 2), "A request may have at most 2 parameters.");
    let mut params = Params::from([("a", "1")]);
    assert!(parse_urlencoded(&mut params, b"b&c", Decoding::default(), 3).is_ok());
    assert!(
        parse_urlencoded(&mut params, b"d", Decoding::default(), 3).is_err(),
        "the limit is of both together"
    );
}

#[test]
fn a_second_text_is_added_after_the_first() {
    let mut params = parsed("a=1", Decoding::default());
    parse_urlencoded(&mut params, "a=%C3%A9&b=2".as_bytes(), Decoding::default(), 10).expect("parameters");
    assert_eq!(pairs(&params), [("a", "1"), ("a", "é"), ("b", "2")]);
}

#[test]
fn set_replaces_append_adds_and_remove_removes() {
    let mut params = Params::from([("a", "1"), ("b", "2"), ("a", "3")]);
    params.set("a", ["4", "5"]);
    assert_eq!(pairs(&params), [("b", "2"), ("a", "4"), ("a", "5")]);
    params.append("b", String::from("6"));
    params.remove("a");
    assert_eq!(pairs(&params), [("b", "2"), ("b", "6")]);
    params.set("b", [""; 0]);
    assert!(params.is_empty());
}

#[test]
fn files_and_texts_of_one_name_are_kept_apart() {
    let mut params = Params::from([("f", "text")]);
    params.append_file(file("f", "a.txt"));
    params.append_file(file("f", "b.txt"));
    assert_eq!(params.get_all("f").collect::<Vec<_>>(), ["text"]);
    assert_eq!(params.file("f").map(MultipartFile::filename), Some("a.txt"));
    assert_eq!(params.files("f").map(MultipartFile::filename).collect::<Vec<_>>(), ["a.txt", "b.txt"]);
    assert!(params.file("g").is_none());
}

#[test]
fn serialized_it_is_a_map_of_texts_and_lists() {
    let mut params = Params::from([("b", "1"), ("a", "2"), ("b", "3")]);
    params.append_file(file("f", "a.txt"));
    let text = serde_json::to_string(&params).expect("JSON");
    assert_eq!(text, r#"{"b":["1","3"],"a":"2","f":"a.txt"}"#);
    assert_eq!(serde_json::to_value(Params::new()).expect("JSON"), json!({}));
}

#[test]
fn the_debug_text_shows_each_value() {
    assert_eq!(format!("{:?}", Params::from([("a", "1"), ("a", "2")])), r#"{"a": "1", "a": "2"}"#);
}
