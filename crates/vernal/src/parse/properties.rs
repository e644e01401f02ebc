//! Promises of the parsers about any input, tried with random ones.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use crate::parse::Params;
use crate::parse::json::{check_depth, parse_json};
use crate::parse::multipart::pieces::{self, Chunks, described, parse};
use crate::parse::params::parse_urlencoded;
use crate::parse::target::{Decoding, decode_path};
use crate::properties::run_for;
use crate::{HttpError, Limits};

/// Bytes with many of those that mean something to a parser.
fn bytes_with(special: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => proptest::sample::select(special), 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

fn decoding() -> impl Strategy<Value = Decoding> {
    (any::<bool>(), any::<bool>()).prop_map(|(strict, plus_is_space)| Decoding { strict, plus_is_space })
}

/// The simplest percent-encoding: every byte.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn refused_with_400(error: &HttpError) -> Result<(), TestCaseError> {
    prop_assert_eq!(error.code(), 400);
    prop_assert!(!error.explain_text().is_empty());
    Ok(())
}

#[test]
fn any_path_is_decoded_or_refused_with_400() {
    let path =
        bytes_with(b"/%%0123abF+.\xc3\xa9").prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    run_for((path, decoding()), |(path, decoding)| {
        match decode_path(&path, decoding) {
            Ok(None) => prop_assert!(!path.starts_with("//")),
            Ok(Some(decoded)) => {
                prop_assert_ne!(&*decoded, &*path);
                prop_assert!(decoded.len() <= path.len() * 3 && !decoded.starts_with("//"));
            }
            Err(error) => refused_with_400(&error)?,
        }
        Ok(())
    });
}

#[test]
fn an_encoded_path_decodes_to_the_original() {
    run_for("[^/\0]{0,20}", |text| {
        let raw = format!("/{}", encoded(&text));
        let decoded = decode_path(&raw, Decoding::default()).expect("a path");
        prop_assert_eq!(decoded.as_deref().unwrap_or(&raw), format!("/{text}"));
        Ok(())
    });
}

#[test]
fn any_query_is_parsed_or_refused_with_400() {
    run_for((bytes_with(b"&&==%%02fF+a\xc3\xa9"), decoding()), |(raw, decoding)| {
        let mut params = Params::from([("before", "x")]);
        let items = if raw.is_empty() { 0 } else { raw.split(|byte| *byte == b'&').count() };
        match parse_urlencoded(&mut params, &raw, decoding, 50) {
            Ok(()) => {
                prop_assert!(items < 50);
                prop_assert_eq!(params.iter().count(), items + 1);
                prop_assert_eq!(params.get("before"), Some("x"));
            }
            Err(error) => {
                prop_assert!(decoding.strict || items >= 50);
                refused_with_400(&error)?;
            }
        }
        Ok(())
    });
}

