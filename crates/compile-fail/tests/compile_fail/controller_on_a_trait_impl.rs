use vernal::prelude::*;

struct Orders;

trait List {
    fn list(&self) -> String;
}

#[controller("/orders")]
impl List for Orders {
    #[route("/list")]
    fn list(&self) -> String {
        String::new()
    }
}

fn main() {}
