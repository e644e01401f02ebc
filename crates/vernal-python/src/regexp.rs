//! Regular expressions as Python writes them, where the `regex` crate does not take them.

use std::ops::Range;
use std::sync::Arc;

use fancy_regex::{Regex, RegexBuilder};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use vernal::route::PathMatcher;

/// How many steps a match may take; a path that needs more does not match.
const STEPS: usize = 100_000;

/// Compiles an expression that has to match at the start of a text, as `re.match` does.
pub(crate) fn compile(expression: &str) -> Result<Regex, String> {
    let anchored = format!(r"\A(?:{expression})");
    RegexBuilder::new(&anchored)
        .backtrack_limit(STEPS)
        .build()
        .map_err(|error| format!("the regular expression {expression:?} cannot be used: {error}"))
}

/// Whether the expression matches at the start of the text.
pub(crate) fn matches(expression: &Regex, text: &str) -> PyResult<bool> {
    expression.is_match(text).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// What the engine asks for expressions with look-around and back-references.
pub(crate) fn fallback(expression: &str) -> Result<Arc<dyn PathMatcher>, String> {
    Ok(Arc::new(Fallback(compile(expression)?)))
}

struct Fallback(Regex);

impl PathMatcher for Fallback {
    fn captures(&self, path: &str) -> Option<Vec<Option<Range<usize>>>> {
        let captures = self.0.captures(path).ok()??;
        Some(captures.iter().skip(1).map(|group| group.map(|group| group.range())).collect())
    }
}
