//! From declarations to the table; every mistake in them is found here, before the port is bound.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};

use super::condition::Conditions;
use super::expressions::{self, Expressions, Fallback};
use super::method::{self, ANY, Buckets, METHODS, SlotId};
use super::pattern::{Characters, Pattern, Shape};
use super::table::{Mapping, MappingId, Matcher, Slot, Table};
use super::trie::Trie;
use super::{Location, Precedence, Route, Target};

/// Collects routes and makes a [`Table`] of them.
#[derive(Default)]
pub(crate) struct TableBuilder<'f> {
    routes: Vec<(Route, Option<Location>)>,
    characters: Characters,
    preferred_characters: Option<Characters>,
    precedence: Precedence,
    regexp_fallback: Option<&'f Fallback>,
    for_websockets: bool,
    named_methods_only: bool,
}

impl<'f> TableBuilder<'f> {
    /// No routes.
    pub(crate) fn new() -> TableBuilder<'f> {
        TableBuilder::default()
    }

    /// Lets variables and wildcards take only these characters, instead of all but `/`.
    pub(crate) fn variable_characters(&mut self, allowed: fn(char) -> bool) -> &mut TableBuilder<'f> {
        self.characters = Characters(Some(allowed));
        self
    }

    /// Has regular expressions come before patterns where a variable or a wildcard would take other characters than these.
    pub(crate) fn preferred_variable_characters(
        &mut self,
        preferred: fn(char) -> bool,
    ) -> &mut TableBuilder<'f> {
        self.preferred_characters = Some(Characters(Some(preferred)));
        self
    }

    /// Puts routes that could take the same request into this order.
    pub(crate) fn precedence(&mut self, precedence: Precedence) -> &mut TableBuilder<'f> {
        self.precedence = precedence;
        self
    }

    /// Compiles the expressions that the `regex` crate refuses.
    pub(crate) fn regexp_fallback(&mut self, fallback: Option<&'f Fallback>) -> &mut TableBuilder<'f> {
        self.regexp_fallback = fallback;
        self
    }

    /// Says of WebSocket endpoints what is wrong with them, not of routes.
    #[cfg(feature = "websocket")]
    pub(crate) fn for_websockets(&mut self) -> &mut TableBuilder<'f> {
        self.for_websockets = true;
        self
    }

    /// Answers no method that a path's routes do not name.
    pub(crate) fn named_methods_only(&mut self, only: bool) -> &mut TableBuilder<'f> {
        self.named_methods_only = only;
        self
    }

    /// Adds a route; identifiers count from 0 in the order of the calls.
    pub(crate) fn add(&mut self, route: &Route, location: Option<Location>) -> MappingId {
        self.routes.push((route.clone(), location));
        (self.routes.len() - 1) as MappingId
    }

    /// Compiles all routes.
    ///
    /// # Errors
    ///
    /// All mistakes, a text each: bad patterns, expressions and methods in the order of the routes, then the pairs
    /// of routes that could both take a request, where nothing but the order of declaration tells them apart and that
    /// does not count.
    pub(crate) fn build(self) -> Result<Table, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut mappings = Vec::new();
        let mut groups: HashMap<(Key, usize), Vec<MappingId>> = HashMap::new();
        for (route, location) in self.routes {
            match compile(route, location, self.characters, self.regexp_fallback) {
                Ok((mapping, buckets)) => {
                    let key = Key::of(&mapping);
                    for bucket in buckets {
                        groups.entry((key.clone(), bucket)).or_default().push(mappings.len() as MappingId);
                    }
                    mappings.push(mapping);
                }
                Err(texts) => mistakes.extend(texts),
            }
        }
        let groups: Vec<Group> = groups
            .into_iter()
            .map(|((key, bucket), members)| Group::new(key, bucket, members, &mappings, self.precedence))
            .collect();
        if self.precedence == Precedence::Specificity {
            mistakes.extend(ambiguities(&groups, &mappings, self.for_websockets));
        }
        if mistakes.is_empty() {
            let table = index(groups, mappings, self.characters, self.precedence);
            let (named_methods_only, preferred_characters) =
                (self.named_methods_only, self.preferred_characters);
            let table = table.map(|table| Table { named_methods_only, preferred_characters, ..table });
            table.map_err(|mistake| vec![mistake])
        } else {
            Err(mistakes)
        }
    }
}

/// What makes two mappings compete: the same paths, or the same regular expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Path(Shape),
    Regexp(String),
}

