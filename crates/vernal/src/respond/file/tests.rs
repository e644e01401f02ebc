//! The answers of a real file: whole, conditional, in ranges, small and streamed, and when it changes on the way.

use std::fs::{self, OpenOptions};
use std::io;
use std::pin::Pin;
use std::time::{Duration, UNIX_EPOCH};

use futures_core::Stream;
use tempfile::TempDir;

use super::*;

const NEVER: Duration = Duration::from_secs(10);

struct Fixture {
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Fixture { directory: tempfile::tempdir().expect("a directory") }
    }

    /// A file whose bytes tell where they stand, last changed at 2001-09-09 01:46:40 and a half.
    fn file(&self, name: &str, length: usize) -> StaticFile {
        let path = self.directory.path().join(name);
        fs::write(&path, content(length)).expect("a file");
        let time = UNIX_EPOCH + Duration::from_millis(1_000_000_000_500);
        let file = OpenOptions::new().write(true).open(&path).expect("a file");
        file.set_modified(time).expect("a time");
        StaticFile::new(path)
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

async fn answer(file: &StaticFile, method: Method, fields: &[(&str, &str)]) -> FileAnswer {
    let headers: Headers = fields.iter().copied().collect();
    file.open(&method, &headers, None).expect("an answer")
}

async fn get(file: &StaticFile, fields: &[(&str, &str)]) -> FileAnswer {
    answer(file, Method::GET, fields).await
}

async fn next(stream: &mut FileStream) -> Option<io::Result<Bytes>> {
    let piece = std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
    tokio::time::timeout(NEVER, piece).await.expect("a piece in time")
}

async fn bytes(answer: FileAnswer) -> Vec<u8> {
    let promised = answer.length();
    let bytes = match answer.body {
        FileBody::Empty { .. } => return Vec::new(),
        FileBody::Bytes(bytes) => bytes.to_vec(),
        FileBody::Stream(mut stream) => {
            let mut all = Vec::new();
            while let Some(piece) = next(&mut stream).await {
                all.extend_from_slice(&piece.expect("a piece"));
                assert_eq!(promised, Some(all.len() as u64 + stream.remaining()));
            }
            all
        }
    };
    assert_eq!(promised, Some(bytes.len() as u64));
    bytes
}

fn field<'a>(answer: &'a FileAnswer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().expect("text"))
}

