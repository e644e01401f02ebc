//! What a function may answer.

use std::time::Duration;

use serde::Serialize;
use tokio_stream::StreamExt;
use vernal::prelude::*;

use super::card::{Card, Section, Source, get};

const SOURCE: Source = Source { path: "src/tour/responses.rs", text: include_str!("responses.rs") };

pub(crate) const SECTION: Section = Section {
    id: "responses",
    title: "Responses",
    about: "What is returned is the response.",
    cards: &[
        Card {
            id: "text",
            title: "Text",
            about: "How a text begins and ends says whether it is HTML, XML or plain; always UTF-8.",
            code: SOURCE.show("text"),
            tries: &[
                get("/tour/text/html").says("text/html"),
                get("/tour/text/xml").says("text/xml"),
                get("/tour/text/plain").says("text/plain"),
            ],
        },
        Card {
            id: "json-answers",
            title: "JSON",
            about: "A value of serde's in <code>Json</code>, or what <code>json!</code> makes.",
            code: SOURCE.show("json-answers"),
            tries: &[
                get("/tour/flower").says("{\"name\":\"crocus\",\"petals\":6}"),
                get("/tour/flower/loose").says("application/json"),
            ],
        },
        Card {
            id: "status",
            title: "A status, or nothing",
            about: "A number is a status. <code>()</code> is 200 and empty.",
            code: SOURCE.show("status"),
            tries: &[
                get("/tour/status/204").answers(204),
                get("/tour/status/202").answers(202),
                get("/tour/nothing"),
            ],
        },
        Card {
            id: "redirect",
            title: "Redirects",
            about: "302 and 303 send the browser elsewhere; 307 and 308 let it repeat the same request there.",
            code: SOURCE.show("redirect"),
            tries: &[
                get("/tour/old-leaf").answers(302).says("One function"),
                get("/tour/moved-leaf").answers(308).says("One function"),
            ],
        },
        Card {
            id: "builder",
            title: "Everything by hand",
            about: "Status, fields, cookies and body. (A page's scripts do not get to see <code>Set-Cookie</code>.)",
            code: SOURCE.show("builder"),
            tries: &[get("/tour/by-builder").answers(201).says("x-leaf: green")],
        },
        Card {
            id: "tuple",
            title: "Tuples",
            about: "Any of these together, in any order.",
            code: SOURCE.show("tuple"),
            tries: &[get("/tour/tuple").answers(202).says("x-leaf: tuple")],
        },
        Card {
            id: "results",
            title: "Options, results, errors",
            about: "<code>None</code> is a 404. An <code>HttpError</code> goes through <code>?</code> from anywhere. \
                    Any other error, and a panic, is a 500 whose text stays in the log.",
            code: SOURCE.show("results"),
            tries: &[
                get("/tour/find/1").says("crocus"),
                get("/tour/find/9").answers(404),
                get("/tour/brew/tea").says("here you are"),
                get("/tour/brew/coffee").answers(418).says("I only brew tea"),
                get("/tour/parse?text=42").says("43"),
                get("/tour/parse?text=forty-two").answers(500),
                get("/tour/panic").answers(500),
            ],
        },
        Card {
            id: "stream",
            title: "Long answers",
            about: "Sent piece by piece, as fast as the client reads and no faster.",
            code: SOURCE.show("stream"),
            tries: &[get("/tour/count?to=200").says("200\n"), get("/tour/slowly").says("4 of 4")],
        },
        Card {
            id: "sse",
            title: "Server-sent events",
            about: "One long answer that carries messages to a page; the board uses it to tell of new notices.",
            code: SOURCE.show("sse"),
            tries: &[get("/tour/ticks").says("data: tick 3")],
        },
        Card {
            id: "file-answers",
            title: "Files",
            about: "With ranges, <code>ETag</code> and <code>Last-Modified</code>, and a name for the browser's \
                    <i>Save as</i>.",
            code: SOURCE.show("file-answers"),
            tries: &[
                get("/tour/poem").says("attachment"),
                get("/tour/poem")
                    .with(&[("Range", "bytes=0-11")])
                    .answers(206)
                    .says("content-range: bytes 0-11/"),
                get("/tour/poem/lost").answers(404),
            ],
        },
    ],
};

