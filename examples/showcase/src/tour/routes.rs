//! Which requests reach a function.

use vernal::controller;
use vernal::prelude::*;
use vernal::{Builder, Route};

use super::card::{Card, FORM, Section, Source, get, post, request};

const SOURCE: Source = Source { path: "src/tour/routes.rs", text: include_str!("routes.rs") };

pub(crate) const SECTION: Section = Section {
    id: "routes",
    title: "Routes",
    about: "An attribute says which requests reach a function. Nothing is registered by hand.",
    cards: &[
        Card {
            id: "exact",
            title: "Exact paths, several of them",
            about: "One function may have as many routes as it likes.",
            code: SOURCE.show("exact"),
            tries: &[
                get("/tour/leaf").says("One function"),
                get("/tour/leaves").says("One function"),
                get("/tour/leaf/").answers(404),
            ],
        },
        Card {
            id: "methods",
            title: "Methods",
            about: "One method, a list, or a text with commas; another one is answered with 405 and \
                    <code>Allow</code>. HEAD and OPTIONS answer by themselves. <code>request_map</code> is the \
                    same attribute under another name.",
            code: SOURCE.show("methods"),
            tries: &[
                get("/tour/methods/one").says("GET /tour/methods/one"),
                request("PUT", "/tour/methods/list").says("PUT"),
                post("/tour/methods/text", "").says("POST"),
                request("DELETE", "/tour/methods/list").answers(405).says("PUT"),
                request("HEAD", "/tour/methods/one").says("content-length: 22"),
                request("OPTIONS", "/tour/methods/text").answers(204).says("POST"),
            ],
        },
        Card {
            id: "variables",
            title: "Path variables",
            about: "<code>{name}</code> is a value for the argument of that name. Paths may be in any language.",
            code: SOURCE.show("variables"),
            tries: &[
                get("/tour/say/hello/to/Ann").says("hello, Ann!"),
                get("/tour/say/good%20morning/to/Zo%C3%AB").says("good morning, Zoë!"),
                get("/tour/grüße/Jürgen").says("Grüße, Jürgen!"),
            ],
        },
        Card {
            id: "wildcards",
            title: "Wildcards at either end",
            about: "<code>*</code> stands for one segment, <code>**</code> for any depth.",
            code: SOURCE.show("wildcards"),
            tries: &[
                get("/tour/one/oak").says("oak"),
                get("/tour/one/oak/leaf").answers(404),
                get("/tour/deep/oak/branch/leaf").says("oak/branch/leaf"),
                get("/mint/herb").says("mint"),
                get("/mint/and/thyme/herb").answers(404),
                get("/rose/red/petal").says("rose/red"),
            ],
        },
        Card {
            id: "regexp",
            title: "Regular expressions",
            about: "Groups are bound one by one, or all at once. A text that is no number is a 400, as everywhere.",
            code: SOURCE.show("regexp"),
            tries: &[
                get("/tour/month/2026-04").says("month 4 of 2026"),
                get("/tour/month/2026-4").answers(404),
                get("/tour/month/2026-99").says("month 99"),
                get("/tour/month/2026-999").answers(400).says("should be"),
            ],
        },
        Card {
            id: "params",
            title: "Narrowed by parameters",
            about: "Five kinds of expression: is, is not, starts with, is there, is not there. All of several have \
                    to fit, or any of them.",
            code: SOURCE.show("params"),
            tries: &[
                get("/tour/narrow/is?color=green").says("/tour/narrow/is"),
                get("/tour/narrow/is?color=red").answers(404),
                get("/tour/narrow/is-not?color=red"),
                get("/tour/narrow/starts?color=grey"),
                get("/tour/narrow/has?color=red"),
                get("/tour/narrow/lacks"),
                get("/tour/narrow/lacks?color=red").answers(404),
                get("/tour/narrow/all?color=green").answers(404),
                get("/tour/narrow/any?color=green"),
                post("/tour/narrow/all", "color=green&size=small"),
            ],
        },
        Card {
            id: "headers",
            title: "Narrowed by headers",
            about: "The same expressions, on header fields: here two functions share a path.",
            code: SOURCE.show("headers"),
            tries: &[
                get("/tour/season").with(&[("Accept", "application/json")]).says("\"season\""),
                get("/tour/season").with(&[("Accept", "text/html")]).says("<p>spring</p>"),
                get("/tour/season").with(&[("Accept", "image/png")]).answers(404),
                post("/tour/season/any", "").with(&[("X-Season", "spring")]),
                post("/tour/season/any", "").with(FORM),
            ],
        },
        Card {
            id: "rank",
            title: "Who comes first",
            about: "Two functions that could both take a request are an error at start that names both, never \
                    settled by chance. <code>rank</code> orders them by hand. The second request shows the error.",
            code: SOURCE.show("rank"),
            tries: &[
                get("/tour/rank/x").says("rank 1"),
                get("/tour/rank/x?again=1").says("rank 1"),
                get("/tour/tie").says("/tie/{one}"),
            ],
        },
        Card {
            id: "by-hand",
            title: "Without any attribute",
            about: "The attributes only write down what a builder is told; it is there for programs that would \
                    rather say it themselves.",
            code: SOURCE.show("by-hand"),
            tries: &[
                get("/tour/by-hand/Ann").says("by hand: Ann"),
                post("/tour/by-hand/size", "leaf").says("4 bytes"),
            ],
        },
    ],
};

