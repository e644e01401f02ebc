use vernal::prelude::*;

#[request_filter("/admin/**")]
fn guard(ctx: &mut FilterContext) -> Result<()> {
    Ok(())
}

fn main() {}
