use vernal::prelude::*;

#[derive(Model)]
enum Choice {
    One,
}

#[derive(Model)]
struct Pair(String, u8);

#[derive(Model)]
struct Nothing;

#[derive(Model)]
struct Generic<T> {
    value: T,
}

fn main() {}
