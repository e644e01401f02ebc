//! An app behind another transport than the crate's own server: requests made of the bytes of the wire, answered outside
//! of any runtime.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use http_body::Body as _;
use vernal::controller;
use vernal::prelude::*;
use vernal::respond::Reason;
use vernal::{HttpError, OutgoingBody, Route};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls on this thread, without a runtime, as the server of another language would.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park(),
        }
    }
}

async fn read(body: OutgoingBody) -> Vec<u8> {
    let mut body = match body.into_memory() {
        Ok(bytes) => return bytes.to_vec(),
        Err(body) => Box::pin(body),
    };
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        bytes.extend_from_slice(&frame.expect("a piece").into_data().expect("data"));
    }
    bytes
}

fn ask(app: &App, request: Request) -> (u16, String) {
    assert!(tokio::runtime::Handle::try_current().is_err(), "there is no runtime");
    wait_for(async {
        let (head, body) = app.handle(request).await.into_parts();
        (head.status.as_u16(), String::from_utf8_lossy(&read(body).await).into_owned())
    })
}

fn raw(method: &str, target: &[u8]) -> Request {
    Request::raw(method.as_bytes(), target).unwrap_or_else(|error| panic!("{error}"))
}

#[route("/blocking", app = "transports")]
fn blocking(name: String) -> String {
    format!("Hello, {name}")
}

#[route("/visits", app = "transports")]
async fn visits(session: Session) -> Result<String> {
    let visits = session.get::<u32>("visits").unwrap_or_default() + 1;
    session.set("visits", visits)?;
    Ok(visits.to_string())
}

#[route("/upload", method = "POST", app = "transports")]
async fn upload(file: MultipartFile) -> Result<String> {
    Ok(format!("{} {}", file.safe_filename(), file.bytes().await?.len()))
}

#[route("/count", method = "POST", app = "transports")]
async fn count(mut body: BodyReader) -> Result<String> {
    let mut sizes = Vec::new();
    while let Some(piece) = body.chunk().await? {
        sizes.push(piece.len());
    }
    Ok(format!("{sizes:?}"))
}

fn app() -> App {
    let show = controller::from_fn(|request: &Request| {
        let (path, size) = (request.path(), request.param("size"));
        let (host, peer) = (request.host(), request.peer_addr());
        format!(
            "{} {path} {size:?} {} {host:?} {peer:?} {:?}",
            request.method,
            request.scheme(),
            request.version()
        )
    });
    let limits = Limits::default().request_timeout(Duration::from_secs(5));
    Server::app("transports")
        .declare(|app| app.route(Route::path("/show/**"), show).limits(limits))
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_request_is_made_of_bytes() {
    let app = app();
    let (status, text) = ask(&app, raw("get", b"/show/caf%C3%A9?size=2"));
    assert_eq!((status, text.as_str()), (200, "GET /show/café Some(\"2\") http None None HTTP/1.1"));

    let fields: [(&[u8], &[u8]); 2] = [(b"HOST", b"example.org"), (b"X-Raw", b"\xff")];
    let request = raw("PUT", b"/show/a b\xe4\xb8\xad?size=1#2")
        .with_fields(fields)
        .expect("sound fields")
        .with_version(http::Version::HTTP_10)
        .with_peer(([192, 0, 2, 1], 4711).into())
        .with_https(true);
    assert_eq!(request.headers.as_map()["x-raw"].as_bytes(), b"\xff");
    let expected = "PUT /show/a b中 Some(\"1#2\") https Some(\"example.org\") Some(192.0.2.1:4711) HTTP/1.0";
    assert_eq!(ask(&app, request), (200, expected.to_owned()));

    assert_eq!(ask(&app, raw("GET", b"//show//x")).1, "GET /show//x None http None None HTTP/1.1");
    assert_eq!(
        ask(&app, raw("GET", b"http://a.b/show/x")).1,
        "GET /show/x None http Some(\"a.b\") None HTTP/1.1"
    );
    assert_eq!(ask(&app, raw("GET", b"")).0, 404);
}

#[test]
fn what_is_no_request_is_answered_with_a_page() {
    let refused = |request: Result<Request, HttpError>| request.err().map(|error| error.code());
    assert_eq!(refused(Request::raw(b"G ET", b"/")), Some(501));
    assert_eq!(refused(Request::raw(b"GET", b"example.org:80")), Some(400));
    assert_eq!(refused(Request::raw(b"GET", b"http://[")), Some(400));
    assert_eq!(refused(Request::raw(b"GET", &[b'/'; 70_000])), Some(414));
    assert_eq!(refused(raw("GET", b"/").with_fields([("a b", "c")])), Some(400));
    assert_eq!(refused(raw("GET", b"/").with_fields([("a", "b\r\nc: d")])), Some(400));

    let error = Request::raw(b"GET", b"example.org:80").expect_err("no target");
    let page = wait_for(app().refusal(error.message("No Target")));
    assert_eq!(page.status(), 400);
    assert_eq!(page.extensions().get::<Reason>().map(Reason::as_bytes), Some(&b"No Target"[..]));
    let text = String::from_utf8(page.into_body().into_memory().expect("bytes").to_vec()).expect("text");
    assert!(text.contains("neither a path nor a URI"), "{text}");
}

#[test]
fn controllers_of_all_kinds_answer_without_a_runtime() {
    let app = app();
    assert_eq!(ask(&app, raw("GET", b"/blocking?name=Ada")), (200, "Hello, Ada".to_owned()));
    assert_eq!(ask(&app, raw("GET", b"/blocking")).0, 400);
    assert_eq!(ask(&app, raw("GET", b"/visits")), (200, "1".to_owned()));
    let form = raw("POST", b"/blocking")
        .with_fields([("Content-Type", "application/x-www-form-urlencoded")])
        .expect("a field")
        .with_body("name=Grace");
    assert_eq!(ask(&app, form).1, "Hello, Grace");
}

#[test]
fn an_upload_goes_to_disk_without_a_runtime() {
    let content = "x".repeat(3 << 20);
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n{content}\r\n--B--\r\n"
    );
    let request = raw("POST", b"/upload")
        .with_fields([("Content-Type", "multipart/form-data; boundary=B")])
        .expect("a field")
        .with_body(body);
    assert_eq!(ask(&app(), request), (200, format!("a.txt {}", content.len())));
}

