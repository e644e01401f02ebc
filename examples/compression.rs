//! Compressed responses, and requests that were compressed.
//!
//! ```sh
//! cargo run -p vernal --example compression
//! curl -i --compressed http://127.0.0.1:9090/poem
//! curl -H 'Accept-Encoding: br;q=0.5, gzip' -o - -D - http://127.0.0.1:9090/poem | head -c 300
//! curl -N --compressed http://127.0.0.1:9090/ticks                  # each event arrives as it happens
//! gzip -c LICENSE | curl -H 'Content-Encoding: gzip' --data-binary @- http://127.0.0.1:9090/length
//! ```

use vernal::prelude::*;
use vernal::{Coding, Compression};

#[route("/poem", method = "GET")]
async fn poem() -> String {
    "A rose is a rose is a rose is a rose.\n".repeat(100)
}

#[route("/ticks", method = "GET")]
async fn ticks() -> Sse {
    Sse::iter((0..3).map(|tick| Event::data(tick).name("tick")))
}

#[route("/length", method = "POST")]
async fn length(body: Bytes) -> String {
    format!("{} bytes, decompressed\n", body.len())
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    let compression = Compression::new() // text, JSON and the like, from 1 KB on
        .codings([Coding::Zstd, Coding::Brotli, Coding::Gzip]) // the one that is preferred first
        .level(Coding::Gzip, 5);
    Server::new()
        .compression(compression) // or .gzip(["text/html", "application/json"], 6)
        .resource("/static/**", "static")
        .precompressed(true) // static/app.js.br, app.js.zst or app.js.gz in place of static/app.js
        .start()
}
