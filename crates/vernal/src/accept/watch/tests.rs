//! What counts for a client that reads slowly, and what does not.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const MANY: usize = 32 << 20;

/// A connection whose answer the client has let wait for two hours in all; one is allowed, and a KB a second.
fn after_waits(until_then: impl FnOnce(&Watch)) -> Duration {
    let watch = Watch::new();
    watch.begin_request();
    until_then(&watch);
    watch.waited.store(2 * 3_600_000, Ordering::Relaxed);
    watch.remaining(&Limits::default().write_timeout(HOUR).write_rate(1000), HOUR)
}

#[test]
fn what_went_out_before_the_server_had_to_wait_does_not_excuse_a_client_that_reads_too_little() {
    let left = after_waits(|watch| {
        watch.wrote(Some(MANY));
        watch.wrote(None);
    });
    assert_eq!(left, Duration::ZERO);
}

#[test]
fn what_it_has_read_since_excuses_it() {
    let left = after_waits(|watch| {
        watch.wrote(None);
        watch.wrote(Some(MANY));
        watch.wrote(None);
    });
    assert!(left > Duration::ZERO);
}

#[test]
fn each_request_begins_anew() {
    let left = after_waits(|watch| {
        watch.wrote(None);
        watch.wrote(Some(MANY));
        watch.begin_request();
        watch.wrote(None);
    });
    assert_eq!(left, Duration::ZERO);
}
