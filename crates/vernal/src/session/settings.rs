//! How sessions and their cookie are meant to be.

use std::time::{Duration, SystemTime};

use super::Record;
use crate::error::StartErrorKind;
use crate::{Cookie, Error, Result, SameSite};

/// The session cookie's name and attributes, and how long a session is kept.
///
/// | setting | default |
/// |---|---|
/// | [`cookie_name`](SessionSettings::cookie_name) | `VERNAL_SESSION_ID` |
/// | [`path`](SessionSettings::path) | `/` |
/// | [`domain`](SessionSettings::domain) | none: this host only |
/// | [`secure`](SessionSettings::secure) | as the request came: `true` through HTTPS |
/// | [`http_only`](SessionSettings::http_only) | `true` |
/// | [`same_site`](SessionSettings::same_site) | `Lax` |
/// | [`max_inactive_interval`](SessionSettings::max_inactive_interval) | 1800 s |
/// | [`persistent`](SessionSettings::persistent) | `true` |
///
/// ```
/// use std::time::Duration;
/// use vernal::{SameSite, session::SessionSettings};
///
/// let settings = SessionSettings::new()
///     .cookie_name("__Host-visit")
///     .secure(true)
///     .same_site(SameSite::Strict)
///     .max_inactive_interval(Duration::from_secs(15 * 60));
/// ```
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// The session cookie, but for its value and times.
    cookie: Cookie,
    /// None for what fits the request.
    secure: Option<bool>,
    max_inactive_interval: Duration,
    persistent: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        SessionSettings {
            cookie: Cookie::new("VERNAL_SESSION_ID", "").path("/").http_only(true).same_site(SameSite::Lax),
            secure: None,
            max_inactive_interval: Record::MAX_INACTIVE_INTERVAL,
            persistent: true,
        }
    }
}

impl SessionSettings {
    /// The settings of the table above.
    pub fn new() -> Self {
        SessionSettings::default()
    }

    /// The name of the cookie: a token.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie = self.cookie.with_name(name);
        self
    }

    /// The paths that belong to the session.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie = self.cookie.path(path);
        self
    }

    /// The domain which, with its subdomains, belongs to the session.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie = self.cookie.domain(domain);
        self
    }

    /// Whether the cookie travels over TLS only. Without this it does where the request that it answers came through
    /// HTTPS; to be switched on where TLS ends at a proxy.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = Some(secure);
        self.cookie = self.cookie.secure(secure);
        self
    }

    /// Whether the cookie is hidden from scripts.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie = self.cookie.http_only(http_only);
        self
    }

    /// With which requests of other sites the cookie is sent.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie = self.cookie.same_site(same_site);
        self
    }

    /// How long a new session is kept after a request; each may have
    /// [its own](super::Session::set_max_inactive_interval) later.
    pub fn max_inactive_interval(mut self, interval: Duration) -> Self {
        self.max_inactive_interval = interval;
        self
    }

    /// Whether the cookie says how long it is valid (`Max-Age` and `expires`); otherwise the client forgets it with
    /// the end of the browser session.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Refuses, at start, a cookie that could never be sent.
    pub(crate) fn check(&self) -> Result<()> {
        match self.cookie.to_header() {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(Error::start(StartErrorKind::Configuration, format!("session settings: {error}")))
            }
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.cookie.name()
    }

    pub(super) fn interval(&self) -> Duration {
        self.max_inactive_interval
    }

    /// The cookie that leads to a session.
    pub(super) fn cookie(
        &self,
        id: String,
        is_secure: bool,
        last_accessed_time: SystemTime,
        interval: Duration,
    ) -> Cookie {
        let cookie = self.cookie.clone().with_value(id).secure(self.secure.unwrap_or(is_secure));
        if !self.persistent {
            return cookie;
        }
        match last_accessed_time.checked_add(interval) {
            Some(expires) => cookie.max_age(interval).expires(expires),
            None => cookie.max_age(interval),
        }
    }

    /// The cookie that makes the client forget its session.
    pub(super) fn removal(&self, is_secure: bool) -> Cookie {
        self.cookie.clone().secure(self.secure.unwrap_or(is_secure)).into_removal()
    }
}
