//! RFC 9110 sections 13 and 14 for files, a row for each requirement, over sockets.
//!
//! In a row `{tag}` is the entity tag of the file, `{date}` its date; `{before}` and `{after}` are a second away from it,
//! `{rfc850}` and `{asctime}` the same date in the obsolete formats. An answer is told as its status and what it has:
//! the text of the body, or `whole`, or nothing.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{Answer, Running};
use vernal::Server;

/// 2026-11-08, a Sunday, 08:49:37 and a bit: file systems count finer than dates.
const CHANGED: Duration = Duration::from_nanos(1_794_127_777_250_000_000);

const TEXT: &str = "abcdefghij";

struct Site {
    server: Running,
    tag: String,
    directory: tempfile::TempDir,
}

impl Site {
    fn start() -> Site {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, content: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).expect("a file");
            let file = std::fs::File::options().write(true).open(path).expect("it is there");
            file.set_modified(UNIX_EPOCH + CHANGED).expect("a time");
        };
        write("text", TEXT.as_bytes());
        write("empty", b"");
        write("large", &vec![b'x'; 300_000]);
        let server = Running::start(Server::app("files").resource("/**", directory.path()));
        let tag = server.get("/text").field("etag").expect("a tag").to_owned();
        Site { server, tag, directory }
    }

    fn ask(&self, method: &str, target: &str, fields: &str) -> Answer {
        let fields = fields
            .replace("{tag}", &self.tag)
            .replace("{date}", "Sun, 08 Nov 2026 08:49:37 GMT")
            .replace("{before}", "Sun, 08 Nov 2026 08:49:36 GMT")
            .replace("{after}", "Sun, 08 Nov 2026 08:49:38 GMT")
            .replace("{rfc850}", "Sunday, 08-Nov-26 08:49:37 GMT")
            .replace("{asctime}", "Sun Nov  8 08:49:37 2026");
        let lines: String =
            fields.split('|').filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect();
        let mut wire = self.server.connect();
        wire.ask(format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n"))
    }
}

/// What an answer is, in the words of the tables.
fn told(answer: &Answer) -> String {
    let body = match answer.text() {
        TEXT => " whole".to_owned(),
        "" => String::new(),
        text => format!(" {text}"),
    };
    format!("{}{body}", answer.status)
}