// show: exact
#[route("/tour/leaf")]
#[route("/tour/leaves")]
async fn leaf() -> &'static str {
    "One function, two routes."
}
// end

// show: methods
#[route("/tour/methods/one", method = "GET")]
#[route("/tour/methods/list", method = ["GET", "PUT"])]
#[request_map("/tour/methods/text", method = "GET, POST")]
async fn methods(request: &Request) -> String {
    format!("{} {}", request.method, request.path())
}
// end

// show: variables
#[route("/tour/say/{greeting}/to/{name}")]
async fn say(greeting: &str, name: &str) -> String {
    format!("{greeting}, {name}!")
}

#[route("/tour/grüße/{name}")]
async fn greet(name: &str) -> String {
    format!("Grüße, {name}!")
}
// end

// show: wildcards
#[route("/tour/one/*")]
#[route("/tour/deep/**")]
#[route("*/herb")]
#[route("**/petal")]
async fn wildcard(#[path] star: &str) -> String {
    format!("the star stands for {star}")
}
// end

// show: regexp
#[route(regexp = r"^/tour/month/(\d{4})-(\d{2,})$")]
async fn month(#[group(0)] year: u16, #[group(1)] month: u8, groups: RegGroups) -> String {
    format!("month {month} of {year}, groups {:?}", &groups[..])
}
// end

// show: params
#[route("/tour/narrow/is", params = "color=green")]
#[route("/tour/narrow/is-not", params = "color!=green")]
#[route("/tour/narrow/starts", params = "color^=gr")]
#[route("/tour/narrow/has", params = "color")]
#[route("/tour/narrow/lacks", params = "!color")]
#[route("/tour/narrow/all", params = ["color=green", "size=small"])]
#[route("/tour/narrow/any", params = ["color=green", "size=small"], match_all_params = false)]
async fn narrowed(request: &Request) -> String {
    format!("taken by {}", request.route().unwrap_or_default())
}
// end

// show: headers
#[route("/tour/season", headers = "Accept^=application/json")]
async fn season_as_json() -> Value {
    json!({"season": "spring"})
}

#[route("/tour/season", headers = "Accept^=text/html")]
async fn season_as_page() -> &'static str {
    "<html><p>spring</p></html>"
}

#[route("/tour/season/any", headers = ["X-Season", "Content-Type^=application/"], match_all_headers = false)]
async fn season_by_any() -> &'static str {
    "one of the two was there"
}
// end

// show: rank
#[route("/tour/rank/{any}", rank = 2)]
async fn later() -> &'static str {
    "rank 2"
}

#[route("/tour/rank/{any}", rank = 1)]
async fn sooner() -> &'static str {
    "rank 1"
}

#[route("/tour/tie")]
async fn tie() -> String {
    let page = || controller::from_fn(|_: &Request| "who?");
    let app = App::builder()
        .route(Route::path("/tie/{one}"), page())
        .route(Route::path("/tie/{other}"), page())
        .build();
    app.err().map_or_else(String::new, |error| error.to_string())
}
// end

// show: by-hand
pub(crate) fn by_hand(app: Builder) -> Builder {
    let greet = |request: &Request| format!("by hand: {}", request.path_value("name").unwrap_or("you"));
    app.route(Route::path("/tour/by-hand/{name}").method("GET"), controller::from_fn(greet)).route(
        Route::path("/tour/by-hand/size").method("POST"),
        controller::from_async_fn(|request: &Request| {
            Box::pin(async { Ok::<_, HttpError>(format!("{} bytes", request.bytes().await?.len())) })
        }),
    )
}
// end
