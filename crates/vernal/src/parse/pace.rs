//! Whether something comes fast enough.

use std::time::{Duration, Instant};

/// How long the server has waited for a client that sends, and what it got for it. Time in which nobody waited does not
/// count: an application may take as long as it likes with what it has.
pub(crate) struct Pace {
    /// The longest wait for one piece, and how long the average may be lower at the begin.
    timeout: Duration,
    /// Bytes a second; 0 for any.
    rate: usize,
    bytes: usize,
    waited: Duration,
    since: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(timeout: Duration, rate: usize) -> Self {
        Pace { timeout, rate, bytes: 0, waited: Duration::ZERO, since: None }
    }

    /// So many bytes have arrived.
    pub(crate) fn arrived(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Begins to wait, unless it has begun; answers how long it will from then on.
    pub(crate) fn wait(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now);
        self.timeout.min(self.left_by_rate())
    }

    /// What was wrong when the wait was too long.
    pub(crate) fn complaint(&self) -> String {
        if self.left_by_rate() < self.timeout {
            return format!("The body came with less than {} bytes a second.", self.rate);
        }
        format!("No byte of the body arrived for {} seconds.", self.timeout.as_secs_f32())
    }

    fn left_by_rate(&self) -> Duration {
        if self.rate == 0 {
            return Duration::MAX;
        }
        let earned = Duration::from_secs_f64(self.bytes as f64 / self.rate as f64);
        self.timeout.saturating_add(earned).saturating_sub(self.waited)
    }
}
