use vernal::prelude::*;

#[derive(Default)]
struct Orders;

#[controller("/orders/**")]
impl Orders {
    #[route("/list")]
    fn star_in_the_middle(&self) {}
}

#[derive(Default)]
struct Lines;

#[controller("/orders/{id}/lines")]
impl Lines {
    #[route("/{id}")]
    fn variable_twice(&self, _id: u64) {}

    #[route("/of/{customer}")]
    fn unknown_variable(&self, #[path] name: String) -> String {
        name
    }
}

fn main() {}
