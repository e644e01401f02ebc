use vernal::prelude::*;

#[route("/")]
fn index(#[default("sixteen")] age: u8, #[default(1.5)] count: u32) -> String {
    format!("{age} {count}")
}

fn main() {}
