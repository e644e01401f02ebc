use vernal::prelude::*;

#[route("/orders", metod = "GET")]
fn orders() {}

fn main() {}
