use std::rc::Rc;

use vernal::prelude::*;

#[route("/")]
async fn index(session: Session) -> String {
    let name = Rc::new("name");
    std::future::ready(session).await;
    name.to_string()
}

fn main() {}
