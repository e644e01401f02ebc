use vernal::prelude::*;

#[route("/changed")]
fn changed(request: &mut Request) {}

#[route("/bytes")]
fn bytes(body: &[u8]) {}

#[route("/session")]
fn session(session: &Session) {}

fn main() {}
