use vernal::prelude::*;

#[route("/")]
fn index(#[default(16)] age: Option<u8>) -> String {
    format!("{age:?}")
}

fn main() {}
