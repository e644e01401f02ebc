use vernal::prelude::*;

#[controller("/orders")]
struct Orders;

fn main() {}
