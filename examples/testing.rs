//! How an application is tested: its app is called in process, without a port, by a client that keeps cookies.
//!
//! ```sh
//! cargo run -p vernal --example testing
//! ```

use vernal::prelude::*;
use vernal::testing::Client;

#[route("/add")]
async fn add(a: i64, b: i64) -> Value {
    json!({"sum": a + b})
}

#[tokio::main]
async fn main() -> vernal::Result<()> {
    let client = Client::new(Server::new().build()?);

    let answer = client.get("/add?a=1&b=2").send().await;
    assert_eq!((answer.status(), answer.text()), (200, r#"{"sum":3}"#));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));

    let answer = client.post("/add").form(&[("a", "one"), ("b", "2")]).send().await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().contains("Parameter[a] should be an int."));

    println!("all as expected");
    Ok(())
}
