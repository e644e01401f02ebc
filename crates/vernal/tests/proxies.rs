//! Behind proxies: who the client is, and what its proxies say of the connection to it.

#![cfg(feature = "macros")]

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Running, Wire, log, own_address, wait_until};
use vernal::prelude::*;
use vernal::{App, TrustedProxies};

#[route("/who")]
async fn who(request: &Request) -> String {
    let client = request.client_ip().map_or_else(|| "-".to_owned(), |client| client.to_string());
    let peer = request.peer_addr().map_or_else(|| "-".to_owned(), |peer| peer.ip().to_string());
    format!("{client} {peer} {} {}", request.scheme(), request.host().unwrap_or("-"))
}

#[route("/session")]
async fn session(session: Session) -> Result<&'static str> {
    session.set("seen", true)?;
    Ok("seen")
}

fn server() -> Server {
    log::gather();
    Server::new().scan(module_path!())
}

fn who_is(fields: &str) -> String {
    format!("GET /who HTTP/1.1\r\nHost: inside\r\n{fields}\r\n")
}

const LINE: &str = "PROXY TCP4 198.51.100.7 203.0.113.1 4711 80\r\n";

#[test]
fn fields_are_believed_from_trusted_addresses_only() {
    let fields =
        "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: example.org\r\n";
    for (server, expected) in [
        (server(), "127.0.0.1 127.0.0.1 http inside"),
        (server().trusted_proxies(["10.0.0.0/8"]), "127.0.0.1 127.0.0.1 http inside"),
        (server().trusted_proxies(["127.0.0.0/8"]), "198.51.100.7 127.0.0.1 https inside"),
        (
            server().trusted_proxies(TrustedProxies::new(["127.0.0.1"]).forwarded_host()),
            "198.51.100.7 127.0.0.1 https example.org",
        ),
        (
            server().trusted_proxies(TrustedProxies::new(["127.0.0.1"]).forwarded()),
            "127.0.0.1 127.0.0.1 http inside",
        ),
    ] {
        assert_eq!(Running::start(server).ask(who_is(fields)).text(), expected);
    }
}

#[test]
fn forwarded_is_believed_where_it_is_asked_for() {
    let running = Running::start(server().trusted_proxies(TrustedProxies::new(["127.0.0.1"]).forwarded()));
    let fields = "Forwarded: for=\"[2001:db8::7]:4711\";proto=https;host=\"example.org:8443\"\r\n";
    assert_eq!(running.ask(who_is(fields)).text(), "2001:db8::7 127.0.0.1 https example.org:8443");
    // each request of a connection has its own
    let mut wire = running.connect();
    assert_eq!(wire.ask(who_is("Forwarded: for=1.2.3.4\r\n")).text(), "1.2.3.4 127.0.0.1 http inside");
    assert_eq!(wire.ask(who_is("Forwarded: for=unknown\r\n")).text(), "- 127.0.0.1 http inside");
}

#[test]
fn the_access_log_names_the_client() {
    let running = Running::start(server().trusted_proxies(["127.0.0.1"]).access_log(true));
    running.ask(who_is("X-Forwarded-For: 198.51.100.99\r\n"));
    let lines = || log::lines_with("client=\"198.51.100.99\"");
    wait_until("the line is written", || !lines().is_empty());
    assert!(lines()[0].contains("peer=\"127.0.0.1:"), "{:?}", lines());
}

#[test]
fn a_session_that_began_through_https_has_a_cookie_for_https_only() {
    let running = Running::start(server().trusted_proxies(["127.0.0.1"]));
    for (scheme, secure) in [("https", true), ("http", false)] {
        let answer =
            running.ask(format!("GET /session HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: {scheme}\r\n\r\n"));
        let cookie = answer.field("set-cookie").expect("a cookie");
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
    }
}

