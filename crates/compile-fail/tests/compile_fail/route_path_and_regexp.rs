use vernal::prelude::*;

#[route("/orders", regexp = "^orders$")]
fn orders() {}

fn main() {}
