use vernal::prelude::*;

struct Order {
    id: u64,
}

#[route("/orders/{id}")]
fn order(id: u64) -> Order {
    Order { id }
}

fn main() {}
