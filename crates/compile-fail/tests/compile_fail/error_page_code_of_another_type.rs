use vernal::prelude::*;

#[error_message("404")]
fn not_there(code: u8, message: String) -> String {
    format!("{code} {message}")
}

fn main() {}
