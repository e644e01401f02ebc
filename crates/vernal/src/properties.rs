//! The loop of every property test of this crate: random values for as long as the environment says.

use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

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
