use vernal::prelude::*;

#[route("/orders/*/lines")]
fn star_in_the_middle() {}

#[route("/orders/{id}/lines/{id}")]
fn variable_twice() {}

#[route("/orders/{id}/**")]
fn variable_and_star() {}

fn main() {}
