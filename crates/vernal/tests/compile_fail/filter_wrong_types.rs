use vernal::prelude::*;

#[request_filter("/a/**")]
async fn request(request: &mut Request) -> Result<()> {
    Ok(())
}

#[request_filter("/b/**")]
async fn text(ctx: &mut FilterContext) -> String {
    String::new()
}

fn main() {}
