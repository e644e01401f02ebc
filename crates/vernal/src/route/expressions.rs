//! All regular expressions of routes, tried together.

use std::ops::Range;

use regex::{Regex, RegexSet};
use smallvec::SmallVec;

use super::method::Buckets;

/// Where the groups of a regular expression stand in the path; `None` for one that took no part in the match.
pub(crate) type Groups = SmallVec<[Option<Range<u32>>; 4]>;

/// The expressions of all routes in one automaton, with the slots of each.
#[derive(Default)]
pub(super) struct Expressions {
    set: RegexSet,
    buckets: Vec<Buckets>,
}

impl Expressions {
    pub(super) fn new(expressions: Vec<(Regex, Buckets)>) -> Result<Expressions, regex::Error> {
        let set = RegexSet::new(expressions.iter().map(|(expression, _)| expression.as_str()))?;
        Ok(Expressions { set, buckets: expressions.into_iter().map(|(_, buckets)| buckets).collect() })
    }

    /// Calls `found` for each expression that matches the path, with its leading slash or without.
    pub(super) fn visit(&self, path: &str, found: &mut impl FnMut(&Buckets)) {
        if self.set.is_empty() {
            return;
        }
        for form in [path, without_slash(path)] {
            for index in &self.set.matches(form) {
                found(&self.buckets[index]);
            }
        }
    }
}

/// Compiles an expression that has to match at the start of a path, as Python's `re.match` does.
///
/// # Errors
///
/// The message of the `regex` crate about the expression as it was written.
pub(super) fn compile(text: &str) -> Result<Regex, String> {
    let said = |error| format!("the regular expression {text:?} cannot be used: {error}");
    Regex::new(text).map_err(said)?;
    // A comment at the end of an expression in verbose mode, `(?x)a # so`, would take the closing bracket with it.
    Regex::new(&format!(r"\A(?:{text})")).or_else(|_| Regex::new(&format!("\\A(?:{text}\n)"))).map_err(said)
}

/// The groups of an expression that matches the path with its leading slash or else without.
pub(super) fn groups(expression: &Regex, path: &str) -> Groups {
    let bare = without_slash(path);
    let with_slash = expression.captures(path).map(|captures| (captures, 0));
    let matched = with_slash.or_else(|| Some((expression.captures(bare)?, path.len() - bare.len())));
    let Some((captures, shift)) = matched else {
        return Groups::new();
    };
    let shifted = |group: regex::Match<'_>| (group.start() + shift) as u32..(group.end() + shift) as u32;
    captures.iter().skip(1).map(|group| group.map(shifted)).collect()
}

fn without_slash(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}
