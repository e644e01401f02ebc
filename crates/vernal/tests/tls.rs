//! HTTPS with real clients: certificates, names, clients' certificates, what goes wrong.

#![cfg(all(feature = "macros", feature = "tls"))]

mod support;

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};
use support::tls::{Authority, Issued, get, openssl, shake};
use support::{Running, Wire, log};
use vernal::prelude::*;
use vernal::rustls::pki_types::CertificateDer;
use vernal::rustls::pki_types::pem::PemObject;
use vernal::rustls::{self, RootCertStore};
use vernal::{Limits, Tls};

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

#[route("/tls")]
async fn tls(request: &Request) -> String {
    let tls = request.tls().expect("TLS");
    format!(
        "{} {} {:?} {:?} {} {} {:?} {}",
        tls.version(),
        tls.cipher_suite(),
        tls.server_name(),
        tls.protocol().map(String::from_utf8_lossy),
        request.scheme(),
        request.is_secure(),
        tls.client_common_name(),
        tls.client_certificates().len(),
    )
}

#[route("/resumed")]
async fn resumed(request: &Request) -> String {
    request.tls().is_some_and(|tls| tls.is_resumed()).to_string()
}

#[route("/client")]
async fn client_certificate(request: &Request) -> Vec<u8> {
    request.tls().map(|tls| tls.client_certificates()[0].to_vec()).unwrap_or_default()
}

#[route("/large")]
async fn large() -> Vec<u8> {
    vec![b'x'; 3 << 20]
}

#[route("/stream")]
async fn stream() -> Stream {
    Stream::iter((0..300).map(|_| "y".repeat(10_000)))
}

#[route("/echo", method = "POST")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[route("/slow")]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "finished"
}

fn server() -> Server {
    log::gather();
    Server::new().scan(module_path!()).workers(1)
}

fn serve(tls: Tls) -> Running {
    Running::start(server().tls(tls))
}

fn from_pem(issued: &Issued) -> Tls {
    Tls::from_pem(issued.certificate.as_str(), issued.key.as_str())
}

/// What the server says instead of starting.
fn refusal(tls: Tls) -> String {
    let error = server().tls(tls).port(0).handle_signals(false).start().expect_err("a server that starts");
    assert!(error.is_configuration());
    error.to_string()
}

