//! Long answers, written as they come and no faster than the client reads.
//!
//! ```sh
//! cargo run -p vernal --example stream
//! curl http://127.0.0.1:9090/numbers | tail -1
//! curl -N http://127.0.0.1:9090/ticks          # server-sent events: new EventSource("/ticks") in a page
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Interval, interval};
use vernal::prelude::*;

#[route("/numbers")]
async fn numbers() -> Stream {
    Stream::iter((1..=1_000_000).map(|number| format!("{number}\n"))).content_type("text/plain")
}

#[route("/ticks")]
async fn ticks(#[default(5)] count: u32) -> Sse {
    Sse::new(Ticks { interval: interval(Duration::from_millis(500)), left: count })
}

/// Any `futures_core::Stream` will do; most are made with the crates `futures` or `async-stream`.
struct Ticks {
    interval: Interval,
    left: u32,
}

impl futures_core::Stream for Ticks {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.interval.poll_tick(context).map(|_| {
            self.left -= 1;
            Some(Event::data(format!("{} to go", self.left)).name("tick"))
        })
    }
}

fn main() -> vernal::Result<()> {
    vernal::logger::init()?;
    Server::new().start()
}
