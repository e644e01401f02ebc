//! Settings for applications that were written for other rules, as far as they show on the wire.

#![cfg(feature = "compression")]

mod support;

use support::Running;
use vernal::controller::{self, Controller};
use vernal::{App, Builder, Compression, HttpError, Request, Response, Route, Server, StaticFile, Stream};

fn serve(declare: impl FnOnce(Builder) -> Builder) -> Running {
    Running::start(Server::of(declare(App::builder())))
}

fn shows(show: impl Fn(&Request) -> String + Send + Sync + 'static) -> impl Controller {
    controller::from_fn(move |request: &Request| show(request))
}

#[test]
fn names_of_fields_are_kept_as_they_were_spelled() {
    let names = || shows(|request| request.received_names().collect::<Vec<_>>().join(" "));
    let kept = serve(|app| app.keep_field_names(true).route(Route::path("/"), names()));
    let ask = |server: &Running, fields: &str| {
        let answer = server.ask(format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        answer.text().to_owned()
    };
    assert_eq!(ask(&kept, "x-two: 1\r\nX-Two: 2\r\nETag:3\r\n"), "Host x-two X-Two ETag");
    assert_eq!(ask(&kept, "X-Two: 2\r\n"), "", "all in title case");
    let usual = serve(|app| app.route(Route::path("/"), names()));
    assert_eq!(ask(&usual, "x-two: 1\r\n"), "");

    let mut wire = kept.connect();
    wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nb: 1\r\n\r\n");
    let answers: Vec<_> = (0..3).map(|_| wire.answer().text().to_owned()).collect();
    assert_eq!(answers, ["", "host", "Host b"], "each request has its own");
    std::thread::sleep(std::time::Duration::from_millis(300)); // the connection rests meanwhile
    assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: x\r\nc: 1\r\n\r\n").text(), "Host c");
}

#[test]
fn a_fragment_is_passed_over_where_decoding_is_lenient() {
    let target = || shows(|request| format!("{}?{}", request.path(), request.query()));
    let declare = |app: Builder| app.route(Route::regexp(".*"), target());
    let (strict, lenient) = (serve(declare), serve(|app| declare(app).lenient_decoding(true)));
    for (target, expected) in [
        ("/a#b", "/a?"),
        ("/a?b=1#c", "/a?b=1"),
        ("/#", "/?"),
        ("http://x#/a", "/?"),
        ("http://x/a#b", "/a?"),
    ] {
        assert_eq!(strict.get(target).status, 400, "{target}");
        assert_eq!(lenient.get(target).text(), expected, "{target}");
    }
}

#[test]
fn malformed_request_lines_are_described_in_other_words() {
    let server = serve(|app| {
        app.request_line(|line, error| {
            error.message(format!("{} bytes", line.len())).explain(String::from_utf8_lossy(line))
        })
        .route(Route::path("/"), shows(|_| "reached".to_owned()))
    });
    for (request, message, explain) in [
        ("GARBAGE\r\n\r\n", "7 bytes", "GARBAGE"),
        ("\r\nGET /  HTTP/1.1\r\n\r\n", "15 bytes", "GET /  HTTP/1.1"),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", "14 bytes", "GET / HTTP/9.9"),
    ] {
        let answer = server.ask(request);
        assert_eq!(answer.reason, message, "{request:?}");
        assert!(answer.text().contains(explain), "{}", answer.text());
    }
    let long = format!("GET /{} x HTTP/1.1\r\n\r\n", "a".repeat(1000));
    assert_eq!(server.ask(long).reason, "256 bytes", "no more of it is kept");
    let answer = server.ask("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(answer.reason, "Bad Request", "the line is right, the host is missing");
    assert_eq!(server.get("/").text(), "reached");
}

#[test]
fn status_codes_have_other_words() {
    let words = |code| match code {
        200 => Some("never asked for"),
        203 => Some("Second Hand"),
        404 => Some("Lost"),
        _ => None,
    };
    let fails = |message: Option<&'static str>| {
        controller::from_fn(move |_: &Request| {
            let error = HttpError::new(404);
            Err::<(), _>(match message {
                Some(message) => error.message(message),
                None => error,
            })
        })
    };
    let server = serve(|app| {
        app.phrases(words)
            .route(Route::path("/203"), controller::from_fn(|_: &Request| Response::new(203)))
            .route(Route::path("/own"), controller::from_fn(|_: &Request| Response::new(203).reason("Own")))
            .route(Route::path("/200"), controller::from_fn(|_: &Request| Response::new(200)))
            .route(Route::path("/lost"), fails(None))
            .route(Route::path("/gone"), fails(Some("Gone")))
    });
    for (target, reason) in
        [("/203", "Second Hand"), ("/own", "Own"), ("/200", "OK"), ("/lost", "Lost"), ("/gone", "Gone")]
    {
        assert_eq!(server.get(target).reason, reason, "{target}");
    }
    assert!(server.get("/lost").text().contains("\"message\": \"Lost\""));
}

#[test]
fn files_are_sent_whole_and_missed_in_other_words() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("note.txt"), "a note").expect("a file");
    let missing = directory.path().join("none");
    let server = serve(|app| {
        app.ranges(false)
            .missing_file(HttpError::new(404).message("").explain("There is no such file."))
            .resource("/files/*", directory.path())
            .route(Route::path("/missing"), controller::from_fn(move |_: &Request| StaticFile::new(&missing)))
    });
    let answer = server.ask("GET /files/note.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!((answer.status, answer.text()), (200, "a note"));
    assert_eq!(answer.field("accept-ranges"), None);
    for target in ["/files/none", "/missing"] {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.reason.as_str()), (404, ""), "{target}");
        assert!(answer.text().contains("There is no such file."), "{}", answer.text());
    }
    assert_eq!(server.get("/elsewhere").reason, "Controller Not Found");
}

#[test]
fn a_body_may_end_with_the_connection() {
    let server = serve(|app| {
        let stream = controller::from_fn(|_: &Request| {
            Response::new(200).body(Stream::iter(["one", "two"])).until_close()
        });
        app.compression(Compression::gzip(["application/octet-stream"], 6)).route(Route::path("/"), stream)
    });
    let mut wire = server.connect();
    let answer = wire.ask("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(answer.text(), "onetwo");
    for name in ["content-length", "transfer-encoding", "content-encoding"] {
        assert_eq!(answer.field(name), None, "{name}");
    }
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(wire.is_closed());
}

#[test]
fn caches_may_be_told_nothing_of_compression() {
    let declare = |app: Builder, vary: bool| {
        app.compression(Compression::gzip(["text/plain"], 6).vary(vary))
            .route(Route::path("/"), shows(|_| "text".to_owned()))
    };
    for (vary, expected) in [(true, Some("Accept-Encoding")), (false, None)] {
        let server = serve(|app| declare(app, vary));
        let answer = server.ask("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
        assert_eq!(answer.field("content-encoding"), Some("gzip"));
        assert_eq!(answer.field("vary"), expected);
    }
}
