//! What the tests have in common.

mod collector;
mod http;
mod program;
mod random;
mod service;

use std::time::{Duration, Instant};

pub(crate) use collector::{Collector, KEY, Post};
pub(crate) use http::{Answer, get, get_text, gzip, post};
pub(crate) use program::{Ran, Sample, ndjson, root, sample, samples, sekisho, sekisho_with};
pub(crate) use random::Random;
pub(crate) use service::{Home, Service};

/// How long anything may take before a test fails: long, for a busy machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How long a test waits before it looks again.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until `look` finds something.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(LOOK);
    }
}