#[test]
fn every_precondition_is_answered_as_its_section_says() {
    let site = Site::start();
    assert_eq!(site.server.get("/text").field("last-modified"), Some("Sun, 08 Nov 2026 08:49:37 GMT"));
    let rows = [
        // 13.1.1: If-Match compares strongly, `*` is any file
        ("13.1.1", "GET", "If-Match: {tag}", "200 whole"),
        ("13.1.1", "GET", "If-Match: *", "200 whole"),
        ("13.1.1", "GET", "If-Match: \"a\", {tag}", "200 whole"),
        ("13.1.1", "GET", "If-Match: \"a,b\",{tag} , \"c\"", "200 whole"),
        ("13.1.1", "GET", "If-Match: \"a\"|If-Match: {tag}", "200 whole"),
        ("13.1.1", "GET", "If-Match: W/{tag}", "412"),
        ("13.1.1", "GET", "If-Match: \"a\"", "412"),
        ("13.1.1", "GET", "If-Match: \"a\", W/\"b\"", "412"),
        ("13.1.1", "GET", "If-Match:", "412"),
        ("13.1.1", "HEAD", "If-Match: \"a\"", "412"),
        ("13.1.1", "HEAD", "If-Match: {tag}", "200"),
        // 13.1.2: If-None-Match compares weakly
        ("13.1.2", "GET", "If-None-Match: {tag}", "304"),
        ("13.1.2", "GET", "If-None-Match: W/{tag}", "304"),
        ("13.1.2", "GET", "If-None-Match: *", "304"),
        ("13.1.2", "GET", "If-None-Match: \"a\", W/\"b\", {tag}", "304"),
        ("13.1.2", "GET", "If-None-Match: ,, {tag}", "304"),
        ("13.1.2", "GET", "If-None-Match: \"a\"|If-None-Match: {tag}", "304"),
        ("13.1.2", "HEAD", "If-None-Match: {tag}", "304"),
        ("13.1.2", "GET", "If-None-Match: \"a\"", "200 whole"),
        ("13.1.2", "GET", "If-None-Match: \"*\"", "200 whole"),
        ("13.1.2", "GET", "If-None-Match: w/{tag}", "200 whole"),
        ("13.1.2", "GET", "If-None-Match: nonsense", "200 whole"),
        ("13.1.2", "GET", "If-None-Match:", "200 whole"),
        // 13.1.3: If-Modified-Since, for reading only, and only if it is one date
        ("13.1.3", "GET", "If-Modified-Since: {date}", "304"),
        ("13.1.3", "GET", "If-Modified-Since: {after}", "304"),
        ("13.1.3", "GET", "If-Modified-Since: {before}", "200 whole"),
        ("13.1.3", "HEAD", "If-Modified-Since: {date}", "304"),
        ("13.1.3", "HEAD", "If-Modified-Since: {before}", "200"),
        ("13.1.3", "GET", "If-Modified-Since: yesterday", "200 whole"),
        ("13.1.3", "GET", "If-Modified-Since: 1794127777", "200 whole"),
        ("13.1.3", "GET", "If-Modified-Since: Sun, 31 Feb 2027 08:49:37 GMT", "200 whole"),
        ("13.1.3", "GET", "If-Modified-Since: {date}, {date}", "200 whole"),
        ("13.1.3", "GET", "If-Modified-Since: {date}|If-Modified-Since: {date}", "200 whole"),
        ("13.1.3", "GET", "If-Modified-Since:", "200 whole"),
        ("13.1.3", "GET", "If-Modified-Since: {date}|If-None-Match: \"a\"", "200 whole"),
        ("5.6.7", "GET", "If-Modified-Since: {rfc850}", "304"),
        ("5.6.7", "GET", "If-Modified-Since: {asctime}", "304"),
        ("5.6.7", "GET", "If-Modified-Since: Saturday, 08-Nov-25 08:49:37 GMT", "200 whole"),
        ("5.6.7", "GET", "If-Modified-Since: Sun Nov  8 08:49:36 2026", "200 whole"),
        // 13.1.4: If-Unmodified-Since
        ("13.1.4", "GET", "If-Unmodified-Since: {date}", "200 whole"),
        ("13.1.4", "GET", "If-Unmodified-Since: {after}", "200 whole"),
        ("13.1.4", "GET", "If-Unmodified-Since: {before}", "412"),
        ("13.1.4", "HEAD", "If-Unmodified-Since: {before}", "412"),
        ("13.1.4", "GET", "If-Unmodified-Since: {rfc850}", "200 whole"),
        ("13.1.4", "GET", "If-Unmodified-Since: {asctime}", "200 whole"),
        ("13.1.4", "GET", "If-Unmodified-Since: Saturday, 08-Nov-25 08:49:37 GMT", "412"),
        ("13.1.4", "GET", "If-Unmodified-Since: nonsense", "200 whole"),
        ("13.1.4", "GET", "If-Unmodified-Since: {before}|If-Unmodified-Since: {before}", "200 whole"),
        ("13.1.4", "GET", "If-Unmodified-Since: {before}|If-Match: {tag}", "200 whole"),
        // 13.2.1: methods that select no representation have no preconditions
        ("13.2.1", "OPTIONS", "If-Match: \"a\"", "204"),
        ("13.2.1", "OPTIONS", "If-None-Match: *", "204"),
        // 13.2.2: the order
        ("13.2.2", "GET", "If-Match: \"a\"|If-None-Match: {tag}", "412"),
        ("13.2.2", "GET", "If-Match: {tag}|If-None-Match: {tag}", "304"),
        ("13.2.2", "GET", "If-Match: {tag}|If-Modified-Since: {date}", "304"),
        ("13.2.2", "GET", "If-Unmodified-Since: {before}|If-None-Match: {tag}", "412"),
        ("13.2.2", "GET", "If-Unmodified-Since: {date}|If-Modified-Since: {date}", "304"),
        ("13.2.2", "GET", "If-None-Match: {tag}|If-Modified-Since: {before}", "304"),
        ("13.2.2", "GET", "If-None-Match: {tag}|Range: bytes=0-1", "304"),
        ("13.2.2", "GET", "If-Match: \"a\"|Range: bytes=0-1", "412"),
        ("13.2.2", "GET", "If-Match: {tag}|Range: bytes=0-1", "206 ab"),
        ("13.2.2", "GET", "If-Modified-Since: {date}|Range: bytes=99-", "304"),
        ("13.2.2", "GET", "If-None-Match: \"a\"|Range: bytes=2-3|If-Range: {tag}", "206 cd"),
    ];
    for (section, method, fields, expected) in rows {
        assert_eq!(
            told(&site.ask(method, "/text", fields)),
            expected,
            "section {section}: {method} with {fields}"
        );
    }
    // 13.2.1: what would be an error without them is the same error with them
    for fields in ["If-Match: *", "If-None-Match: *", "If-Match: \"a\"", "Range: bytes=0-1"] {
        assert_eq!(site.ask("GET", "/none", fields).status, 404, "{fields}");
        assert_eq!(site.ask("POST", "/text", fields).status, 405, "{fields}");
    }
}

