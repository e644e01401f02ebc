//! Signing in and out.

use vernal::prelude::*;

use crate::pages::{Page, context};

/// This is a demonstration: three people, one password, and the page tells it.
const PEOPLE: [&str; 3] = ["Ann", "Ben", "Cleo"];
const PASSWORD: &str = "spring";

/// The name of the visitor, if signed in.
pub(crate) fn visitor(session: &Session) -> Option<String> {
    session.get("visitor")
}

/// A visitor who is signed in; for all others the answer is 403.
pub(crate) struct SignedIn(pub(crate) String);

impl FromRequest for SignedIn {
    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        let session = request.existing_session().await?;
        let name = session.and_then(|session| visitor(&session));
        let stranger = || HttpError::new(403).explain("Please sign in first.");
        Ok(SignedIn(name.ok_or_else(stranger)?))
    }
}

#[route("/sign-in", method = "GET")]
async fn sign_in_page(page: Page, #[default("/board")] next: &str) -> Result<String> {
    page.render("sign_in.html", context! { next, people => PEOPLE, password => PASSWORD })
}

// show: sign-in
#[route("/sign-in", method = "POST")]
async fn sign_in(
    page: Page,
    session: Session,
    name: &str,
    #[param("passwd")] password: &str,
    #[default("/board")] next: &str,
) -> Result<Response> {
    let Some(person) = PEOPLE.iter().find(|person| person.eq_ignore_ascii_case(name.trim())) else {
        return refused(&page, name, next, "Nobody of this name is known here.");
    };
    if password != PASSWORD {
        return refused(&page, name, next, "The password is another one.");
    }
    session.renew_id();
    session.set("visitor", person)?;
    let next = if is_local(next) { next } else { "/board" };
    Redirect::see_other(next).into_response()
}

#[route("/sign-out", method = "POST")]
async fn sign_out(session: Session) -> Redirect {
    session.invalidate();
    Redirect::see_other("/board")
}
// end

fn refused(page: &Page, name: &str, next: &str, problem: &str) -> Result<Response> {
    let values = context! { name, next, problem, people => PEOPLE, password => PASSWORD };
    Ok(Response::new(403).body(page.render("sign_in.html", values)?))
}

/// Whether an address leads to this site: nobody is sent elsewhere after signing in.
fn is_local(url: &str) -> bool {
    url.starts_with('/') && !url.starts_with("//") && !url.contains(['\\', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert!(is_local("/board/new?x=1"));
        for elsewhere in
            ["https://example.org/", "//example.org", "/\\example.org", "/\t/example.org", "board"]
        {
            assert!(!is_local(elsewhere), "{elsewhere}");
        }
    }
}