// show: text
#[route("/tour/text/{kind}")]
async fn text(kind: &str) -> &'static str {
    match kind {
        "html" => "<html><body>Hello, world!</body></html>",
        "xml" => "<?xml version=\"1.0\"?><hello>world</hello>",
        _ => "Hello, world!",
    }
}
// end

// show: json-answers
#[derive(Serialize)]
struct Flower {
    name: &'static str,
    petals: u8,
}

#[route("/tour/flower")]
async fn flower() -> Json<Flower> {
    Json(Flower { name: "crocus", petals: 6 })
}

#[route("/tour/flower/loose")]
async fn loose_flower() -> Value {
    json!({"name": "crocus", "colors": ["violet", "white"]})
}
// end

// show: status
#[route("/tour/status/{code}")]
async fn status(code: u16) -> u16 {
    code
}

#[route("/tour/nothing")]
async fn nothing() {}
// end

// show: redirect
#[route("/tour/old-leaf")]
async fn old_leaf() -> Redirect {
    Redirect::to("/tour/leaf")
}

#[route("/tour/moved-leaf")]
async fn moved_leaf() -> Redirect {
    Redirect::permanent("/tour/leaf")
}
// end

// show: builder
#[route("/tour/by-builder")]
async fn by_builder() -> Response {
    Response::new(201)
        .header("X-Leaf", "green")
        .cookie(Cookie::new("leaf", "green").path("/tour").http_only(true))
        .body("<html>made by hand</html>")
}
// end

// show: tuple
#[route("/tour/tuple")]
async fn tuple() -> (u16, Headers, Cookie, Value) {
    (202, Headers::from([("X-Leaf", "tuple")]), Cookie::new("leaf", "tuple"), json!({"ok": true}))
}
// end

// show: results
#[route("/tour/find/{id}")]
async fn find(id: usize) -> Option<&'static str> {
    ["snowdrop", "crocus", "tulip"].get(id).copied()
}

#[route("/tour/brew/{what}")]
async fn brew(what: &str) -> Result<&'static str, HttpError> {
    if what != "tea" {
        return Err(HttpError::new(418).message("I am a teapot").explain("I only brew tea"));
    }
    Ok("here you are")
}

#[route("/tour/parse")]
async fn parse(text: &str) -> Result<String> {
    Ok((text.parse::<i32>()? + 1).to_string())
}

#[route("/tour/panic")]
async fn panic() -> &'static str {
    panic!("this one was to be expected")
}
// end

// show: stream
#[route("/tour/count")]
async fn count(#[default(1000)] to: u32) -> Stream {
    Stream::iter((1..=to).map(|number| format!("{number}\n"))).content_type("text/plain")
}

#[route("/tour/slowly")]
async fn slowly() -> Stream {
    let beats = tokio_stream::iter(1..=4).throttle(Duration::from_millis(150));
    Stream::bytes(beats.map(|beat| Ok::<_, HttpError>(format!("{beat} of 4\n")))).content_type("text/plain")
}
// end

// show: sse
#[route("/tour/ticks")]
async fn ticks() -> Sse {
    let ticks = tokio_stream::iter(1..=3).throttle(Duration::from_millis(250));
    Sse::new(ticks.map(|tick| Event::data(format!("tick {tick}")).name("tick").id(tick)))
}
// end

// show: file-answers
#[route("/tour/poem")]
async fn poem() -> StaticFile {
    StaticFile::new(concat!(env!("CARGO_MANIFEST_DIR"), "/static/poem.txt"))
        .content_type("text/plain; charset=utf-8")
        .download_as("A poem for spring.txt")
        .cache_control("no-cache")
}

#[route("/tour/poem/lost")]
async fn lost_poem() -> StaticFile {
    StaticFile::new("there/is/no/such.txt")
}
// end
