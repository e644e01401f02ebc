use vernal::prelude::*;

#[derive(Default)]
struct Orders;

#[controller(regexp = "^orders", rank = 1)]
impl Orders {
    #[route("/list")]
    fn list(&self) {}
}

fn main() {}
