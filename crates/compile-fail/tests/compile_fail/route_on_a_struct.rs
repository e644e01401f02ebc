use vernal::prelude::*;

#[route("/orders")]
struct Orders;

fn main() {}
