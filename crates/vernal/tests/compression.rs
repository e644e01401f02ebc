//! Responses that are compressed, and requests that were: in process and over sockets.

#![cfg(all(feature = "macros", feature = "compression"))]

mod support;

use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use support::Running;
use vernal::prelude::*;
use vernal::testing::{Answer, Client};
use vernal::{App, Coding, Compression, Handle, KB, Response, Route, Sse, State, StaticFile, Stream};

/// Text of so many bytes that repeats itself, though not at once.
fn text(bytes: usize) -> String {
    let mut text: String =
        (0..bytes / 7 + 1).map(|number: usize| format!("line {}\n", number % 97)).collect();
    text.truncate(bytes);
    text
}

fn decode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut decoded).expect("gzip"),
        "deflate" => flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut decoded).expect("zlib"),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut decoded).expect("brotli"),
        "zstd" => {
            decoded.reserve(4 * MB);
            zstd_safe::decompress(&mut decoded, bytes).expect("zstd")
        }
        _ => panic!("{coding:?} is no coding"),
    };
    decoded
}

fn encode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    use flate2::Compression as Level;
    let mut coded = Vec::new();
    match coding {
        "gzip" | "x-gzip" => {
            flate2::read::GzEncoder::new(bytes, Level::best()).read_to_end(&mut coded).expect("gzip")
        }
        "deflate" => {
            flate2::read::ZlibEncoder::new(bytes, Level::best()).read_to_end(&mut coded).expect("zlib")
        }
        "br" => brotli::CompressorReader::new(bytes, 4096, 5, 20).read_to_end(&mut coded).expect("brotli"),
        "zstd" => {
            coded.reserve(zstd_safe::compress_bound(bytes.len()));
            zstd_safe::compress(&mut coded, bytes, 3).expect("zstd")
        }
        _ => panic!("{coding:?} is no coding"),
    };
    coded
}

/// The body of an answer without its coding.
fn plain(answer: &Answer) -> Vec<u8> {
    match answer.header("content-encoding") {
        Some(coding) => decode(coding, answer.bytes()),
        None => answer.bytes().to_vec(),
    }
}

mod pages {
    use super::*;

    #[route("/text")]
    async fn some_text(#[default(5000)] bytes: usize) -> String {
        text(bytes)
    }

    #[route("/json")]
    async fn json() -> Value {
        json!({ "text": text(5000) })
    }

    #[route("/picture")]
    async fn picture() -> Response {
        Response::new(200).header("Content-Type", "image/png").body(text(5000))
    }

    /// A response with one field more, which the query names.
    #[route("/with")]
    async fn with(name: String, value: String, #[default(200)] status: u16) -> Response {
        Response::new(status).header(name, value).body(text(5000))
    }

    #[route("/tagged")]
    async fn tagged(request: &Request) -> Response {
        let is_known = request.headers.get("if-none-match").is_some_and(|tags| tags.contains("\"v1\""));
        match is_known {
            true => Response::new(304).header("ETag", "\"v1\""),
            false => Response::new(200).header("ETag", "\"v1\"").body(text(5000)),
        }
    }

