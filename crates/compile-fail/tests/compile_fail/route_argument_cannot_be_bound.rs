use vernal::prelude::*;

struct Order {
    id: u64,
}

#[route("/orders", method = "POST")]
fn create(order: Order) -> String {
    order.id.to_string()
}

fn main() {}
