//! Values in the order of their last use.

use std::collections::HashMap;
use std::sync::Arc;

/// No neighbour on this side.
const END: usize = usize::MAX;

/// A map that knows which of its values has not been used for longest. Every operation takes constant time.
///
/// The nodes of a doubly linked list lie side by side in a vector, and `places` says where.
#[derive(Debug)]
pub(super) struct Recent<V> {
    places: HashMap<Arc<str>, usize>,
    nodes: Vec<Node<V>>,
    oldest: usize,
    newest: usize,
}

#[derive(Debug)]
struct Node<V> {
    name: Arc<str>,
    value: V,
    older: usize,
    newer: usize,
}

impl<V> Recent<V> {
    pub(super) fn new() -> Self {
        Recent { places: HashMap::new(), nodes: Vec::new(), oldest: END, newest: END }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A value, without counting as a use.
    pub(super) fn peek(&self, name: &str) -> Option<&V> {
        self.places.get(name).map(|place| &self.nodes[*place].value)
    }

    /// A value, which becomes the most recently used one.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let place = *self.places.get(name)?;
        self.unlink(place);
        self.link_as_newest(place);
        Some(&mut self.nodes[place].value)
    }

    /// The value that has not been used for longest.
    pub(super) fn oldest(&self) -> Option<&V> {
        self.nodes.get(self.oldest).map(|node| &node.value)
    }

    /// Adds a value as the most recently used one; one of the same name is replaced.
    pub(super) fn insert(&mut self, name: &str, value: V) {
        self.remove(name);
        let (name, place) = (Arc::<str>::from(name), self.nodes.len());
        self.places.insert(Arc::clone(&name), place);
        self.nodes.push(Node { name, value, older: END, newer: END });
        self.link_as_newest(place);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<V> {
        let place = self.places.remove(name)?;
        self.unlink(place);
        let removed = self.nodes.swap_remove(place);
        // The last node has taken its place: whoever pointed at it has to learn that.
        if let Some(moved) = self.nodes.get(place) {
            let (name, older, newer) = (Arc::clone(&moved.name), moved.older, moved.newer);
            self.places.insert(name, place);
            self.join(older, place);
            self.join(place, newer);
        }
        Some(removed.value)
    }

    pub(super) fn remove_oldest(&mut self) -> Option<V> {
        let name = Arc::clone(&self.nodes.get(self.oldest)?.name);
        self.remove(&name)
    }

    fn unlink(&mut self, place: usize) {
        let Node { older, newer, .. } = self.nodes[place];
        self.join(older, newer);
    }

    fn link_as_newest(&mut self, place: usize) {
        self.join(self.newest, place);
        self.join(place, END);
    }

    /// Makes two places neighbours; `END` instead of one makes the other the oldest or the newest.
    fn join(&mut self, older: usize, newer: usize) {
        match self.nodes.get_mut(older) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
        match self.nodes.get_mut(newer) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::properties::run_for;

    fn in_order(recent: &Recent<u32>) -> Vec<u32> {
        let first = (recent.oldest != END).then_some(recent.oldest);
        let next = |place: &usize| Some(recent.nodes[*place].newer).filter(|newer| *newer != END);
        std::iter::successors(first, next).map(|place| recent.nodes[place].value).collect()
    }

    #[test]
    fn what_was_used_last_is_removed_last() {
        let mut recent = Recent::new();
        for (name, value) in [("a", 1), ("b", 2), ("c", 3)] {
            recent.insert(name, value);
        }
        assert_eq!(recent.get_mut("a"), Some(&mut 1));
        assert_eq!(recent.peek("b"), Some(&2));
        assert_eq!(recent.remove_oldest(), Some(2));
        assert_eq!(recent.remove_oldest(), Some(3));
        assert_eq!(recent.remove_oldest(), Some(1));
        assert_eq!(recent.remove_oldest(), None);
        assert_eq!(recent.len(), 0);
    }

    #[test]
    fn it_behaves_as_a_list_in_the_order_of_use() {
        run_for(prop::collection::vec((0..4, 0..12_u32), 0..200), |steps| {
            let mut recent = Recent::new();
            let mut list: Vec<u32> = Vec::new();
            for (step, value) in steps {
                let name = value.to_string();
                let known = list.iter().position(|other| *other == value);
                match step {
                    0 => {
                        recent.insert(&name, value);
                        list.retain(|other| *other != value);
                        list.push(value);
                    }
                    1 => {
                        prop_assert_eq!(recent.get_mut(&name).is_some(), known.is_some());
                        if let Some(place) = known {
                            let value = list.remove(place);
                            list.push(value);
                        }
                    }
                    2 => prop_assert_eq!(recent.remove(&name), known.map(|place| list.remove(place))),
                    _ => prop_assert_eq!(recent.remove_oldest(), (!list.is_empty()).then(|| list.remove(0))),
                }
                prop_assert_eq!(&in_order(&recent), &list);
                prop_assert_eq!(recent.oldest(), list.first());
                prop_assert_eq!(recent.peek(&name).is_some(), list.contains(&value));
            }
            Ok(())
        });
    }
}
