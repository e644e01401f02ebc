//! The port without TLS that leads to the one with it, and what of a response depends on the scheme.

#![cfg(all(feature = "macros", feature = "tls"))]

mod support;

use support::tls::{Authority, shake};
use support::{Answer, Running, Wire};
use vernal::prelude::*;
use vernal::{SessionSettings, Tls};

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/visit")]
async fn visit(session: Session) -> Result<&'static str> {
    session.set("visited", true)?;
    Ok("welcome")
}

#[route("/leave")]
async fn leave(session: Session) -> &'static str {
    session.invalidate();
    "goodbye"
}

fn server(authority: &Authority) -> Server {
    let issued = authority.issue(&["localhost"]);
    Server::new().scan(module_path!()).workers(1).tls(Tls::from_pem(issued.certificate, issued.key))
}

fn ask(running: &Running, request: &str) -> Answer {
    let address = running.handle.redirect_addr().expect("a second port");
    assert_ne!(address, running.address);
    Wire::connect(address).ask(request)
}

#[test]
fn every_request_is_sent_to_the_same_target_through_tls() {
    let running = Running::start(server(&Authority::new("authority")).redirect_http(0));
    let port = running.address.port();
    for (request, location) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:PORT/"),
        ("GET /t?a=b%20c&d HTTP/1.1\r\nHost: example.org:80\r\n\r\n", "https://example.org:PORT/t?a=b%20c&d"),
        (
            "POST /%2e%2e//x HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 0\r\n\r\n",
            "https://[::1]:PORT/%2e%2e//x",
        ),
        ("DELETE //evil.test HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:PORT//evil.test"),
        ("GET http://example.org/x HTTP/1.1\r\nHost: example.org\r\n\r\n", "https://example.org:PORT/x"),
    ] {
        let answer = ask(&running, request);
        assert_eq!(answer.status, 308, "{request}");
        let location = location.replace("PORT", &port.to_string());
        assert_eq!(answer.field("location"), Some(location.as_str()), "{request}");
    }
    assert_eq!(running.handle.listening_on().len(), 2);
    let mut wire = Wire::connect(running.handle.redirect_addr().expect("a second port"));
    for _ in 0..2 {
        assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 308);
    }
    running.stop().expect("an end without error");
}

#[test]
fn a_host_that_is_none_leads_nowhere() {
    let running = Running::start(server(&Authority::new("authority")).redirect_http(0));
    for host in [
        "",
        "a@evil.test",
        "evil.test/",
        "evil.test\\x",
        "a b",
        "[::1",
        "[x]",
        "localhost:x",
        "ä",
        "a?b",
        "a#b",
        ":80",
    ] {
        let answer = ask(&running, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!((answer.status, answer.field("location")), (400, None), "{host}");
    }
    let answer = ask(&running, "GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.field("location")), (400, None));
    let answer = ask(&running, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_eq!((answer.status, answer.field("location")), (400, None));
}

#[test]
fn a_redirect_without_tls_is_a_mistake() {
    let server = Server::new().scan(module_path!()).port(0).redirect_http(0);
    let error = server.start().expect_err("a server that starts");
    assert!(error.is_configuration());
    assert_eq!(
        error.to_string(),
        "redirect_http() leads to HTTPS, which the server does not speak: tls() is wanted as well"
    );
}

#[test]
fn the_cookie_of_a_session_is_secure_where_the_request_was() {
    let authority = Authority::new("authority");
    let visit = |running: &Running, target: &str, cookie: &str| {
        let mut wire = shake(running.address, "localhost", &authority.client()).expect("a handshake");
        let answer =
            wire.ask(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"));
        answer.field("set-cookie").expect("a cookie").to_owned()
    };
    let running = Running::start(server(&authority));
    let cookie = visit(&running, "/visit", "");
    assert!(cookie.contains("; Secure"), "{cookie}");
    let removal = visit(&running, "/leave", cookie.split(';').next().expect("a cookie"));
    assert!(removal.contains("; Secure") && removal.contains("Max-Age=0"), "{removal}");

    let open = Running::start(server(&authority).session(SessionSettings::new().secure(false)));
    let cookie = visit(&open, "/visit", "");
    assert!(!cookie.contains("Secure"), "{cookie}");

    let plain = Running::start(Server::new().scan(module_path!()).workers(1));
    let cookie = plain.get("/visit").field("set-cookie").expect("a cookie").to_owned();
    assert!(!cookie.contains("Secure"), "{cookie}");
}