    #[route("/empty")]
    async fn empty() -> &'static str {
        ""
    }

    #[route("/head", method = "HEAD")]
    async fn head() -> Response {
        Response::new(200).header("Content-Type", "text/plain").header("Content-Length", 5000)
    }

    #[route("/pieces")]
    async fn pieces(#[default(1000)] size: usize, #[default(40_000)] bytes: usize) -> Stream {
        let text = text(bytes).into_bytes();
        let pieces: Vec<Vec<u8>> = text.chunks(size).map(<[u8]>::to_vec).collect();
        Stream::iter(pieces).content_type("text/plain")
    }

    #[route("/broken")]
    async fn broken() -> Stream {
        let pieces = [Ok(text(3000)), Err(std::io::Error::other("the source dried up"))];
        Stream::bytes(Iterated(pieces.into_iter())).content_type("text/plain")
    }

    #[route("/error")]
    async fn error() -> Result<&'static str> {
        Err(HttpError::new(403).explain(text(5000)).into())
    }

    #[route("/news")]
    async fn news(handle: State<tokio::sync::Notify>) -> Sse {
        struct Events(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>, bool);
        impl futures_core::Stream for Events {
            type Item = vernal::Event;

            fn poll_next(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<vernal::Event>> {
                if !std::mem::replace(&mut self.1, true) {
                    return std::task::Poll::Ready(Some(vernal::Event::data("the first")));
                }
                self.0.as_mut().poll(context).map(|()| None)
            }
        }
        Sse::new(Events(Box::pin(async move { handle.notified().await }), false))
    }

    #[route("/echo", method = "POST")]
    async fn echo(body: Bytes) -> Bytes {
        body
    }

    #[route("/echo-json", method = "POST")]
    async fn echo_json(body: Json<Value>) -> Value {
        body.0
    }

    #[route("/form", method = "POST")]
    async fn form(name: String) -> String {
        name
    }

    #[route("/upload", method = "POST")]
    async fn upload(file: MultipartFile) -> Result<String> {
        Ok(format!("{} {}", file.filename(), file.bytes().await?.len()))
    }

    #[route("/count", method = "POST")]
    async fn count(mut body: BodyReader) -> Result<String> {
        let mut bytes = 0;
        while let Some(piece) = body.chunk().await? {
            bytes += piece.len();
        }
        Ok(bytes.to_string())
    }

    #[route("/ignore", method = "POST")]
    async fn ignore() -> &'static str {
        "not read"
    }
}

struct Iterated<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Iterated<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

/// Files, some of them with a compressed form beside them.
fn files() -> &'static Path {
    static FILES: OnceLock<tempfile::TempDir> = OnceLock::new();
    let directory = FILES.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, content: &[u8]| {
            std::fs::write(directory.path().join(name), content).expect("a file")
        };
        write("small.txt", b"small");
        write("page.html", text(20_000).as_bytes());
        write("large.txt", text(MB).as_bytes());
        write("app.js", text(6000).as_bytes());
        for (coding, ending) in [("br", "br"), ("zstd", "zst"), ("gzip", "gz")] {
            write(&format!("app.js.{ending}"), &encode(coding, text(6000).as_bytes()));
        }
        write("old.css.gz", &encode("gzip", b"an earlier version"));
        write("old.css", text(2000).as_bytes());
        let past = std::time::SystemTime::now() - Duration::from_secs(1000);
        let old = std::fs::File::options()
            .write(true)
            .open(directory.path().join("old.css.gz"))
            .expect("it is there");
        old.set_modified(past).expect("a time");
        write("photo.bin", &[7; 3000]);
        write("photo.bin.gz", &encode("gzip", &[7; 3000]));
        write("linked.js", text(2000).as_bytes());
        #[cfg(unix)]
        std::os::unix::fs::symlink("app.js.gz", directory.path().join("linked.js.gz")).expect("a link");
        directory
    });
    directory.path()
}

fn server(compression: Compression) -> Server {
    Server::new()
        .scan(module_path!())
        .resource("/files/**", files())
        .manage(tokio::sync::Notify::new())
        .compression(compression)
}

fn app() -> App {
    server(Compression::new()).build().unwrap_or_else(|error| panic!("{error}"))
}

async fn get(app: &App, target: &str, fields: &[(&str, &str)]) -> Answer {
    request(app, "GET", target, fields).await
}

async fn request(app: &App, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let client = Client::new(app.clone());
    let call = client.request(method, target);
    fields.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

const ALL: (&str, &str) = ("Accept-Encoding", "gzip, deflate, br, zstd");
const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");

#[tokio::test]
async fn every_coding_is_sent_to_who_asks_for_it() {
    let app = app();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        for target in [
            "/text",
            "/text?bytes=70000",
            "/text?bytes=400000",
            "/json",
            "/pieces",
            "/files/page.html",
            "/files/large.txt",
        ] {
            let answer = get(&app, target, &[("Accept-Encoding", coding)]).await;
            assert_eq!(answer.header("content-encoding"), Some(coding), "{target}");
            assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{target}");
            let whole = get(&app, target, &[]).await;
            assert_eq!(
                (whole.header("content-encoding"), whole.header("vary")),
                (None, Some("Accept-Encoding"))
            );
            assert!(plain(&answer) == *whole.bytes(), "{target} as {coding}");
            assert!(answer.bytes().len() < whole.bytes().len() / 2, "{target} as {coding}");
        }
    }
    assert_eq!(
        get(&app, "/text", &[ALL]).await.header("content-encoding"),
        Some("zstd"),
        "the server's order"
    );
}