fn names(answer: &FileAnswer) -> Vec<&str> {
    let mut names: Vec<_> = answer.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_file_is_sent_whole_with_its_validators() {
    let fixture = Fixture::new();
    for length in [0, 1, 1024, 65_536, 65_537, 131_072, 131_073, 1_000_000] {
        let answer = get(&fixture.file("a.HTML", length), &[]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(names(&answer), ["accept-ranges", "content-type", "etag", "last-modified"]);
        assert_eq!(field(&answer, "accept-ranges"), Some("bytes"));
        assert_eq!(field(&answer, "content-type"), Some("text/html"));
        assert_eq!(field(&answer, "last-modified"), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
        assert!(field(&answer, "etag").is_some_and(|etag| etag.starts_with('"')));
        assert_eq!(matches!(answer.body, FileBody::Stream(_)), length > 65_536);
        assert!(bytes(answer).await == content(length), "{length} bytes");
    }
}

#[tokio::test]
async fn the_fields_that_were_given_are_sent() {
    let fixture = Fixture::new();
    let file = fixture.file("a.bin", 10).content_type("text/x-own; charset=utf-8").cache_control("no-cache");
    let answer = get(&file.download_as("中.txt"), &[]).await;
    assert_eq!(field(&answer, "content-type"), Some("text/x-own; charset=utf-8"));
    assert_eq!(field(&answer, "cache-control"), Some("no-cache"));
    let disposition = "attachment; filename=\"_.txt\"; filename*=UTF-8''%E4%B8%AD.txt";
    assert_eq!(field(&answer, "content-disposition"), Some(disposition));
}

#[tokio::test]
async fn a_field_that_cannot_be_sent_is_the_servers_error() {
    let fixture = Fixture::new();
    for file in [
        fixture.file("a", 1).content_type("text/plain\r\nX-Evil: 1"),
        fixture.file("a", 1).cache_control("a\nb"),
    ] {
        let error = file.open(&Method::GET, &Headers::new(), None).expect_err("an error");
        assert_eq!(error.code(), 500);
    }
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() {
    let fixture = Fixture::new();
    for length in [0, 7, 1_000_000] {
        let file = fixture.file("a.txt", length);
        let head = answer(&file, Method::HEAD, &[("range", "bytes=0-1")]).await;
        let get = get(&file, &[]).await;
        assert_eq!(head.status, 200);
        assert_eq!(head.headers, get.headers);
        assert_eq!(head.length(), Some(length as u64));
        assert!(matches!(head.body, FileBody::Empty { .. }));
    }
}

#[tokio::test]
async fn for_other_methods_the_file_is_only_content() {
    let fixture = Fixture::new();
    let fields = [("range", "bytes=0-1"), ("if-none-match", "*"), ("if-match", "\"x\"")];
    let answer = answer(&fixture.file("a.txt", 7), Method::POST, &fields).await;
    assert_eq!(answer.status, 200);
    assert_eq!(bytes(answer).await, content(7));
}

#[tokio::test]
async fn a_client_that_has_the_file_is_told_so() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 7).cache_control("max-age=5");
    let etag = field(&get(&file, &[]).await, "etag").expect("a tag").to_owned();
    for fields in [
        [("if-none-match", etag.as_str()), ("range", "bytes=0-1")],
        [("if-modified-since", "Sun, 09 Sep 2001 01:46:40 GMT"), ("accept", "*/*")],
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = answer(&file, method, &fields).await;
            assert_eq!(answer.status, 304);
            assert_eq!(names(&answer), ["cache-control", "etag"]);
            assert_eq!(field(&answer, "etag"), Some(etag.as_str()));
            assert_eq!(answer.length(), None);
            assert!(matches!(answer.body, FileBody::Empty { .. }));
        }
    }
}

#[tokio::test]
async fn a_client_that_meant_another_file_is_told_so() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 7);
    for field in [("if-match", "\"x\""), ("if-unmodified-since", "Sun, 09 Sep 2001 01:46:39 GMT")] {
        let answer = get(&file, &[field]).await;
        assert_eq!((answer.status.as_u16(), answer.length()), (412, Some(0)));
    }
}

#[tokio::test]
async fn a_range_is_sent_as_partial_content() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 1_000_000);
    for (range, expected, content_range) in [
        ("bytes=0-0", 0..1, "bytes 0-0/1000000"),
        ("bytes=10-19", 10..20, "bytes 10-19/1000000"),
        ("bytes=-10", 999_990..1_000_000, "bytes 999990-999999/1000000"),
        ("bytes=1-", 1..1_000_000, "bytes 1-999999/1000000"),
        ("bytes=131071-400000", 131_071..400_001, "bytes 131071-400000/1000000"),
    ] {
        let answer = get(&file, &[("range", range)]).await;
        assert_eq!(answer.status, 206);
        assert_eq!(field(&answer, "content-range"), Some(content_range));
        assert_eq!(field(&answer, "content-type"), Some("text/plain"));
        assert!(bytes(answer).await == content(1_000_000)[expected], "{range}");
    }
}

#[tokio::test]
async fn a_range_outside_the_file_is_refused_with_its_length() {
    let answer = get(&Fixture::new().file("a.txt", 10), &[("range", "bytes=10-")]).await;
    assert_eq!((answer.status.as_u16(), answer.length()), (416, Some(0)));
    assert_eq!(field(&answer, "content-range"), Some("bytes */10"));
}

#[tokio::test]
async fn if_range_decides_between_a_part_and_the_whole() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 10);
    let etag = field(&get(&file, &[]).await, "etag").expect("a tag").to_owned();
    for (condition, status) in [
        (etag.as_str(), 206),
        ("Sun, 09 Sep 2001 01:46:40 GMT", 206),
        ("Sun, 09 Sep 2001 01:46:41 GMT", 200),
        ("\"x\"", 200),
    ] {
        let answer = get(&file, &[("range", "bytes=0-1"), ("if-range", condition)]).await;
        assert_eq!(answer.status, status, "{condition}");
    }
}

