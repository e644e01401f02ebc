use vernal::prelude::*;

#[derive(Model)]
struct Person {
    #[param]
    #[header]
    name: String,
    #[default(16)]
    age: Option<u8>,
    #[header("user token")]
    token: String,
}

fn main() {}
