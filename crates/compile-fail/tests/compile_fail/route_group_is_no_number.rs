use vernal::prelude::*;

#[route(regexp = "^orders/(\\d+)$")]
fn first(#[group(0)] id: u64) -> String {
    id.to_string()
}

#[route(regexp = "^orders/(?<id>\\d+)/lines$")]
fn named(#[group("id")] id: u64) -> String {
    id.to_string()
}

#[route(regexp = "^orders/(\\d+)/total$")]
fn nothing(#[group] id: u64) -> String {
    id.to_string()
}

fn main() {}
