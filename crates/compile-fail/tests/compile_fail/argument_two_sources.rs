use vernal::prelude::*;

#[route("/")]
fn index(#[header] #[cookie("token")] token: String) -> String {
    token
}

fn main() {}
