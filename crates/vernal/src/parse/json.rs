//! JSON bodies (RFC 8259).

use memchr::{memchr2, memchr2_iter};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{HttpError, Limits};

/// The nesting at which serde_json itself gives up; a text is looked through beforehand only for a smaller limit.
const LIBRARY_DEPTH: usize = 128;

/// How much of an error text, which may quote the client's own, is passed on.
const EXPLAIN_BYTES: usize = 300;

/// Reads a JSON body.
///
/// Fails with 400 if the text is not JSON, begins with a byte order mark (RFC 8259 section 8.1), is nested deeper
/// than `limits.json_depth`, or does not fit `T`.
pub(crate) fn parse_json<T: DeserializeOwned>(text: &[u8], limits: &Limits) -> Result<T, HttpError> {
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(HttpError::bad_request("The body should be a JSON text without a byte order mark."));
    }
    if limits.json_depth < LIBRARY_DEPTH {
        check_depth(text, limits.json_depth)?;
    }
    serde_json::from_slice(text).map_err(|error| {
        let mut text = error.to_string();
        if text.starts_with("recursion limit exceeded") {
            return too_deep(LIBRARY_DEPTH);
        }
        text.truncate(text.floor_char_boundary(EXPLAIN_BYTES));
        HttpError::bad_request(match error.classify() {
            Category::Data => format!("The JSON text of the body does not fit: {text}"),
            Category::Io | Category::Syntax | Category::Eof => {
                format!("The body should be a JSON text: {text}")
            }
        })
    })
}

/// Refuses a text whose arrays and objects are nested more than `limit` deep; it need not be JSON otherwise.
pub(crate) fn check_depth(text: &[u8], limit: usize) -> Result<(), HttpError> {
    // most texts have not even so many
    if memchr2_iter(b'[', b'{', text).nth(limit).is_none() {
        return Ok(());
    }
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return Err(too_deep(limit));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(rest),
            _ => {}
        }
    }
    Ok(())
}

/// What follows the string whose opening quote is before `text`.
fn after_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        if rest[at] == b'"' {
            return &rest[at + 1..];
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    &[]
}

fn too_deep(limit: usize) -> HttpError {
    HttpError::bad_request(format!("The body should be a JSON text nested at most {limit} deep."))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused<T: DeserializeOwned + std::fmt::Debug>(text: &[u8], limits: &Limits) -> String {
        let error = parse_json::<T>(text, limits).expect_err("a text that is refused");
        assert_eq!(error.code(), 400);
        error.explain_text().to_owned()
    }

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn a_json_text_becomes_a_value() {
        let value: Value = parse_json(br#" {"a": [1, "x", null]} "#, &Limits::default()).expect("JSON");
        assert_eq!(value, json!({"a": [1, "x", null]}));
    }

    #[test]
    fn what_is_not_json_is_refused_with_the_place() {
        let limits = Limits::default();
        assert_eq!(
            refused::<Value>(b"{", &limits),
            "The body should be a JSON text: EOF while parsing an object at line 1 column 1"
        );
        assert_eq!(
            refused::<Value>(b"", &limits),
            "The body should be a JSON text: EOF while parsing a value at line 1 column 0"
        );
        assert_eq!(
            refused::<Value>(b"1 2", &limits),
            "The body should be a JSON text: trailing characters at line 1 column 3"
        );
        for text in [&b"\"\xff\""[..], b"NaN", b"[1,]", b"\"\\ud800\""] {
            assert!(refused::<Value>(text, &limits).starts_with("The body should be a JSON text: "));
        }
    }

    #[test]
    fn a_byte_order_mark_is_refused_with_a_text_of_its_own() {
        assert_eq!(
            refused::<Value>(b"\xef\xbb\xbf{}", &Limits::default()),
            "The body should be a JSON text without a byte order mark."
        );
    }

    #[test]
    fn a_value_of_another_type_does_not_fit() {
        assert_eq!(
            refused::<Vec<u8>>(b"{}", &Limits::default()),
            "The JSON text of the body does not fit: invalid type: map, expected a sequence at line 1 column 0"
        );
    }

    #[test]
    fn an_error_does_not_repeat_a_long_text() {
        let text = format!("\"{}\"", "é".repeat(10_000));
        assert!(refused::<u8>(text.as_bytes(), &Limits::default()).len() < 400);
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "The body should be a JSON text nested at most 128 deep.";
        assert!(parse_json::<Value>(nested(127).as_bytes(), &Limits::default()).is_ok());
        assert_eq!(refused::<Value>(nested(129).as_bytes(), &Limits::default()), deep);
        assert_eq!(refused::<Value>("[".repeat(1_000_000).as_bytes(), &Limits::default()), deep);
        let limits = Limits::default().json_depth(3);
        assert!(parse_json::<Value>(nested(3).as_bytes(), &limits).is_ok());
        assert_eq!(
            refused::<Value>(nested(4).as_bytes(), &limits),
            "The body should be a JSON text nested at most 3 deep."
        );
        assert_eq!(
            refused::<Value>(br#"{"a":{"a":{"a":[]}}}"#, &limits),
            "The body should be a JSON text nested at most 3 deep."
        );
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(check_depth(br#"["[[[[", "\"[[[", "\\", {"]]": "\\\"{{{"}]"#, 2), Ok(()));
        assert_eq!(check_depth(br#"["\\", []]"#, 2), Ok(()));
        assert!(check_depth(br#"["\\", [[]]]"#, 2).is_err());
    }

    #[test]
    fn the_depth_of_what_is_not_json_is_checked_without_trouble() {
        for text in [&b"\""[..], b"\"\\", b"]]]]", b"\\\"["] {
            assert_eq!(check_depth(text, 1), Ok(()));
        }
    }

    #[test]
    fn many_values_side_by_side_are_not_deep() {
        let text = format!("[{}[]]", "[],".repeat(10_000));
        assert!(parse_json::<Value>(text.as_bytes(), &Limits::default().json_depth(2)).is_ok());
    }
}
