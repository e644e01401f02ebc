use vernal::prelude::*;

#[route("/")]
fn index(#[header("Content Type")] kind: String) -> String {
    kind
}

fn main() {}