#[tokio::test]
async fn streams_come_whole_whatever_their_pieces() {
    let app = app();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        for (size, bytes) in [(1, 2000), (7, 20_000), (100_000, 300_000), (300_000, 900_000)] {
            let answer =
                get(&app, &format!("/pieces?size={size}&bytes={bytes}"), &[("Accept-Encoding", coding)])
                    .await;
            assert!(plain(&answer) == text(bytes).as_bytes(), "{bytes} bytes by {size} as {coding}");
        }
    }
}

#[tokio::test]
async fn what_is_not_to_be_compressed_is_left_as_it_is() {
    let app = app();
    for target in [
        "/picture",
        "/empty",
        "/text?bytes=1023",
        "/files/small.txt",
        "/files/photo.bin",
        "/with?name=Content-Encoding&value=br",
        "/with?name=Content-Encoding&value=identity",
        "/with?name=Cache-Control&value=public,%20No-Transform",
        "/with?name=Repr-Digest&value=sha-256=:x:",
        "/with?name=X&value=y&status=206",
        "/with?name=X&value=y&status=204",
        "/with?name=X&value=y&status=205",
    ] {
        let (answer, whole) = (get(&app, target, &[ALL]).await, get(&app, target, &[]).await);
        assert_eq!(answer.bytes(), whole.bytes(), "{target}");
        assert_eq!(answer.header("content-encoding"), whole.header("content-encoding"), "{target}");
        let may_vary = target.ends_with("206");
        assert_eq!(answer.header("vary").is_some(), may_vary, "{target}");
    }
    let off = Server::new().scan(module_path!()).manage(tokio::sync::Notify::new()).build().expect("an app");
    let answer = get(&off, "/text", &[ALL]).await;
    assert_eq!((answer.header("content-encoding"), answer.header("vary")), (None, None), "off by default");
}

#[tokio::test]
async fn what_is_just_long_enough_is_compressed() {
    let app = app();
    assert_eq!(get(&app, "/text?bytes=1024", &[GZIP]).await.header("content-encoding"), Some("gzip"));
    let eager = server(Compression::gzip(["text/plain"], 1)).build().expect("an app");
    assert_eq!(get(&eager, "/text?bytes=8", &[ALL]).await.header("content-encoding"), Some("gzip"));
    assert_eq!(get(&eager, "/empty", &[ALL]).await.header("content-encoding"), None);
    assert_eq!(get(&eager, "/json", &[ALL]).await.header("content-encoding"), None, "another type");
}

#[tokio::test]
async fn the_pages_of_errors_are_responses_like_others() {
    let app = app();
    let answer = get(&app, "/error", &[GZIP]).await;
    assert_eq!((answer.status(), answer.header("content-encoding")), (403, Some("gzip")));
    assert!(String::from_utf8_lossy(&plain(&answer)).contains("line 42"));
    assert_eq!(get(&app, "/nowhere", &[GZIP]).await.header("content-encoding"), None, "too short");
}

#[tokio::test]
async fn vary_keeps_what_the_application_said() {
    let app = app();
    for (said, sent) in
        [("Cookie", "Cookie, Accept-Encoding"), ("*", "*"), ("accept-encoding", "accept-encoding")]
    {
        let answer = get(&app, &format!("/with?name=Vary&value={said}"), &[GZIP]).await;
        assert_eq!(answer.headers().get_all("vary").collect::<Vec<_>>(), [sent]);
    }
}

