use vernal::prelude::*;

#[error_message("404")]
fn not_there(code: u16, reason: &str) -> String {
    format!("{code} {reason}")
}

fn main() {}
