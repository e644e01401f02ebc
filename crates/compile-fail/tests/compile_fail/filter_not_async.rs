use vernal::prelude::*;

#[request_filter("/admin/**")]
fn guard(_ctx: &mut FilterContext) -> Result<()> {
    Ok(())
}

fn main() {}
