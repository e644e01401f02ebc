use vernal::prelude::*;

#[derive(Model)]
struct Person {
    #[path]
    id: u64,
}

fn main() {}
