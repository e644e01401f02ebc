//! The showcase.

fn main() {}
