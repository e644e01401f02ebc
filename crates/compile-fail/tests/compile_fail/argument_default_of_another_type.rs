use vernal::prelude::*;

#[route("/")]
fn index(#[default("16")] age: u8, #[default(1.5)] count: u32) -> String {
    format!("{age} {count}")
}

fn main() {}
