use vernal::prelude::*;

#[route("/")]
fn index(#[param(user)] user: String, #[header = "token"] token: String, #[default] age: u8) -> String {
    format!("{user} {token} {age}")
}

fn main() {}