#[tokio::test]
async fn an_entity_tag_becomes_weak_and_is_known_again() {
    let app = app();
    for (target, strong) in [("/files/page.html", None), ("/tagged", Some("\"v1\""))] {
        let whole = get(&app, target, &[]).await;
        let strong = strong.or(whole.header("etag")).expect("a tag").to_owned();
        assert_eq!(whole.header("etag"), Some(strong.as_str()));
        let coded = get(&app, target, &[GZIP]).await;
        let weak = format!("W/{strong}");
        assert_eq!(coded.header("etag"), Some(weak.as_str()), "{target}");
        assert_eq!(coded.header("accept-ranges"), None);

        let again = get(&app, target, &[GZIP, ("If-None-Match", &weak)]).await;
        assert_eq!((again.status(), again.header("etag")), (304, Some(weak.as_str())), "{target}");
        assert_eq!(again.header("vary"), Some("Accept-Encoding"));
        assert_eq!(again.header("content-encoding"), None);
        let other = get(&app, target, &[("If-None-Match", &strong)]).await;
        assert_eq!((other.status(), other.header("etag")), (304, Some(strong.as_str())), "{target}");
    }
    let weak = get(&app, "/with?name=ETag&value=W/%22w%22", &[GZIP]).await;
    assert_eq!(weak.header("etag"), Some("W/\"w\""), "weak already");
}

#[tokio::test]
async fn a_weak_tag_that_was_sent_does_not_pass_for_the_file_itself() {
    let app = app();
    let coded = get(&app, "/files/page.html", &[GZIP]).await;
    let weak = coded.header("etag").expect("a tag").to_owned();
    // RFC 9110 section 13.1.1 and 13.1.5: both compare strongly
    assert_eq!(get(&app, "/files/page.html", &[GZIP, ("If-Match", &weak)]).await.status(), 412);
    let resumed = get(&app, "/files/page.html", &[GZIP, ("Range", "bytes=5-9"), ("If-Range", &weak)]).await;
    assert_eq!((resumed.status(), resumed.header("content-encoding")), (200, Some("gzip")));
}

#[tokio::test]
async fn ranges_are_ranges_of_the_file_itself() {
    let app = app();
    let part = get(&app, "/files/page.html", &[GZIP, ("Range", "bytes=5-9")]).await;
    assert_eq!((part.status(), part.bytes().as_ref()), (206, &text(20_000).as_bytes()[5..10]));
    assert_eq!((part.header("content-encoding"), part.header("vary")), (None, Some("Accept-Encoding")));
    assert!(part.header("etag").is_some_and(|tag| tag.starts_with('"')), "{part:?}");
    let parts = get(&app, "/files/page.html", &[GZIP, ("Range", "bytes=5-9,9000-9009")]).await;
    assert_eq!((parts.status(), parts.header("content-encoding")), (206, None));
    assert_eq!(parts.header("vary"), Some("Accept-Encoding"));
    let beyond = get(&app, "/files/page.html", &[GZIP, ("Range", "bytes=99999-")]).await;
    assert_eq!((beyond.status(), beyond.header("content-range")), (416, Some("bytes */20000")));
    let ignored = get(&app, "/files/page.html", &[GZIP, ("Range", "lines=5-9")]).await;
    assert_eq!((ignored.status(), ignored.header("content-encoding")), (200, Some("gzip")));
}

#[tokio::test]
async fn head_has_the_fields_of_get() {
    let app = app();
    for target in [
        "/text",
        "/text?bytes=100",
        "/pieces",
        "/picture",
        "/files/page.html",
        "/files/small.txt",
        "/files/large.txt",
    ] {
        for accepted in ["gzip", "identity"] {
            let accepted = [("Accept-Encoding", accepted)];
            let (get, head) =
                (get(&app, target, &accepted).await, request(&app, "HEAD", target, &accepted).await);
            assert_eq!(head.bytes().len(), 0);
            for field in
                ["content-type", "content-encoding", "vary", "etag", "accept-ranges", "last-modified"]
            {
                assert_eq!(head.header(field), get.header(field), "{field} of {target} for {accepted:?}");
            }
            let length = get.header("content-length").map_or(get.bytes().len().to_string(), str::to_owned);
            let is_known = get.header("content-encoding").is_none() && target != "/pieces";
            assert_eq!(head.header("content-length"), is_known.then_some(length.as_str()), "{target}");
        }
    }
    let own = request(&app, "HEAD", "/head", &[GZIP]).await;
    assert_eq!((own.header("content-encoding"), own.header("content-length")), (Some("gzip"), None));
    assert_eq!(request(&app, "HEAD", "/head", &[]).await.header("content-length"), Some("5000"));
}