fn hello(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

#[test]
fn a_request_comes_through_tls_and_says_what_was_agreed() {
    let authority = Authority::new("authority");
    let (certificate, key) = authority.write_pair("server", &authority.issue(&["localhost"]));
    let running = serve(Tls::from_files(certificate, key));
    let mut client = authority.trusting().with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    assert_eq!(
        get(running.address, "localhost", &Arc::new(client), "/tls").expect("an answer"),
        "TLSv1.3 TLS_AES_256_GCM_SHA384 Some(\"localhost\") Some(\"http/1.1\") https true None 0"
    );
    let older = authority.trusting_with(&[&rustls::version::TLS12]).with_no_client_auth();
    assert_eq!(
        get(running.address, "localhost", &Arc::new(older), "/tls").expect("an answer"),
        "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 Some(\"localhost\") None https true None 0"
    );
}

#[test]
fn large_bodies_go_both_ways_and_pipelined_requests_are_answered_in_order() {
    let authority = Authority::new("authority");
    let running = serve(from_pem(&authority.issue(&["localhost"])));
    let mut wire = shake(running.address, "localhost", &authority.client()).expect("a handshake");
    assert_eq!(wire.ask(hello("/large")).body, vec![b'x'; 3 << 20]);
    assert_eq!(wire.ask(hello("/stream")).body, vec![b'y'; 3_000_000]);
    let body = "z".repeat(1 << 20);
    let length = body.len();
    let request = format!("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}");
    assert_eq!(wire.ask(request).text(), body);
    wire.send([hello("/t"), hello("/resumed"), hello("/t")].concat());
    let answers = [wire.answer(), wire.answer(), wire.answer()];
    assert_eq!(answers.each_ref().map(|answer| answer.text()), ["ok", "false", "ok"]);
}

#[test]
fn a_request_in_two_records_is_answered_after_the_connection_has_rested() {
    let authority = Authority::new("authority");
    let running = serve(from_pem(&authority.issue(&["localhost"])));
    let mut wire = shake(running.address, "localhost", &authority.client()).expect("a handshake");
    for _ in 0..2 {
        assert_eq!(wire.ask(hello("/t")).text(), "ok");
        let mut record = Vec::new();
        wire.stream.conn.writer().write_all(hello("/t").as_bytes()).expect("room");
        wire.stream.conn.write_tls(&mut record).expect("a record");
        let (first, rest) = record.split_at(9);
        wire.stream.sock.write_all(first).expect("the server reads");
        std::thread::sleep(Duration::from_millis(700));
        wire.stream.sock.write_all(rest).expect("the server reads");
        assert_eq!(wire.answer().text(), "ok");
        std::thread::sleep(Duration::from_millis(700));
    }
    wire.send([hello("/t"), hello("/t")].concat());
    assert_eq!([wire.answer().text(), wire.answer().text()], ["ok", "ok"]);
}

#[test]
fn the_end_of_a_connection_is_said_in_tls_too() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["localhost"]);
    let idle = Duration::from_millis(600);
    let running = Running::start(server().tls(from_pem(&issued)).idle_timeout(idle));
    let ends_well = |request: &str| {
        let mut wire = shake(running.address, "localhost", &authority.client()).expect("a handshake");
        assert_eq!(wire.ask(request).text(), "ok");
        // without the farewell this is an error, UnexpectedEof
        assert_eq!(wire.stream.read(&mut [0]).expect("a farewell"), 0);
    };
    ends_well("GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ends_well(&hello("/t"));
    let mut wire = shake(running.address, "localhost", &authority.client()).expect("a handshake");
    assert_eq!(wire.ask(hello("/t")).text(), "ok");
    running.stop().expect("an end without error");
    assert_eq!(wire.stream.read(&mut [0]).expect("a farewell"), 0);
}

#[test]
fn a_client_that_stops_writing_without_a_farewell_still_gets_its_answer() {
    let authority = Authority::new("authority");
    let running = serve(from_pem(&authority.issue(&["localhost"])));
    let mut wire = shake(running.address, "localhost", &authority.client()).expect("a handshake");
    wire.send(hello("/slow"));
    wire.stream.sock.shutdown(Shutdown::Write).expect("a half-closed connection");
    assert_eq!(wire.answer().text(), "finished");
}

#[test]
fn a_second_connection_takes_up_the_first() {
    let authority = Authority::new("authority");
    let running = serve(from_pem(&authority.issue(&["localhost"])));
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let client = Arc::new(authority.trusting_with(&[version]).with_no_client_auth());
        let ask = || get(running.address, "localhost", &client, "/resumed").expect("an answer");
        assert_eq!([ask(), ask()], ["false", "true"], "{version:?}");
    }
}

