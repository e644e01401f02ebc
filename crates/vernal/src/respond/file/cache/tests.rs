//! What is kept, for how long, and that it is never anything but what is on disk.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use tempfile::TempDir;

use super::super::source::Source;
use super::super::{FileBody, StaticFile};
use super::*;
use crate::Headers;

/// A directory whose files are old enough to be kept.
struct Fixture {
    directory: TempDir,
    cache: Arc<FileCache>,
}

impl Fixture {
    /// `files` with these lengths, and a cache for so many bytes.
    fn new(bytes: usize, files: &[(&str, usize)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, length) in files {
            fs::write(directory.path().join(name), vec![b'a'; *length]).expect("a file");
        }
        let fixture = Fixture { directory, cache: Arc::new(FileCache::new(bytes)) };
        fixture.settle();
        fixture
    }

    /// Waits until every file is old enough: the time of a change cannot be set.
    fn settle(&self) {
        let is_settled = || {
            let mut files = fs::read_dir(self.directory.path()).expect("a directory");
            files.all(|file| {
                Stamp::at(&file.expect("a file").path()).expect("a stamp").is_settled(SystemTime::now())
            })
        };
        while !is_settled() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Asks for a file; answers whether it came out of the cache, and its bytes.
    fn get(&self, name: &str) -> (bool, Vec<u8>) {
        let path = self.path(name);
        let is_kept = matches!(Source::open(&path, None, Some(&self.cache)), Ok(Source::Kept(_)));
        let answer = StaticFile::new(path).open(&Method::GET, &Headers::new(), Some(&self.cache));
        (is_kept, content(answer.expect("an answer").body))
    }

    fn is_kept(&self, name: &str) -> bool {
        self.get(name).0
    }
}

/// The bytes of a body, whether they are there or have to be waited for.
fn content(body: FileBody) -> Vec<u8> {
    match body {
        FileBody::Empty { .. } => Vec::new(),
        FileBody::Bytes(bytes) => bytes.into(),
        FileBody::Stream(mut stream) => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let mut all = Vec::new();
                while let Some(piece) = std::future::poll_fn(|context| {
                    futures_core::Stream::poll_next(std::pin::Pin::new(&mut stream), context)
                })
                .await
                {
                    all.extend_from_slice(&piece.expect("a good piece"));
                }
                all
            })
        }
    }
}

#[test]
fn a_small_file_is_kept_once_it_was_sent() {
    let fixture = Fixture::new(1 << 20, &[("a.txt", 1000), ("empty.txt", 0), ("full.txt", 64 * 1024)]);
    for name in ["a.txt", "empty.txt", "full.txt"] {
        assert!(!fixture.is_kept(name), "{name}");
        assert!(fixture.is_kept(name), "{name}");
        assert_eq!(fixture.get(name), (true, fs::read(fixture.path(name)).expect("a file")), "{name}");
    }
}

#[test]
fn what_is_kept_is_dropped_when_the_file_changes_whatever_stays_the_same() {
    type Change = (&'static str, fn(&Path));
    let changes: [Change; 4] = [
        ("the same length", |path| fs::write(path, [b'b'; 1000]).expect("written")),
        ("the same length and modification time", |path| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
            fs::write(path, [b'c'; 1000]).expect("written");
            let file = fs::File::options().write(true).open(path).expect("a file");
            file.set_modified(modified).expect("a time");
        }),
        ("another file in its place", |path| {
            let other = path.with_extension("other");
            fs::write(&other, [b'd'; 1000]).expect("written");
            fs::rename(other, path).expect("renamed");
        }),
        ("another length", |path| fs::write(path, b"e").expect("written")),
    ];
    let fixture = Fixture::new(1 << 20, &changes.map(|(change, _)| (change, 1000)));
    for (name, change) in changes {
        fixture.get(name);
        assert!(fixture.is_kept(name), "{name}");
        let path = fixture.path(name);
        change(&path);
        assert_eq!(fixture.get(name), (false, fs::read(&path).expect("a file")), "{name}");
        fs::remove_file(&path).expect("removed");
        let gone = StaticFile::new(&path).open(&Method::GET, &Headers::new(), Some(&fixture.cache));
        assert_eq!(gone.expect_err("an error").code(), 404, "{name}");
    }
}

