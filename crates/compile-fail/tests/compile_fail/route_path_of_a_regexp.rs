use vernal::prelude::*;

#[route(regexp = "^orders/(\\d+)$")]
fn order(#[path] id: u64) -> String {
    id.to_string()
}

fn main() {}
