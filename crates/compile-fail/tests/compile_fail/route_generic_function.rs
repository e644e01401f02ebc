use vernal::prelude::*;

#[route("/generic")]
fn generic<T: ToString>(value: T) -> String {
    value.to_string()
}

#[route("/implied")]
fn implied(value: impl ToString) -> String {
    value.to_string()
}

fn main() {}
