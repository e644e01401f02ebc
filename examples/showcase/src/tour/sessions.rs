//! What is remembered about a visitor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vernal::prelude::*;
use vernal::session::{Answer, Change, MemorySessions, Record, SessionStore};

use super::card::{Card, Section, Source, get, post};

const SOURCE: Source = Source { path: "src/tour/sessions.rs", text: include_str!("sessions.rs") };
const ACCOUNT: Source = Source { path: "src/account.rs", text: include_str!("../account.rs") };

pub(crate) const SECTION: Section = Section {
    id: "sessions",
    title: "Sessions",
    about: "Created on first use, dropped after half an hour without a request, known by 128 random bits.",
    cards: &[
        Card {
            id: "counter",
            title: "Attributes",
            about: "Any value that serde can write. Press the first button a few times.",
            code: SOURCE.show("counter"),
            tries: &[
                get("/tour/session/counter").says("counted to"),
                get("/tour/session").says("\"attributes\":["),
                post("/tour/session/patience", "minutes=5").says("5 minutes"),
            ],
        },
        Card {
            id: "renew",
            title: "Another identifier, or an end",
            about: "<code>renew_id</code> belongs to a login: whoever knew the old identifier is left with nothing. \
                    <code>invalidate</code> belongs to a logout (and signs you out of the board).",
            code: SOURCE.show("renew"),
            tries: &[
                post("/tour/session/renew", "").says("another identifier: true"),
                post("/tour/session/end", "").says("still valid: false"),
            ],
        },
        Card {
            id: "sign-in",
            title: "At work: signing in",
            about: "This is how the board does it. Try it <a href=\"/sign-in\">over there</a>.",
            code: ACCOUNT.show("sign-in"),
            tries: &[get("/sign-in").says("Sign in")],
        },
        Card {
            id: "store",
            title: "A store of your own",
            about: "Sessions live in this process unless a <code>SessionStore</code> keeps them elsewhere. This one \
                    counts what the store in memory is asked.",
            code: SOURCE.show("store"),
            tries: &[get("/tour/session/store").says("\"loads\":")],
        },
    ],
};

// show: counter
#[route("/tour/session/counter")]
async fn counter(session: Session) -> Result<String> {
    let count = session.get::<u32>("count").unwrap_or_default() + 1;
    session.set("count", count)?;
    Ok(format!("counted to {count}"))
}

#[route("/tour/session", method = "GET")]
async fn about(session: Session) -> Value {
    let seconds = session.max_inactive_interval().as_secs();
    json!({"new": session.is_new(), "attributes": session.attribute_names(), "kept_for_seconds": seconds})
}

#[route("/tour/session/patience", method = "POST")]
async fn patience(session: Session, #[default(30)] minutes: u64) -> String {
    session.set_max_inactive_interval(Duration::from_secs(minutes * 60));
    format!("kept for {minutes} minutes without a request")
}
// end

// show: renew
#[route("/tour/session/renew", method = "POST")]
async fn renew(session: Session) -> String {
    let before = session.id();
    session.renew_id();
    format!("another identifier: {}", before != session.id())
}

#[route("/tour/session/end", method = "POST")]
async fn end(session: Session) -> String {
    session.invalidate();
    format!("still valid: {}", session.is_valid())
}
// end

// show: store
#[derive(Default)]
pub(crate) struct Counts {
    loads: AtomicU64,
    saves: AtomicU64,
}

pub(crate) struct CountedSessions(pub(crate) MemorySessions, pub(crate) Arc<Counts>);

impl SessionStore for CountedSessions {
    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>> {
        self.1.loads.fetch_add(1, Ordering::Relaxed);
        self.0.load(id)
    }

    fn save<'a>(&'a self, id: &'a str, change: Change) -> Answer<'a, bool> {
        self.1.saves.fetch_add(1, Ordering::Relaxed);
        self.0.save(id, change)
    }

    fn remove<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        self.0.remove(id)
    }

    fn rename<'a>(&'a self, old: &'a str, new: &'a str) -> Answer<'a, ()> {
        self.0.rename(old, new)
    }
}

#[route("/tour/session/store")]
async fn store(counts: State<Arc<Counts>>) -> Value {
    json!({"loads": counts.loads.load(Ordering::Relaxed), "saves": counts.saves.load(Ordering::Relaxed)})
}
// end
