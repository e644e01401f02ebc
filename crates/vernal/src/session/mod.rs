//! What is remembered between requests: the session, where it is kept, and the cookie that leads to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Result;

mod exchange;
mod memory;
mod recent;
mod settings;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use exchange::{begin, finish, open};
pub use memory::MemorySessions;
pub use settings::SessionSettings;
pub use store::{Answer, Change, Record, SessionStore};

/// What is remembered about a visitor between requests: attributes under names (`spec/05` section 3).
///
/// It is cheap to clone, and all clones are the same session of the same request. Changes are written to the
/// [`SessionStore`] when the response leaves; a clone that lives longer changes nothing any more. When two requests
/// of one visitor run at the same time, each writes only what it has changed itself.
///
/// ```
/// use vernal::session::Session;
///
/// fn visit(session: Session) -> vernal::Result<String> {
///     let visits: u32 = session.get("visits").unwrap_or_default();
///     session.set("visits", visits + 1)?;
///     Ok(format!("{visits} visits before this one"))
/// }
/// ```
#[derive(Clone)]
pub struct Session {
    state: Arc<Mutex<State>>,
}

struct State {
    id: String,
    /// The identifier under which the store knows it: none yet for a new session, another one after `renew_id`.
    stored_id: Option<String>,
    is_new: bool,
    is_valid: bool,
    creation_time: SystemTime,
    last_accessed_time: SystemTime,
    max_inactive_interval: Duration,
    has_new_interval: bool,
    /// The attributes at the start of the request. What the request changes lies over them.
    loaded: Arc<BTreeMap<String, Value>>,
    set: BTreeMap<String, Value>,
    removed: BTreeSet<String>,
}

impl Session {
    fn created(id: String, max_inactive_interval: Duration, now: SystemTime) -> Self {
        Session::of(State {
            id,
            stored_id: None,
            is_new: true,
            is_valid: true,
            creation_time: now,
            last_accessed_time: now,
            max_inactive_interval,
            has_new_interval: true,
            loaded: Arc::default(),
            set: BTreeMap::new(),
            removed: BTreeSet::new(),
        })
    }

    fn resumed(id: &str, record: Record, now: SystemTime) -> Self {
        Session::of(State {
            id: id.to_owned(),
            stored_id: Some(id.to_owned()),
            is_new: false,
            is_valid: true,
            creation_time: record.creation_time,
            last_accessed_time: now,
            max_inactive_interval: record.max_inactive_interval,
            has_new_interval: false,
            loaded: record.attributes,
            set: BTreeMap::new(),
            removed: BTreeSet::new(),
        })
    }

    fn of(state: State) -> Self {
        Session { state: Arc::new(Mutex::new(state)) }
    }

    /// The identifier: 32 hexadecimal digits, which the client has as a cookie.
    ///
    /// Whoever knows it can take the visitor's place; it doesn't belong into logs or pages.
    pub fn id(&self) -> String {
        self.state().id.clone()
    }

    /// Whether this request has begun it.
    pub fn is_new(&self) -> bool {
        self.state().is_new
    }

    /// Whether it is still in use: `false` after [`invalidate`](Session::invalidate).
    pub fn is_valid(&self) -> bool {
        self.state().is_valid
    }

    /// When it began.
    pub fn creation_time(&self) -> SystemTime {
        self.state().creation_time
    }

    /// When it was last asked for, which is now: the time at which this request first asked for it.
    pub fn last_accessed_time(&self) -> SystemTime {
        self.state().last_accessed_time
    }

    /// How long it is kept after a request; half an hour by default
    /// ([`SessionSettings::max_inactive_interval`]).
    pub fn max_inactive_interval(&self) -> Duration {
        self.state().max_inactive_interval
    }

    /// Changes how long this session is kept after a request.
    pub fn set_max_inactive_interval(&self, interval: Duration) {
        let mut state = self.state();
        state.max_inactive_interval = interval;
        state.has_new_interval = true;
    }

    /// An attribute; `None` when there is none of this name or its value doesn't fit `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let state = self.state();
        T::deserialize(state.attribute(name)?).ok()
    }

    /// Sets an attribute. An invalidated session ignores it.
    ///
    /// # Errors
    ///
    /// The value has no form in JSON, as a map whose keys are not text or numbers.
    pub fn set<T: Serialize>(&self, name: impl Into<String>, value: T) -> Result<()> {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(value) => {
                let mut state = self.state();
                if state.is_valid {
                    state.removed.remove(&name);
                    state.set.insert(name, value);
                }
                Ok(())
            }
            Err(cause) => Err(InvalidAttribute { name, cause }.into()),
        }
    }

    /// Removes an attribute, if it is there.
    pub fn remove(&self, name: &str) {
        let mut state = self.state();
        state.set.remove(name);
        state.removed.insert(name.to_owned());
    }

    /// Whether there is an attribute of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.state().attribute(name).is_some()
    }

    /// The names of all attributes, in alphabetical order.
    pub fn attribute_names(&self) -> Vec<String> {
        let state = self.state();
        let kept = state.loaded.keys().filter(|name| !state.removed.contains(*name));
        let names: BTreeSet<&String> = kept.chain(state.set.keys()).collect();
        names.into_iter().cloned().collect()
    }

    /// Ends the session, as at a logout: it has no attributes any more and ignores new ones; when the response leaves
    /// the store forgets it, and the client its cookie. The next request may begin another.
    pub fn invalidate(&self) {
        self.state().end();
    }

    /// Gives the session another identifier, as is wanted at a login: whoever has learnt the old one, or has foisted
    /// it on the visitor, is left with nothing. Attributes stay; the old identifier ends when the response leaves.
    ///
    /// If the operating system had no random numbers to give, the session would be invalidated instead.
    pub fn renew_id(&self) {
        match exchange::new_identifier() {
            Ok(id) => self.state().id = id,
            Err(error) => {
                tracing::error!(%error, "no identifier for a session, which is invalidated");
                self.state().end();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held (in a `Deserialize` of the application) has left no change half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn attribute(&self, name: &str) -> Option<&Value> {
        let loaded = || self.loaded.get(name).filter(|_| !self.removed.contains(name));
        self.set.get(name).or_else(loaded)
    }

    fn end(&mut self) {
        self.is_valid = false;
        self.loaded = Arc::default();
        self.set.clear();
        self.removed.clear();
    }
}

impl fmt::Debug for Session {
    /// Without identifier and values: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is_new, is_valid) = (self.is_new(), self.is_valid());
        f.debug_struct("Session")
            .field("is_new", &is_new)
            .field("is_valid", &is_valid)
            .finish_non_exhaustive()
    }
}

/// Why an attribute could not be set.
#[derive(Debug)]
struct InvalidAttribute {
    name: String,
    cause: serde_json::Error,
}

impl fmt::Display for InvalidAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session attribute {:?} has no form in JSON: {}", self.name, self.cause)
    }
}

impl std::error::Error for InvalidAttribute {}
