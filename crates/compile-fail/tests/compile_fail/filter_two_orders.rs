use vernal::prelude::*;

#[request_filter("/a/**", order = 1)]
#[request_filter("/b/**", order = 2)]
async fn guard(ctx: &mut FilterContext) -> Result<()> {
    ctx.do_chain().await
}

fn main() {}
