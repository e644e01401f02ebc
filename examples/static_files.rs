//! Directories whose files clients may fetch, and a single file as the answer of a controller.
//!
//! ```sh
//! cargo run -p vernal --example static_files
//! curl -i http://127.0.0.1:9090/source/lib.rs
//! curl -i -r 0-15 http://127.0.0.1:9090/README.md          # 206, a part of it
//! curl -i http://127.0.0.1:9090/source/../Cargo.toml --path-as-is   # 404
//! curl -OJ http://127.0.0.1:9090/licence
//! ```

use vernal::prelude::*;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[route("/licence", method = "GET")]
async fn licence() -> StaticFile {
    StaticFile::new(format!("{CRATE}/../../LICENSE"))
        .content_type("text/plain; charset=utf-8")
        .download_as("licence of vernal.txt")
        .cache_control("max-age=3600")
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new()
        .resource("/source/**", format!("{CRATE}/src")) // every file below, at any depth
        .resource("/manifest/*", CRATE) // only those of the directory itself
        .resource("*.md", format!("{CRATE}/../..")) // by extension, at the top
        .start()
}