#[test]
fn a_file_changed_just_now_is_not_kept_for_it_may_change_again_within_one_tick() {
    let fixture = Fixture::new(1 << 20, &[("a.txt", 3)]);
    let path = fixture.path("a.txt");
    for round in 0..100 {
        let text = format!("{round:03}");
        fs::write(&path, &text).expect("written");
        assert_eq!(fixture.get("a.txt"), (false, text.into_bytes()));
    }
    assert!(fixture.cache.paths().is_empty());
}

#[test]
fn large_files_are_not_kept_and_nothing_is_where_there_is_no_room() {
    let fixture = Fixture::new(1 << 20, &[("large.bin", 64 * 1024 + 1), ("a.txt", 1000)]);
    fixture.get("large.bin");
    assert!(!fixture.is_kept("large.bin"));
    for bytes in [0, 1000] {
        let fixture =
            Fixture { cache: Arc::new(FileCache::new(bytes)), ..Fixture::new(0, &[("a.txt", 1000)]) };
        fixture.get("a.txt");
        assert!(!fixture.is_kept("a.txt"), "{bytes}");
    }
}

/// A file that needs no disk.
fn kept(length: usize) -> Arc<KeptFile> {
    let file = tempfile::tempfile().and_then(|file| file.metadata()).expect("a file");
    let validators = Validators {
        length: length as u64,
        modified: SystemTime::UNIX_EPOCH,
        etag: http::HeaderValue::from_static("\"a\""),
        last_modified: http::HeaderValue::from_static("never"),
    };
    Arc::new(KeptFile { stamp: Stamp::of(&file), validators, bytes: vec![0; length].into() })
}

fn bytes_kept(cache: &FileCache) -> usize {
    cache.shards.iter().map(|shard| shard.read().expect("no panic").bytes).sum()
}

#[test]
fn the_bytes_kept_stay_within_their_bound_and_are_counted_rightly() {
    for bound in [100_000, 5_000_000] {
        let cache = FileCache::new(bound);
        for number in 0..2_000 {
            let path = PathBuf::from(format!("/files/{}", number % 700));
            cache.insert(&path, kept(number * 37 % 60_000));
            assert!(bytes_kept(&cache) <= bound);
        }
        let counted: usize = (cache.paths().iter())
            .map(|path| size(path.as_os_str(), cache.get(path).expect("kept").bytes.len()))
            .sum();
        assert_eq!(bytes_kept(&cache), counted);
        assert!(counted > bound / 2, "{counted} of {bound}");
    }
}

#[test]
fn files_that_are_asked_for_stay_while_others_pass_through() {
    let cache = FileCache::new(100_000);
    let favourite = PathBuf::from("/favourite");
    cache.insert(&favourite, kept(1000));
    for number in 0..1_000 {
        assert!(cache.get(&favourite).is_some(), "after {number} others");
        cache.insert(&PathBuf::from(format!("/{number}")), kept(1000));
    }
    assert!(cache.get(&PathBuf::from("/0")).is_none());
}

#[test]
fn many_threads_may_use_it_at_once() {
    let cache = FileCache::new(200_000);
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let cache = &cache;
            threads.spawn(move || {
                for number in 0..500 {
                    let path = PathBuf::from(format!("/{}", (number * 7 + thread) % 300));
                    cache.insert(&path, kept(number));
                    cache.get(&path);
                }
            });
        }
    });
    assert!(bytes_kept(&cache) <= 200_000);
    assert!(!cache.paths().is_empty());
}
