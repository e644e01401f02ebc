//! `from_params`: what each type of field takes, and the errors that name the parameter.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::parse::MultipartFile;
use crate::properties::run_for;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
    Green,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Meters(f64);

#[derive(Debug, PartialEq, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Everything {
    name: String,
    age: u8,
    height: Meters,
    male: bool,
    grade: char,
    color: Color,
    nick_name: Option<String>,
    skills: Vec<String>,
    levels: Vec<i32>,
    pair: (i64, f32),
    at: Point,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct One<T> {
    x: T,
}

fn read<T: DeserializeOwned>(pairs: &[(&str, &str)]) -> T {
    from_params(&pairs.iter().copied().collect()).expect("a value")
}

fn one<T: DeserializeOwned>(text: &str) -> T {
    read::<One<T>>(&[("x", text)]).x
}

fn refused<T: DeserializeOwned + Debug>(params: &Params) -> (String, String) {
    let error = from_params::<T>(params).expect_err("an error");
    assert_eq!(error.code(), 400);
    (error.message_text().to_owned(), error.explain_text().to_owned())
}

fn refused_one<T: DeserializeOwned + Debug>(text: &str) -> String {
    let (message, explain) = refused::<One<T>>(&Params::from([("x", text)]));
    assert_eq!(message, "Bad Request");
    explain
}

#[test]
fn every_kind_of_field_is_read() {
    let everything: Everything = read(&[
        ("name", "Keijack"),
        ("age", "16"),
        ("height", "1.75"),
        ("male", "true"),
        ("grade", "é"),
        ("color", "green"),
        ("skills", "python"),
        ("levels", "3"),
        ("skills", "rust"),
        ("levels", "-4"),
        ("pair", "7"),
        ("pair", "1e3"),
        ("at", r#"{"x": 1, "y": 2}"#),
        ("unknown", "passed over"),
    ]);
    assert_eq!(
        everything,
        Everything {
            name: "Keijack".into(),
            age: 16,
            height: Meters(1.75),
            male: true,
            grade: 'é',
            color: Color::Green,
            nick_name: None,
            skills: vec!["python".into(), "rust".into()],
            levels: vec![3, -4],
            pair: (7, 1000.0),
            at: Point { x: 1, y: 2 },
            notes: vec![],
        }
    );
}

#[test]
fn a_map_is_read_whole() {
    let pairs = [("a", "1"), ("b", "2"), ("a", "3")];
    assert_eq!(
        read::<HashMap<String, String>>(&pairs),
        HashMap::from([("a".into(), "1".into()), ("b".into(), "2".into())])
    );
    assert_eq!(
        read::<BTreeMap<String, Vec<u8>>>(&pairs),
        BTreeMap::from([("a".into(), vec![1, 3]), ("b".into(), vec![2])])
    );
    assert_eq!(read::<BTreeMap<u8, bool>>(&[("1", "x")]), BTreeMap::from([(1, true)]));
}

#[test]
fn a_scalar_takes_the_first_of_several_values() {
    assert_eq!(read::<One<i32>>(&[("x", "1"), ("x", "y")]).x, 1);
    assert_eq!(read::<One<String>>(&[("x", "1"), ("x", "y")]).x, "1");
}

#[test]
fn zero_false_and_nothing_are_false() {
    for text in ["0", "false", "FALSE", "False", ""] {
        assert!(!one::<bool>(text), "{text}");
    }
    for text in ["1", "true", "no", " ", "00"] {
        assert!(one::<bool>(text), "{text}");
    }
}

#[test]
fn numbers_may_have_spaces_around_and_a_sign() {
    assert_eq!(one::<i32>(" +7 "), 7);
    assert_eq!(one::<u128>("340282366920938463463374607431768211455"), u128::MAX);
    assert_eq!(one::<f64>("-1.5E2"), -150.0);
    assert!(one::<f32>("nan").is_nan());
}

#[test]
fn what_is_no_number_is_refused_with_the_name() {
    for text in ["", "a", "1.5", "1 2", "99999999999"] {
        assert_eq!(refused_one::<i32>(text), "Parameter[x] should be an int.");
    }
    assert_eq!(refused_one::<u8>("256"), "Parameter[x] should be an int.");
    assert_eq!(refused_one::<u8>("-1"), "Parameter[x] should be an int.");
    assert_eq!(refused_one::<f64>("a"), "Parameter[x] should be a float.");
    assert_eq!(refused_one::<Vec<i32>>("a"), "Parameter[x] should be an int.");
    assert_eq!(refused_one::<Option<i32>>(""), "Parameter[x] should be an int.");
}

#[test]
fn an_absent_parameter_is_missing() {
    let missing = ("Missing Parameter".to_owned(), "Parameter[x] is required.".to_owned());
    assert_eq!(refused::<One<i32>>(&Params::new()), missing);
    assert_eq!(refused::<One<Vec<i32>>>(&Params::from([("X", "1")])), missing);
    assert_eq!(read::<One<Option<i32>>>(&[]).x, None);
}

#[test]
fn other_misfits_are_refused_with_the_name() {
    assert_eq!(refused_one::<char>("ab"), "Parameter[x] should be a single character.");
    assert_eq!(refused_one::<Color>("blue"), "Parameter[x] should be one of red, green.");
    assert_eq!(refused_one::<(i32, i32)>("1"), "Parameter[x] should be there 2 times.");
    for text in ["", "[]", "{", r#"{"x": 1}"#, r#"{"x": 1, "y": 2} {}"#] {
        assert_eq!(refused_one::<Point>(text), "Parameter[x] should be a JSON string.");
    }
    assert_eq!(
        refused_one::<std::net::Ipv4Addr>("local"),
        "Parameter[x] cannot be read: invalid IPv4 address syntax"
    );
}

#[test]
fn an_error_does_not_repeat_a_long_name_or_text() {
    let long = "é".repeat(10_000);
    let (_, explain) = refused::<HashMap<String, i32>>(&Params::from([(&long, "x")]));
    assert!(explain.len() < 400 && explain.ends_with("é] should be an int."), "{explain}");
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Fussy;
    impl TryFrom<String> for Fussy {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            Err(text)
        }
    }
    assert!(refused_one::<Fussy>(&long).len() < 400);
}

