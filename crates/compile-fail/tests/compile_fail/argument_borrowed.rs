use vernal::prelude::*;

#[route("/changed")]
fn changed(_request: &mut Request) {}

#[route("/bytes")]
fn bytes(_body: &[u8]) {}

#[route("/session")]
fn session(_session: &Session) {}

fn main() {}