#[test]
fn every_range_is_answered_as_its_section_says() {
    let site = Site::start();
    let rows = [
        // 14.1.2: bytes, from zero on, both ends in it
        ("14.1.2", "Range: bytes=0-0", "206 a", "bytes 0-0/10"),
        ("14.1.2", "Range: bytes=2-4", "206 cde", "bytes 2-4/10"),
        ("14.1.2", "Range: bytes=7-", "206 hij", "bytes 7-9/10"),
        ("14.1.2", "Range: bytes=9-9", "206 j", "bytes 9-9/10"),
        ("14.1.2", "Range: bytes=5-99", "206 fghij", "bytes 5-9/10"),
        ("14.1.2", "Range: bytes=0-", "206 whole", "bytes 0-9/10"),
        ("14.1.2", "Range: bytes=-1", "206 j", "bytes 9-9/10"),
        ("14.1.2", "Range: bytes=-3", "206 hij", "bytes 7-9/10"),
        ("14.1.2", "Range: bytes=-10", "206 whole", "bytes 0-9/10"),
        ("14.1.2", "Range: bytes=-11", "206 whole", "bytes 0-9/10"),
        ("14.1.2", "Range: bytes=00002-004", "206 cde", "bytes 2-4/10"),
        // 14.1: names of units are compared without case; section 17.15 of old: numbers that overflow
        ("14.1", "Range: Bytes=2-4", "206 cde", "bytes 2-4/10"),
        ("14.1.1", "Range: bytes=2-18446744073709551616", "206 cdefghij", "bytes 2-9/10"),
        ("14.1.1", "Range: bytes=-99999999999999999999999999", "206 whole", "bytes 0-9/10"),
        ("14.1.1", "Range: bytes=99999999999999999999999999-", "416", "bytes */10"),
        ("14.1.1", "Range: bytes=18446744073709551615-18446744073709551616", "416", "bytes */10"),
        // 14.1.2 and 15.5.17: none of the bytes is there
        ("14.1.2", "Range: bytes=10-", "416", "bytes */10"),
        ("14.1.2", "Range: bytes=10-10", "416", "bytes */10"),
        ("14.1.2", "Range: bytes=-0", "416", "bytes */10"),
        ("14.1.2", "Range: bytes=-0,20-30", "416", "bytes */10"),
        ("14.1.2", "Range: bytes=20-30, 3-4", "206 de", "bytes 3-4/10"),
        ("14.1.2", "Range: bytes=-0, -2", "206 ij", "bytes 8-9/10"),
        // 14.2: units that are unknown, and what is malformed
        ("14.2", "Range: lines=0-1", "200 whole", ""),
        ("14.2", "Range: bytes", "200 whole", ""),
        ("14.2", "Range: bytes=", "200 whole", ""),
        ("14.2", "Range: bytes=4-2", "200 whole", ""),
        ("14.2", "Range: bytes=0-1,4-2", "200 whole", ""),
        ("14.2", "Range: bytes=a-b", "200 whole", ""),
        ("14.2", "Range: bytes=-", "200 whole", ""),
        ("14.2", "Range: bytes=--2", "200 whole", ""),
        ("14.2", "Range: bytes=+1-2", "200 whole", ""),
        ("14.2", "Range: bytes=1-2-3", "200 whole", ""),
        ("14.2", "Range: bytes=0-1;x", "200 whole", ""),
        ("14.2", "Range: bytes=1 -2", "200 whole", ""),
        ("14.2", "Range:", "200 whole", ""),
        ("14.2", "Range: bytes=0-1|Range: bytes=2-3", "200 whole", ""),
        // 5.6.1.2: empty members and blanks of lists
        ("5.6.1", "Range: bytes=,, 2-4 ,", "206 cde", "bytes 2-4/10"),
        // 14.2 and 17.15: ranges that overlap or touch become one, and one is no multipart (15.3.7.2)
        ("15.3.7.2", "Range: bytes=0-2,1-4", "206 abcde", "bytes 0-4/10"),
        ("15.3.7.2", "Range: bytes=0-1,2-4", "206 abcde", "bytes 0-4/10"),
        ("15.3.7.2", "Range: bytes=0-,0-,0-", "206 whole", "bytes 0-9/10"),
        ("15.3.7.2", "Range: bytes=0-0,9-9", "206 whole", "bytes 0-9/10"),
        // 13.1.5: If-Range compares strongly, dates exactly
        ("13.1.5", "Range: bytes=2-4|If-Range: {tag}", "206 cde", "bytes 2-4/10"),
        ("13.1.5", "Range: bytes=2-4|If-Range: {date}", "206 cde", "bytes 2-4/10"),
        ("13.1.5", "Range: bytes=2-4|If-Range: {rfc850}", "206 cde", "bytes 2-4/10"),
        ("13.1.5", "Range: bytes=2-4|If-Range: {asctime}", "206 cde", "bytes 2-4/10"),
        ("13.1.5", "Range: bytes=2-4|If-Range: W/{tag}", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: \"a\"", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: {before}", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: {after}", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: *", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: \"a\", {tag}", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: {tag}|If-Range: {tag}", "200 whole", ""),
        ("13.1.5", "Range: bytes=2-4|If-Range: nonsense", "200 whole", ""),
        ("13.1.5", "Range: bytes=99-|If-Range: \"a\"", "200 whole", ""),
        ("13.1.5", "Range: bytes=99-|If-Range: {tag}", "416", "bytes */10"),
        ("13.1.5", "If-Range: \"a\"", "200 whole", ""),
        ("13.1.5", "If-Range: {tag}", "200 whole", ""),
    ];
    for (section, fields, expected, content_range) in rows {
        let answer = site.ask("GET", "/text", fields);
        assert_eq!(told(&answer), expected, "section {section}: {fields}");
        assert_eq!(
            answer.field("content-range").unwrap_or_default(),
            content_range,
            "section {section}: {fields}"
        );
        // HEAD and other methods have no ranges (section 14.2)
        let head = site.ask("HEAD", "/text", &fields.replace("If-Range", "X-If-Range"));
        assert_eq!((head.status, head.field("content-length")), (200, Some("10")), "HEAD with {fields}");
        assert_eq!(
            (head.field("content-range"), head.field("accept-ranges")),
            (None, Some("bytes")),
            "{fields}"
        );
    }
}

#[test]
fn an_empty_file_has_no_ranges_and_is_sent_whole() {
    let site = Site::start();
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-9"] {
        // section 14.2: a server may ignore the field; an error would tell a client nothing that it could use
        let answer = site.ask("GET", "/empty", &format!("Range: {range}"));
        assert_eq!((answer.status, answer.field("content-length")), (200, Some("0")), "{range}");
        assert_eq!(answer.field("content-range"), None);
    }
}

