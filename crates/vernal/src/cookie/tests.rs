//! What is promised about reading and writing cookies.

use proptest::prelude::*;

use super::*;
use crate::properties::run_for;

fn parsed(fields: &[&str]) -> Vec<(String, String)> {
    let headers: Headers = fields.iter().map(|field| ("Cookie", field)).collect();
    Cookies::parse(&headers).into_iter().map(|cookie| (cookie.name, cookie.value)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn written(cookie: Cookie) -> String {
    cookie.to_header().expect("valid cookie").to_str().expect("ASCII").to_owned()
}

fn refused(cookie: Cookie) -> String {
    cookie.to_header().expect_err("invalid cookie").to_string()
}

#[test]
fn pairs_are_read_in_order_and_the_last_of_a_name_wins() {
    assert_eq!(parsed(&["b=\"q w\"; a=1; a=2"]), pairs(&[("b", "q w"), ("a", "2")])); // spec B074
    assert_eq!(parsed(&["a=1;b=2;  c = 3 "]), pairs(&[("a", "1"), ("b", "2"), ("c", "3")]));
    assert_eq!(parsed(&["a=b=c; empty="]), pairs(&[("a", "b=c"), ("empty", "")]));
    assert_eq!(parsed(&[]), []);
}

#[test]
fn several_cookie_fields_are_one_list() {
    assert_eq!(parsed(&["a=1; b=2", "c=3; a=4"]), pairs(&[("a", "4"), ("b", "2"), ("c", "3")]));
}

#[test]
fn a43_a_malformed_pair_does_not_hide_the_others() {
    for malformed in
        ["a/b=1", "a[b]=1", "a,b=1", "(x)=1", "a@b=1", "{}=1", "flag", "=1", "a b=1", "x=a\tb", ""]
    {
        assert_eq!(
            parsed(&[&format!("k=1; {malformed}; l=2")]),
            pairs(&[("k", "1"), ("l", "2")]),
            "{malformed}"
        );
    }
}

#[test]
fn attributes_of_obsolete_cookies_are_skipped() {
    assert_eq!(parsed(&["$Version=1; a=1; $Path=/; b=2"]), pairs(&[("a", "1"), ("b", "2")]));
    assert_eq!(parsed(&["path=/x; expires=never"]), pairs(&[("path", "/x"), ("expires", "never")]));
}

#[test]
fn quoted_values_are_unquoted() {
    assert_eq!(parsed(&[r#"q="needs quoting\073 yes""#]), pairs(&[("q", "needs quoting; yes")]));
    assert_eq!(parsed(&[r#"q="a \"b\" \\ c""#]), pairs(&[("q", r#"a "b" \ c"#)]));
    assert_eq!(parsed(&[r#"q="\344\270\255""#]), pairs(&[("q", "中")]));
    assert_eq!(parsed(&[r#"q="\344""#]), pairs(&[("q", "ä")]));
    assert_eq!(parsed(&[r#"q="\09\4""#]), pairs(&[("q", "094")]));
    assert_eq!(parsed(&[r#"q="end\""#]), pairs(&[("q", "end\\")]));
    for as_it_is in ["\"", "\"open", "shut\"", "a\"b\"c", "\\073", "中"] {
        assert_eq!(parsed(&[&format!("q={as_it_is}")]), pairs(&[("q", as_it_is)]));
    }
}

#[test]
fn a_quote_cannot_swallow_the_cookies_that_follow() {
    assert_eq!(
        parsed(&[r#"a="x; session=secret; b=y""#]),
        pairs(&[("a", "\"x"), ("session", "secret"), ("b", "y\"")])
    );
}

#[test]
fn values_that_are_not_utf_8_are_read_as_latin_1() {
    let mut headers = Headers::new();
    let field = HeaderValue::from_bytes(b"a=gr\xfcn; b=2").expect("field value");
    headers.as_map_mut().append(COOKIE, field);
    assert_eq!(Cookies::parse(&headers), Cookies::from([("a", "grün"), ("b", "2")]));
}

#[test]
fn no_more_than_two_hundred_cookies_are_read() {
    let many: Vec<String> = (0..1000).map(|n| format!("n{n}={n}")).collect();
    let cookies = parsed(&[&many.join("; ")]);
    assert_eq!(cookies.len(), 200);
    assert_eq!(cookies[199], ("n199".to_owned(), "199".to_owned()));
}

#[test]
fn attributes_are_written_in_the_order_of_the_specification() {
    let cookie = Cookie::new("k", "v")
        .secure(true)
        .same_site(SameSite::None)
        .path("/p")
        .max_age(Duration::from_millis(60_900))
        .http_only(true)
        .expires(UNIX_EPOCH + Duration::from_secs(784_111_777))
        .domain("example.org");
    assert_eq!(
        written(cookie),
        "k=v; Domain=example.org; expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly; Max-Age=60; Path=/p; \
         SameSite=None; Secure"
    );
    assert_eq!(
        written(Cookie::new("k", "v").max_age(Duration::from_secs(60)).path("/p")),
        "k=v; Max-Age=60; Path=/p"
    );
}

#[test]
fn values_are_quoted_as_python_does() {
    for (value, text) in [
        ("", "k="),
        ("plain:1.2-3", "k=plain:1.2-3"),
        ("needs quoting; yes", r#"k="needs quoting\073 yes""#),
        ("a,b", r#"k="a\054b""#),
        ("a/b=c", r#"k="a/b=c""#),
        (r#"a"b\c"#, r#"k="a\"b\\c""#),
        ("a\r\nX-Evil: 1", r#"k="a\015\012X-Evil: 1""#),
        ("中", r#"k="\344\270\255""#),
    ] {
        assert_eq!(written(Cookie::new("k", value)), text);
    }
}

#[test]
fn what_would_split_the_response_is_refused() {
    assert_eq!(
        refused(Cookie::new("k", "v").domain("a;b")),
        r#"cookie "k" cannot be sent: its Domain "a;b" contains `;` or a control character"#
    );
    assert_eq!(
        refused(Cookie::new("k", "v").path("/\0")),
        r#"cookie "k" cannot be sent: its Path "/\0" contains `;` or a control character"#
    );
    for name in ["", "a b", "a;b", "a=b", "a\r\nb", "中", "a:b", "a\"b"] {
        assert_eq!(
            refused(Cookie::new(name, "v")),
            format!("cookie {name:?} cannot be sent: its name is not a token (RFC 9110 section 5.6.2)")
        );
    }
}

#[test]
fn times_that_http_cannot_write_become_the_nearest_ones() {
    let early = Cookie::new("k", "v").expires(UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(written(early), "k=v; expires=Thu, 01 Jan 1970 00:00:00 GMT");
    let late = Cookie::new("k", "v").expires(UNIX_EPOCH + LAST_DATE + Duration::from_secs(1));
    assert_eq!(written(late), "k=v; expires=Fri, 31 Dec 9999 23:59:59 GMT");
}

#[test]
fn whatever_a_client_sends_reading_never_panics() {
    run_for(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4), |fields| {
        let mut headers = Headers::new();
        for field in fields.iter().filter_map(|field| HeaderValue::from_bytes(field).ok()) {
            headers.as_map_mut().append(COOKIE, field);
        }
        prop_assert!(Cookies::parse(&headers).len() <= MAX_COOKIES);
        Ok(())
    });
    run_for("[ab$=;\" \\\\0-9,\u{e4}]{0,80}", |field| {
        check(&HeaderValue::try_from(field).expect("a field"));
        Ok(())
    });
}

#[test]
fn every_value_that_is_written_is_read_again() {
    let name = "[a-zA-Z0-9!#%&'*+.^_`|~-]{1,12}";
    run_for(prop::collection::vec((name, any::<String>()), 0..10), |pairs| {
        let cookies: Cookies = pairs.iter().map(|(name, value)| Cookie::new(name, value)).collect();
        let mut written = Vec::new();
        for cookie in &cookies {
            let header = cookie.to_header().map_err(|error| TestCaseError::fail(error.to_string()))?;
            written.push(header.to_str().map_err(|error| TestCaseError::fail(error.to_string()))?.to_owned());
        }
        let headers = Headers::from([("Cookie", written.join("; "))]);
        prop_assert_eq!(Cookies::parse(&headers), cookies);
        Ok(())
    });
}
