use vernal::prelude::*;

#[route("/orders/{id}")]
fn order(#[group(0)] id: u64) -> String {
    id.to_string()
}

fn main() {}
