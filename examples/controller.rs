//! A struct whose methods are controllers: they share a prefix, a method, conditions and an object.
//!
//! ```sh
//! cargo run -p vernal --example controller
//! curl http://127.0.0.1:9090/counter
//! curl -X POST 'http://127.0.0.1:9090/counter/add?by=5'
//! curl http://127.0.0.1:9090/visit
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use vernal::prelude::*;

struct Counter {
    count: AtomicU64,
}

/// One object for all requests.
#[controller("/counter", method = "GET", init = Counter { count: AtomicU64::new(100) })]
impl Counter {
    #[route]
    async fn value(&self) -> String {
        format!("{}\n", self.count.load(Ordering::Relaxed))
    }

    #[route("/add", method = "POST")]
    async fn add(&self, #[default(1)] by: u64) -> String {
        format!("{}\n", self.count.fetch_add(by, Ordering::Relaxed) + by)
    }
}

#[derive(Default)]
struct Visit {
    steps: AtomicU64,
}

/// A new object for each request.
#[controller("/visit", scope = "request")]
impl Visit {
    #[route]
    async fn first_step(&self) -> String {
        format!("step {}\n", self.steps.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
