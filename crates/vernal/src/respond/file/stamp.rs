//! What the system says of a file that tells one content from another.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which file it was, how long, and when it was changed.
///
/// Two stamps are equal only if the content is, once the file [is settled](Stamp::is_settled): on Unix the time of the
/// last change of content, name or mode (`st_ctime`) can be set by nobody but the system, so not even a content that
/// is replaced by one of the same length, with the old modification time put back, goes unnoticed. The one exception
/// is writing through a shared memory mapping, whose time the system notes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    length: u64,
    modified: SystemTime,
    #[cfg(unix)]
    changed: (i64, i64),
    #[cfg(unix)]
    place: (u64, u64),
}

/// The coarsest clock of a file system in use is FAT's, with two seconds.
const GRANULARITY: Duration = Duration::from_secs(3);

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Stamp {
            length: metadata.len(),
            modified: metadata.modified().unwrap_or(UNIX_EPOCH),
            #[cfg(unix)]
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            #[cfg(unix)]
            place: (metadata.dev(), metadata.ino()),
        }
    }

    /// The stamp of what stands at this path now, links followed.
    pub(super) fn at(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Stamp::of(&metadata))
    }

    /// Whether any change from this moment on will show. Two changes within one tick of the file system's clock have
    /// the same time; so what was changed just now may be changed again and look the same.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let is_past = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age >= GRANULARITY);
        is_past(self.modified) && self.changed().is_none_or(is_past)
    }

    #[cfg(unix)]
    fn changed(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.changed;
        let since_epoch = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        UNIX_EPOCH.checked_add(since_epoch)
    }

    #[cfg(not(unix))]
    fn changed(&self) -> Option<SystemTime> {
        None
    }
}
