//! What is remembered about a visitor: attributes in a session, found again by a cookie.
//!
//! ```sh
//! cargo run -p vernal --example session
//! curl -c jar -b jar http://127.0.0.1:9090/
//! curl -c jar -b jar -d name=Ada http://127.0.0.1:9090/sign-in
//! curl -c jar -b jar http://127.0.0.1:9090/
//! curl -c jar -b jar -X POST http://127.0.0.1:9090/sign-out
//! ```

use std::time::Duration;

use vernal::prelude::*;
use vernal::{SameSite, SessionSettings};

#[route("/", method = "GET")]
async fn index(session: Session) -> Result<String> {
    let visits: u32 = session.get("visits").unwrap_or_default();
    session.set("visits", visits + 1)?;
    let name: String = session.get("name").unwrap_or_else(|| "stranger".to_owned());
    Ok(format!("Hello, {name}: {visits} visits before this one.\n"))
}

#[route("/sign-in", method = "POST")]
async fn sign_in(session: Session, name: String) -> Result<Redirect> {
    session.renew_id(); // whoever knew the identifier before is left with nothing
    session.set("name", name)?;
    Ok(Redirect::see_other("/"))
}

#[route("/sign-out", method = "POST")]
async fn sign_out(session: Session) -> Redirect {
    session.invalidate();
    Redirect::see_other("/")
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    let settings = SessionSettings::new()
        .cookie_name("visit")
        .same_site(SameSite::Strict)
        .max_inactive_interval(Duration::from_secs(15 * 60));
    Server::new().session(settings).start()
}
