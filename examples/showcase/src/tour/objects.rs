//! Structs whose methods are controllers.

use std::sync::atomic::{AtomicU32, Ordering};

use vernal::prelude::*;

use super::card::{Card, Section, Source, get, post};

const SOURCE: Source = Source { path: "src/tour/objects.rs", text: include_str!("objects.rs") };

pub(crate) const SECTION: Section = Section {
    id: "objects",
    title: "Controller structs",
    about: "Methods are controllers too. The struct's path, methods and narrowing apply to all of them.",
    cards: &[
        Card {
            id: "singleton",
            title: "One object for all requests",
            about: "The prefix may have variables. A method's own <code>method</code> replaces the struct's, \
                    narrowing expressions add up, and a regular expression stands for itself.",
            code: SOURCE.show("singleton"),
            tries: &[
                get("/tour/tree/oak").says("oak has grown to"),
                get("/tour/tree/oak?frost=1").answers(404),
                post("/tour/tree/oak/water", "litres=3").says("3 litres for the oak"),
                post("/tour/tree/oak/water?frost=1", "litres=3").answers(404),
                get("/tour/forest/12/trees").says("12 trees"),
            ],
        },
        Card {
            id: "per-request",
            title: "A new object for each request",
            about: "The same counter with <code>scope = \"request\"</code> never gets beyond one.",
            code: SOURCE.show("per-request"),
            tries: &[get("/tour/annual").says("grown to 1"), get("/tour/annual?again=1").says("grown to 1")],
        },
    ],
};

// show: singleton
struct Tree {
    height: AtomicU32,
}

#[controller("/tour/tree/{name}", method = "GET", params = "!frost", init = Tree { height: AtomicU32::new(1) })]
impl Tree {
    #[route]
    async fn grow(&self, name: &str) -> String {
        format!("{name} has grown to {}", self.height.fetch_add(1, Ordering::Relaxed))
    }

    #[route("water", method = "POST")]
    async fn water(&self, name: &str, #[default(1)] litres: u8) -> String {
        self.height.fetch_add(litres.into(), Ordering::Relaxed);
        format!("{litres} litres for the {name}")
    }

    #[route(regexp = "^/tour/forest/([0-9]+)/(.+)$")]
    async fn forest(&self, groups: RegGroups) -> String {
        groups.join(" ")
    }
}
// end

// show: per-request
#[derive(Default)]
struct Annual {
    height: AtomicU32,
}

#[controller("/tour/annual", scope = "request")]
impl Annual {
    #[route]
    async fn grow(&self) -> String {
        format!("grown to {}", self.height.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
// end
