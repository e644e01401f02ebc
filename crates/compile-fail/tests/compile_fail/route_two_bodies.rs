use vernal::prelude::*;

#[derive(serde::Deserialize)]
struct Order {
    id: u64,
}

#[route("/orders", method = "POST")]
fn create(order: Json<Order>, raw: Bytes) -> String {
    format!("{} {}", order.id, raw.len())
}

fn main() {}