#[test]
fn an_encoded_query_decodes_to_the_original() {
    run_for(proptest::collection::vec((any::<String>(), any::<String>()), 1..20), |pairs| {
        let items: Vec<_> = pairs.iter().map(|(name, value)| encoded(name) + "=" + &encoded(value)).collect();
        let mut params = Params::new();
        parse_urlencoded(&mut params, items.join("&").as_bytes(), Decoding::default(), 1000)
            .expect("parameters");
        let parsed: Vec<_> = params.iter().filter_map(|(name, value)| Some((name, value.text()?))).collect();
        prop_assert_eq!(parsed, pairs.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn the_depth_check_agrees_with_a_parsed_json_text() {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[\\[\\]{}\"\\\\a]*".prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(8, 64, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[\\[\\]{}\"\\\\a]*", inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    });
    run_for((value, any::<bool>(), 0..12_usize), |(value, pretty, limit)| {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(check_depth(text.as_bytes(), limit).is_ok(), depth(&value) <= limit);
        let parsed = parse_json::<Value>(text.as_bytes(), &Limits::default().json_depth(limit));
        prop_assert_eq!(parsed.ok(), (depth(&value) <= limit).then_some(value));
        Ok(())
    });
}

#[test]
fn any_json_text_is_parsed_or_refused_with_400() {
    run_for((bytes_with(b"[]{}\"\\,:1.e-tru nl"), 0..6_usize), |(text, limit)| {
        if let Err(error) = parse_json::<Value>(&text, &Limits::default().json_depth(limit)) {
            refused_with_400(&error)?;
        }
        Ok(())
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

const CONTENT_TYPE: &str = "multipart/form-data; boundary=\"-B-\"";

#[test]
fn any_multipart_body_means_the_same_however_it_is_cut() {
    let piece = prop_oneof![
        4 => proptest::sample::select(&[
            "\r\n---B-", "\r\n", "---B-", "--", "-B-", "\r\n\r\n", "Content-Disposition: form-data", "; name=\"a\"",
            "; filename=\"b\"", "\r\nContent-Type: text/plain", "\r\n---B-\r\nContent-Disposition: form-data; name=a\r\n\r\n",
            "\r\n---B--\r\n", "; filename*=utf-8''%41", "\\", "\"", ";",
        ][..]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    let body = proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat());
    let places = proptest::collection::vec(any::<usize>(), 0..30);
    let runtime = runtime();
    run_for((body, places, 0..20_usize), |(body, places, spool_bytes)| {
        runtime.block_on(pieces::check(&body, CONTENT_TYPE, &places, spool_bytes));
        Ok(())
    });
}

/// A part of a well-formed body: name, file name, content.
type Part = (String, Option<String>, Vec<u8>);

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let name = "[a-zé;=' ]{1,8}";
    let text = any::<String>().prop_map(String::into_bytes);
    let bytes = bytes_with(b"\r\n--B-\0");
    let part = prop_oneof![
        (name, text).prop_map(|(name, content)| (name, None, content)),
        (name, "[a-zé;:=. ]{1,12}", bytes).prop_map(|(name, filename, content)| (
            name,
            Some(filename),
            content
        )),
    ];
    let part = part.prop_filter("content with a boundary", |(_, _, content)| {
        memchr::memmem::find(&[b"\r\n", &content[..]].concat(), b"\r\n---B-").is_none()
    });
    proptest::collection::vec(part, 0..6)
}

fn body_of(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, content) in parts {
        body.extend_from_slice(
            format!("---B-\r\nContent-Disposition: form-data; name=\"{name}\"").as_bytes(),
        );
        if let Some(filename) = filename {
            body.extend_from_slice(
                format!("; filename=\"{filename}\"\r\nContent-Type: text/plain").as_bytes(),
            );
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"---B---\r\n");
    body
}

#[test]
fn a_well_formed_multipart_body_is_what_was_written_and_what_multer_reads() {
    let runtime = runtime();
    run_for((parts(), proptest::collection::vec(any::<usize>(), 0..30)), |(parts, places)| {
        let body = body_of(&parts);
        runtime.block_on(async {
            let params = parse(Chunks::cut(&body, &places), CONTENT_TYPE, &Limits::default()).await;
            let params = params.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let expected: Vec<_> =
                parts.into_iter().map(|(name, filename, content)| (name, filename, content.into())).collect();
            prop_assert_eq!(&described(&params).await, &expected);

            let mut multer = multer::Multipart::new(Chunks::cut(&body, &[]), "-B-");
            let mut read = Vec::new();
            while let Some(field) =
                multer.next_field().await.map_err(|error| TestCaseError::fail(error.to_string()))?
            {
                let (name, filename) =
                    (field.name().map(str::to_owned), field.file_name().map(str::to_owned));
                let content = field.bytes().await.map_err(|error| TestCaseError::fail(error.to_string()))?;
                read.push((name.unwrap_or_default(), filename, content));
            }
            prop_assert_eq!(read, expected);
            Ok(())
        })
    });
}