#[test]
fn an_app_inside_another_server_learns_the_address_from_an_extension() {
    use tower_service::Service;
    let app = server().trusted_proxies(["192.0.2.1"]).build().expect("an app");
    let ask = |address: Option<&str>| {
        let mut request = http::Request::builder().uri("/who").header("x-forwarded-for", "198.51.100.7");
        if let Some(address) = address {
            request = request.extension::<std::net::SocketAddr>(address.parse().expect("an address"));
        }
        let call = App::into_service(app.clone()).call(request.body(String::new()).expect("a request"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let answer = runtime.block_on(call).expect("an answer");
        let body = runtime.block_on(axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1000));
        String::from_utf8(body.expect("a body").to_vec()).expect("text")
    };
    assert_eq!(ask(None), "- - http -");
    assert_eq!(ask(Some("192.0.2.1:1")), "198.51.100.7 192.0.2.1 http -");
    assert_eq!(ask(Some("192.0.2.2:1")), "192.0.2.2 192.0.2.2 http -");
}

#[cfg(unix)]
#[test]
fn whoever_may_use_the_unix_socket_can_be_trusted() {
    use std::io::{Read, Write};
    let directory = tempfile::tempdir().expect("a directory");
    for (trusted, expected) in [("unix", "198.51.100.7 - http inside"), ("::/0", "- - http inside")] {
        let path = directory.path().join("app.sock");
        let _running = Running::start(server().unix_socket(&path).trusted_proxies([trusted]));
        let mut stream = std::os::unix::net::UnixStream::connect(&path).expect("a connection");
        let request = who_is("X-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n");
        stream.write_all(request.as_bytes()).expect("it is read");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.ends_with(expected), "{answer}");
    }
}

#[test]
fn a_header_of_the_proxy_protocol_names_the_client() {
    let running = Running::start(server().trusted_proxies(["127.0.0.1"]).proxy_protocol(true));
    let v2 = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xcb\x00\x71\x01\x12\x67\x00\x50".as_slice(),
        who_is("").as_bytes(),
    ]
    .concat();
    let named = "198.51.100.7 127.0.0.1 http inside";
    let ended_tls = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x14\xc6\x33\x64\x07\xcb\x00\x71\x01\x12\x67\x00\x50".as_slice(),
        b"\x20\x00\x05\x01\x00\x00\x00\x00",
        who_is("").as_bytes(),
    ]
    .concat();
    for (bytes, expected) in [
        (ended_tls, "198.51.100.7 127.0.0.1 https inside"),
        (format!("{LINE}{}", who_is("")).into_bytes(), named),
        (v2.clone(), named),
        // somebody who is not named must not pass as the proxy
        (
            format!("PROXY UNKNOWN\r\n{}", who_is("X-Forwarded-For: 1.1.1.1\r\n")).into_bytes(),
            "- 127.0.0.1 http inside",
        ),
        (
            [b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00".as_slice(), who_is("").as_bytes()].concat(),
            "127.0.0.1 127.0.0.1 http inside",
        ),
        // who was named is not trusted, so what it says of others is not believed
        (format!("{LINE}{}", who_is("X-Forwarded-For: 1.1.1.1\r\n")).into_bytes(), named),
    ] {
        assert_eq!(running.ask(&bytes).text(), expected);
    }
    // byte by byte, and two requests after it
    let mut wire = running.connect();
    wire.stream.set_nodelay(true).expect("an option");
    for byte in &v2 {
        wire.send([*byte]);
    }
    assert_eq!(wire.answer().text(), named);
    assert_eq!(wire.ask(who_is("")).text(), named);
}

