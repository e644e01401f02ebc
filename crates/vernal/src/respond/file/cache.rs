//! Small files in memory, as long as the disk has the same.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::source::Validators;
use super::stamp::Stamp;

/// Bytes up to which a file is small.
pub(super) const SMALL: u64 = 64 * 1024;

/// Parts of a large cache, so that requests of different files seldom wait for each other.
const SHARDS: usize = 16;

/// Caches for fewer bytes than this have one part: a sixteenth would hold too few files.
const SHARDED_FROM: usize = 4 * 1024 * 1024;

/// What an entry takes beside the bytes of the file and twice its path, roughly.
const OVERHEAD: usize = 384;

/// Small files that were sent lately, up to so many bytes together.
///
/// An entry is used only while [`Stamp`] says that the file on disk is the one that was read, and one that has changed
/// within the last seconds is not kept at all: a change is seen by the next request, however small it is. When the room
/// is used up, files that were not asked for since the hand of the clock came by the last time go first (the "clock"
/// approximation of "least recently used", which lets a hit write nothing that all threads share).
pub(crate) struct FileCache {
    shards: Box<[RwLock<Shard>]>,
    hasher: RandomState,
    bytes_per_shard: usize,
}

#[derive(Default)]
struct Shard {
    files: HashMap<OsString, Entry, RandomState>,
    /// The paths of all entries, in the order in which the hand will come by.
    clock: VecDeque<OsString>,
    bytes: usize,
}

struct Entry {
    file: Arc<KeptFile>,
    is_used: AtomicBool,
}

/// A small file as it was read.
#[derive(Debug)]
pub(super) struct KeptFile {
    pub(super) stamp: Stamp,
    pub(super) validators: Validators,
    pub(super) bytes: Bytes,
}

impl FileCache {
    /// For at most so many bytes; 0 keeps nothing.
    pub(crate) fn new(bytes: usize) -> Self {
        let shards = if bytes < SHARDED_FROM { 1 } else { SHARDS };
        FileCache {
            shards: (0..shards).map(|_| RwLock::default()).collect(),
            hasher: RandomState::default(),
            bytes_per_shard: bytes / shards,
        }
    }

    /// What was read at this path. Whether the disk still has it, its stamp tells.
    pub(super) fn get(&self, path: &Path) -> Option<Arc<KeptFile>> {
        let shard = self.shard(path).read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.files.get(path.as_os_str())?;
        if !entry.is_used.load(Ordering::Relaxed) {
            entry.is_used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&entry.file))
    }

    /// Whether a file of this stamp may be kept.
    pub(super) fn takes(&self, path: &Path, length: u64, stamp: &Stamp) -> bool {
        length <= SMALL
            && size(path.as_os_str(), length as usize) <= self.bytes_per_shard
            && stamp.is_settled(SystemTime::now())
    }

    /// Keeps a file that [may be kept](FileCache::takes), in place of what was read at this path before.
    pub(super) fn insert(&self, path: &Path, file: Arc<KeptFile>) {
        let path = path.as_os_str();
        let mut shard = self.shard(path.as_ref()).write().unwrap_or_else(PoisonError::into_inner);
        shard.bytes += size(path, file.bytes.len());
        let entry = Entry { file, is_used: AtomicBool::new(false) };
        match shard.files.insert(path.to_owned(), entry) {
            Some(old) => shard.bytes -= size(path, old.file.bytes.len()),
            None => shard.clock.push_back(path.to_owned()),
        }
        while shard.bytes > self.bytes_per_shard {
            shard.turn();
        }
    }

    fn shard(&self, path: &Path) -> &RwLock<Shard> {
        let hash = self.hasher.hash_one(path.as_os_str());
        &self.shards[hash as usize % self.shards.len()]
    }

    #[cfg(test)]
    pub(super) fn paths(&self) -> Vec<std::path::PathBuf> {
        let shards = self.shards.iter().map(|shard| shard.read().expect("no panic under the lock"));
        shards.flat_map(|shard| shard.files.keys().map(Into::into).collect::<Vec<_>>()).collect()
    }
}

impl Shard {
    /// The hand comes by the next entry: one that was used stays until the hand comes again.
    fn turn(&mut self) {
        let Some(path) = self.clock.pop_front() else { return self.bytes = 0 };
        match self.files.get(&path) {
            Some(entry) if entry.is_used.swap(false, Ordering::Relaxed) => self.clock.push_back(path),
            _ => {
                if let Some(entry) = self.files.remove(&path) {
                    self.bytes -= size(&path, entry.file.bytes.len());
                }
            }
        }
    }
}

/// The bytes that an entry takes.
fn size(path: &OsStr, length: usize) -> usize {
    OVERHEAD + 2 * path.len() + length
}

impl fmt::Debug for FileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCache").field("bytes_per_shard", &self.bytes_per_shard).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
