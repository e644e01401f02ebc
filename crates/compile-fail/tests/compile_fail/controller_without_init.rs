use vernal::prelude::*;

struct Orders {
    title: String,
}

#[controller("/orders")]
impl Orders {
    #[route("/title")]
    fn title(&self) -> String {
        self.title.clone()
    }
}

fn main() {}
