use vernal::prelude::*;

#[route(404)]
fn number_as_path() {}

#[route("/orders", method = GET)]
fn name_as_method() {}

#[route("/orders", params = [1, 2], match_all_params = "yes", rank = 1.5)]
fn three_at_once() {}

fn main() {}
