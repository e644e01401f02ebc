//! How functions run, and where.

use std::time::Duration;

use tower_service::Service;
use vernal::prelude::*;
use vernal::{Handle, Route, controller};

use super::card::{Card, Section, Source, get};

const SOURCE: Source = Source { path: "src/tour/running.rs", text: include_str!("running.rs") };
const SECOND: Source = Source { path: "src/second.rs", text: include_str!("../second.rs") };
const MAIN: Source = Source { path: "src/main.rs", text: include_str!("../main.rs") };

pub(crate) const SECTION: Section = Section {
    id: "running",
    title: "Running",
    about: "Start, stop, threads, and the other ways to call an app.",
    cards: &[
        Card {
            id: "start",
            title: "A server",
            about: "What <code>cargo run</code> started: this page's own <code>main</code>. Ctrl-C lets running \
                    requests finish first.",
            code: MAIN.show("start"),
            tries: &[get("/tour/server").says("\"ready\":true")],
        },
        Card {
            id: "blocking",
            title: "fn and async fn",
            about: "A plain <code>fn</code> may block: it has a thread of its own while it does. An \
                    <code>async fn</code> runs on the event loop. (With <code>--prefer-coroutine</code> both do.)",
            code: SOURCE.show("blocking"),
            tries: &[get("/tour/blocking").says("thread"), get("/tour/async").says("thread")],
        },
        Card {
            id: "second",
            title: "A second app in the same process",
            about: "It has its own routes, filters and port: this one lives at <a href=\"{second}\">{second}</a>.",
            code: SECOND.show("second"),
            tries: &[
                get("{second}/").says("the second app"),
                get("{second}/only-here").says("no such page"),
                get("/only-here").answers(404),
            ],
        },
        Card {
            id: "service",
            title: "An app inside something else",
            about: "Every app is a <code>tower::Service</code> over the types of the <code>http</code> crate: it \
                    runs inside hyper or axum, or, as here, inside a controller.",
            code: SOURCE.show("service"),
            tries: &[get("/tour/service").says("the app inside said 200: hello, Ann")],
        },
        Card {
            id: "logging",
            title: "Logging",
            about: "Through <code>tracing</code>: the console, and a file a day with <code>--log DIR</code>, written \
                    off the requests' path. <code>--access-log</code> adds a line for each request.",
            code: MAIN.show("logging"),
            tries: &[get("/tour/log?text=a%20line").says("look at the console")],
        },
    ],
};

#[route("/tour/server")]
async fn server(handle: State<Handle>) -> Value {
    json!({"ready": handle.is_ready(), "address": handle.local_addr().map(|address| address.to_string())})
}

// show: blocking
#[route("/tour/blocking")]
fn blocking() -> String {
    std::thread::sleep(Duration::from_millis(100));
    format!("slept on the thread {:?}", std::thread::current().name())
}

#[route("/tour/async")]
async fn asynchronous() -> String {
    tokio::time::sleep(Duration::from_millis(100)).await;
    format!("waited on the thread {:?}", std::thread::current().name())
}
// end

// show: service
#[route("/tour/service")]
async fn service() -> Result<String> {
    let greet = |request: &Request| format!("hello, {}", request.path_value("name").unwrap_or("you"));
    let app = App::builder().route(Route::path("/hello/{name}"), controller::from_fn(greet)).build()?;
    let request = http::Request::get("/hello/Ann").body(String::new())?;
    let (parts, body) = app.into_service().call(request).await?.into_parts();
    Ok(format!("the app inside said {}: {}", parts.status.as_u16(), text(body).await?))
}
// end

/// The text of an answer's body.
async fn text(body: vernal::OutgoingBody) -> Result<String> {
    let mut body = std::pin::pin!(body);
    let mut text = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| http_body::Body::poll_frame(body.as_mut(), context)).await
    {
        if let Ok(data) = frame.map_err(std::io::Error::other)?.into_data() {
            text.extend_from_slice(&data);
        }
    }
    Ok(String::from_utf8(text)?)
}

#[route("/tour/log")]
async fn log(text: &str) -> &'static str {
    tracing::info!(text, "a visitor says");
    "look at the console"
}
