//! Preconditions: whether the client's copy is still good, or whether it may change what it saw (RFC 9110 section 13).

use std::fmt::Write;
use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

use http::Method;
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

use super::date;
use crate::Headers;

/// What the preconditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of them hold, or there are none.
    Proceed,
    /// 304: the client has this representation already.
    NotModified,
    /// 412: the representation is not the one that the client meant.
    PreconditionFailed,
}

/// Evaluates the preconditions in the order of RFC 9110 section 13.2.2, all but `If-Range` ([`range_applies`]).
///
/// Dates compare in whole seconds, all that they can say; a date that can't be read, or two of them, are ignored.
pub(crate) fn evaluate(method: &Method, headers: &Headers, etag: &str, modified: SystemTime) -> Verdict {
    let has = |name| headers.as_map().contains_key(name);
    let modified = whole_seconds(modified);

    if has(IF_MATCH) {
        // Strong comparison (section 8.8.3.2): a weak tag matches nothing.
        if !any_tag(headers, IF_MATCH, |tag| tag == etag && !is_weak(tag)) {
            return Verdict::PreconditionFailed;
        }
    } else if date(headers, IF_UNMODIFIED_SINCE).is_some_and(|date| modified > date) {
        return Verdict::PreconditionFailed;
    }

    let reads = matches!(method, &Method::GET | &Method::HEAD);
    if has(IF_NONE_MATCH) {
        if any_tag(headers, IF_NONE_MATCH, |tag| opaque(tag) == opaque(etag)) {
            return if reads { Verdict::NotModified } else { Verdict::PreconditionFailed };
        }
    } else if reads && date(headers, IF_MODIFIED_SINCE).is_some_and(|date| modified <= date) {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether `Range` is to be honoured: there is no `If-Range`, or it names this very representation (section 13.1.5).
///
/// Otherwise the client's first half belongs to another file, and it gets the whole. A tag compares strongly. A date has
/// to be the same one, and to be strong in itself (section 8.8.2.2): while the second of the last change is not over,
/// there may be another change in it that the date would not show.
pub(crate) fn range_applies(headers: &Headers, etag: &str, modified: SystemTime) -> bool {
    let mut fields = headers.as_map().get_all(IF_RANGE).iter();
    let Some(field) = fields.next() else { return true };
    if fields.next().is_some() {
        return false;
    }
    let changed = whole_seconds(modified);
    let is_over = || changed < whole_seconds(SystemTime::now());
    (field == etag && !is_weak(etag)) || date(headers, IF_RANGE) == Some(changed) && is_over()
}

/// The strong entity tag of a file: its length, the nanosecond of its last change and, on Unix, its inode, so that a
/// file moved into another's place is seen even when both are of one length and time.
pub(crate) fn entity_tag(metadata: &Metadata) -> String {
    let length = metadata.len();
    // Sixty-four bits hold the nanoseconds until the year 2554, and are written several times as fast as 128.
    let nanoseconds = modified(metadata).duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    let mut tag = String::with_capacity("\"\"--".len() + 3 * 16);
    // Writing into a `String` cannot fail.
    let _ = write!(tag, "\"{length:x}-{nanoseconds:x}-{inode:x}\"");
    tag
}

/// The time of a file's last change; the epoch where the file system keeps none.
pub(crate) fn modified(metadata: &Metadata) -> SystemTime {
    metadata.modified().unwrap_or(UNIX_EPOCH)
}

/// The `Last-Modified` field. Never in the future, as section 8.8.2.1 demands, nor before 1970, which `httpdate`
/// could not write: the time of a file is what an archive's author made it.
pub(crate) fn last_modified(modified: SystemTime) -> String {
    httpdate::fmt_http_date(modified.min(SystemTime::now()).max(UNIX_EPOCH))
}

pub(super) fn whole_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// The date of a field that is there once and can be read, in whole seconds.
fn date(headers: &Headers, name: HeaderName) -> Option<u64> {
    let mut values = headers.as_map().get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    let date = date::seconds(value, SystemTime::now())?;
    values.next().is_none().then_some(date)
}

/// Whether the field is `*`, which any file matches, or lists a tag for which `matches` holds.
pub(crate) fn any_tag(headers: &Headers, name: HeaderName, matches: impl Fn(&str) -> bool) -> bool {
    let values = headers.as_map().get_all(name);
    values
        .iter()
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .any(|list| list == "*" || entity_tags(list).any(&matches))
}

/// The entity tags of a list, up to the first mistake. A tag may contain commas, so they don't divide the list.
fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quoted = opaque(rest).strip_prefix('"')?;
        let end = rest.len() - quoted.len() + quoted.find('"')? + 1;
        let (tag, after) = rest.split_at(end);
        rest = after;
        Some(tag)
    })
}

fn is_weak(tag: &str) -> bool {
    tag.starts_with("W/")
}

/// The tag without its mark of weakness.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests;
