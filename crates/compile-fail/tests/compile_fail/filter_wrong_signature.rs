use vernal::prelude::*;

#[request_filter("/a/**")]
async fn shared(_ctx: &FilterContext) -> Result<()> {
    Ok(())
}

#[request_filter("/b/**")]
async fn two(_ctx: &mut FilterContext, _session: Session) -> Result<()> {
    Ok(())
}

#[request_filter("/c/**")]
async fn none() -> Result<()> {
    Ok(())
}

#[request_filter("/d/**")]
async fn no_result(_ctx: &mut FilterContext) {}

fn main() {}