#[tokio::test]
async fn a_stream_that_fails_has_no_end() {
    let answer = get(&app(), "/broken", &[GZIP]).await;
    assert!(answer.failure().is_some());
    let mut decoded = Vec::new();
    let outcome = flate2::read::GzDecoder::new(&answer.bytes()[..]).read_to_end(&mut decoded);
    assert!(outcome.is_err(), "the client must see that it is not whole");
}

#[tokio::test]
async fn files_compressed_beforehand_are_sent_instead() {
    let app = server(Compression::new()).precompressed(true).build().expect("an app");
    for (accepted, coding) in [
        ("gzip, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("*", "br"),
    ] {
        let answer = get(&app, "/files/app.js", &[("Accept-Encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), Some(coding), "{accepted}");
        assert_eq!(answer.header("content-type"), Some("text/javascript"));
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(
            answer.header("content-length").map_or(answer.bytes().len().to_string(), str::to_owned),
            answer.bytes().len().to_string()
        );
        assert_eq!(plain(&answer), text(6000).as_bytes());

        let tag = answer.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"'), "it is the same bytes each time: {tag}");
        assert_ne!(Some(tag.as_str()), get(&app, "/files/app.js", &[]).await.header("etag"), "its own");
        let again =
            get(&app, "/files/app.js", &[("Accept-Encoding", accepted), ("If-None-Match", &tag)]).await;
        assert_eq!((again.status(), again.header("etag")), (304, Some(tag.as_str())));
        assert_eq!((again.header("vary"), again.header("content-encoding")), (Some("Accept-Encoding"), None));
        let head = request(&app, "HEAD", "/files/app.js", &[("Accept-Encoding", accepted)]).await;
        assert_eq!(
            (head.header("content-encoding"), head.header("etag")),
            (Some(coding), Some(tag.as_str()))
        );
        assert_eq!(head.header("content-length"), Some(answer.bytes().len().to_string().as_str()));
    }
}

#[tokio::test]
async fn forms_that_do_not_fit_are_passed_over() {
    let app = server(Compression::gzip(["text/html"], 6)).precompressed(true).build().expect("an app");
    let ask = async |name: &str, fields: &[(&'static str, &'static str)]| {
        get(&app, &format!("/files/{name}"), fields).await
    };
    let refused = ask("app.js", &[("Accept-Encoding", "identity, br;q=0.5")]).await;
    assert_eq!((refused.header("content-encoding"), refused.header("vary")), (None, Some("Accept-Encoding")));
    let part = ask("app.js", &[GZIP, ("Range", "bytes=5-9")]).await;
    assert_eq!((part.status(), part.header("content-encoding")), (206, None));
    assert_eq!(
        (part.bytes().as_ref(), part.header("vary")),
        (&text(6000).as_bytes()[5..10], Some("Accept-Encoding"))
    );
    let old = ask("old.css", &[GZIP]).await;
    assert_eq!(
        (old.bytes().as_ref(), old.header("vary")),
        (text(2000).as_bytes(), None),
        "of an earlier version"
    );
    let alone = ask("page.html", &[("Accept-Encoding", "br")]).await;
    assert_eq!((alone.header("content-encoding"), alone.bytes().len()), (None, 20_000));
    assert_eq!(ask("photo.bin", &[GZIP]).await.header("content-encoding"), Some("gzip"), "whatever its type");
    #[cfg(unix)]
    assert_eq!(ask("linked.js", &[GZIP]).await.header("content-encoding"), None, "a link may lead anywhere");
    let off = self::app();
    assert_eq!(
        get(&off, "/files/photo.bin", &[GZIP]).await.header("content-encoding"),
        None,
        "off by default"
    );
}

#[tokio::test]
async fn an_app_that_sends_a_file_by_hand_does_the_same() {
    let file = files().join("app.js");
    let send =
        vernal::controller::from_fn(move |_: &Request| StaticFile::new(&file).cache_control("no-cache"));
    let app = App::builder().route(Route::path("/own"), send).precompressed(true).build().expect("an app");
    let answer = get(&app, "/own", &[("Accept-Encoding", "br")]).await;
    assert_eq!(
        (answer.header("content-encoding"), answer.header("cache-control")),
        (Some("br"), Some("no-cache"))
    );
    assert_eq!(plain(&answer), text(6000).as_bytes());
}

mod requests {
    use super::*;

    pub(super) async fn post(
        app: &App,
        target: &str,
        codings: &[&str],
        content_type: &str,
        body: &[u8],
    ) -> Answer {
        let coded = codings.iter().fold(body.to_vec(), |body, coding| encode(coding, &body));
        let client = Client::new(app.clone());
        let call = client
            .post(target)
            .header("Content-Type", content_type)
            .header("Content-Encoding", codings.join(", "));
        call.body(coded).send().await
    }

    #[tokio::test]
    async fn a_compressed_body_is_what_it_was() {
        let app = app();
        let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
            .to_owned()
            + &text(300_000)
            + "\r\n--B--\r\n";
        for codings in [
            &["gzip"][..],
            &["x-gzip"],
            &["deflate"],
            &["br"],
            &["zstd"],
            &["gzip", "br"],
            &["zstd", "deflate"],
        ] {
            let echo =
                post(&app, "/echo", codings, "application/octet-stream", text(100_000).as_bytes()).await;
            assert!(echo.bytes() == text(100_000).as_bytes(), "{codings:?}: {}", echo.status());
            let json = post(&app, "/echo-json", codings, "application/json", b"{\"a\":[1,2]}").await;
            assert_eq!(json.text(), "{\"a\":[1,2]}", "{codings:?}");
            let field =
                post(&app, "/form", codings, "application/x-www-form-urlencoded", b"name=Ada+L").await;
            assert_eq!(field.text(), "Ada L", "{codings:?}");
            let upload =
                post(&app, "/upload", codings, "multipart/form-data; boundary=B", form.as_bytes()).await;
            assert_eq!(upload.text(), "a.txt 300000", "{codings:?}");
            let count = post(&app, "/count", codings, "text/plain", text(MB).as_bytes()).await;
            assert_eq!(count.text(), MB.to_string(), "{codings:?}");
        }
    }

    #[tokio::test]
    async fn identity_and_empty_bodies_are_nothing_to_decode() {
        let app = app();
        for field in ["identity", "", " , Identity"] {
            let client = Client::new(app.clone());
            let answer = client.post("/echo").header("Content-Encoding", field).body("as it is").send().await;
            assert_eq!(answer.text(), "as it is", "{field:?}");
        }
        let answer = Client::new(app).post("/count").header("Content-Encoding", "gzip").send().await;
        assert_eq!((answer.status(), answer.text()), (200, "0"));
    }

    #[tokio::test]
    async fn limits_count_what_it_is_decoded() {
        let limits = Limits::default().body(64 * KB).upload(256 * KB);
        let app = server(Compression::new()).limits(limits).build().expect("an app");
        for codings in [&["gzip"][..], &["deflate"], &["br"], &["zstd"], &["gzip", "gzip"], &["br", "zstd"]] {
            let bomb = vec![0; 4 * MB];
            let answer = post(&app, "/echo", codings, "text/plain", &bomb).await;
            assert_eq!(answer.status(), 413, "{codings:?}");
            assert!(answer.text().contains("The body may have at most 65536 bytes."), "{}", answer.text());
            assert_eq!(post(&app, "/count", codings, "text/plain", &bomb).await.status(), 413, "{codings:?}");
            let fits = vec![0; 64 * KB];
            assert_eq!(post(&app, "/echo", codings, "text/plain", &fits).await.status(), 200, "{codings:?}");
        }
    }

    #[tokio::test]
    async fn what_makes_nothing_out_of_much_is_cut_as_well() {
        let limits = Limits::default().upload(64 * KB);
        let app = server(Compression::new()).limits(limits).build().expect("an app");
        // a gzip body of nothing but empty blocks, inside one that makes it small
        let mut hollow = encode("gzip", b"");
        hollow.splice(10..hollow.len(), [0, 0, 0, 0xFF, 0xFF].repeat(100 * KB));
        let client = Client::new(app);
        let call = client.post("/count").header("Content-Encoding", "gzip, gzip");
        let answer = call.body(encode("gzip", &hollow)).send().await;
        assert_eq!(answer.status(), 413);
    }

    #[tokio::test]
    async fn an_unknown_coding_is_415_and_says_which_are_known() {
        let app = app();
        for field in ["compress", "gzip, compress", "exi", "gzip;q=1", "\"gzip\""] {
            for target in ["/echo", "/count", "/form"] {
                let client = Client::new(app.clone());
                let call = client.post(target).header("Content-Type", "application/x-www-form-urlencoded");
                let answer = call.header("Content-Encoding", field).body("name=x").send().await;
                assert_eq!(answer.status(), 415, "{field} at {target}");
                assert_eq!(answer.header("accept-encoding"), Some("gzip, deflate, br, zstd"));
            }
        }
        let thrice = post(&app, "/echo", &["gzip", "gzip", "gzip"], "text/plain", b"x").await;
        assert_eq!(thrice.status(), 415);
        assert!(thrice.text().contains("A body may have at most 2 content codings."), "{}", thrice.text());
        let other =
            Client::new(app).post("/echo-json").header("Content-Type", "text/plain").body("x").send().await;
        assert_eq!(other.header("accept-encoding"), None, "{}", other.status());
    }

    #[tokio::test]
    async fn broken_bodies_are_400() {
        let app = app();
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let whole = encode(coding, text(2000).as_bytes());
            let garbage = b"this was never compressed by anyone".to_vec();
            for broken in [
                whole[..whole.len() - 1].to_vec(),
                whole[..3].to_vec(),
                [&whole[..], b"tail"].concat(),
                garbage,
            ] {
                for target in ["/echo", "/count", "/form"] {
                    let client = Client::new(app.clone());
                    let call =
                        client.post(target).header("Content-Type", "application/x-www-form-urlencoded");
                    let answer = call.header("Content-Encoding", coding).body(broken.clone()).send().await;
                    assert_eq!(answer.status(), 400, "{coding} at {target}: {}", answer.text());
                    assert!(answer.text().contains(&format!("it is no valid {coding}")), "{}", answer.text());
                }
            }
        }
    }

    #[tokio::test]
    async fn who_does_not_read_the_body_is_not_bothered() {
        let answer = post(&app(), "/ignore", &["gzip"], "text/plain", b"x").await;
        assert_eq!(answer.text(), "not read");
        let client = Client::new(app());
        let answer = client.post("/ignore").header("Content-Encoding", "compress").body("x").send().await;
        assert_eq!(answer.text(), "not read");
    }
}

mod wire {
    use super::*;

    fn running() -> (Running, Handle) {
        let server = server(Compression::new());
        let handle = server.handle();
        (Running::start(server), handle)
    }

    #[test]
    fn small_answers_have_a_length_and_long_ones_are_chunked() {
        let (server, _) = running();
        let mut wire = server.connect();
        for (target, is_chunked) in
            [("/text", false), ("/text?bytes=400000", true), ("/files/large.txt", true), ("/pieces", true)]
        {
            let answer =
                wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"));
            assert_eq!(answer.field("content-encoding"), Some("gzip"), "{target}");
            assert_eq!(answer.field("transfer-encoding").is_some(), is_chunked, "{target}");
            assert_eq!(answer.field("content-length").is_some(), !is_chunked, "{target}");
            let whole = wire.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert!(decode("gzip", &answer.body) == whole.body, "{target}");
            let head =
                wire.ask(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"));
            assert_eq!((head.status, head.field("content-encoding")), (200, Some("gzip")), "{target}");
            assert_eq!(head.field("content-length"), None, "{target}");
        }
    }

    #[test]
    fn an_event_arrives_before_the_next_one_is_there() {
        let (server, _) = running();
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let mut wire = server.connect();
            wire.send(format!("GET /news HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {coding}\r\n\r\n"));
            let head = String::from_utf8(wire.until(b"\r\n\r\n")).expect("text");
            assert!(head.contains(&format!("content-encoding: {coding}")), "{head}");
            let mut decoder = Partial::new(coding);
            // the stream goes no further; what the client has by now must hold the event
            while !decoder.text().contains("data: the first\n\n") {
                let size = String::from_utf8(wire.until(b"\r\n")).expect("a size");
                let size = usize::from_str_radix(size.trim(), 16).expect("a size");
                let chunk = wire.exactly(size + 2);
                decoder.push(&chunk[..size]);
            }
        }
    }

    /// A decoder that shows what can be read so far.
    struct Partial {
        coding: &'static str,
        bytes: Vec<u8>,
    }

    impl Partial {
        fn new(coding: &'static str) -> Self {
            Partial { coding, bytes: Vec::new() }
        }

        fn push(&mut self, bytes: &[u8]) {
            self.bytes.extend_from_slice(bytes);
        }

        fn text(&self) -> String {
            let mut text = vec![0; 4096];
            let mut length = 0;
            let mut read = |source: &mut dyn Read| {
                while let Ok(more @ 1..) = source.read(&mut text[length..]) {
                    length += more;
                }
            };
            match self.coding {
                "gzip" => read(&mut flate2::read::GzDecoder::new(&self.bytes[..])),
                "deflate" => read(&mut flate2::read::ZlibDecoder::new(&self.bytes[..])),
                "br" => read(&mut brotli::Decompressor::new(&self.bytes[..], 4096)),
                _ => {
                    let mut context = zstd_safe::DCtx::create();
                    let mut output = zstd_safe::OutBuffer::around(&mut text[..]);
                    let mut input = zstd_safe::InBuffer::around(&self.bytes);
                    context.decompress_stream(&mut output, &mut input).expect("zstd");
                    length = output.pos();
                }
            }
            String::from_utf8_lossy(&text[..length]).into_owned()
        }
    }

    #[test]
    fn a_compressed_upload_is_read_from_the_wire_in_any_pieces() {
        let (server, _) = running();
        for (coding, size) in [("gzip", 1), ("zstd", 3), ("br", 1000), ("deflate", 70_000)] {
            let body = encode(coding, text(200_000).as_bytes());
            let mut wire = server.connect();
            wire.send(format!("POST /count HTTP/1.1\r\nHost: x\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"));
            for piece in body.chunks(size) {
                wire.send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            }
            wire.send("0\r\n\r\n");
            assert_eq!(wire.answer().text(), "200000", "{coding}");
            assert_eq!(
                wire.ask("GET /text?bytes=2 HTTP/1.1\r\nHost: x\r\n\r\n").text(),
                "li",
                "the connection goes on"
            );
        }
    }

    #[test]
    fn an_unknown_coding_and_a_bomb_are_refused_on_the_wire() {
        let (server, _) = running();
        let answer = server
            .ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: lzma\r\nContent-Length: 4\r\n\r\nabcd");
        assert_eq!((answer.status, answer.field("accept-encoding")), (415, Some("gzip, deflate, br, zstd")));
        let bomb = encode("gzip", &vec![0; 10 * MB]);
        let mut request = format!(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            bomb.len()
        )
        .into_bytes();
        request.extend_from_slice(&bomb);
        assert_eq!(server.ask(request).status, 413);
    }
}

#[test]
fn settings_that_cannot_be_meant_are_found_at_start() {
    let text =
        |server: Server| server.build().err().map(|error| (error.is_configuration(), error.to_string()));
    let level = text(server(Compression::new().level(Coding::Zstd, 20)));
    assert_eq!(level, Some((true, "compression: the levels of zstd are 1 to 19, not 20".to_owned())));
    let kind = text(Server::app("no controllers").gzip(["html"], 6));
    assert!(kind.is_some_and(
        |(is_configuration, text)| is_configuration && text.contains("\"html\" is no media type")
    ));
}

#[tokio::test]
async fn another_server_around_the_app_gets_the_same() {
    use http_body::Body as _;
    use tower_service::Service;
    let mut service = app().into_service();
    let request = http::Request::builder().uri("/text").header("accept-encoding", "br").body(String::new());
    let Ok(answer) = service.call(request.expect("a request")).await;
    assert_eq!(answer.headers()["content-encoding"], "br");
    let mut body = std::pin::pin!(answer.into_body());
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
        bytes.extend_from_slice(&frame.expect("a frame").into_data().unwrap_or_default());
    }
    assert_eq!(decode("br", &bytes), text(5000).as_bytes());
}
