use vernal::prelude::*;

struct Orders;

impl Orders {
    #[route("/orders")]
    fn list(&self) -> String {
        String::new()
    }
}

fn main() {}
