use proptest::{prop_assert, prop_assert_eq};

use super::forwarded::{Element, parse};
use super::*;
use crate::properties::run_for;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    headers
}

/// Proxies at 10.x and on the same machine; a request that came from `hop`.
fn said(
    proxies: TrustedProxies,
    hop: &str,
    fields: &[(&str, &str)],
) -> (String, Option<bool>, Option<String>) {
    proxies.check().expect("good addresses");
    let said = proxies.read(&headers(fields), Hop::Address(address(hop)));
    let client = said.client.map_or_else(|| "-".to_owned(), |client| client.to_string());
    (client, said.secure, said.host)
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"])
}

fn client(hop: &str, chain: &str) -> String {
    said(proxies(), hop, &[("X-Forwarded-For", chain)]).0
}

fn rfc_client(chain: &[&str]) -> String {
    let fields: Vec<_> = chain.iter().map(|line| ("Forwarded", *line)).collect();
    said(proxies().forwarded(), "10.0.0.1", &fields).0
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_not_trusted() {
    for (hop, chain, expected) in [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.2.3.4", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1,198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db9::1]:4711, 2001:db8::9", "2001:db9::1"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, unknown", "-"),
        ("10.0.0.1", "198.51.100.7, <script>", "-"),
        ("10.0.0.1", "198.51.100.7, 1.2.3.4:99999999", "-"),
        ("10.0.0.1", "198.51.100.7, 1.2.3.4.5, 10.0.0.2", "-"),
    ] {
        assert_eq!(client(hop, chain), expected, "{hop} <- {chain}");
    }
}

#[test]
fn several_lines_are_one_list() {
    let fields = [
        ("X-Forwarded-For", "1.1.1.1"),
        ("X-Forwarded-For", "198.51.100.7"),
        ("x-forwarded-for", "10.0.0.9"),
    ];
    assert_eq!(said(proxies(), "10.0.0.1", &fields).0, "198.51.100.7");
}

#[test]
fn the_last_scheme_counts_and_a_strange_one_says_nothing() {
    for (value, expected) in [
        ("https", Some(true)),
        ("http, HTTPS", Some(true)),
        ("https, http", Some(false)),
        ("wss", Some(true)),
        ("gopher", None),
    ] {
        assert_eq!(said(proxies(), "10.0.0.1", &[("X-Forwarded-Proto", value)]).1, expected, "{value}");
        assert_eq!(
            said(proxies(), "192.0.2.1", &[("X-Forwarded-Proto", value)]).1,
            None,
            "not trusted: {value}"
        );
    }
}

#[test]
fn a_host_is_believed_where_the_proxies_write_it() {
    let host = |proxies: TrustedProxies, fields: &[(&str, &str)]| said(proxies, "10.0.0.1", fields).2;
    let fields = [("Host", "inside"), ("X-Forwarded-Host", "example.org")];
    assert_eq!(host(proxies(), &fields), None);
    assert_eq!(host(proxies().forwarded_host(), &fields).as_deref(), Some("example.org"));
    for (forwarded, proto, port, expected) in [
        ("example.org", "https", "443", "example.org"),
        ("example.org", "https", "8443", "example.org:8443"),
        ("example.org:81", "http", "82", "example.org:81"),
        ("[::1]", "http", "8080", "[::1]:8080"),
        ("example.org", "http", "none", "example.org"),
        ("user@example.org", "http", "80", "inside"),
        ("exa mple", "http", "80", "inside"),
        ("a/b", "http", "80", "inside"),
    ] {
        let fields = [
            ("Host", "inside"),
            ("X-Forwarded-Host", forwarded),
            ("X-Forwarded-Proto", proto),
            ("X-Forwarded-Port", port),
        ];
        assert_eq!(
            host(proxies().forwarded_host(), &fields).as_deref(),
            Some(expected),
            "{forwarded} {port}"
        );
    }
}

#[test]
fn forwarded_is_read_as_the_document_has_it() {
    // the samples of RFC 7239 section 4
    let element = |line| parse(line).expect("a field").pop().expect("an element");
    assert_eq!(element("for=\"_gazonk\"").node, Some(Node::Hidden));
    assert_eq!(
        element("For=\"[2001:db8:cafe::17]:4711\"").node,
        Some(Node::Address(address("2001:db8:cafe::17")))
    );
    let all = element("for=192.0.2.60;proto=http;by=203.0.113.43;host=\"a\\\"b\"");
    assert_eq!(all.node, Some(Node::Address(address("192.0.2.60"))));
    assert_eq!((all.proto.as_deref(), all.host.as_deref()), (Some("http"), Some("a\"b")));
    assert_eq!(parse("for=192.0.2.43, for=198.51.100.17").map(|elements| elements.len()), Some(2));
    assert_eq!(parse(""), Some(vec![]));
    assert_eq!(parse(" , ;,").map(|elements| elements.len()), Some(0));
    assert_eq!(parse("for=a ; proto=http").map(|elements| elements.len()), Some(1));
    for malformed in [
        "for",
        "for=",
        "=a",
        "for=\"a",
        "for=\"a\\",
        "for=a for=b",
        "for=a;for=b",
        "for=a b",
        "for = a",
        "for=\"a\"b",
    ] {
        assert_eq!(parse(malformed), None, "{malformed}");
    }
    assert_eq!(
        parse("for=1.2.3.4:_x").expect("a field")[0],
        Element { node: Some(Node::Address(address("1.2.3.4"))), ..Element::default() }
    );
}

#[test]
fn the_chain_of_forwarded_leads_to_the_client() {
    assert_eq!(rfc_client(&["for=198.51.100.7"]), "198.51.100.7");
    assert_eq!(rfc_client(&["for=1.1.1.1, for=198.51.100.7", "for=10.0.0.2"]), "198.51.100.7");
    assert_eq!(rfc_client(&["for=unknown", "for=10.0.0.2"]), "-");
    assert_eq!(rfc_client(&["for=1.1.1.1, for=_hidden"]), "-");
    assert_eq!(rfc_client(&["for=1.1.1.1", "proto=https"]), "10.0.0.1", "a proxy that does not say for whom");
    assert_eq!(
        rfc_client(&["for=\"", "for=198.51.100.7"]),
        "198.51.100.7",
        "what is left of the client is not read"
    );
    assert_eq!(rfc_client(&["for=\", for=198.51.100.7"]), "-", "nobody hides behind the proxy's own address");
}

#[test]
fn scheme_and_host_are_those_that_the_client_was_connected_to() {
    let fields = [(
        "Forwarded",
        "for=1.1.1.1;proto=http, for=198.51.100.7;proto=https;host=example.org, for=10.0.0.2;proto=http",
    )];
    let (client, secure, host) = said(proxies().forwarded(), "10.0.0.1", &fields);
    assert_eq!((client.as_str(), secure, host.as_deref()), ("198.51.100.7", Some(true), Some("example.org")));
}

#[test]
fn one_family_of_fields_is_believed() {
    let fields = [("Forwarded", "for=1.1.1.1;proto=https"), ("X-Forwarded-For", "2.2.2.2")];
    assert_eq!(said(proxies(), "10.0.0.1", &fields), ("2.2.2.2".to_owned(), None, None));
    assert_eq!(said(proxies().forwarded(), "10.0.0.1", &fields), ("1.1.1.1".to_owned(), Some(true), None));
}

#[test]
fn a_text_that_is_no_address_is_a_mistake() {
    let error = TrustedProxies::new(["10.0.0.0/33"]).check().expect_err("no network");
    assert_eq!(
        error.to_string(),
        "trusted_proxies: \"10.0.0.0/33\" is no address, no network such as 10.0.0.0/8, and not \"unix\""
    );
    assert!(TrustedProxies::new(["localhost"]).check().is_err());
}

#[test]
fn unix_domain_sockets_are_trusted_by_name() {
    assert!(TrustedProxies::new(["unix"]).trusts(Hop::Unix));
    assert!(!TrustedProxies::new(["0.0.0.0/0", "::/0"]).trusts(Hop::Unix));
    assert!(!TrustedProxies::new(["unix"]).trusts(Hop::Unknown));
}

#[test]
fn bytes_that_are_no_text_hide_nothing() {
    let mut headers = Headers::new();
    let value = http::HeaderValue::from_bytes(b"\xff\xfe, 198.51.100.7").expect("a value");
    headers.as_map_mut().append("x-forwarded-for", value);
    let said = proxies().read(&headers, Hop::Address(address("10.0.0.1")));
    assert_eq!(said.client, Some(address("198.51.100.7")));
}

#[test]
fn no_field_panics() {
    run_for(r#"([ ,;="\\a-z0-9:\[\]._-]|for=|host=|é){0,40}"#, |line| {
        let _ = Node::parse(&line);
        let mut fields = vec![("Forwarded", line.as_str())];
        let _ = said(proxies().forwarded(), "10.0.0.1", &fields);
        fields = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto"]
            .map(|name| (name, line.as_str()))
            .to_vec();
        let _ = said(proxies().forwarded_host(), "10.0.0.1", &fields);
        Ok(())
    });
}

#[test]
fn whatever_a_client_sends_its_address_is_the_one_its_proxy_has_seen() {
    run_for(r#"([ ,;="a-z0-9:.]|10\.0\.0\.1|for=){0,40}"#, |chain| {
        prop_assert_eq!(client("192.0.2.1", &chain), "192.0.2.1");
        prop_assert_eq!(client("10.0.0.1", &format!("{chain}, 198.51.100.7")), "198.51.100.7");
        prop_assert_eq!(rfc_client(&[&chain, "for=198.51.100.7"]), "198.51.100.7");
        let appended = rfc_client(&[&format!("{chain}, for=198.51.100.7")]);
        prop_assert!(appended == "198.51.100.7" || appended == "-", "{}", appended);
        Ok(())
    });
}