#[test]
fn several_ranges_are_parts_in_the_order_asked_for() {
    let site = Site::start();
    let answer = site.ask("GET", "/large", "Range: bytes=200000-200004, 0-1, -3, 400000-400001");
    assert_eq!(answer.status, 206);
    // section 15.3.7.2: no Content-Range of the whole, one in each part, with the part's type
    assert_eq!(answer.field("content-range"), None);
    let kind = answer.field("content-type").expect("a type").to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("section 14.6");
    let parts: Vec<&str> = answer.text().split(&format!("\r\n--{boundary}")).collect();
    assert_eq!((parts.first(), parts.last()), (Some(&""), Some(&"--\r\n")));
    let expected = [("200000-200004", "xxxxx"), ("0-1", "xx"), ("299997-299999", "xxx")];
    assert_eq!(parts.len(), expected.len() + 2);
    for (part, (range, text)) in parts[1..].iter().zip(expected) {
        let (head, body) = part.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("Content-Range: bytes {range}/300000")), "{head}");
        assert!(head.contains("Content-Type: application/octet-stream"), "{head}");
        assert_eq!(body, text);
    }
    assert_eq!(answer.field("content-length"), Some(answer.body.len().to_string().as_str()));

    let many: Vec<String> = (0..17).map(|index| format!("{0}-{0}", index * 1000)).collect();
    let sixteen = site.ask("GET", "/large", &format!("Range: bytes={}", many[..16].join(",")));
    assert_eq!(sixteen.status, 206);
    let seventeen = site.ask("GET", "/large", &format!("Range: bytes={}", many.join(",")));
    assert_eq!(
        (seventeen.status, seventeen.body.len()),
        (200, 300_000),
        "section 14.2: too many are ignored"
    );
}

