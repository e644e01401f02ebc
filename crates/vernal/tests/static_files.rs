//! Files from below a directory, over sockets: what is sent of them, and that nothing else is.

#![cfg(feature = "macros")]

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use support::{Answer, Running};
use vernal::prelude::*;

#[route("/t")]
async fn plain() -> &'static str {
    "ok"
}

/// Five megabytes in which no two places look alike.
fn large() -> Vec<u8> {
    (0..5 * MB as u32 / 4).flat_map(|number| number.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect()
}

/// A tree of files: `public` is served, `secret.txt` beside it is not.
fn tree(top: &Path) {
    let write = |name: &str, content: &[u8]| std::fs::write(top.join(name), content).expect("a file");
    for directory in ["public", "public/sub", "public/.git"] {
        std::fs::create_dir(top.join(directory)).expect("a directory");
    }
    write("secret.txt", b"secret");
    write("public/a.txt", b"abcdefghij");
    write("public/a b.txt", b"with a space");
    write("public/\u{4e2d}.html", b"<html></html>");
    write("public/icon.ico", b"icon");
    write("public/index.html", b"index");
    write("public/sub/deep.css", b"body {}");
    write("public/sub/note.text.txt", b"a note");
    write("public/.env", b"secret");
    write("public/.git/config", b"secret");
    write("public/large.bin", &large());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(top.join("secret.txt"), top.join("public/out.txt")).expect("a link");
        std::os::unix::fs::symlink(top, top.join("public/up")).expect("a link");
        std::os::unix::fs::symlink("a.txt", top.join("public/inside.txt")).expect("a link");
    }
}

fn server() -> &'static Running {
    static SERVER: OnceLock<(tempfile::TempDir, Running)> = OnceLock::new();
    let (_, running) = SERVER.get_or_init(|| {
        let top = tempfile::tempdir().expect("a directory");
        tree(top.path());
        let public = top.path().join("public");
        let server = Server::new()
            .scan(module_path!())
            .resource("/one/*", &public)
            .resource("/pub/**", &public)
            .resource("*.ico", &public)
            .resource("**.text.txt", &public);
        (top, Running::start(server))
    });
    running
}

