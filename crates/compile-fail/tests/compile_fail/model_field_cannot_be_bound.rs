use vernal::prelude::*;

struct Address {
    street: String,
}

#[derive(Model)]
struct Person {
    name: String,
    address: Address,
}

fn main() {}
