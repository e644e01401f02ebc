use vernal::prelude::*;

#[route("/orders", method = ["GET", "PSOT"])]
fn orders() -> String {
    String::new()
}

fn main() {}
