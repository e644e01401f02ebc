use vernal::prelude::*;

#[derive(Default)]
struct Counter {
    count: u64,
}

#[controller("/counter")]
impl Counter {
    #[route("/next")]
    fn next(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    #[route("/last")]
    fn last(self) -> String {
        self.count.to_string()
    }
}

fn main() {}
