use vernal::prelude::*;

#[derive(Default)]
struct Orders;

#[controller(regexp = "^orders")]
impl Orders {
    #[route("/list")]
    fn list(&self) {}
}

fn main() {}
