//! The names of header fields as clients spell them, which hyper does not keep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The head of a request of which a name is not in title case (`X-Forwarded-For`): others need not be kept.
#[derive(Clone)]
pub(crate) struct FieldNames(Box<[u8]>);

impl FieldNames {
    pub(crate) fn of(head: &[u8]) -> Self {
        FieldNames(head.into())
    }

    /// The names, in the order received; one that comes twice is there twice.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        // the first line is that of the request, and perhaps empty ones before it
        let lines = self.0.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.skip(1).filter_map(|line| {
            let name = line.split(|byte| *byte == b':').next()?;
            std::str::from_utf8(name).ok()
        })
    }
}

/// Whether a letter is large where it begins a word, and small elsewhere.
pub(crate) fn is_title_case(name: &[u8]) -> bool {
    let mut begins = true;
    name.iter().all(|byte| {
        let fits = if begins { !byte.is_ascii_lowercase() } else { !byte.is_ascii_uppercase() };
        begins = *byte == b'-';
        fits
    })
}

/// What is kept of the heads of a connection until their requests are made; few requests have something.
#[derive(Default)]
pub(crate) struct KeptNames {
    has_some: AtomicBool,
    kept: Mutex<Vec<(u32, FieldNames)>>,
}

impl KeptNames {
    /// Keeps the names of the request with this number, of those of the connection.
    pub(crate) fn keep(&self, names: impl IntoIterator<Item = (u32, FieldNames)>) {
        for kept in names {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            self.has_some.store(true, Ordering::Relaxed);
        }
    }

    /// What was kept for the request with this number.
    pub(crate) fn take(&self, number: u32) -> Option<FieldNames> {
        if !self.has_some.load(Ordering::Relaxed) {
            return None;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(of, _)| *of == number)?;
        let (_, names) = kept.swap_remove(at);
        self.has_some.store(!kept.is_empty(), Ordering::Relaxed);
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_case_is_what_most_clients_write() {
        for name in ["Host", "X-Forwarded-For", "Content-MD5", "ETag", "x-two", "1-A", "A--B", ""] {
            let expected = !matches!(name, "Content-MD5" | "ETag" | "x-two");
            assert_eq!(is_title_case(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn the_names_of_a_head_are_those_of_its_lines() {
        let head = FieldNames::of(b"\r\nGET /a:b HTTP/1.1\r\nHost: x:1\r\nx-two:\r\nX-Two: 2\r\n\r\n");
        assert_eq!(head.iter().collect::<Vec<_>>(), ["Host", "x-two", "X-Two"]);
    }

    #[test]
    fn what_is_kept_is_taken_once_by_its_request() {
        let kept = KeptNames::default();
        assert!(kept.take(1).is_none());
        kept.keep([(2, FieldNames::of(b"GET / HTTP/1.1\r\nb: 1\r\n\r\n"))]);
        assert!(kept.take(1).is_none());
        assert!(kept.take(2).is_some());
        assert!(kept.take(2).is_none());
    }
}
