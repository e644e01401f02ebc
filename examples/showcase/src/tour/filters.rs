//! What stands around controllers.

use std::time::Instant;

use vernal::prelude::*;

use super::card::{Card, Section, Source, get};

const SOURCE: Source = Source { path: "src/tour/filters.rs", text: include_str!("filters.rs") };
const PROTECT: Source = Source { path: "src/protect.rs", text: include_str!("../protect.rs") };

pub(crate) const SECTION: Section = Section {
    id: "filters",
    title: "Filters",
    about: "A filter lets a request through with <code>do_chain</code>, and sees the response on its way back.",
    cards: &[
        Card {
            id: "nesting",
            title: "In, and out again",
            about: "Filters nest by their <code>order</code>; what one changes, the next one and the controller see. \
                    The outer one takes the time.",
            code: SOURCE.show("nesting"),
            tries: &[
                get("/tour/filtered/hello").says("outer inner"),
                get("/tour/filtered/hello?quiet=1").says("x-way-back: inner"),
            ],
        },
        Card {
            id: "ending",
            title: "Not every request gets through",
            about: "A filter that doesn't call <code>do_chain</code> ends the request: with a redirect, an error, or \
                    a response of its own. This one is found by a regular expression.",
            code: SOURCE.show("ending"),
            tries: &[
                get("/tour/guarded?user=ann&pass=leaf").says("come in, ann"),
                get("/tour/guarded").answers(302).says("One function"),
                get("/tour/guarded?user=ann").answers(400).says("pass should be passed"),
                get("/tour/guarded?user=closed").answers(503).says("closed for the winter"),
            ],
        },
        Card {
            id: "csrf",
            title: "At work on the board",
            about: "Each form of the board carries a token of the visitor's session; a form without it, from another \
                    site perhaps, changes nothing.",
            code: PROTECT.show("csrf"),
            tries: &[super::card::post("/board", "title=spam&text=spam").answers(403).says("token")],
        },
    ],
};

// show: nesting
#[request_filter("/tour/filtered/**", order = 1)]
async fn outer(ctx: &mut FilterContext) -> Result<()> {
    let start = Instant::now();
    ctx.request.headers.append("X-Way-In", "outer");
    ctx.do_chain().await?;
    ctx.response.headers.append("X-Way-Back", "outer");
    ctx.response
        .headers
        .insert("Server-Timing", format!("app;dur={:.3}", start.elapsed().as_secs_f64() * 1e3));
    Ok(())
}

#[request_filter("/tour/filtered/**", order = 2)]
async fn inner(ctx: &mut FilterContext) -> Result<()> {
    ctx.request.headers.append("X-Way-In", "inner");
    ctx.request.params_mut()?.set("name", ["the inner filter"]);
    ctx.do_chain().await?;
    ctx.response.headers.append("X-Way-Back", "inner");
    Ok(())
}

#[route("/tour/filtered/hello")]
async fn filtered(name: &str, #[header] x_way_in: Vec<String>) -> String {
    format!("{} → hello, {name}", x_way_in.join(" "))
}
// end

// show: ending
#[request_filter(regexp = "^/tour/guard(ed|ian)$")]
async fn guard(ctx: &mut FilterContext) -> Result<()> {
    match ctx.request.param("user") {
        None => return ctx.send_redirect("/tour/leaf"),
        Some("closed") => {
            ctx.response.set_status(503);
            ctx.response.set_body("closed for the winter");
            return Ok(());
        }
        Some(_) if ctx.request.param("pass").is_none() => {
            return ctx.send_error(400, "pass should be passed");
        }
        Some(_) => {}
    }
    ctx.do_chain().await
}

#[route("/tour/guarded")]
async fn guarded(user: &str) -> String {
    format!("come in, {user}")
}
// end
