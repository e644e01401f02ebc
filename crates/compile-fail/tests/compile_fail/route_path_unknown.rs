use vernal::prelude::*;

#[route("/say_hello/to/{name}")]
fn by_its_own_name(#[path] id: u64) -> String {
    id.to_string()
}

#[route("/say_hello/to/{name}")]
fn by_a_given_name(#[path("nmae")] name: String) -> String {
    name
}

#[route("/exact")]
fn without_variables(#[path] id: u64) -> String {
    id.to_string()
}

fn main() {}
