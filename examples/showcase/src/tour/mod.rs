//! The tour: a card for each feature, with the very lines that are running and requests to try them.

mod arguments;
pub(crate) mod card;
mod errors;
mod files;
mod filters;
mod objects;
mod responses;
pub(crate) mod routes;
mod running;
pub(crate) mod sessions;
mod wire;

use serde::Serialize;
use vernal::prelude::*;

pub(crate) use self::arguments::Visits;
use self::card::{Card, Section, Try};
use crate::board::Board;
use crate::pages::{Page, context};
use crate::second::SecondAddress;

/// All parts of the tour, in the order in which they are shown.
pub(crate) const SECTIONS: &[Section] = &[
    routes::SECTION,
    arguments::SECTION,
    objects::SECTION,
    responses::SECTION,
    errors::SECTION,
    filters::SECTION,
    sessions::SECTION,
    files::SECTION,
    wire::SECTION,
    running::SECTION,
];

#[route("/", method = "GET")]
#[route("/index", method = "GET")]
async fn index(page: Page, board: State<Board>, second: State<SecondAddress>) -> Result<String> {
    let second = second.url();
    let sections: Vec<SectionView> =
        SECTIONS.iter().map(|section| SectionView::new(section, &second)).collect();
    let latest: Vec<_> = board.search("", None).into_iter().take(3).collect();
    page.render("index.html", context! { sections, latest })
}

/// A section as the template wants it.
#[derive(Serialize)]
struct SectionView {
    id: &'static str,
    title: &'static str,
    about: &'static str,
    cards: Vec<CardView>,
}

#[derive(Serialize)]
struct CardView {
    id: &'static str,
    title: &'static str,
    about: String,
    file: &'static str,
    line: usize,
    code: String,
    tries: Vec<TryView>,
}

#[derive(Serialize)]
struct TryView {
    method: &'static str,
    target: String,
    headers: String,
    body: &'static str,
    status: u16,
    says: &'static str,
}

impl SectionView {
    fn new(section: &Section, second: &str) -> Self {
        let cards = section.cards.iter().map(|card| CardView::new(card, second)).collect();
        SectionView { id: section.id, title: section.title, about: section.about, cards }
    }
}

impl CardView {
    fn new(card: &Card, second: &str) -> Self {
        let (line, code) = card.code.lines().unwrap_or_default();
        let tries = card.tries.iter().map(|attempt| TryView::new(attempt, second)).collect();
        CardView {
            id: card.id,
            title: card.title,
            about: card.about.replace("{second}", second),
            file: card.code.source.path,
            line,
            code,
            tries,
        }
    }
}

impl TryView {
    fn new(attempt: &Try, second: &str) -> Self {
        let headers: Vec<String> =
            attempt.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        TryView {
            method: attempt.method,
            target: attempt.target.replace("{second}", second),
            headers: headers.join("\n"),
            body: attempt.body,
            status: attempt.status,
            says: attempt.says,
        }
    }
}
