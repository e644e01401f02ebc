//! An app as a `tower::Service`: a part of an axum application, or of anything else that speaks tower.
//!
//! ```sh
//! cargo run -p vernal --example inside_axum
//! curl http://127.0.0.1:9090/            # axum
//! curl http://127.0.0.1:9090/hello/Ada   # vernal
//! ```

use vernal::prelude::*;

#[route("/hello/{name}")]
async fn hello(name: String) -> String {
    format!("Hello, {name}, from vernal!\n")
}

#[tokio::main]
async fn main() -> vernal::Result<()> {
    let app = Server::new().build()?; // what the attributes declared, checked; no port is bound
    let router = axum::Router::new()
        .route("/", axum::routing::get(|| async { "from axum\n" }))
        .fallback_service(app.into_service());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
    axum::serve(listener, router).await?;
    Ok(())
}
