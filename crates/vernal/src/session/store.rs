//! Where sessions are kept: the boundary that a store in memory, in Redis or in another language implements.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::Result;

/// Where sessions are kept between requests. [`MemorySessions`](super::MemorySessions) is the default.
///
/// Identifiers that arrive here are 32 lower-case hexadecimal digits, made by the engine: a store never makes or
/// adopts one. An error becomes a 500.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Mutex, PoisonError};
/// use std::time::SystemTime;
///
/// use vernal::session::{Answer, Change, Record, SessionStore};
///
/// #[derive(Default)]
/// struct OneMap(Mutex<HashMap<String, Record>>);
///
/// impl SessionStore for OneMap {
///     fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>> {
///         let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         Answer::ready(records.get(id).filter(|record| !record.is_expired(SystemTime::now())).cloned())
///     }
///
///     fn save<'a>(&'a self, id: &'a str, change: Change) -> Answer<'a, bool> {
///         let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         match records.get_mut(id) {
///             Some(record) => record.apply(change),
///             None if change.is_new => drop(records.insert(id.to_owned(), Record::new(change))),
///             None => return Answer::ready(false),
///         }
///         Answer::ready(true)
///     }
///
///     fn remove<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
///         self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
///         Answer::ready(())
///     }
/// }
/// ```
pub trait SessionStore: Send + Sync + 'static {
    /// What is known under this identifier, without changing it. A record that [has expired](Record::is_expired) is
    /// not answered.
    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>>;

    /// Writes what a request has changed, and that it was there; makes the session if it [is new](Change::is_new).
    ///
    /// Answers `false` when the session is neither there nor new: another request has invalidated it meanwhile. It
    /// must not come to life again, or a logout could be undone by a request that was under way.
    fn save<'a>(&'a self, id: &'a str, change: Change) -> Answer<'a, bool>;

    /// Forgets a session, if it is there.
    fn remove<'a>(&'a self, id: &'a str) -> Answer<'a, ()>;

    /// Moves a session to another identifier, if it is there.
    ///
    /// As provided it loads, saves and removes: what another request saves between these steps is lost. A store that
    /// can do it in one step should.
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        Answer::pending(async move {
            if let Some(record) = self.load(from).wait().await? {
                self.save(to, record.into()).wait().await?;
                self.remove(from).wait().await?;
            }
            Ok(())
        })
    }
}

/// The answer of a store: there at once, without allocation, or later.
pub enum Answer<'a, T> {
    /// It is there.
    Ready(Result<T>),
    /// It is waited for.
    Pending(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>),
}

impl<'a, T> Answer<'a, T> {
    /// An answer that is there.
    pub fn ready(answer: T) -> Self {
        Answer::Ready(Ok(answer))
    }

    /// An answer that this future will give.
    pub fn pending(answer: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Answer::Pending(Box::pin(answer))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub async fn wait(self) -> Result<T> {
        match self {
            Answer::Ready(answer) => answer,
            Answer::Pending(answer) => answer.await,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Answer::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// A session as a store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The attributes; shared, so that a store in memory answers without copying them.
    pub attributes: Arc<BTreeMap<String, Value>>,
    /// When it began.
    pub creation_time: SystemTime,
    /// When a request last asked for it.
    pub last_accessed_time: SystemTime,
    /// How long it is kept after that.
    pub max_inactive_interval: Duration,
}

/// What one request has changed in a session. Requests that overlap don't undo each other's changes, since each says
/// only its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whether the session has begun with this request.
    pub is_new: bool,
    /// When it began.
    pub creation_time: SystemTime,
    /// When this request asked for it.
    pub last_accessed_time: SystemTime,
    /// How long it is kept after that; `None` where it stays as it was. Always there in a new session.
    pub max_inactive_interval: Option<Duration>,
    /// Attributes that are new or have another value.
    pub set: BTreeMap<String, Value>,
    /// Attributes that are no more; perhaps there never were any of these names.
    pub removed: BTreeSet<String>,
}

impl Record {
    /// How long a session is kept after a request where nobody has said otherwise: half an hour.
    pub const MAX_INACTIVE_INTERVAL: Duration = Duration::from_secs(1800);

    /// The record of a new session.
    pub fn new(change: Change) -> Self {
        let mut record = Record {
            attributes: Arc::default(),
            creation_time: change.creation_time,
            last_accessed_time: change.last_accessed_time,
            max_inactive_interval: Record::MAX_INACTIVE_INTERVAL,
        };
        record.apply(change);
        record
    }

    /// Applies what a request has changed. Answers that were given before keep the attributes as they were.
    pub fn apply(&mut self, change: Change) {
        self.last_accessed_time = self.last_accessed_time.max(change.last_accessed_time);
        self.max_inactive_interval = change.max_inactive_interval.unwrap_or(self.max_inactive_interval);
        if !change.set.is_empty() || !change.removed.is_empty() {
            let attributes = Arc::make_mut(&mut self.attributes);
            for name in &change.removed {
                attributes.remove(name);
            }
            attributes.extend(change.set);
        }
    }

    /// Whether its interval has passed since the last request. A clock that was set back expires nothing.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        now.duration_since(self.last_accessed_time).unwrap_or_default() >= self.max_inactive_interval
    }
}

/// The change that makes this record anew.
impl From<Record> for Change {
    fn from(record: Record) -> Self {
        Change {
            is_new: true,
            creation_time: record.creation_time,
            last_accessed_time: record.last_accessed_time,
            max_inactive_interval: Some(record.max_inactive_interval),
            set: Arc::unwrap_or_clone(record.attributes),
            removed: BTreeSet::new(),
        }
    }
}
