use std::cell::Cell;

use vernal::prelude::*;

#[derive(Default)]
struct Counter {
    count: Cell<u64>,
}

#[controller("/counter")]
impl Counter {
    #[route("/next")]
    fn next(&self) -> String {
        self.count.set(self.count.get() + 1);
        self.count.get().to_string()
    }
}

fn main() {}
