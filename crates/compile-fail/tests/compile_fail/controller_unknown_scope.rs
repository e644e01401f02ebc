use vernal::prelude::*;

#[derive(Default)]
struct Orders;

#[controller("/orders", scope = "session")]
impl Orders {
    #[route("/list")]
    fn list(&self) {}
}

fn main() {}
