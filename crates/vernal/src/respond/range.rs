//! The `Range` field: which bytes of a file a client asks for (RFC 9110 section 14).

use std::ops::Range;

/// What a `Range` field comes to for a file of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// The field is to be ignored (section 14.2): another unit than bytes, malformed, or unreasonable.
    Whole,
    /// One range, never empty.
    Single(Range<u64>),
    /// Two ranges or more, none empty, further apart than [`PART_OVERHEAD`], in the order asked for.
    Several(Vec<Range<u64>>),
    /// Well-formed, but no byte of it is in the file: 416.
    Unsatisfiable,
}

/// The most ranges in one field; a field with more is ignored. Players and PDF readers ask for a handful.
const MOST_RANGES: usize = 16;

/// Bytes that the header of one part costs, rounded up. A gap smaller than that is sent rather than skipped.
const PART_OVERHEAD: u64 = 256;

/// Reads a `Range` field for a file of `length` bytes.
///
/// A short request must not draw a long answer: `bytes=0-,0-,0-` asks for the file three times, `0-0,2-2,4-4` for more
/// part headers than bytes (RFC 9110 sections 14.2 and 17.15). Therefore ranges that overlap, touch or are closer
/// than a part's header is long become one, as section 15.3.7.2 allows, and a field with more than sixteen ranges is
/// ignored; so an answer is never larger than the whole file and the header of one part.
///
/// An empty file has no satisfiable range. It is answered whole, not with 416: clients that always send `bytes=0-`
/// have nothing to learn from an error.
pub(crate) fn parse_ranges(field: &str, length: u64) -> Ranges {
    let Some(mut ranges) = requested(field, length) else { return Ranges::Whole };
    match ranges.len() {
        _ if length == 0 => Ranges::Whole,
        0 => Ranges::Unsatisfiable,
        1 => Ranges::Single(ranges.remove(0)),
        _ => Ranges::Several(ranges),
    }
}

/// The satisfiable ranges, coalesced; `None` where the field is to be ignored.
fn requested(field: &str, length: u64) -> Option<Vec<Range<u64>>> {
    let (unit, set) = field.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut ranges = Vec::new();
    let mut count = 0;
    // Empty elements of a list are passed over (section 5.6.1.2).
    for range in set.split(',').map(|range| range.trim_matches([' ', '\t'])).filter(|range| !range.is_empty())
    {
        count += 1;
        if count > MOST_RANGES {
            return None;
        }
        let range = parse_range(range, length)?;
        if !range.is_empty() {
            coalesce(&mut ranges, range);
        }
    }
    (count > 0).then_some(ranges)
}

/// `first-last`, `first-` or `-suffix`, cut to the file; empty if it lies outside, `None` if it is malformed.
fn parse_range(text: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    if first.is_empty() {
        return Some(length.saturating_sub(number(last)?)..length);
    }
    let first = number(first)?;
    let end = match last {
        "" => length,
        last => {
            let last = number(last)?;
            if last < first {
                return None;
            }
            last.saturating_add(1).min(length)
        }
    };
    Some(first.min(end)..end)
}

/// Digits only. A number too large for a file's length is as good as the largest one.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// Adds a range, joined with those that it touches, in the place of the first of them.
fn coalesce(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    let mut joined = range;
    let mut place = ranges.len();
    // A joined range is longer than its parts, so it may touch a range that neither of them did.
    while let Some(found) = ranges.iter().position(|other| are_close(other, &joined)) {
        let other = ranges.remove(found);
        joined = joined.start.min(other.start)..joined.end.max(other.end);
        place = place.min(found);
    }
    ranges.insert(place.min(ranges.len()), joined);
}

fn are_close(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start <= other.end.saturating_add(PART_OVERHEAD)
        && other.start <= one.end.saturating_add(PART_OVERHEAD)
}

/// Panics unless what is answered to this field is inside the file, never much larger than it, and the same when it is
/// asked for in its own words: for the property test and for `fuzz/`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check(field: &str, length: u64) {
    let parsed = parse_ranges(field, length);
    let ranges = match &parsed {
        Ranges::Whole | Ranges::Unsatisfiable => return,
        Ranges::Single(range) => std::slice::from_ref(range),
        Ranges::Several(ranges) => {
            assert!((2..=MOST_RANGES).contains(&ranges.len()), "{ranges:?}");
            ranges
        }
    };
    for (index, range) in ranges.iter().enumerate() {
        assert!(range.start < range.end && range.end <= length, "{range:?} of {length}");
        assert!(ranges.iter().skip(index + 1).all(|other| !are_close(range, other)), "{ranges:?}");
    }
    let sent: u128 =
        ranges.iter().map(|range| u128::from(range.end - range.start) + u128::from(PART_OVERHEAD)).sum();
    assert!(sent <= u128::from(length) + u128::from(PART_OVERHEAD), "{ranges:?} of {length}");
    let set: Vec<_> = ranges.iter().map(|range| format!("{}-{}", range.start, range.end - 1)).collect();
    assert_eq!(parse_ranges(&format!("bytes={}", set.join(",")), length), parsed);
}

#[cfg(test)]
mod tests;