#[test]
fn answers_have_the_fields_that_their_sections_demand() {
    let site = Site::start();
    let (tag, date) = (Some(site.tag.as_str()), Some("Sun, 08 Nov 2026 08:49:37 GMT"));
    // sections 8.8.2, 8.8.3, 14.3
    let whole = site.ask("GET", "/text", "");
    assert_eq!((whole.field("etag"), whole.field("last-modified")), (tag, date));
    assert_eq!((whole.field("accept-ranges"), whole.field("content-length")), (Some("bytes"), Some("10")));
    assert!(site.tag.starts_with('"') && site.tag.ends_with('"'), "a strong tag");
    // section 15.3.7: what the whole would have had
    let part = site.ask("GET", "/text", "Range: bytes=2-4");
    assert_eq!((part.field("etag"), part.field("last-modified")), (tag, date));
    assert_eq!(
        (part.field("content-length"), part.field("content-type")),
        (Some("3"), whole.field("content-type"))
    );
    assert!(part.field("date").is_some());
    // section 15.4.5: the validator, and nothing about a body
    let known = site.ask("GET", "/text", "If-None-Match: {tag}");
    assert_eq!((known.field("etag"), known.field("content-length")), (tag, None));
    assert_eq!((known.field("content-type"), known.field("last-modified")), (None, None));
    assert!(known.field("date").is_some());
    // section 9.3.2
    let head = site.ask("HEAD", "/text", "");
    for field in ["etag", "last-modified", "accept-ranges", "content-length", "content-type"] {
        assert_eq!(head.field(field), whole.field(field), "{field}");
    }
    // section 15.5.17
    let beyond = site.ask("GET", "/text", "Range: bytes=10-");
    assert_eq!(
        (beyond.field("content-range"), beyond.field("content-length")),
        (Some("bytes */10"), Some("0"))
    );
}

#[test]
fn a_date_of_this_very_second_is_not_strong() {
    let site = Site::start();
    let path = site.directory.path().join("text");
    // sections 8.8.2.2 and 13.1.5: the file may change again without that its date does
    let soon = SystemTime::now() + Duration::from_secs(600);
    std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("it is there")
        .set_modified(soon)
        .expect("a time");
    let date = httpdate::fmt_http_date(soon);
    let answer = site.ask("GET", "/text", &format!("Range: bytes=2-4|If-Range: {date}"));
    assert_eq!(told(&answer), "200 whole");
    let tag = site.server.get("/text").field("etag").expect("a tag").to_owned();
    let answer = site.ask("GET", "/text", &format!("Range: bytes=2-4|If-Range: {tag}"));
    assert_eq!(told(&answer), "206 cde");
}
