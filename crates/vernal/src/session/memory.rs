//! Sessions in the memory of this process.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::recent::Recent;
use super::{Answer, Change, Record, SessionStore};

#[cfg(test)]
mod tests;

/// Shards of a large store, so that requests of different sessions seldom wait for each other.
const SHARDS: usize = 16;

/// Stores with fewer sessions than this have one shard: divided limits would be visibly uneven.
const SHARDED_FROM: usize = 1024;

/// How many of the least recently used sessions each call looks at. Since a call adds one session at most, and takes
/// two that have expired away, they grow fewer with every call.
const LOOKED_AT: usize = 2;

/// Sessions in the memory of this process, which end with it: the default store.
///
/// Their number is bounded; when it is reached, the session that was not used for longest makes room. (From 1024
/// sessions upwards they are kept in 16 parts with a sixteenth of the bound each, so that the first may have to make
/// room when a few per cent are still free.) Expired sessions are never answered; they are taken away as calls come,
/// two with each call, not by a thread.
///
/// ```
/// use vernal::session::MemorySessions;
///
/// let sessions = MemorySessions::new(10_000);
/// ```
pub struct MemorySessions {
    shards: Vec<Mutex<Recent<Record>>>,
    sessions_per_shard: usize,
    now: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl MemorySessions {
    /// A store for at most this many sessions, and for one at least.
    pub fn new(sessions: usize) -> Self {
        MemorySessions::with_clock(sessions, SystemTime::now)
    }

    pub(super) fn with_clock(sessions: usize, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        let shards = if sessions < SHARDED_FROM { 1 } else { SHARDS };
        MemorySessions {
            shards: (0..shards).map(|_| Mutex::new(Recent::new())).collect(),
            sessions_per_shard: (sessions / shards).max(1),
            now: Box::new(now),
        }
    }

    /// The number of sessions, those included that have expired and are not yet taken away.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shard of an identifier, chosen by its last digit: identifiers are random.
    fn shard(&self, id: &str) -> MutexGuard<'_, Recent<Record>> {
        let digit = id.chars().next_back().and_then(|last| last.to_digit(16)).unwrap_or_default();
        locked(&self.shards[digit as usize % self.shards.len()])
    }

    fn insert(&self, sessions: &mut Recent<Record>, id: &str, record: Record) {
        while sessions.len() >= self.sessions_per_shard {
            sessions.remove_oldest();
        }
        sessions.insert(id, record);
    }
}

impl SessionStore for MemorySessions {
    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Record>> {
        let now = (self.now)();
        let mut sessions = self.shard(id);
        remove_expired(&mut sessions, now);
        Answer::ready(sessions.peek(id).filter(|record| !record.is_expired(now)).cloned())
    }

    fn save<'a>(&'a self, id: &'a str, change: Change) -> Answer<'a, bool> {
        let now = (self.now)();
        let mut sessions = self.shard(id);
        match sessions.get_mut(id) {
            Some(record) => record.apply(change),
            None if change.is_new => self.insert(&mut sessions, id, Record::new(change)),
            None => return Answer::ready(false),
        }
        remove_expired(&mut sessions, now);
        Answer::ready(true)
    }

    fn remove<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        self.shard(id).remove(id);
        Answer::ready(())
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        // One lock after the other. In between nobody misses the session: the new name is not known yet.
        let record = self.shard(from).remove(from);
        if let Some(record) = record {
            self.insert(&mut self.shard(to), to, record);
        }
        Answer::ready(())
    }
}

impl fmt::Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions").field("sessions", &self.len()).finish_non_exhaustive()
    }
}

fn locked(shard: &Mutex<Recent<Record>>) -> MutexGuard<'_, Recent<Record>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_expired(sessions: &mut Recent<Record>, now: SystemTime) {
    for _ in 0..LOOKED_AT {
        if sessions.oldest().is_some_and(|record| record.is_expired(now)) {
            sessions.remove_oldest();
        }
    }
}