#[test]
fn connections_without_the_header_are_closed() {
    let limits = Limits::default().header_timeout(Duration::from_millis(200));
    let running =
        Running::start(server().trusted_proxies(["127.0.0.1"]).proxy_protocol(true).limits(limits.clone()));
    for bytes in [
        who_is(""),
        "PROXY TCP4 198.51.100.7\r\n\r\n".to_owned() + &who_is(""),
        format!("PROXY UNKNOWN {}\r\n", "x".repeat(100)),
        "PROXY".to_owned(),
        String::new(),
    ] {
        let mut wire = running.connect();
        wire.try_send(&bytes);
        assert!(wire.is_closed(), "{bytes:?}");
    }
    let strangers = server().trusted_proxies(["10.0.0.0/8"]).proxy_protocol(true);
    let running = Running::start(strangers);
    let mut wire = running.connect();
    wire.try_send(format!("{LINE}{}", who_is("")));
    assert!(wire.is_closed(), "only proxies are heard");
}

#[test]
fn a_stop_waits_for_no_header() {
    let running = Running::start(server().trusted_proxies(["127.0.0.1"]).proxy_protocol(true));
    let (mut silent, mut busy) = (running.connect(), running.connect());
    assert_eq!(busy.ask(format!("{LINE}{}", who_is(""))).status, 200);
    running.stop().expect("an end without error");
    assert!(silent.is_closed() && busy.is_closed());
    assert_eq!(log::lines_with("connections were cut"), Vec::<String>::new());
}

#[test]
fn settings_that_cannot_be_meant_are_errors_at_start() {
    let error = server().port(0).proxy_protocol(true).start().expect_err("nobody is trusted");
    assert!(error.is_configuration());
    assert_eq!(
        error.to_string(),
        "proxy_protocol: anybody could claim to be anyone; name the proxies with trusted_proxies"
    );
    let error = server().port(0).trusted_proxies(["localhost"]).start().expect_err("a name");
    assert!(error.is_configuration() && error.to_string().contains("\"localhost\" is no address"), "{error}");
}

/// A process that ends with the test.
struct Haproxy(std::process::Child);

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `make suite` installs it. It connects from an address of its own, so that client and proxy differ.
#[test]
fn haproxy_says_who_the_client_is() {
    if Command::new("haproxy").arg("-v").stdout(Stdio::null()).status().is_err() {
        return; // the tests above send what it would
    }
    let directory = tempfile::tempdir().expect("a directory");
    for (options, proxy_protocol, field) in [
        ("send-proxy", true, ""),
        ("send-proxy-v2", true, ""),
        ("send-proxy-v2 proxy-v2-options crc32c,unique-id", true, ""),
        // without TLS in front, which is then said as well
        ("send-proxy-v2-ssl", true, ""),
        ("", false, "option forwardfor\n    http-request set-header X-Forwarded-Proto https"),
    ] {
        let trusted = TrustedProxies::new(["127.0.0.5"]);
        let running = Running::start(server().trusted_proxies(trusted).proxy_protocol(proxy_protocol));
        // haproxy wants to be told a port: one that is free now, on an address where it stays free
        let address = {
            let free = std::net::TcpListener::bind((own_address(), 0)).expect("a port");
            free.local_addr().expect("an address")
        };
        let mode = if proxy_protocol { "tcp" } else { "http" };
        let configuration = directory.path().join("haproxy.cfg");
        let text = format!(
            "defaults\n    mode {mode}\n    timeout connect 20s\n    timeout client 20s\n    timeout server 20s\n\
             listen all\n    bind {address}\n    {field}\n    server one {} source 127.0.0.5 {options}\n",
            running.address
        );
        std::fs::write(&configuration, text).expect("a file");
        let child = Command::new("haproxy").arg("-q").arg("-f").arg(&configuration).spawn().expect("haproxy");
        let _haproxy = Haproxy(child);
        wait_until("haproxy listens", || std::net::TcpStream::connect(address).is_ok());
        let answer = Wire::connect(address).ask(who_is(""));
        let scheme = if field.contains("Proto") { "https" } else { "http" };
        assert_eq!(answer.text(), format!("127.0.0.1 127.0.0.5 {scheme} inside"), "{options} {field}");
    }
}
