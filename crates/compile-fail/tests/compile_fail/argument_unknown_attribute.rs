use vernal::prelude::*;

#[route("/")]
fn index(#[parameter("user")] user: String) -> String {
    user
}

fn main() {}
