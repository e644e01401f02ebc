//! All regular expressions of routes, or of filters, tried together.

use std::ops::Range;
use std::sync::Arc;

use regex::{Regex, RegexSet};
use smallvec::SmallVec;

use crate::Result;
use crate::guard::catch_panic;

/// Where the groups of a regular expression stand in the path; `None` for one that took no part in the match.
pub(crate) type Groups = SmallVec<[Option<Range<u32>>; 4]>;

/// An expression in a syntax that the `regex` crate does not have, such as one with look-around or back-references; made
/// by what [`Builder::regexp_fallback`](crate::Builder::regexp_fallback) was given.
///
/// It is asked on the event loop for each path that no exact path and no pattern has taken, so its time has to be bounded.
/// A panic is written to the log; then a route does not match, and a filter does.
pub trait PathMatcher: Send + Sync + 'static {
    /// Where each group stands in the path, in bytes, without the group that is the whole match; `None` for a group that
    /// took no part. `None` instead of a list if the path does not match.
    ///
    /// An expression has to match at the start of the path, but not up to its end. The path is decoded; it comes with its
    /// leading slash, then without. A range that lies outside of it, or inside a character, is taken for no text.
    fn captures(&self, path: &str) -> Option<Vec<Option<Range<usize>>>>;
}

/// Makes a matcher of an expression that the `regex` crate refuses, or says why it cannot.
pub(crate) type Fallback = Box<dyn Fn(&str) -> Result<Arc<dyn PathMatcher>, String> + Send + Sync>;

/// One compiled expression.
#[derive(Clone)]
pub(crate) enum Expression {
    Regex(Regex),
    Other(Arc<dyn PathMatcher>),
}

/// Expressions in one automaton, with what each belongs to; beside it those that it cannot take.
pub(crate) struct Expressions<T> {
    set: RegexSet,
    owners: Vec<T>,
    others: Vec<(Arc<dyn PathMatcher>, T)>,
}

impl<T> Default for Expressions<T> {
    fn default() -> Self {
        Expressions { set: RegexSet::default(), owners: Vec::new(), others: Vec::new() }
    }
}

impl<T> Expressions<T> {
    pub(crate) fn new(
        expressions: impl IntoIterator<Item = (Expression, T)>,
    ) -> Result<Expressions<T>, regex::Error> {
        let (mut texts, mut owners, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (expression, owner) in expressions {
            match expression {
                Expression::Regex(regex) => {
                    texts.push(regex.as_str().to_owned());
                    owners.push(owner);
                }
                Expression::Other(matcher) => others.push((matcher, owner)),
            }
        }
        Ok(Expressions { set: RegexSet::new(texts)?, owners, others })
    }

    /// Calls `found` for each expression that matches the path, with its leading slash or without; and for those that
    /// failed, if they are to be taken for matches.
    pub(crate) fn visit(&self, path: &str, failed_match: bool, found: &mut impl FnMut(&T)) {
        if self.set.is_empty() && self.others.is_empty() {
            return;
        }
        for form in [path, without_slash(path)] {
            for index in &self.set.matches(form) {
                found(&self.owners[index]);
            }
            for (matcher, owner) in &self.others {
                if captures(&**matcher, form).map_or(failed_match, |groups| groups.is_some()) {
                    found(owner);
                }
            }
        }
    }
}

/// Compiles an expression that has to match at the start of a path, as Python's `re.match` does.
///
/// # Errors
///
/// The message of the `regex` crate about the expression as it was written, or that of the fallback.
pub(crate) fn compile(text: &str, fallback: Option<&Fallback>) -> Result<Expression, String> {
    let said = |error: String| format!("the regular expression {text:?} cannot be used: {error}");
    match (anchored(text), fallback) {
        (Ok(regex), _) => Ok(Expression::Regex(regex)),
        (Err(_), Some(make)) => make(text).map(Expression::Other).map_err(said),
        (Err(error), None) => Err(said(error.to_string())),
    }
}

fn anchored(text: &str) -> Result<Regex, regex::Error> {
    Regex::new(text)?;
    // A comment at the end of an expression in verbose mode, `(?x)a # so`, would take the closing bracket with it.
    Regex::new(&format!(r"\A(?:{text})")).or_else(|_| Regex::new(&format!("\\A(?:{text}\n)")))
}

/// The groups of an expression that matches the path with its leading slash or else without.
pub(super) fn groups(expression: &Expression, path: &str) -> Groups {
    let bare = without_slash(path);
    let found = |form| expression.captures(form);
    let with_slash = found(path).map(|groups| (groups, 0));
    let Some((mut groups, shift)) = with_slash.or_else(|| Some((found(bare)?, path.len() - bare.len())))
    else {
        return Groups::new();
    };
    for group in groups.iter_mut().flatten() {
        *group = group.start + shift as u32..group.end + shift as u32;
    }
    groups
}

impl Expression {
    fn captures(&self, path: &str) -> Option<Groups> {
        let range = |range: Range<usize>| range.start as u32..range.end as u32;
        match self {
            Expression::Regex(regex) => {
                let captures = regex.captures(path)?;
                Some(captures.iter().skip(1).map(|group| group.map(|group| range(group.range()))).collect())
            }
            Expression::Other(matcher) => {
                let inside = |group: Range<usize>| path.get(group.clone()).map(|_| range(group));
                let groups = captures(&**matcher, path).ok().flatten()?;
                Some(groups.into_iter().map(|group| group.and_then(inside)).collect())
            }
        }
    }
}

/// What another matcher says of the path; an error if it panicked.
fn captures(matcher: &dyn PathMatcher, path: &str) -> Result<Option<Vec<Option<Range<usize>>>>> {
    catch_panic(|| matcher.captures(path))
        .inspect_err(|error| tracing::error!(path, %error, "a matcher of paths failed"))
}

fn without_slash(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}