fn ask(method: &str, target: &str, fields: &str) -> Answer {
    server().ask(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"))
}

#[test]
fn the_four_kinds_of_patterns() {
    assert_eq!(server().get("/one/a.txt").text(), "abcdefghij");
    assert_eq!(server().get("/one/sub/deep.css").status, 404, "one segment only");
    assert_eq!(server().get("/pub/a.txt").text(), "abcdefghij");
    assert_eq!(server().get("/pub/sub/deep.css").text(), "body {}");
    assert_eq!(server().get("/icon.ico").text(), "icon");
    assert_eq!(server().get("/sub/note.text.txt").text(), "a note");
    assert_eq!(server().get("/a.txt").status, 404, "no pattern for it");
    assert_eq!(server().get("/t").text(), "ok", "controllers come first");
}

#[test]
fn names_of_any_kind_are_found_and_typed() {
    let types = [
        ("/pub/a.txt", "text/plain"),
        ("/pub/a%20b.txt", "text/plain"),
        ("/pub/%E4%B8%AD.html", "text/html"),
        ("/pub/sub/deep.css", "text/css"),
        ("/pub/large.bin", "application/octet-stream"),
    ];
    for (target, content_type) in types {
        let answer = server().get(target);
        assert_eq!(answer.status, 200, "{target}");
        assert!(
            answer.field("content-type").is_some_and(|value| value.starts_with(content_type)),
            "{answer:?}"
        );
    }
}

#[test]
fn a_client_that_has_the_file_gets_304() {
    let first = server().get("/pub/a.txt");
    let tag = first.field("etag").expect("an entity tag").to_owned();
    let modified = first.field("last-modified").expect("a date").to_owned();
    for field in [format!("If-None-Match: {tag}\r\n"), format!("If-Modified-Since: {modified}\r\n")] {
        let again = ask("GET", "/pub/a.txt", &field);
        assert_eq!((again.status, again.field("etag")), (304, Some(tag.as_str())), "{field}");
        assert_eq!(again.field("content-length"), None);
    }
    assert_eq!(ask("GET", "/pub/a.txt", "If-None-Match: \"other\"\r\n").status, 200);
    assert_eq!(ask("GET", "/pub/a.txt", "If-Match: \"other\"\r\n").status, 412);
}

#[test]
fn ranges() {
    let range = |range: &str| ask("GET", "/pub/a.txt", &format!("Range: bytes={range}\r\n"));
    for (asked, text, sent) in
        [("2-4", "cde", "2-4"), ("7-", "hij", "7-9"), ("-3", "hij", "7-9"), ("0-99", "abcdefghij", "0-9")]
    {
        let answer = range(asked);
        assert_eq!((answer.status, answer.text()), (206, text), "{asked}");
        assert_eq!(answer.field("content-range"), Some(format!("bytes {sent}/10").as_str()));
    }
    let beyond = range("10-");
    assert_eq!((beyond.status, beyond.field("content-range")), (416, Some("bytes */10")));
    assert_eq!(range("x-y").status, 200, "what is no range is ignored");

    let several = ask("GET", "/pub/large.bin", "Range: bytes=0-9,4000000-4000009\r\n");
    assert_eq!(several.status, 206);
    let kind = several.field("content-type").expect("a type");
    assert!(kind.starts_with("multipart/byteranges; boundary="), "{kind}");
    let content = large();
    for part in [&content[..10], &content[4_000_000..4_000_010]] {
        assert!(several.body.windows(10).any(|window| window == part));
    }
}

#[test]
fn large_ranges_and_what_divides_them_arrive_in_their_order() {
    let content = large();
    let one = ask("GET", "/pub/large.bin", "Range: bytes=1234567-3999999\r\n");
    assert!(one.status == 206 && one.body == content[1_234_567..4_000_000]);

    let several = ask("GET", "/pub/large.bin", "Range: bytes=0-1999999,3000001-4500000\r\n");
    let kind = several.field("content-type").expect("a type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
    let part = |range: std::ops::Range<usize>| {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {}-{}/5242880\r\n\r\n",
            range.start,
            range.end - 1
        );
        [head.as_bytes(), &content[range]].concat()
    };
    let end = format!("\r\n--{boundary}--\r\n");
    let expected = [part(0..2_000_000), part(3_000_001..4_500_001), end.into_bytes()].concat();
    assert!(several.body == expected);
}

#[test]
fn head_and_other_methods() {
    let mut wire = server().connect();
    let head = wire.ask("HEAD /pub/large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((head.status, head.field("content-length")), (200, Some("5242880")));
    assert_eq!(wire.ask("GET /t HTTP/1.1\r\nHost: x\r\n\r\n").text(), "ok", "no body came");
    let post = ask("POST", "/pub/a.txt", "Content-Length: 0\r\n");
    assert_eq!((post.status, post.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let options = ask("OPTIONS", "/pub/a.txt", "");
    assert_eq!((options.status, options.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn directories_and_dotfiles_are_not_served() {
    for target in [
        "/pub/",
        "/pub",
        "/pub/sub",
        "/pub/sub/",
        "/pub/.env",
        "/pub/.git/config",
        "/pub/%2eenv",
        "/one/.env",
    ] {
        assert_eq!(server().get(target).status, 404, "{target}");
    }
}

#[test]
fn there_is_no_way_out_of_the_directory() {
    let targets = [
        "/pub/../secret.txt",
        "/pub/%2e%2e/secret.txt",
        "/pub/%2E%2E%2Fsecret.txt",
        "/pub/.%2e/secret.txt",
        "/pub/%252e%252e/secret.txt",
        "/pub/..%252fsecret.txt",
        "/pub/..%5csecret.txt",
        "/pub/..\\secret.txt",
        "/pub/sub/../../secret.txt",
        "/pub/./../secret.txt",
        "/pub//../secret.txt",
        "/pub/..;/secret.txt",
        "/pub/%c0%ae%c0%ae/secret.txt",
        "/pub/..%00/secret.txt",
        "/pub/a.txt/../../secret.txt",
        "/pub//etc/hostname",
        "/pub/%2fetc%2fhostname",
        "/one/..%2fsecret.txt",
        "/../secret.text.txt",
        "/pub/out.txt",
        "/pub/up/secret.txt",
        "http://x/pub/../secret.txt",
    ];
    for target in targets {
        let answer = server().get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{target}");
    }
    #[cfg(unix)]
    assert_eq!(server().get("/pub/inside.txt").text(), "abcdefghij", "a link that stays inside");
}

#[test]
fn a_large_file_arrives_byte_for_byte() {
    let expected = large();
    let mut wire = server().connect();
    for _ in 0..2 {
        let answer = wire.ask("GET /pub/large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(answer.status, 200);
        assert!(answer.body == expected, "{} bytes that differ", answer.body.len());
    }
    wire.send(
        "GET /pub/large.bin HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3) + "GET /t HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    for _ in 0..3 {
        assert!(wire.answer().body == expected, "pipelined");
    }
    assert_eq!(wire.answer().text(), "ok");
}

/// Long enough for a file to count as one that may be kept in memory.
const SETTLED: Duration = Duration::from_secs(4);

/// A directory with one file of these bytes, and a server for it.
fn one_file(content: &[u8]) -> (tempfile::TempDir, Running) {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("file"), content).expect("a file");
    let running = Running::start(Server::app("one file").resource("/**", directory.path()).workers(1));
    (directory, running)
}

/// More than sockets hold on the way.
fn very_large() -> Vec<u8> {
    large().repeat(8)
}

#[test]
fn a_file_that_becomes_shorter_on_the_way_ends_the_connection_before_the_promised_length() {
    let content = very_large();
    let (directory, running) = one_file(&content);
    let mut wire = running.connect();
    wire.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = String::from_utf8(wire.until(b"\r\n\r\n")).expect("text");
    assert!(head.contains(&format!("content-length: {}\r\n", content.len())), "{head}");
    let file = std::fs::File::options().write(true).open(directory.path().join("file")).expect("the file");
    file.set_len(1000).expect("cut");
    let arrived = wire.rest();
    assert!(arrived.len() < content.len(), "{}", arrived.len());
    assert!(arrived[..1000] == content[..1000]);
    assert_eq!(running.get("/file").body, content[..1000]);
}

#[test]
fn of_a_file_that_grows_on_the_way_the_promised_length_is_sent_and_the_connection_goes_on() {
    let content = very_large();
    let (directory, running) = one_file(&content);
    let mut wire = running.connect();
    wire.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = wire.until(b"\r\n\r\n");
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let mut file =
        std::fs::File::options().append(true).open(directory.path().join("file")).expect("the file");
    file.write_all(&content).expect("grown");
    assert!(wire.exactly(content.len()) == content);
    assert_eq!(wire.answer().status, 404);
}

#[cfg(target_os = "linux")]
#[test]
fn files_arrive_whether_the_system_has_them_in_memory_in_part_or_not_at_all() {
    use rustix::fs::{Advice, fadvise};
    let content = large();
    let (directory, running) = one_file(&content);
    let path = directory.path().join("file");
    std::fs::write(directory.path().join("small"), &content[..5000]).expect("a file");
    let forget = |path: &Path, offset: u64| {
        let file = std::fs::File::open(path).expect("a file");
        file.sync_all().expect("on disk");
        fadvise(&file, offset, None, Advice::DontNeed).expect("forgotten");
    };
    let mut wire = running.connect();
    for offset in [0, 100_000, 1 << 20, 3_000_000] {
        forget(&path, offset);
        forget(&directory.path().join("small"), 0);
        let whole = wire.ask("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(whole.body == content, "from {offset} on it is not in memory");
        let small = wire.ask("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(small.body == content[..5000]);
        forget(&path, offset);
        let part = wire.ask("GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=5-4000000\r\n\r\n");
        assert!(part.body == content[5..4_000_001]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn files_arrive_from_a_file_system_that_cannot_tell_what_is_in_memory() {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let content = large();
    std::fs::write(directory.path().join("large"), &content).expect("a file");
    std::fs::write(directory.path().join("small"), &content[..5000]).expect("a file");
    let running = Running::start(Server::app("shm").resource("/**", directory.path()).workers(1));
    let mut wire = running.connect();
    for wait in [Duration::ZERO, SETTLED, Duration::ZERO] {
        std::thread::sleep(wait);
        assert!(wire.ask("GET /small HTTP/1.1\r\nHost: x\r\n\r\n").body == content[..5000]);
        assert!(wire.ask("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").body == content);
    }
}

#[test]
fn old_clients_and_those_that_close_get_a_large_file_as_well() {
    let expected = large();
    for request in [
        "GET /pub/large.bin HTTP/1.0\r\n\r\n",
        "GET /pub/large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let mut wire = server().connect();
        let answer = wire.ask(request);
        assert!(answer.status == 200 && answer.body == expected, "{request:?}");
        assert!(wire.is_closed());
    }
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    let (_directory, running) = one_file(&very_large());
    let mut idle = [running.connect(), running.connect(), running.connect()];
    for wire in &mut idle {
        wire.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    let one = running.ask("GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=0-99\r\n\r\n");
    assert!(one.body == very_large()[..100]);
    for mut wire in idle {
        assert!(wire.answer().body == very_large());
    }
}

#[tokio::test]
async fn without_a_socket_a_large_file_is_its_own_bytes_too() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("file"), large()).expect("a file");
    let app = vernal::App::builder().resource("/**", directory.path()).build().expect("an app");
    let answer = vernal::testing::Client::new(app).get("/file").send().await;
    assert!(answer.bytes() == &large());
}

/// Answers that look like what the server itself makes of files and of malformed requests.
#[route("/zeros")]
async fn zeros() -> Response {
    Response::new(200).body(vec![0u8; 3 * MB])
}

#[route("/refusal")]
async fn refusal() -> &'static str {
    "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
}

#[test]
fn answers_that_look_like_the_servers_own_are_sent_as_they_are() {
    let mut wire = server().connect();
    for _ in 0..2 {
        assert!(wire.ask("GET /zeros HTTP/1.1\r\nHost: x\r\n\r\n").body == vec![0; 3 * MB]);
        let refusal = wire.ask("GET /refusal HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(refusal.text(), "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    }
    // and after them a malformed request still gets the app's page
    let page = wire.ask("GET / HTTP/1.1\r\nHost x\r\n\r\n");
    assert!(page.status == 400 && !page.body.is_empty(), "{page:?}");
}

#[test]
fn a_change_on_disk_is_seen_by_the_next_request_also_of_a_file_in_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("page.html");
    let beside = directory.path().join("beside");
    std::fs::write(&path, "first").expect("a file");
    let running = Running::start(Server::app("changes").resource("/**", directory.path()).workers(2));
    let mut wires = [running.connect(), running.connect(), running.connect()];
    let mut expect = |text: Option<&str>| {
        for wire in &mut wires {
            let answer = wire.ask("GET /page.html HTTP/1.1\r\nHost: x\r\n\r\n");
            match text {
                Some(text) => assert_eq!((answer.status, answer.text()), (200, text)),
                None => assert_eq!(answer.status, 404),
            }
        }
    };
    // many changes within one tick of the file system's clock, then some of a file that is kept
    for number in 0..200 {
        let text = format!("{number:05}");
        std::fs::write(&path, &text).expect("written");
        expect(Some(&text));
    }
    std::thread::sleep(SETTLED);
    expect(Some("00199"));
    std::fs::write(&path, "00200").expect("written");
    expect(Some("00200"));
    std::thread::sleep(SETTLED);
    expect(Some("00200"));
    std::fs::write(&beside, "00201").expect("written");
    std::fs::rename(&beside, &path).expect("renamed");
    expect(Some("00201"));
    std::fs::remove_file(&path).expect("removed");
    expect(None);
    std::fs::write(&path, "00202").expect("written");
    expect(Some("00202"));
}

#[test]
fn a_file_in_memory_answers_ranges_and_conditions_as_one_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("a.txt"), "abcdefghij").expect("a file");
    let running = Running::start(Server::app("kept").resource("/**", directory.path()).workers(1));
    std::thread::sleep(SETTLED);
    let mut wire = running.connect();
    let mut ask = |method: &str, field: &str| {
        let answer = wire.ask(format!("{method} /a.txt HTTP/1.1\r\nHost: x\r\n{field}\r\n"));
        let fields = answer.fields.iter().filter(|(name, _)| name != "date").cloned().collect::<Vec<_>>();
        let boundary = answer.field("content-type").and_then(|value| value.split_once("boundary="));
        let boundary = boundary.map(|(_, boundary)| boundary.to_owned()).unwrap_or_default();
        let text = format!("{} {fields:?} {}", answer.status, answer.text());
        if boundary.is_empty() { text } else { text.replace(&boundary, "") }
    };
    let cases = [
        ("HEAD", ""),
        ("GET", "Range: bytes=2-4\r\n"),
        ("GET", "Range: bytes=-3\r\n"),
        ("GET", "Range: bytes=10-\r\n"),
        ("GET", "If-None-Match: *\r\n"),
        ("GET", "If-Match: \"other\"\r\n"),
        ("GET", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n"),
        ("GET", ""),
    ];
    // a GET of the whole, the last of them, is what brings it into memory
    let from_disk = cases.map(|(method, field)| ask(method, field));
    let from_memory = cases.map(|(method, field)| ask(method, field));
    assert_eq!(from_memory, from_disk);
    assert!(from_disk[1].starts_with("206") && from_disk[1].ends_with("cde"), "{from_disk:?}");
}

#[test]
fn a_client_that_leaves_in_the_middle_harms_no_one() {
    for _ in 0..20 {
        let mut wire = server().connect();
        wire.send("GET /pub/large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
        wire.stream.read_exact(&mut [0; 1000]).expect("a beginning");
    }
    assert_eq!(server().get("/pub/large.bin").body.len(), 5 * MB);
}