#[test]
fn a_large_file_is_read_without_a_runtime() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("small"), "small").expect("a file");
    std::fs::write(directory.path().join("large"), vec![b'x'; 5 << 20]).expect("a file");
    let app = App::builder().resource("/files/*", directory.path()).build().expect("an app");
    assert_eq!(ask(&app, raw("GET", b"/files/small")).1, "small");
    assert_eq!(ask(&app, raw("GET", b"/files/large")).1.len(), 5 << 20);
}

/// Pieces that another thread sends.
struct Pieces(Arc<Mutex<Arriving>>);

struct Arriving {
    pieces: Receiver<Result<Bytes, String>>,
    waker: Option<Waker>,
}

impl futures_core::Stream for Pieces {
    type Item = Result<Bytes, String>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.0.lock().expect("no panic");
        match shared.pieces.try_recv() {
            Ok(piece) => Poll::Ready(Some(piece)),
            Err(std::sync::mpsc::TryRecvError::Disconnected) => Poll::Ready(None),
            Err(std::sync::mpsc::TryRecvError::Empty) => {
                shared.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The answer to a body that arrives in these pieces, each after the one before was asked for in vain.
fn ask_in_pieces(sent: Vec<Result<Bytes, String>>) -> (u16, String) {
    let (sender, pieces) = channel();
    let shared = Arc::new(Mutex::new(Arriving { pieces, waker: None }));
    let request = raw("POST", b"/count").with_body_stream(Pieces(Arc::clone(&shared)));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let wait = || loop {
                if let Some(waker) = shared.lock().expect("no panic").waker.take() {
                    return waker;
                }
                std::thread::yield_now();
            };
            for piece in sent {
                let waker = wait();
                sender.send(piece).expect("somebody reads");
                waker.wake();
            }
            let waker = wait();
            drop(sender);
            waker.wake();
        });
        ask(&app(), request)
    })
}

#[test]
fn a_body_may_arrive_piece_by_piece() {
    let pieces = ["one", "", "three"].map(|piece| Ok(Bytes::from(piece)));
    assert_eq!(ask_in_pieces(pieces.into()), (200, "[3, 5]".to_owned()));
}

#[test]
fn a_body_that_breaks_off_is_a_bad_request() {
    let request = |pieces: Vec<Result<Bytes, &'static str>>| {
        raw("POST", b"/count").with_body_stream(Listed(pieces.into_iter()))
    };
    let (status, text) = ask(&app(), request(vec![Ok("a".into()), Err("the client has gone")]));
    assert_eq!(status, 400);
    assert!(text.contains("The body could not be read: the client has gone."), "{text}");
    let (status, _) = ask(&app(), request(vec![Ok(vec![0; 200 << 20].into())]));
    assert_eq!(status, 413);
}

/// Pieces that are there already.
struct Listed(std::vec::IntoIter<Result<Bytes, &'static str>>);

impl futures_core::Stream for Listed {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn within_a_runtime_clocks_count_as_ever() {
    struct Never;
    impl futures_core::Stream for Never {
        type Item = Result<Bytes, String>;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }
    let limits = Limits::default().body_timeout(Duration::from_millis(20));
    let server = Server::app("transports").declare(|app| app.limits(limits));
    let app = server.build().expect("an app");
    let answer = app.handle(raw("POST", b"/count").with_body_stream(Never)).await;
    assert_eq!(answer.status(), 408);
}
