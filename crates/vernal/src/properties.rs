//! What tests of properties need: the loop of random values, for as long as the environment says, and what work costs.

use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// The processor time that this thread has taken. Unlike the time of day, it is the same on a machine that is busy with
/// something else.
#[cfg(target_os = "linux")]
pub(crate) fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/stat").expect("what the system counts");
    // behind the name, which may contain anything; of the fields, utime and stime, in hundredths of a second
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let ticks: u64 =
        fields.split(' ').skip(12).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(10 * ticks)
}

/// Checks random values for `VERNAL_PROPERTY_SECONDS` seconds, one by default, from a new seed each time.
///
/// Panics with the smallest value found that fails, and its seed.
pub(crate) fn run_for<S: Strategy>(strategy: S, check: impl Fn(S::Value) -> TestCaseResult) {
    let seconds =
        std::env::var("VERNAL_PROPERTY_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let mut runner =
            TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() });
        if let Err(error) = runner.run(&strategy, &check) {
            panic!("{error}\n{runner}");
        }
    }
}
