use vernal::prelude::*;

#[route("/orders")]
#[route("/orders/{id}")]
fn order(id: u64) -> String {
    id.to_string()
}

fn main() {}