#[test]
fn an_unknown_parameter_is_named_where_it_is_denied() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {}
    assert_eq!(
        refused::<Strict>(&Params::from([("y", "1")])).1,
        "Parameter[y] cannot be read: nobody asked for it"
    );
}

/// `spec/08` C13.
#[test]
fn a_file_is_no_text() {
    let mut params = Params::new();
    params.append_file(MultipartFile::from_bytes("x", "a.txt", "text/plain", "1"));
    assert_eq!(refused::<One<String>>(&params).1, "Parameter[x] should be a text, not a file.");
    assert_eq!(refused::<HashMap<String, String>>(&params).1, "Parameter[x] should be a text, not a file.");
    params.append("x", "2");
    assert_eq!(from_params::<One<i32>>(&params).expect("the text").x, 2);
}

#[test]
fn a_type_that_is_no_map_is_an_error() {
    assert!(refused::<i32>(&Params::new()).1.starts_with("The parameters cannot be read: invalid type: map"));
    assert_eq!(from_params::<()>(&Params::new()), Ok(()));
    assert_eq!(from_params::<Option<One<u8>>>(&Params::from([("x", "1")])), Ok(Some(One { x: 1 })));
}

#[test]
fn any_parameters_are_read_or_refused_with_400() {
    let name = prop_oneof!["name|age|height|male|grade|color|skills|levels|pair|at|x", any::<String>()];
    let value = prop_oneof!["[0-9]{1,3}", "red|true|\\{\"x\":1,\"y\":2\\}", any::<String>()];
    run_for(proptest::collection::vec((name, value), 0..24), |pairs| {
        let params: Params = pairs.iter().map(|(name, value)| (name, value)).collect();
        if let Err(error) = from_params::<Everything>(&params) {
            prop_assert_eq!(error.code(), 400);
            prop_assert!(error.explain_text().starts_with("Parameter["), "{}", error);
        }
        let map = from_params::<HashMap<String, Vec<String>>>(&params)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(map.values().map(Vec::len).sum::<usize>(), params.len());
        Ok(())
    });
}
