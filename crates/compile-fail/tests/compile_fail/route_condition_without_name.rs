use vernal::prelude::*;

#[route("/orders", params = "=open")]
fn orders() {}

fn main() {}
