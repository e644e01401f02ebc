//! What stands before every page: forms are checked, visitors are sent to sign in, browsers told to be strict.

use std::fmt::Write;

use vernal::prelude::*;
use vernal::session::Session;

use crate::account;

// show: csrf
#[request_filter("/**", order = 30)]
async fn check_token(ctx: &mut FilterContext) -> Result<()> {
    let changes_nothing = ctx.request.method.is_safe() || ctx.request.path().starts_with("/tour/");
    if !changes_nothing {
        let session = ctx.request.existing_session().await?;
        let wanted = session.and_then(|session| session.get::<String>("csrf"));
        if wanted.is_none() || ctx.request.param("csrf") != wanted.as_deref() {
            return Err(HttpError::new(403).explain("The form's token is missing or out of date.").into());
        }
    }
    ctx.do_chain().await
}

/// The token of this visitor's forms.
pub(crate) fn token(session: &Session) -> Result<String> {
    if let Some(token) = session.get("csrf") {
        return Ok(token);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let token = bytes
        .iter()
        .try_fold(String::new(), |mut token, byte| write!(token, "{byte:02x}").map(|()| token))?;
    session.set("csrf", &token)?;
    Ok(token)
}
// end

/// Posting, editing and deleting are for those who are signed in.
#[request_filter(regexp = "^/board/(new|[0-9]+/(edit|delete))$", order = 40)]
async fn must_be_signed_in(ctx: &mut FilterContext) -> Result<()> {
    let session = ctx.request.existing_session().await?;
    if session.and_then(|session| account::visitor(&session)).is_none() {
        let next = ctx.request.path().to_owned();
        return ctx.send_redirect(format!("/sign-in?next={next}"));
    }
    ctx.do_chain().await
}

/// No foreign scripts, no frames, no guessing of content types; and how long the answer took.
#[request_filter(regexp = "^", order = 10)]
async fn strict_browsers(ctx: &mut FilterContext) -> Result<()> {
    let headers = &mut ctx.response.headers;
    headers.insert("X-Content-Type-Options", "nosniff");
    headers.insert("Referrer-Policy", "same-origin");
    headers.insert(
        "Content-Security-Policy",
        "default-src 'self'; connect-src 'self' http://127.0.0.1:*; img-src 'self' blob: data:; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    );
    ctx.do_chain().await
}
