//! What went through a door, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one door. `received` becomes `accepted`, `refused` or `dropped`; what is in
/// hand makes the difference.
#[derive(Debug, Default)]
pub struct Counters {
    received: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
}

/// The values of [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Records that came.
    pub received: u64,
    /// Records that are durable.
    pub accepted: u64,
    /// Records that the sender was told to keep; a request that was refused unread counts as one.
    pub refused: u64,
    /// Records that are lost.
    pub dropped: u64,
}

impl Counters {
    /// The values now.
    pub fn get(&self) -> Counted {
        Counted {
            received: self.received.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn receive(&self, records: usize) {
        add(&self.received, records);
    }

    pub(crate) fn accept(&self, records: usize) {
        add(&self.accepted, records);
    }

    pub(crate) fn refuse(&self, records: usize) {
        add(&self.refused, records);
    }

    pub(crate) fn drop_some(&self, records: usize) {
        add(&self.dropped, records);
    }
}

fn add(counter: &AtomicU64, records: usize) {
    counter.fetch_add(u64::try_from(records).unwrap_or(u64::MAX), Ordering::Relaxed);
}
