use vernal::prelude::*;

#[request_filter("/a/**")]
async fn request(_request: &mut Request) -> Result<()> {
    Ok(())
}

#[request_filter("/b/**")]
async fn text(_ctx: &mut FilterContext) -> String {
    String::new()
}

fn main() {}
