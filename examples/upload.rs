//! Uploaded files: small ones stay in memory, large ones wait in a temporary file. And a body read piece by piece.
//!
//! ```sh
//! cargo run -p vernal --example upload
//! curl -F picture=@README.md -F title=Readme http://127.0.0.1:9090/upload
//! curl -T README.md http://127.0.0.1:9090/size
//! ```

use std::path::PathBuf;

use vernal::prelude::*;

#[route("/upload", method = "POST")]
async fn upload(picture: MultipartFile, title: Option<String>, directory: State<PathBuf>) -> Result<String> {
    // `filename()` is whatever the client sent; `safe_filename()` is never a path.
    let path = directory.join(picture.safe_filename());
    let bytes = picture.save_to(&path).await?;
    Ok(format!("{}: {bytes} bytes in {}\n", title.unwrap_or_else(|| "untitled".to_owned()), path.display()))
}

#[route("/size", method = "PUT")]
async fn size(mut body: BodyReader) -> Result<String> {
    let mut bytes = 0;
    while let Some(chunk) = body.chunk().await? {
        bytes += chunk.len();
    }
    Ok(format!("{bytes} bytes, never all in memory\n"))
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    let directory = std::env::temp_dir().join("vernal-uploads");
    std::fs::create_dir_all(&directory)?;
    Server::new().manage(directory).limits(Limits::default().upload(100 * MB).spool_bytes(64 * KB)).start()
}
