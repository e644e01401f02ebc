//! Filters stand around controllers: what follows `do_chain().await` runs on the way back.
//!
//! ```sh
//! cargo run -p vernal --example filter
//! curl -i http://127.0.0.1:9090/                       # X-Microseconds is added on the way back
//! curl -i http://127.0.0.1:9090/admin/users            # sent to /login
//! curl -i -b user=Ada http://127.0.0.1:9090/admin/users
//! ```

use std::time::Instant;

use vernal::prelude::*;

#[request_filter(regexp = "^/", order = 1)]
async fn time(ctx: &mut FilterContext) -> Result<()> {
    let begin = Instant::now();
    ctx.do_chain().await?;
    ctx.response.headers.insert("X-Microseconds", begin.elapsed().as_micros());
    Ok(())
}

/// What a controller finds as `request.extensions.get::<User>()`.
#[derive(Clone)]
struct User(String);

#[request_filter("/admin/**", order = 2)]
async fn check_user(ctx: &mut FilterContext) -> Result<()> {
    let Some(name) = ctx.request.cookie("user").map(|cookie| cookie.value().to_owned()) else {
        return ctx.send_redirect("/login");
    };
    if name == "guest" {
        return Err(HttpError::new(403).explain("Guests have no business here.").into());
    }
    ctx.request.extensions.insert(User(name));
    ctx.do_chain().await
}

#[route("/")]
async fn index() -> &'static str {
    "anyone\n"
}

#[route("/admin/users")]
async fn users(request: &Request) -> String {
    let name = request.extensions.get::<User>().map_or("nobody", |user| user.0.as_str());
    format!("seen by {name}\n")
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
