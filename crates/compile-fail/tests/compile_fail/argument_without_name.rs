use vernal::prelude::*;

#[route("/")]
fn index(_: String) {}

fn main() {}