#[tokio::test]
async fn several_ranges_are_sent_in_parts() {
    let fixture = Fixture::new();
    for (length, last) in [(5_000, 1_000), (1_000_000, 900_000)] {
        let file = fixture.file("a.txt", length);
        let answer = get(&file, &[("range", &format!("bytes=-{last},0-9"))]).await;
        assert_eq!(answer.status, 206);
        assert_eq!(field(&answer, "content-range"), None);
        let content_type = field(&answer, "content-type").expect("a type").to_owned();
        let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
        assert_eq!(boundary.len(), 32);

        let content = content(length);
        let mut expected = Vec::new();
        for range in [length - last..length, 0..10] {
            let (first, end) = (range.start, range.end - 1);
            let header = format!(
                "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {first}-{end}/{length}\r\n\r\n"
            );
            expected.extend_from_slice(header.as_bytes());
            expected.extend_from_slice(&content[range]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(bytes(answer).await == expected);
    }
}

#[tokio::test]
async fn what_is_no_readable_file_is_not_found() {
    let fixture = Fixture::new();
    let inside = |name: &str| fixture.directory.path().join(name);
    fixture.file("a.txt", 1);
    for path in [
        inside("none"),
        inside(""),
        inside("a.txt/b"),
        inside("nul\0"),
        inside(&"long".repeat(5_000)),
        "".into(),
    ] {
        let error = StaticFile::new(&path).open(&Method::GET, &Headers::new(), None).expect_err("an error");
        assert_eq!((error.code(), error.explain_text()), (404, "Cannot find file for this url."), "{path:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_fifo_a_socket_or_a_device_is_not_found_and_holds_nobody_up() {
    let fixture = Fixture::new();
    let socket = fixture.directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let fifo = fixture.directory.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().is_ok_and(|status| status.success());
    let paths = [socket, "/dev/zero".into()].into_iter().chain(made.then_some(fifo));
    for path in paths {
        let error = StaticFile::new(&path).open(&Method::GET, &Headers::new(), None).expect_err("an error");
        assert_eq!(error.code(), 404, "{path:?}");
    }
}

#[tokio::test]
async fn a_file_cut_short_on_the_way_ends_with_an_error() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 1_000_000);
    let FileBody::Stream(mut stream) = get(&file, &[]).await.body else { panic!("a stream was expected") };
    next(&mut stream).await.expect("a piece").expect("a good piece");
    OpenOptions::new().write(true).open(&file.path).and_then(|file| file.set_len(300_000)).expect("cut");

    let mut error = None;
    while let Some(piece) = next(&mut stream).await {
        assert!(error.is_none(), "nothing follows an error");
        error = piece.err();
    }
    let error = error.expect("an error");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(error.to_string(), "the file became shorter than it was when its sending began");
    assert_eq!(stream.remaining(), 0);
}

#[tokio::test]
async fn of_a_file_that_grows_on_the_way_only_what_was_promised_is_sent() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 300_000);
    let answer = get(&file, &[]).await;
    fs::write(&file.path, content(900_000)).expect("grown");
    assert!(bytes(answer).await == content(300_000));
}

#[tokio::test]
async fn a_slow_reader_makes_no_more_than_one_piece_be_read_ahead() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 2_000_000);
    let FileBody::Stream(mut stream) = get(&file, &[]).await.body else { panic!("a stream was expected") };
    let first = next(&mut stream).await.expect("a piece").expect("a good piece");
    assert_eq!(first.len(), 128 * 1024);
    tokio::time::sleep(Duration::from_millis(50)).await;
    // What was not yet read is read after this; what was read ahead is still the old content.
    fs::write(&file.path, vec![255; 2_000_000]).expect("written");
    let mut old = 1;
    while let Some(piece) = next(&mut stream).await {
        let piece = piece.expect("a good piece");
        old += usize::from(piece.iter().all(|&byte| byte != 255));
    }
    assert!(old <= 2, "{old} pieces were read before they were asked for");
}

#[test]
fn a_stream_outside_of_a_runtime_reads_where_it_is_polled() {
    let fixture = Fixture::new();
    let file = fixture.file("a.txt", 300_000);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let opened = file.open(&Method::GET, &Headers::new(), None);
    let Ok(FileAnswer { body: FileBody::Stream(mut stream), .. }) = opened else {
        panic!("a stream was expected")
    };
    let mut length = 0;
    while let std::task::Poll::Ready(Some(piece)) = Pin::new(&mut stream).poll_next(&mut context) {
        length += piece.expect("a piece").len();
    }
    assert_eq!(length, 300_000);
}

#[test]
fn a_stream_may_be_sent_between_threads_and_moved() {
    fn check<T: Send + Unpin + 'static>() {}
    check::<FileStream>();
}
