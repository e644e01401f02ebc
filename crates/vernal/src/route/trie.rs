//! All patterns with variables or wildcards, searched together.

use foldhash::{HashMap, HashMapExt};

use super::method::{Buckets, SlotId};
use super::pattern::{Characters, Segment, Shape, split_segment};

/// The patterns as a tree of segments, so that a search does not try one pattern after another.
///
/// A node belongs to the one beginning of a pattern that leads to it and is entered at most once, so a search visits
/// at most as many nodes as all patterns have segments, however the path is made. `**S` patterns have no beginning;
/// they stand in a list.
#[derive(Default)]
pub(super) struct Trie {
    root: Node,
    suffixes: Vec<(String, Buckets)>,
    characters: Characters,
}

struct Node {
    literals: HashMap<String, Node>,
    mixed: Vec<(Segment, Node)>,
    variable: Option<Box<Node>>,
    /// `P**` patterns, by the part of P behind its last slash.
    deep: Vec<(String, Buckets)>,
    /// Patterns that end at this node.
    end: Option<Buckets>,
}

impl Default for Node {
    fn default() -> Self {
        Node { literals: HashMap::new(), mixed: Vec::new(), variable: None, deep: Vec::new(), end: None }
    }
}

impl Trie {
    pub(super) fn new(characters: Characters) -> Trie {
        Trie { characters, ..Trie::default() }
    }

    pub(super) fn insert(&mut self, shape: &Shape, bucket: usize, slot: SlotId) {
        let buckets = match shape {
            Shape::Exact(text) => self.root.below(text).end.get_or_insert_default(),
            Shape::Segments(segments) => {
                segments.iter().fold(&mut self.root, Node::child).end.get_or_insert_default()
            }
            Shape::Deep(prefix) => match prefix.rsplit_once('/') {
                Some((leading, last)) => entry(&mut self.root.below(leading).deep, last),
                None => entry(&mut self.root.deep, prefix),
            },
            Shape::Suffix(suffix) => entry(&mut self.suffixes, suffix),
        };
        buckets.set(bucket, slot);
    }

    /// Calls `found` for each pattern that matches the path, which has no leading slash here.
    pub(super) fn visit(&self, path: &str, found: &mut impl FnMut(&Buckets)) {
        self.visit_with(self.characters, path, found);
    }

    /// The same for variables and wildcards that take these characters only.
    pub(super) fn visit_with(&self, characters: Characters, path: &str, found: &mut impl FnMut(&Buckets)) {
        self.root.visit(Some(path), characters, found);
        for (suffix, buckets) in &self.suffixes {
            if path.strip_suffix(suffix.as_str()).is_some_and(|value| characters.permit_path(value)) {
                found(buckets);
            }
        }
    }
}

impl Node {
    fn child(&mut self, segment: &Segment) -> &mut Node {
        match segment {
            Segment::Literal(text) => self.literals.entry(text.clone()).or_default(),
            Segment::Variable => self.variable.get_or_insert_default(),
            Segment::Mixed(_) => entry(&mut self.mixed, segment),
        }
    }

    fn below(&mut self, literal_path: &str) -> &mut Node {
        literal_path.split('/').fold(self, |node, part| node.literals.entry(part.to_owned()).or_default())
    }

    /// `rest` is what the path has from this node on: `None` behind its last segment.
    fn visit(&self, rest: Option<&str>, characters: Characters, found: &mut impl FnMut(&Buckets)) {
        let Some(rest) = rest else {
            if let Some(buckets) = &self.end {
                found(buckets);
            }
            return;
        };
        let (part, rest_below) = split_segment(rest);
        if let Some(node) = self.literals.get(part) {
            node.visit(rest_below, characters, found);
        }
        for (segment, node) in &self.mixed {
            if segment.matches(part, characters) {
                node.visit(rest_below, characters, found);
            }
        }
        if let Some(node) = &self.variable
            && characters.permit(part)
        {
            node.visit(rest_below, characters, found);
        }
        for (prefix, buckets) in &self.deep {
            if rest.strip_prefix(prefix.as_str()).is_some_and(|value| characters.permit_path(value)) {
                found(buckets);
            }
        }
    }
}

/// The value that `key` has in a short list, added where it is missing.
fn entry<'l, K, Q, V>(list: &'l mut Vec<(K, V)>, key: &Q) -> &'l mut V
where
    K: PartialEq + std::borrow::Borrow<Q>,
    Q: PartialEq + ToOwned<Owned = K> + ?Sized,
    V: Default,
{
    let at = list.iter().position(|(known, _)| known.borrow() == key).unwrap_or(list.len());
    if at == list.len() {
        list.push((key.to_owned(), V::default()));
    }
    &mut list[at].1
}
