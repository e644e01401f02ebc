use vernal::prelude::*;

#[request_filter]
async fn everywhere(ctx: &mut FilterContext) -> Result<()> {
    ctx.do_chain().await
}

#[request_filter("/a/*/b", ordre = 1)]
async fn star_in_the_middle(ctx: &mut FilterContext) -> Result<()> {
    ctx.do_chain().await
}

#[request_filter("/a", regexp = "^/b")]
async fn both(ctx: &mut FilterContext) -> Result<()> {
    ctx.do_chain().await
}

fn main() {}