impl Key {
    fn of(mapping: &Mapping) -> Key {
        match &mapping.matcher {
            Matcher::Path(pattern) => Key::Path(pattern.shape().clone()),
            Matcher::Regexp(_) => Key::Regexp(mapping.route.target_text().to_owned()),
        }
    }
}

/// The mappings of one key and one method, in the order in which they are tried; it becomes a [`Slot`].
struct Group {
    key: Key,
    bucket: usize,
    members: Vec<MappingId>,
}

impl Group {
    fn new(
        key: Key,
        bucket: usize,
        mut members: Vec<MappingId>,
        mappings: &[Mapping],
        precedence: Precedence,
    ) -> Group {
        let rank = |id: &MappingId| mappings[*id as usize].rank();
        match precedence {
            Precedence::Specificity => members.sort_by_key(|id| {
                let mapping = &mappings[*id as usize];
                (mapping.rank(), Reverse(mapping.condition_count()), mapping.source_order(), *id)
            }),
            Precedence::Declaration => members.sort_by_key(|id| (rank(id), Reverse(*id))),
        }
        Group { key, bucket, members }
    }

    /// What puts groups that match the same path into order: the lowest rank, then for paths the more specific
    /// shape, for regular expressions the place in the source. Never the order in which routes were added, unless
    /// nothing else is known or that order is what counts.
    fn place(&self, mappings: &[Mapping], precedence: Precedence) -> impl Ord + use<> {
        let members = || self.members.iter().map(|id| (&mappings[*id as usize], *id));
        let rank = members().map(|(mapping, _)| mapping.rank()).min();
        let (specificity, source, added) = match (precedence, &self.key) {
            (Precedence::Declaration, _) => (None, None, self.members.iter().min().copied()),
            (_, Key::Path(shape)) => (Some(shape.specificity()), None, None),
            (_, Key::Regexp(_)) => {
                (None, members().map(|(mapping, id)| (mapping.source_order(), id)).min(), None)
            }
        };
        (rank, added, specificity, source, self.key.clone(), self.bucket)
    }
}

impl Mapping {
    fn rank(&self) -> i32 {
        self.route.rank.unwrap_or(0)
    }

    fn condition_count(&self) -> usize {
        self.params.len() + self.headers.len()
    }

