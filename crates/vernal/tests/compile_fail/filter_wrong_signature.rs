use vernal::prelude::*;

#[request_filter("/a/**")]
async fn shared(ctx: &FilterContext) -> Result<()> {
    Ok(())
}

#[request_filter("/b/**")]
async fn two(ctx: &mut FilterContext, session: Session) -> Result<()> {
    Ok(())
}

#[request_filter("/c/**")]
async fn none() -> Result<()> {
    Ok(())
}

#[request_filter("/d/**")]
async fn no_result(ctx: &mut FilterContext) {}

fn main() {}
