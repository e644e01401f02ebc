use vernal::prelude::*;

#[route("/echo")]
fn echo(name: &str) -> &str {
    name
}

#[derive(Default)]
struct Titled {
    title: String,
}

#[controller("/title")]
impl Titled {
    #[route]
    fn title(&self) -> &str {
        &self.title
    }
}

fn main() {}