    /// Routes added by hand come behind all others, in the order in which they were added.
    fn source_order(&self) -> (bool, Option<(&'static str, u32)>) {
        let declared = self.declared_at();
        (declared.is_none(), declared.map(|location| (location.module, location.line)))
    }

    /// Where its function stands; none for a route added by hand, since one line may add many.
    fn declared_at(&self) -> Option<Location> {
        self.location.filter(|location| !location.is_by_hand())
    }

    /// Whether a request could reach either of the two and nothing says which is meant.
    fn is_ambiguous_with(&self, other: &Mapping) -> bool {
        let same_function = self.declared_at().is_some() && self.location == other.location;
        !same_function
            && self.rank() == other.rank()
            && self.condition_count() == other.condition_count()
            && !self.params.disjoint(&other.params)
            && !self.headers.disjoint(&other.headers)
    }
}

/// Compiles one route; also yields its buckets. The error has all mistakes in it.
fn compile(
    route: Route,
    location: Option<Location>,
    characters: Characters,
    fallback: Option<&Fallback>,
) -> Result<(Mapping, Vec<usize>), Vec<String>> {
    let matcher = match &route.target {
        Target::Path(text) => Pattern::parse(text).map(|pattern| {
            Matcher::Path(match characters.0 {
                Some(allowed) => pattern.variable_characters(allowed),
                None => pattern,
            })
        }),
        Target::Regexp(text) => expressions::compile(text, fallback).map(Matcher::Regexp),
    };
    let params = Conditions::on_params(&route.params, route.match_all_params.unwrap_or(true));
    let headers = Conditions::on_headers(&route.headers, route.match_all_headers.unwrap_or(true));
    match (matcher, params, headers, buckets(&route.methods)) {
        (Ok(matcher), Ok(params), Ok(headers), Ok(buckets)) => {
            Ok((Mapping { route, location, matcher, params, headers }, buckets))
        }
        (matcher, params, headers, buckets) => {
            let texts = [matcher.err(), buckets.err(), params.err(), headers.err()];
            Err(texts.into_iter().flatten().map(|text| format!("{}: {text}", place(location))).collect())
        }
    }
}

fn buckets(methods: &[String]) -> Result<Vec<usize>, String> {
    if methods.is_empty() {
        return Ok(vec![ANY]);
    }
    let known = |name: &String| {
        method::bucket_named(name)
            .ok_or_else(|| format!("{name:?} is no method: use one of {}", METHODS.join(", ")))
    };
    let mut buckets = methods.iter().map(known).collect::<Result<Vec<usize>, String>>()?;
    buckets.sort_unstable();
    buckets.dedup();
    Ok(buckets)
}

fn place(location: Option<Location>) -> String {
    location.map_or_else(|| "a route added by hand".to_owned(), |location| location.to_string())
}

/// One text for each pair of mappings that could take the same request, in the order of the mappings.
fn ambiguities(groups: &[Group], mappings: &[Mapping], for_websockets: bool) -> Vec<String> {
    let mut pairs: BTreeMap<(MappingId, MappingId), Vec<usize>> = BTreeMap::new();
    for group in groups {
        for (at, one) in group.members.iter().enumerate() {
            for another in &group.members[at + 1..] {
                if mappings[*one as usize].is_ambiguous_with(&mappings[*another as usize]) {
                    let pair = (*one.min(another), *one.max(another));
                    pairs.entry(pair).or_default().push(group.bucket);
                }
            }
        }
    }
    pairs
        .into_iter()
        .map(|((one, another), buckets)| {
            let (one, another) = (&mappings[one as usize], &mappings[another as usize]);
            match for_websockets {
                true => endpoint_ambiguity(one, another),
                false => ambiguity(one, another, buckets),
            }
        })
        .collect()
}

fn ambiguity(one: &Mapping, another: &Mapping, mut buckets: Vec<usize>) -> String {
    buckets.sort_unstable();
    let names: Vec<&str> =
        buckets.iter().map(|bucket| METHODS.get(*bucket).copied().unwrap_or("any method on")).collect();
    let (target, other_target) = (one.route.target_text(), another.route.target_text());
    let also = if target == other_target { String::new() } else { format!(" ({other_target})") };
    format!(
        "{} and {} both take {} {target}{also} with rank {}: give one a rank, a narrower method or a params condition",
        place(one.location),
        place(another.location),
        names.join(", "),
        one.rank()
    )
}

fn endpoint_ambiguity(one: &Mapping, another: &Mapping) -> String {
    let (target, other_target) = (one.route.target_text(), another.route.target_text());
    let also = if target == other_target { String::new() } else { format!(" ({other_target})") };
    format!(
        "{} and {} both take WebSocket connections to {target}{also} with rank {}: give one a rank or another endpoint",
        place(one.location),
        place(another.location),
        one.rank()
    )
}

/// Sorts the groups into slots, so that of two slots the smaller one wins, and enters them where a path finds them.
fn index(
    mut groups: Vec<Group>,
    mappings: Vec<Mapping>,
    characters: Characters,
    precedence: Precedence,
) -> Result<Table, String> {
    groups.sort_by_cached_key(|group| group.place(&mappings, precedence));
    let mut slots = Vec::with_capacity(groups.len());
    let mut exact: HashMap<String, Buckets> = HashMap::new();
    let mut patterns = Trie::new(characters);
    let mut expressions = BTreeMap::new();
    for (id, Group { key, bucket, members }) in (0 as SlotId..).zip(groups) {
        let of_slot = || members.iter().map(|id| &mappings[*id as usize]);
        let Some(first) = of_slot().next() else { continue };
        let matcher = first.matcher.clone();
        match (key, &matcher) {
            (Key::Path(Shape::Exact(path)), _) => exact.entry(path).or_default().set(bucket, id),
            (Key::Path(shape), _) => patterns.insert(&shape, bucket, id),
            (Key::Regexp(text), Matcher::Regexp(expression)) => {
                expressions
                    .entry(text)
                    .or_insert_with(|| (expression.clone(), Buckets::default()))
                    .1
                    .set(bucket, id);
            }
            (Key::Regexp(_), Matcher::Path(_)) => continue,
        }
        let needs_params = of_slot().any(|mapping| !mapping.params.is_empty());
        slots.push(Slot { mappings: members, matcher, needs_params });
    }
    let expressions = Expressions::new(expressions.into_values())
        .map_err(|error| format!("the regular expressions of all routes together cannot be used: {error}"))?;
    Ok(Table {
        mappings,
        slots,
        exact,
        patterns,
        expressions,
        preferred_characters: None,
        named_methods_only: false,
    })
}
