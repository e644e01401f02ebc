//! Methods, and the slot of mappings that each of them has on a path.

use http::Method;

/// The place of a mapping list in the table. The slots are sorted: of two that match, the smaller one wins.
pub(super) type SlotId = u32;

const NO_SLOT: SlotId = SlotId::MAX;

/// The methods that a route may name, in the order of an `Allow` field.
pub(super) const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

const GET: usize = 2;
const HEAD: usize = 3;
const OPTIONS: usize = 4;

/// The bucket of mappings that name no method, behind those of [`METHODS`].
pub(super) const ANY: usize = METHODS.len();

/// The bucket of a method by its name, in any case.
pub(super) fn bucket_named(name: &str) -> Option<usize> {
    METHODS.iter().position(|method| method.eq_ignore_ascii_case(name))
}

fn bucket_of(method: &Method) -> usize {
    match *method {
        Method::CONNECT => 0,
        Method::DELETE => 1,
        Method::GET => GET,
        Method::HEAD => HEAD,
        Method::OPTIONS => OPTIONS,
        Method::PATCH => 5,
        Method::POST => 6,
        Method::PUT => 7,
        Method::TRACE => 8,
        _ => ANY,
    }
}

/// The slots of one path pattern or regular expression, by method.
#[derive(Clone)]
pub(super) struct Buckets {
    slots: [SlotId; ANY + 1],
    methods: Methods,
}

impl Buckets {
    pub(super) fn set(&mut self, bucket: usize, slot: SlotId) {
        self.slots[bucket] = slot;
        self.methods.0 |= 1 << bucket;
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets { slots: [NO_SLOT; ANY + 1], methods: Methods::default() }
    }
}

/// A set of buckets.
#[derive(Clone, Copy, Default)]
pub(super) struct Methods(u16);

impl Methods {
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The value of an `Allow` field; what is answered without a mapping of its own is in it as well.
    pub(super) fn allow(self) -> String {
        let mut methods = self.0 | 1 << OPTIONS;
        if methods & 1 << GET != 0 {
            methods |= 1 << HEAD;
        }
        let names: Vec<&str> = METHODS
            .iter()
            .enumerate()
            .filter(|(at, _)| methods & 1 << at != 0)
            .map(|(_, name)| *name)
            .collect();
        names.join(", ")
    }
}

/// The best slot among all that match the path, for the buckets where a request of one method looks.
pub(super) struct Choice {
    /// The method's own bucket, GET's for HEAD, the one for any method; an earlier one hides the later.
    buckets: [usize; 3],
    best: [SlotId; 3],
    /// All methods that have a mapping on the path, in the stages looked at so far.
    pub(super) methods: Methods,
}

impl Choice {
    pub(super) fn new(method: &Method, get_answers_head: bool) -> Choice {
        let own = bucket_of(method);
        let second = if own == HEAD && get_answers_head { GET } else { own };
        Choice { buckets: [own, second, ANY], best: [NO_SLOT; 3], methods: Methods::default() }
    }

    pub(super) fn consider(&mut self, matching: &Buckets) {
        self.methods.0 |= matching.methods.0;
        for (best, bucket) in self.best.iter_mut().zip(self.buckets) {
            *best = matching.slots[bucket].min(*best);
        }
    }

    pub(super) fn slot(&self) -> Option<SlotId> {
        self.best.into_iter().find(|slot| *slot != NO_SLOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_its_name_share_a_bucket() {
        for name in METHODS {
            let method = Method::from_bytes(name.as_bytes()).expect("a method");
            assert_eq!(bucket_named(name), Some(bucket_of(&method)), "{name}");
            assert_eq!(bucket_named(&name.to_lowercase()), Some(bucket_of(&method)), "{name}");
        }
        assert_eq!(bucket_named("FETCH"), None);
        assert_eq!(bucket_of(&Method::from_bytes(b"PURGE").expect("a method")), ANY);
    }
}
