//! Which controller takes a request: the promise of precedence (`spec/02` section 3).

use foldhash::HashMap;
use http::Method;

pub(crate) use super::build::TableBuilder;
use super::condition::Conditions;
pub(crate) use super::expressions::Groups;
use super::expressions::{self, Expression, Expressions};
use super::method::{Buckets, Choice, SlotId};
use super::pattern::{Characters, Pattern, Values};
use super::trie::Trie;
use super::{Location, Route};

/// The number of a mapping: 0 for the first one added, then 1, and so on.
pub(crate) type MappingId = u32;

/// All routes, checked and indexed; built by [`TableBuilder`].
///
/// A request goes through three stages: exact paths, patterns with variables or wildcards, regular expressions. In a
/// stage the mappings for its own method come before those for any method. The first of these six that matches the
/// path decides: where the conditions of its mappings fail, nothing else is tried. With preferred characters there is a
/// stage more: patterns whose values have no others come before regular expressions, all of them behind.
#[derive(Default)]
pub(crate) struct Table {
    pub(super) mappings: Vec<Mapping>,
    pub(super) slots: Vec<Slot>,
    /// Paths without their leading slash.
    pub(super) exact: HashMap<String, Buckets>,
    pub(super) patterns: Trie,
    pub(super) expressions: Expressions<Buckets>,
    /// What the values of patterns have to be made of to come before regular expressions, if that matters.
    pub(super) preferred_characters: Option<Characters>,
    /// Whether a path answers no method that its routes do not name.
    pub(super) named_methods_only: bool,
}

/// One route with what was compiled from it.
pub(crate) struct Mapping {
    pub(crate) route: Route,
    pub(crate) location: Option<Location>,
    pub(super) matcher: Matcher,
    pub(super) params: Conditions,
    pub(super) headers: Conditions,
}

#[derive(Clone)]
pub(super) enum Matcher {
    Path(Pattern),
    Regexp(Expression),
}

/// Mappings with the same path shape or expression and the same method, in the order in which they are tried.
pub(super) struct Slot {
    pub(super) mappings: Vec<MappingId>,
    pub(super) matcher: Matcher,
    pub(super) needs_params: bool,
}

/// What the table says about a method and a path.
#[expect(clippy::enum_variant_names, reason = "\"not found\" is the name of status 404")]
pub(crate) enum Found<'t> {
    /// Mappings whose conditions are to be tried in order; where none fits, the answer is 404.
    Slot(Candidates<'t>),
    /// The path is mapped, but not for this method; the value of the `Allow` field.
    MethodNotAllowed(String),
    /// OPTIONS, on a path that is mapped for other methods; the value of the `Allow` field.
    Options(String),
    /// The path is not mapped.
    NotFound,
}

impl Table {
    /// Finds the mappings for a decoded path, given with its leading slash.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let bare = path.strip_prefix('/').unwrap_or(path);
        let mut choice = Choice::new(method, !self.named_methods_only);
        if let Some(buckets) = self.exact.get(bare) {
            choice.consider(buckets);
        }
        if choice.slot().is_none() {
            let mut consider = |buckets: &Buckets| choice.consider(buckets);
            match self.preferred_characters {
                Some(preferred) => self.patterns.visit_with(preferred, bare, &mut consider),
                None => self.patterns.visit(bare, &mut consider),
            }
        }
        if choice.slot().is_none() {
            self.expressions.visit(path, false, &mut |buckets| choice.consider(buckets));
        }
        if choice.slot().is_none() && self.preferred_characters.is_some() {
            self.patterns.visit(bare, &mut |buckets| choice.consider(buckets));
        }
        match choice.slot() {
            Some(slot) => Found::Slot(self.candidates(slot, path)),
            None if choice.methods.is_empty() || self.named_methods_only => Found::NotFound,
            None if method == Method::OPTIONS => Found::Options(choice.methods.allow()),
            None => Found::MethodNotAllowed(choice.methods.allow()),
        }
    }

    fn candidates(&self, slot: SlotId, path: &str) -> Candidates<'_> {
        let slot = &self.slots[slot as usize];
        let (values, groups) = match &slot.matcher {
            Matcher::Path(pattern) if pattern.is_exact() => (Values::new(), Groups::new()),
            Matcher::Path(pattern) => (pattern.matches(path).unwrap_or_default(), Groups::new()),
            Matcher::Regexp(expression) => (Values::new(), expressions::groups(expression, path)),
        };
        Candidates { table: self, slot, values, groups }
    }

    /// The names of the path variables, in the order of [`Candidates::values`].
    pub(crate) fn mapping_names(&self, id: MappingId) -> &[String] {
        match &self.mapping(id).matcher {
            Matcher::Path(pattern) => pattern.variable_names(),
            Matcher::Regexp(_) => &[],
        }
    }

    /// The path pattern or regular expression as it was written.
    pub(crate) fn pattern_text(&self, id: MappingId) -> &str {
        self.mapping(id).route.target_text()
    }

    /// Where the mapping was declared, if that is known.
    pub(crate) fn location(&self, id: MappingId) -> Option<Location> {
        self.mapping(id).location
    }

    /// All mappings in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MappingId, &Mapping)> {
        (0..).zip(&self.mappings)
    }

    /// Identifiers come from this table: [`Candidates`] or the builder that made it.
    fn mapping(&self, id: MappingId) -> &Mapping {
        &self.mappings[id as usize]
    }
}

/// The mappings that may take a request, in the order in which their conditions are tried.
pub(crate) struct Candidates<'t> {
    table: &'t Table,
    slot: &'t Slot,
    /// Where the values of the path variables, or of the wildcard, stand in the path.
    pub(crate) values: Values,
    /// Where the groups of the regular expression stand in the path.
    pub(crate) groups: Groups,
}

impl<'t> Candidates<'t> {
    /// The mappings with their conditions on parameters and on header fields.
    pub(crate) fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (MappingId, &'t Conditions, &'t Conditions)> + use<'t> {
        let table = self.table;
        self.slot.mappings.iter().map(move |id| {
            let mapping = table.mapping(*id);
            (*id, &mapping.params, &mapping.headers)
        })
    }

    /// Whether any mapping has conditions on parameters, so that a form has to be read before one is chosen.
    pub(crate) fn needs_params(&self) -> bool {
        self.slot.needs_params
    }
}

#[cfg(test)]
mod tests;
