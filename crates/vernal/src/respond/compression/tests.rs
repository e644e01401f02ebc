//! Who wants which coding, which types are meant, and what a response varies by.

use http::header::{ACCEPT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::properties::run_for;

fn fields(name: http::header::HeaderName, values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (name.clone(), value.parse().expect("a value"))).collect()
}

fn chosen(fields_of_accept_encoding: &[&str]) -> Option<Coding> {
    let offered = [Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Deflate];
    negotiate::choose(&fields(ACCEPT_ENCODING, fields_of_accept_encoding), offered.into_iter())
}

#[test]
fn the_client_gets_what_it_likes_best_and_of_equals_what_the_server_does() {
    let (gzip, br, zstd, deflate) =
        (Some(Coding::Gzip), Some(Coding::Brotli), Some(Coding::Zstd), Some(Coding::Deflate));
    for (field, expected) in [
        ("gzip", gzip),
        ("x-gzip", gzip),
        ("GZip ; Q=0.5", gzip),
        ("gzip, deflate, br, zstd", zstd),
        ("gzip, deflate, br", br),
        ("deflate, gzip;q=1.0, *;q=0.5", gzip),
        ("gzip;q=0.8, deflate;q=0.9", deflate),
        ("gzip;q=0.001", gzip),
        ("*", zstd),
        ("*, zstd;q=0", br),
        ("gzip, *;q=0", gzip),
        ("gzip;q=0.5, identity;q=0.5", gzip),
        ("gzip;q=0.4, identity;q=0.5", None),
        ("identity", None),
        ("identity;q=0, br", br),
        // nothing is acceptable: the field is disregarded (section 12.5.3)
        ("identity;q=0", None),
        ("*;q=0", None),
        ("", None),
        ("gzip;q=0", None),
        ("gzip;q=0.000", None),
        ("gzipfoo, compress", None),
        // malformed members are passed over
        ("gzip;q=2", None),
        ("gzip;q=0.1234", None),
        ("gzip;q=-1", None),
        ("gzip;level=9", None),
        ("gzip;q=", None),
        (";;;,,,=, deflate", deflate),
        ("gzip;q=0, gzip;q=1", None),
    ] {
        assert_eq!(chosen(&[field]), expected, "{field:?}");
    }
    assert_eq!(chosen(&[]), None, "who does not ask gets what everybody can read");
    assert_eq!(chosen(&["br;q=0.1", "gzip;q=0.2"]), gzip, "two fields are one list");
}

#[test]
fn nobody_gets_a_coding_that_was_not_asked_for() {
    run_for(
        "[a-z;=,.*0-9 \t]{0,60}|((gzip|br|zstd|\\*|identity)(;q=[01](\\.[0-9]{0,4})?)?, ?){0,6}",
        |field| {
            let coding = chosen(&[&field]);
            let is_named = coding.is_none_or(|coding| field.contains(coding.name()) || field.contains('*'));
            prop_assert!(is_named, "{:?} for {:?}", coding, field);
            Ok(())
        },
    );
}

#[test]
fn media_types_are_compared_without_case_and_parameters() {
    for (range, matching, others) in [
        (
            "text/html",
            &["text/html", "TEXT/HTML; charset=utf-8", "text/html;x"][..],
            &["text/htmlx", "text/plain", "", "text"][..],
        ),
        ("Text/*", &["text/html", "text/x; q=1"], &["textual/html", "application/text"]),
        (
            "application/*+json",
            &["application/problem+json", "application/a+JSON; x"],
            &["application/json", "application/+json", "image/a+json"],
        ),
    ] {
        let parsed = MediaRange::parse(range).expect("a media type");
        for content_type in matching {
            assert!(parsed.matches(content_type.as_bytes()), "{range} is {content_type}");
        }
        for content_type in others {
            assert!(!parsed.matches(content_type.as_bytes()), "{range} is not {content_type}");
        }
    }
}

#[test]
fn beginnings_are_compared_with_the_whole_field() {
    for (beginning, matching, others) in [
        ("text/", &["text/html", " TEXT/plain; charset=utf8"][..], &["textual/html", "text", ""][..]),
        ("Text", &["text/html", "textual/html"], &["application/text"]),
        (
            "application/json; charset=utf8",
            &["application/json; charset=utf8", "Application/JSON; Charset=UTF8; x"],
            &["application/json", "application/json;charset=utf8"],
        ),
        ("", &["text/html", ""], &[]),
    ] {
        let rules = Compression::gzip([""; 0], 9).types_that_begin([beginning]).check().expect("rules");
        let is_meant =
            |content_type: &str| rules.types.iter().any(|range| range.matches(content_type.as_bytes()));
        for content_type in matching {
            assert!(is_meant(content_type), "{content_type} begins with {beginning}");
        }
        for content_type in others {
            assert!(!is_meant(content_type), "{content_type} does not begin with {beginning}");
        }
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let text = |compression: Compression| compression.check().err().map(|error| error.to_string());
    assert_eq!(text(Compression::new()), None);
    assert_eq!(text(Compression::gzip([""; 0], 9)), None, "no type: nothing is compressed");
    for wrong in [
        "",
        "html",
        "text/",
        "/html",
        "*/*",
        "text/html; charset=utf-8",
        "text/ html",
        "application/*+",
        "a/b/c",
    ] {
        let found = text(Compression::new().types([wrong])).unwrap_or_default();
        assert!(found.starts_with(&format!("compression: {wrong:?} is no media type such as")), "{found}");
    }
    for (coding, level, levels) in [
        (Coding::Gzip, 10, "0 to 9"),
        (Coding::Deflate, 99, "0 to 9"),
        (Coding::Brotli, 12, "0 to 11"),
        (Coding::Zstd, 0, "1 to 19"),
    ] {
        let found = text(Compression::new().level(coding, level)).unwrap_or_default();
        assert_eq!(found, format!("compression: the levels of {coding} are {levels}, not {level}"));
    }
    assert_eq!(
        text(Compression::new().codings([])).as_deref(),
        Some("compression: there has to be a coding, or no compression at all")
    );
}

#[test]
fn vary_is_merged_and_not_repeated() {
    for (before, after) in [
        (&[][..], "Accept-Encoding"),
        (&[""], "Accept-Encoding"),
        (&["Cookie"], "Cookie, Accept-Encoding"),
        (&["Cookie", "Accept"], "Cookie, Accept, Accept-Encoding"),
        (&["accept-encoding"], "accept-encoding"),
        (&["Cookie, ACCEPT-ENCODING"], "Cookie, ACCEPT-ENCODING"),
        (&["*"], "*"),
    ] {
        let mut headers = fields(VARY, before);
        vary(&mut headers);
        assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), [&HeaderValue::from_static(after)]);
    }
}
