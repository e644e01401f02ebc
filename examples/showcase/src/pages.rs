//! Pages: templates filled in, with what every page of a visitor shows.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use minijinja::context;
use minijinja::{Environment, UndefinedBehavior, Value};
use vernal::prelude::*;

use crate::{account, protect};

/// What all pages of a visitor have in common; a controller that takes it can render one.
pub(crate) struct Page {
    visitor: Option<String>,
    csrf: String,
    path: String,
}

impl FromRequest for Page {
    async fn from_request(request: &Request, _: &Param) -> Result<Self> {
        let session = request.session().await?;
        Ok(Page {
            visitor: account::visitor(&session),
            csrf: protect::token(&session)?,
            path: request.path().to_owned(),
        })
    }
}

impl Page {
    /// Fills in a template.
    pub(crate) fn render(&self, template: &str, values: Value) -> Result<String> {
        let Page { visitor, csrf, path } = self;
        render(template, context! { visitor, csrf, path, ..values })
    }

    /// Whether this is the name of the visitor who is signed in.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.visitor.as_deref() == Some(name)
    }
}

/// Fills in a template that is not for anybody in particular. Values are escaped, for the names end with `.html`.
pub(crate) fn render(template: &str, values: Value) -> Result<String> {
    Ok(TEMPLATES.get_template(template)?.render(values)?)
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Chainable);
    templates.set_trim_blocks(true);
    templates.set_lstrip_blocks(true);
    templates.add_filter("ago", ago);
    for (name, text) in [
        ("base.html", include_str!("templates/base.html")),
        ("board.html", include_str!("templates/board.html")),
        ("chat.html", include_str!("templates/chat.html")),
        ("error.html", include_str!("templates/error.html")),
        ("form.html", include_str!("templates/form.html")),
        ("index.html", include_str!("templates/index.html")),
        ("notice.html", include_str!("templates/notice.html")),
        ("notice_card.html", include_str!("templates/notice_card.html")),
        ("sign_in.html", include_str!("templates/sign_in.html")),
        ("upload.html", include_str!("templates/upload.html")),
    ] {
        if let Err(error) = templates.add_template(name, text) {
            tracing::error!(%error, name, "a template cannot be read");
        }
    }
    templates
});

/// A time in seconds since 1970, as people say it.
fn ago(time: u64) -> String {
    let seconds = now().saturating_sub(time);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
