use vernal::prelude::*;

#[error_message(200)]
fn success() {}

#[error_message("4x4", 404, "60x")]
fn no_range() {}

#[error_message(code = 404)]
fn with_key() {}

fn main() {}
