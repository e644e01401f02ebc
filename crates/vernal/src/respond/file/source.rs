//! Where the bytes of a file come from: the disk, or what is kept of it in memory.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;
use http::header::RANGE;

use super::cache::{FileCache, KeptFile, SMALL};
use super::read::read_at_once;
use super::stamp::Stamp;
use super::stream::{FileStream, Segments};
use super::{FileBody, not_found};
use crate::respond::conditional;
use crate::respond::range::{Ranges, parse_ranges};
use crate::{Headers, HttpError};

/// A file that is there and may be read.
pub(super) enum Source {
    /// The very file, in memory.
    Kept(Arc<KeptFile>),
    /// What is said of it is asked from the open file, not from the path, where another may stand by now.
    Disk { file: File, validators: Validators, keeping: Option<Box<Keeping>> },
}

/// What tells one representation from another, and how it is said.
#[derive(Debug, Clone)]
pub(super) struct Validators {
    pub(super) length: u64,
    pub(super) modified: SystemTime,
    pub(super) etag: HeaderValue,
    pub(super) last_modified: HeaderValue,
}

/// The cache into which a file goes once it is read.
#[derive(Debug)]
pub(super) struct Keeping {
    cache: Arc<FileCache>,
    path: Box<Path>,
    stamp: Stamp,
    validators: Validators,
}

impl Source {
    /// Opens the file at this path, unless the cache has it. Who knows the stamp of what stands there saves a system
    /// call by giving it.
    ///
    /// # Errors
    ///
    /// 404 if there is no such regular file; 500, with a line in the log, if it is there and cannot be opened.
    pub(super) fn open(
        path: &Path,
        stamp: Option<Stamp>,
        cache: Option<&Arc<FileCache>>,
    ) -> Result<Self, HttpError> {
        if let Some(kept) = cache.and_then(|cache| cache.get(path))
            && stamp.or_else(|| Stamp::at(path)) == Some(kept.stamp)
        {
            return Ok(Source::Kept(kept));
        }
        let file = open_without_waiting(path).map_err(|error| cannot_open(path, &error))?;
        let metadata = file.metadata().map_err(|error| cannot_read(&error))?;
        if !metadata.is_file() {
            return Err(not_found());
        }
        let validators = Validators::of(&metadata)?;
        let stamp = Stamp::of(&metadata);
        let keeping = cache.filter(|cache| cache.takes(path, metadata.len(), &stamp)).map(|cache| {
            let (cache, path, validators) = (Arc::clone(cache), path.into(), validators.clone());
            Box::new(Keeping { cache, path, stamp, validators })
        });
        Ok(Source::Disk { file, validators, keeping })
    }

    pub(super) fn validators(&self) -> &Validators {
        match self {
            Source::Kept(kept) => &kept.validators,
            Source::Disk { validators, .. } => validators,
        }
    }

    pub(super) fn requested(&self, headers: &Headers) -> Ranges {
        let validators = self.validators();
        let mut fields = headers.as_map().get_all(RANGE).iter();
        // there is one such field (RFC 9110 section 14.2); two are none that could be understood
        let field = fields.next().filter(|_| fields.next().is_none());
        match field.and_then(|field| field.to_str().ok()) {
            Some(field) if conditional::range_applies(headers, validators.tag(), validators.modified) => {
                parse_ranges(field, validators.length)
            }
            _ => Ranges::Whole,
        }
    }

    /// The whole file as a body.
    pub(super) fn whole(self) -> FileBody {
        match self {
            Source::Kept(kept) => FileBody::Bytes(kept.bytes.clone()),
            Source::Disk { file, validators, keeping } if validators.length <= SMALL => {
                let mut bytes = vec![0; validators.length as usize];
                if !read_at_once(&file, 0, &mut bytes) {
                    let everything = Segments::from(0..validators.length);
                    return FileBody::from(FileStream::new(file, everything).keeping(keeping));
                }
                let bytes = Bytes::from(bytes);
                if let Some(keeping) = keeping {
                    keeping.keep(bytes.clone());
                }
                FileBody::Bytes(bytes)
            }
            Source::Disk { file, validators, .. } => {
                FileBody::from(FileStream::new(file, Segments::from(0..validators.length)))
            }
        }
    }

    /// The segments as a body: read at once if they are small and in memory, otherwise a stream.
    pub(super) fn body(self, segments: Segments) -> FileBody {
        let is_small = segments.length() <= SMALL;
        match self {
            Source::Kept(kept) => FileBody::Bytes(segments.take_from(&kept.bytes)),
            Source::Disk { file, .. } if is_small => match segments.read_at_once(&file) {
                Ok(bytes) => FileBody::Bytes(bytes),
                Err(segments) => FileBody::from(FileStream::new(file, segments)),
            },
            Source::Disk { file, .. } => FileBody::from(FileStream::new(file, segments)),
        }
    }
}

impl Validators {
    fn of(metadata: &Metadata) -> Result<Self, HttpError> {
        let modified = conditional::modified(metadata);
        let value = |text: String| HeaderValue::try_from(text).map_err(|_| HttpError::new(500));
        Ok(Validators {
            length: metadata.len(),
            modified,
            etag: value(conditional::entity_tag(metadata))?,
            last_modified: value(conditional::last_modified(modified))?,
        })
    }

    /// The entity tag as text.
    pub(super) fn tag(&self) -> &str {
        self.etag.to_str().unwrap_or_default()
    }
}

impl Keeping {
    /// Keeps what was read of the file, if that is still as long as it was.
    pub(super) fn keep(self, bytes: Bytes) {
        if bytes.len() as u64 == self.validators.length {
            let file = KeptFile { stamp: self.stamp, validators: self.validators, bytes };
            self.cache.insert(&self.path, Arc::new(file));
        }
    }
}

/// Opens a file for reading. A FIFO in a served directory would hold the thread until somebody writes into it, so
/// the system is told not to wait; for regular files that means nothing (POSIX `open`). Where the flag's value isn't
/// known for certain, the path is asked first, at the price of a system call.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        use std::os::unix::fs::OpenOptionsExt;
        const O_NONBLOCK: i32 = 0o4000;
        File::options().read(true).custom_flags(O_NONBLOCK).open(path)
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        if !path.metadata()?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        File::open(path)
    }
}

/// A file that is there and may be read, and yet cannot be opened, is the server's trouble: too many open files, say.
fn cannot_open(path: &Path, error: &io::Error) -> HttpError {
    let is_there = error.kind() != io::ErrorKind::PermissionDenied && path.is_file();
    if is_there { cannot_read(error) } else { not_found() }
}

fn cannot_read(error: &io::Error) -> HttpError {
    tracing::error!(%error, "a file cannot be read");
    HttpError::new(500)
}
