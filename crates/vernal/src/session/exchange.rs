//! How a request comes to its session, and what of it goes out with the response.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::{Change, Record, Session, SessionSettings, SessionStore};
use crate::{Cookie, Cookies, Result};

/// The session that the request's cookie leads to, or else, with `create`, a new one.
///
/// An identifier that the store doesn't know is never adopted (`spec/08` SE-2), one of another form not looked up.
pub(crate) async fn open(
    store: &dyn SessionStore,
    settings: &SessionSettings,
    cookies: &Cookies,
    create: bool,
) -> Result<Option<Session>> {
    let now = SystemTime::now();
    if let Some(id) = cookies.get(settings.name()).map(Cookie::value).filter(|id| is_identifier(id))
        && let Some(record) = store.load(id).wait().await?
    {
        return Ok(Some(Session::resumed(id, record, now)));
    }
    if !create {
        return Ok(None);
    }
    Ok(Some(Session::created(new_identifier()?, settings.interval(), now)))
}

/// A new session, which the store knows already.
pub(crate) async fn begin(store: &dyn SessionStore, settings: &SessionSettings) -> Result<(String, Record)> {
    let id = new_identifier()?;
    let now = SystemTime::now();
    let change = Change {
        is_new: true,
        creation_time: now,
        last_accessed_time: now,
        max_inactive_interval: Some(settings.interval()),
        set: BTreeMap::new(),
        removed: BTreeSet::new(),
    };
    store.save(&id, change.clone()).wait().await?;
    Ok((id, Record::new(change)))
}

/// Writes what the request has changed and answers the cookie to set: one that leads to the session, one that ends it,
/// or none if there is nothing to end or another request has ended the session meanwhile.
///
/// In the last case the cookie is left alone because that request's response has dealt with it: after a login it leads
/// to the new identifier already.
pub(crate) async fn finish(
    store: &dyn SessionStore,
    settings: &SessionSettings,
    session: &Session,
    request_had_cookie: bool,
    is_secure: bool,
) -> Result<Option<Cookie>> {
    match session.leave() {
        Departure::Ended { stored_id } => {
            if let Some(stored_id) = stored_id {
                store.remove(&stored_id).wait().await?;
            }
            Ok(request_had_cookie.then(|| settings.removal(is_secure)))
        }
        Departure::Kept { id, stored_id, interval, change } => {
            if let Some(stored_id) = stored_id.filter(|stored_id| *stored_id != id) {
                store.rename(&stored_id, &id).wait().await?;
            }
            let last_accessed_time = change.last_accessed_time;
            let is_there = store.save(&id, change).wait().await?;
            Ok(is_there.then(|| settings.cookie(id, is_secure, last_accessed_time, interval)))
        }
    }
}

/// 128 random bits as 32 lower-case hexadecimal digits.
pub(super) fn new_identifier() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

fn is_identifier(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A session at the end of its request.
enum Departure {
    Ended { stored_id: Option<String> },
    Kept { id: String, stored_id: Option<String>, interval: Duration, change: Change },
}

impl Session {
    /// Takes out what has changed; from here on the store knows the session, or has forgotten it.
    fn leave(&self) -> Departure {
        let mut state = self.state();
        if !state.is_valid {
            return Departure::Ended { stored_id: state.stored_id.take() };
        }
        let id = state.id.clone();
        let stored_id = state.stored_id.replace(id.clone());
        let interval = state.max_inactive_interval;
        let change = Change {
            is_new: stored_id.is_none(),
            creation_time: state.creation_time,
            last_accessed_time: state.last_accessed_time,
            max_inactive_interval: std::mem::take(&mut state.has_new_interval).then_some(interval),
            set: std::mem::take(&mut state.set),
            removed: std::mem::take(&mut state.removed),
        };
        Departure::Kept { id, stored_id, interval, change }
    }
}
