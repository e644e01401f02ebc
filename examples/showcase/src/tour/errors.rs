//! Pages for errors, and requests that make some.

use vernal::prelude::*;

use super::card::{Card, Section, Source, get, request};

const SOURCE: Source = Source { path: "src/tour/errors.rs", text: include_str!("errors.rs") };
const PAGES: Source = Source { path: "src/error_pages.rs", text: include_str!("../error_pages.rs") };

pub(crate) const SECTION: Section = Section {
    id: "errors",
    title: "Error pages",
    about: "By code, by class, or for all that is left. They see the errors of routing, binding and parsing too.",
    cards: &[
        Card {
            id: "error-pages",
            title: "The most special page answers",
            about: "A browser gets a page: <a href=\"/tour/fail/403\">403</a>, <a href=\"/no/such/page\">404</a>, \
                <a href=\"/tour/fail/503\">503</a>, <a href=\"/tour/fail/429\">429</a>. A script gets JSON that \
                names the function which made it.",
            code: PAGES.show("error-pages"),
            tries: &[
                get("/tour/fail/403").answers(403).says("\"page\":\"not_there\""),
                get("/no/such/page").answers(404).says("\"page\":\"not_there\""),
                get("/tour/fail/503").answers(503).says("\"page\":\"broken\""),
                get("/tour/fail/429?why=slow%20down").answers(429).says("\"page\":\"other\""),
                get("/tour/fail/many").answers(400).says("PathValue[code] should be"),
                request("DELETE", "/tour/methods/one").answers(405).says("\"page\":\"other\""),
                get("/tour/%ff").answers(400),
            ],
        },
        Card {
            id: "fail",
            title: "An error from anywhere",
            about: "Code, message and explanation. What a client sent is escaped before a page shows it.",
            code: SOURCE.show("fail"),
            tries: &[
                get("/tour/fail/409?why=two%20at%20once").answers(409).says("two at once"),
                get("/tour/fail/404?why=%3Cscript%3E").answers(404).says("&lt;script&gt;"),
            ],
        },
    ],
};

// show: fail
#[route("/tour/fail/{code}")]
async fn fail(code: u16, why: Option<&str>) -> Result<()> {
    let error = HttpError::new(code).message("As you wished");
    Err(error.explain(why.unwrap_or("This controller fails on purpose.")).into())
}
// end