#[test]
fn another_program_agrees() {
    let authority = Authority::new("authority");
    let root = authority.write("authority.pem", authority.pem());
    let running = serve(from_pem(&authority.issue(&["localhost"])));
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-verify_hostname", "localhost"])
        .args(["-servername", "localhost", "-connect", &running.address.to_string(), "-CAfile"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let request = b"GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.stdin.as_mut().expect("its input").write_all(request).expect("it reads");
    let mut answer = String::new();
    client.stdout.as_mut().expect("its output").read_to_string(&mut answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(client.wait().expect("an end").success());
}

#[test]
fn keys_are_read_in_every_form_and_behind_every_encryption() {
    let authority = Authority::new("authority");
    let folder = authority.folder.path();
    let ecdsa = KeyPair::generate().expect("a key");
    openssl(folder, "genpkey -algorithm ED25519 -out ed25519.key");
    let ed25519 = std::fs::read_to_string(folder.join("ed25519.key")).expect("a key");
    let ed25519 = KeyPair::from_pkcs8_pem_and_sign_algo(&ed25519, &PKCS_ED25519).expect("an Ed25519 key");
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
    let rsa = std::fs::read_to_string(folder.join("rsa.key")).expect("a key");
    let rsa = KeyPair::from_pkcs8_pem_and_sign_algo(&rsa, &PKCS_RSA_SHA256).expect("an RSA key");
    let issue = |stem: &str, key: KeyPair| {
        let issued = authority.issue_for(key, &["localhost"], |_| {});
        authority.write_pair(stem, &issued);
    };
    issue("rsa", rsa);
    issue("ecdsa", ecdsa);
    issue("ed25519", ed25519);

    let pkcs8 = "pkcs8 -topk8 -passout pass:secret";
    let ways = [
        ("rsa", "rsa -traditional".to_owned(), None),
        ("ecdsa", "ec".to_owned(), None),
        ("ed25519", "pkey".to_owned(), None),
        ("rsa", format!("{pkcs8} -v2 aes-128-cbc -v2prf hmacWithSHA1"), Some("secret")),
        ("rsa", format!("{pkcs8} -v2 aes-192-cbc"), Some("secret")),
        ("ecdsa", format!("{pkcs8} -v2 aes-256-cbc -v2prf hmacWithSHA256"), Some("secret")),
        ("ecdsa", format!("{pkcs8} -v2 aes-256-cbc -v2prf hmacWithSHA512"), Some("secret")),
        ("ed25519", format!("{pkcs8} -v2 des3"), Some("secret")),
        ("ed25519", format!("{pkcs8} -scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 1"), Some("secret")),
        ("rsa", "rsa -traditional -aes128 -passout pass:secret".to_owned(), Some("secret")),
        ("rsa", "rsa -traditional -aes192 -passout pass:secret".to_owned(), Some("secret")),
        ("rsa", "rsa -traditional -aes256 -passout pass:secret".to_owned(), Some("secret")),
        ("rsa", "rsa -traditional -des3 -passout pass:secret".to_owned(), Some("secret")),
        ("ecdsa", "ec -aes256 -passout pass:secret".to_owned(), Some("secret")),
    ];
    for (stem, way, password) in ways {
        openssl(folder, &format!("{way} -in {stem}.key -out other.key"));
        let text = std::fs::read_to_string(folder.join("other.key")).expect("a key");
        assert_eq!(text.contains("ENCRYPTED"), password.is_some(), "{way}: {text}");
        let files = || Tls::from_files(folder.join(format!("{stem}.pem")), folder.join("other.key"));
        let tls = password.map_or_else(files, |password| files().password(password));
        let answer = get(serve(tls).address, "localhost", &authority.client(), "/t");
        assert_eq!(answer.expect(&way), "ok", "{way}");

        let key = format!("TLS: the key file {:?}", folder.join("other.key").display().to_string());
        if password.is_some() {
            let error = refusal(files().password("guess"));
            let reason = "cannot be decrypted: the password is wrong, or the file is damaged";
            assert_eq!(error, format!("{key} {reason}"), "{way}");
            assert_eq!(refusal(files()), format!("{key} is encrypted: its password is wanted"), "{way}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let authority = Authority::new("authority");
    let folder = authority.folder.path();
    let (certificate, key) = authority.write_pair("server", &authority.issue(&["localhost"]));
    let (_, other_key) = authority.write_pair("other", &authority.issue(&["localhost"]));
    openssl(folder, "pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:x -in server.key -out pbes1.key");
    let says = |tls: Tls, what: &str| {
        let error = refusal(tls).replace(&format!("{}/", folder.display()), "");
        assert!(error.starts_with(what), "{error}");
    };
    let file = |name: &str, content: &str| authority.write(name, content);
    let missing = folder.join("missing");

    says(
        Tls::from_files(&missing, &key),
        r#"TLS: the certificate file "missing" cannot be read: No such file or directory"#,
    );
    says(
        Tls::from_files(&certificate, &missing),
        r#"TLS: the key file "missing" cannot be read: No such file or directory"#,
    );
    says(Tls::from_files(file("empty", "\n"), &key), r#"TLS: the certificate file "empty" is empty"#);
    says(Tls::from_files(&certificate, file("empty", "")), r#"TLS: the key file "empty" is empty"#);
    says(
        Tls::from_files(&key, &key),
        r#"TLS: the certificate file "server.key" has no certificate in PEM (-----BEGIN CERTIFICATE-----)"#,
    );
    says(
        Tls::from_files(&certificate, &certificate),
        r#"TLS: the key file "server.pem" has no private key in PEM (PKCS#8, PKCS#1 or SEC1)"#,
    );
    says(
        Tls::from_files(&certificate, &other_key),
        r#"TLS: the key in the key file "other.key" does not belong to the first certificate in the certificate file "server.pem""#,
    );
    let half = &std::fs::read_to_string(&certificate).expect("a certificate")[..300];
    says(
        Tls::from_files(file("half", half), &key),
        r#"TLS: the certificate file "half" is no sound PEM: a section in it has no end"#,
    );
    says(
        Tls::from_files(&certificate, folder.join("pbes1.key")).password("x"),
        r#"TLS: the key file "pbes1.key" cannot be decrypted: it is encrypted in a way that is not understood"#,
    );
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: RC2-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    says(
        Tls::from_files(&certificate, file("old.key", old)).password("x"),
        r#"TLS: the key file "old.key" cannot be decrypted: its cipher "RC2-CBC" is none of AES-128-CBC,"#,
    );
    says(
        Tls::from_files(&certificate, &key).client_certificates(&missing),
        r#"TLS: the authorities file "missing" cannot be read"#,
    );
    says(
        Tls::from_files(&certificate, &key).and(from_pem(&authority.issue(&["127.0.0.1"]))),
        "TLS: the certificate given as text names no host (a DNS name in subjectAltName), so no client gets it",
    );
    says(Tls::from_pem("", ""), "TLS: the certificate given as text is empty");
}

#[test]
fn an_expired_certificate_is_warned_of() {
    let authority = Authority::new("authority");
    let expired = authority.issue_with(&["localhost"], |parameters| {
        parameters.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let (certificate, key) = authority.write_pair("expired", &expired);
    let running = serve(Tls::from_files(&certificate, key));
    let lines = log::lines_with(&format!("{:?} has expired", certificate.display().to_string()));
    assert!(lines.iter().any(|line| line.starts_with("WARN") && line.contains("2020")), "{lines:?}");
    let error = get(running.address, "localhost", &authority.client(), "/t").expect_err("a refusal");
    assert!(error.to_string().contains("expired"), "{error}");
}

#[test]
fn the_name_a_client_asks_for_chooses_the_certificate() {
    let authority = Authority::new("authority");
    let named = |names: &[&str]| from_pem(&authority.issue(names));
    let tls = named(&["first.test"])
        .and(named(&["*.star.test"]))
        .and(named(&["Whole.star.test", "second.test"]))
        .and(named(&["star.test"]));
    let running = serve(tls);
    let shown = |name: &str| {
        let text = String::from_utf8_lossy(&shown(&running, name)).into_owned();
        ["first.test", "*.star.test", "second.test", "star.test"]
            .into_iter()
            .find(|name| text.contains(name))
            .map(str::to_owned)
            .unwrap_or_default()
    };
    for (asked, got) in [
        ("first.test", "first.test"),
        ("a.star.test", "*.star.test"),
        ("A.STAR.TEST", "*.star.test"),
        ("whole.star.test", "second.test"),
        ("second.test", "second.test"),
        ("star.test", "star.test"),
        ("a.b.star.test", "first.test"),
        ("elsewhere.test", "first.test"),
        ("127.0.0.1", "first.test"),
    ] {
        assert_eq!(shown(asked), got, "{asked}");
    }
}

#[test]
fn of_two_certificates_for_a_name_the_client_gets_the_one_it_can_verify() {
    let authority = Authority::new("authority");
    openssl(authority.folder.path(), "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
    let rsa = std::fs::read_to_string(authority.folder.path().join("rsa.key")).expect("a key");
    let rsa = KeyPair::from_pkcs8_pem_and_sign_algo(&rsa, &PKCS_RSA_SHA256).expect("an RSA key");
    let rsa = authority.issue_for(rsa, &["localhost"], |_| {});
    let running = serve(from_pem(&authority.issue(&["localhost"])).and(from_pem(&rsa)));
    let suite = |kind: &str| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()).contains(kind));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM")).expect("a root");
        let client = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        get(running.address, "localhost", &Arc::new(client), "/tls").expect("an answer")
    };
    assert!(suite("ECDHE_RSA").contains("TLS_ECDHE_RSA_WITH"));
    assert!(suite("ECDHE_ECDSA").contains("TLS_ECDHE_ECDSA_WITH"));
}

#[test]
fn clients_may_have_to_show_a_certificate() {
    let (authority, people, others) =
        (Authority::new("authority"), Authority::new("people"), Authority::new("others"));
    let issued = authority.issue(&["localhost"]);
    let file = people.write("people.pem", people.pem());
    let (ada, eve) = (people.issue(&["Ada"]), others.issue(&["Eve"]));

    let required = serve(from_pem(&issued).client_certificates(&file));
    let ask = |running: &Running, client, target| get(running.address, "localhost", &client, target);
    let answer = ask(&required, authority.client_with(&ada), "/tls").expect("an answer");
    assert!(answer.ends_with("Some(\"Ada\") 1"), "{answer}");
    assert!(ask(&required, authority.client(), "/t").is_err());
    assert!(ask(&required, authority.client_with(&eve), "/t").is_err());
    let mut wire = shake(required.address, "localhost", &authority.client_with(&ada)).expect("a handshake");
    let shown = CertificateDer::from_pem_slice(ada.certificate.as_bytes()).expect("a certificate");
    assert_eq!(wire.ask(hello("/client")).body, shown.to_vec());

    let optional = serve(from_pem(&issued).client_certificates_optional(&file));
    let answer = ask(&optional, authority.client_with(&ada), "/tls").expect("an answer");
    assert!(answer.ends_with("Some(\"Ada\") 1"), "{answer}");
    let answer = ask(&optional, authority.client(), "/tls").expect("an answer");
    assert!(answer.ends_with("None 0"), "{answer}");
    assert!(ask(&optional, authority.client_with(&eve), "/t").is_err());
}

#[test]
fn a_resumed_connection_still_knows_its_client() {
    let (authority, people) = (Authority::new("authority"), Authority::new("people"));
    let file = people.write("people.pem", people.pem());
    let running = serve(from_pem(&authority.issue(&["localhost"])).client_certificates(file));
    let client = authority.client_with(&people.issue(&["Ada"]));
    let ask = |target| get(running.address, "localhost", &client, target).expect("an answer");
    assert_eq!(ask("/resumed"), "false");
    assert!(ask("/tls").ends_with("Some(\"Ada\") 1"));
    assert_eq!(ask("/resumed"), "true");
}

#[test]
fn a_slow_handshake_is_cut_and_harms_nobody_else() {
    let authority = Authority::new("authority");
    let limits = Limits::default().tls_handshake_timeout(Duration::from_secs(2));
    let running = Running::start(server().tls(from_pem(&authority.issue(&["localhost"]))).limits(limits));
    let mut silent: Vec<_> = (0..50).map(|_| running.connect()).collect();
    let mut halting: Vec<_> = (0..50).map(|_| running.connect()).collect();
    for wire in &mut halting {
        // the head of a record of 512 bytes, and the beginning of a ClientHello
        wire.send(b"\x16\x03\x01\x02\x00\x01\x00");
    }
    assert_eq!(get(running.address, "localhost", &authority.client(), "/t").expect("an answer"), "ok");
    assert!(silent.iter_mut().all(Wire::is_closed));
    assert!(halting.iter_mut().all(Wire::is_closed));
    assert_eq!(get(running.address, "localhost", &authority.client(), "/t").expect("an answer"), "ok");
}

#[test]
fn bytes_that_are_no_tls_end_the_connection_and_http_is_told_why() {
    let authority = Authority::new("authority");
    let running = serve(from_pem(&authority.issue(&["localhost"])));
    let answer = running.ask("GET /t HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(answer.text().contains("This port speaks HTTPS"), "{}", answer.text());
    let mut noise = running.connect();
    noise.send(b"\x00\x01\x02\x03");
    assert!(noise.is_closed());
    let mut broken = running.connect();
    broken.send(b"\x16\x03\x01\x00\x04noise");
    broken.rest();
    assert_eq!(get(running.address, "localhost", &authority.client(), "/t").expect("an answer"), "ok");
    assert!(log::lines_with("ERROR vernal::accept::tls").is_empty());
}

#[test]
fn a_server_stops_although_somebody_has_not_begun_a_handshake() {
    let authority = Authority::new("authority");
    let running = Running::start(
        server()
            .tls(from_pem(&authority.issue(&["localhost"])))
            .limits(Limits::default().tls_handshake_timeout(support::PATIENCE * 10))
            .drain_deadline(support::PATIENCE * 10),
    );
    let mut silent = running.connect();
    assert_eq!(get(running.address, "localhost", &authority.client(), "/t").expect("an answer"), "ok");
    running.stop().expect("an end without error");
    assert!(silent.is_closed());
}

#[test]
fn a_configuration_of_ones_own_is_taken() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["localhost"]);
    let own = || {
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).expect("PEM")];
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("PEM");
        rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a configuration")
    };
    let running = serve(Tls::from_config(Arc::new(own())));
    let mut client = authority.trusting().with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let answer = get(running.address, "localhost", &Arc::new(client), "/tls").expect("an answer");
    assert!(answer.starts_with("TLSv1.2 ") && answer.contains("http/1.1"), "{answer}");
    running.handle.reload_tls().expect("nothing to do");

    let mut odd = own();
    odd.alpn_protocols = vec![b"spdy/1".to_vec()];
    assert_eq!(
        refusal(Tls::from_config(Arc::new(odd))),
        "TLS: alpn_protocols offers \"spdy/1\", which this server does not speak"
    );
    let settings = [
        Tls::from_config(Arc::new(own())).password("x"),
        Tls::from_config(Arc::new(own())).client_certificates("x"),
        Tls::from_config(Arc::new(own())).and(from_pem(&issued)),
        from_pem(&issued).and(Tls::from_config(Arc::new(own()))),
        from_pem(&issued).and(from_pem(&issued).client_certificates("x")),
    ];
    for settings in settings {
        assert!(refusal(settings).starts_with("TLS: "));
    }
}

#[cfg(feature = "tls-development")]
#[test]
fn a_development_certificate_is_for_its_names_and_stays_the_same() {
    let names = ["localhost", "app.test", "127.0.0.1"];
    let certificate = shown(&serve(Tls::development(names)), "localhost");
    let again = serve(Tls::development(names));
    assert_eq!(shown(&again, "localhost"), certificate);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).expect("a root");
    let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = Arc::new(client);
    for name in names {
        assert_eq!(get(again.address, name, &client, "/t").expect(name), "ok");
    }
    assert!(get(again.address, "other.test", &client, "/t").is_err());
    assert_eq!(
        refusal(Tls::development(Vec::<String>::new())),
        "TLS: a development certificate is for at least one name"
    );
}

/// The certificate that a client gets who takes any.
fn shown(running: &Running, name: &str) -> Vec<u8> {
    let mut client = Authority::new("nobody").trusting().with_no_client_auth();
    client.dangerous().set_certificate_verifier(Arc::new(AnyCertificate));
    let wire = shake(running.address, name, &Arc::new(client)).expect("a handshake");
    wire.stream.conn.peer_certificates().expect("a certificate")[0].to_vec()
}

#[derive(Debug)]
struct AnyCertificate;

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(feature = "http2")]
#[test]
fn clients_that_prefer_http2_get_it() {
    use support::frames::{End, Frames};

    let authority = Authority::new("authority");
    let (certificate, key) = authority.write_pair("server", &authority.issue(&["localhost"]));
    let running = serve(Tls::from_files(certificate, key));
    let mut client = authority.trusting().with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut frames = Frames::over(
        support::tls::shake(running.address, "localhost", &Arc::new(client)).expect("TLS").stream,
    );
    let End::Answered(answer) = frames.ask(1, "/tls") else { panic!("no answer") };
    assert!(answer.contains("Some(\"h2\") https true"), "{answer}");
    let End::Answered(_) = frames.ask(3, "/tls") else { panic!("no answer") };
}
