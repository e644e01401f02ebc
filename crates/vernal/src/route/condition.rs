//! What narrows a route: expressions on parameters and header fields.

use crate::Headers;

/// What expressions are held against: the parameters or the header fields of a request.
pub(crate) trait Lookup {
    /// Whether the name is there, with or without a value that is text (an uploaded file has none).
    fn present(&self, name: &str) -> bool;

    /// All values of the name that are text.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str>;
}

impl Lookup for Headers {
    fn present(&self, name: &str) -> bool {
        self.contains(name)
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.get_all(name)
    }
}

/// The compiled expressions of one route, on its parameters or on its header fields (`spec/02` section 5).
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    expressions: Vec<Expression>,
    any: bool,
    /// An empty expression in an any-list: whatever the others say, it matches.
    always: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Expression {
    name: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Present,
    Absent,
    Equals(String),
    Differs(String),
    StartsWith(String),
}

impl Conditions {
    /// Compiles expressions on parameters: all must match, or any one.
    pub(crate) fn on_params(expressions: &[String], match_all: bool) -> Result<Conditions, String> {
        Conditions::compile(expressions, match_all, "parameter", str::to_owned)
    }

    /// Compiles expressions on header fields, whose names compare without regard to case.
    pub(crate) fn on_headers(expressions: &[String], match_all: bool) -> Result<Conditions, String> {
        Conditions::compile(expressions, match_all, "header", str::to_ascii_lowercase)
    }

    fn compile(
        expressions: &[String],
        match_all: bool,
        subject: &str,
        name_of: fn(&str) -> String,
    ) -> Result<Conditions, String> {
        let real: Vec<&String> = expressions.iter().filter(|text| !text.is_empty()).collect();
        let compiled: Result<Vec<Expression>, String> = real
            .iter()
            .map(|text| {
                Expression::parse(text, name_of).ok_or_else(|| {
                    format!(
                        "the expression {text:?} names no {subject}: \
                         write name, !name, name=value, name!=value or name^=value"
                    )
                })
            })
            .collect();
        let has_empty = real.len() < expressions.len();
        Ok(Conditions { expressions: compiled?, any: !match_all, always: has_empty && !match_all })
    }

    /// Whether the request fits.
    pub(crate) fn matches(&self, lookup: &impl Lookup) -> bool {
        if self.is_empty() || self.always {
            true
        } else if self.any {
            self.expressions.iter().any(|expression| expression.matches(lookup))
        } else {
            self.expressions.iter().all(|expression| expression.matches(lookup))
        }
    }

    /// The number of expressions, empty ones not counted.
    pub(crate) fn len(&self) -> usize {
        self.expressions.len()
    }

    /// Whether every request fits because nothing was asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.expressions.is_empty()
    }

    /// Whether no request can fit both, as far as that shows from the expressions.
    ///
    /// A name is taken to have one value: `k=1` and `k=2` are disjoint. A request that repeats `k` may fit both;
    /// then the order in the source decides.
    pub(crate) fn disjoint(&self, other: &Conditions) -> bool {
        let accepts_all = |conditions: &Conditions| conditions.is_empty() || conditions.always;
        if accepts_all(self) || accepts_all(other) {
            return false;
        }
        self.alternatives().all(|one| {
            other.alternatives().all(|another| one.iter().any(|x| another.iter().any(|y| x.disjoint(y))))
        })
    }

    /// Lists of expressions of which one has to match as a whole.
    fn alternatives(&self) -> impl Iterator<Item = &[Expression]> {
        let size = if self.any { 1 } else { self.len() };
        self.expressions.chunks(size.max(1))
    }
}

impl Expression {
    /// The first `=` decides: with a `!` or `^` right before it (and a name before that) it is `!=` or `^=`. A `!`
    /// at the start means absence only where there is no `=`. `None` for `=value`, which has no name.
    fn parse(text: &str, name_of: fn(&str) -> String) -> Option<Expression> {
        let Some((name, value)) = text.split_once('=') else {
            return Some(match text.strip_prefix('!') {
                Some(name) => Expression { name: name_of(name), test: Test::Absent },
                None => Expression { name: name_of(text), test: Test::Present },
            });
        };
        let before = |sign| name.strip_suffix(sign).filter(|name| !name.is_empty());
        let value = value.to_owned();
        let (name, test) = if let Some(name) = before('!') {
            (name, Test::Differs(value))
        } else if let Some(name) = before('^') {
            (name, Test::StartsWith(value))
        } else {
            (name, Test::Equals(value))
        };
        (!name.is_empty()).then(|| Expression { name: name_of(name), test })
    }

    fn matches(&self, lookup: &impl Lookup) -> bool {
        let name = &self.name;
        match &self.test {
            Test::Present => lookup.present(name),
            Test::Absent => !lookup.present(name),
            Test::Equals(wanted) => lookup.values(name).any(|value| value == wanted),
            Test::Differs(unwanted) => {
                lookup.present(name) && lookup.values(name).all(|value| value != unwanted)
            }
            Test::StartsWith(start) => lookup.values(name).any(|value| value.starts_with(start.as_str())),
        }
    }

    fn disjoint(&self, other: &Expression) -> bool {
        self.name == other.name && (self.test.excludes(&other.test) || other.test.excludes(&self.test))
    }
}

impl Test {
    /// One direction of "never both"; [`Expression::disjoint`] asks both.
    fn excludes(&self, other: &Test) -> bool {
        match (self, other) {
            (Test::Absent, other) => *other != Test::Absent,
            (Test::Equals(value), Test::Equals(another)) => value != another,
            (Test::Equals(value), Test::Differs(unwanted)) => value == unwanted,
            (Test::Equals(value), Test::StartsWith(start)) => !value.starts_with(start.as_str()),
            (Test::StartsWith(one), Test::StartsWith(another)) => {
                !one.starts_with(another.as_str()) && !another.starts_with(one.as_str())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
