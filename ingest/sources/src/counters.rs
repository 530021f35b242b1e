//! What went through a door, in numbers.
//!
//! # Invariants
//! * `received = accepted + repeated + refused + dropped + in hand`, where what is in hand is on its way to the spool.
//! * A source is one of the known ones and a reason is a word of the program: no sender can make either up, so their
//!   number is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The source of what was refused before it was known to be of any.
const UNREAD: &str = "unread";

/// The counters of one door. `received` becomes `accepted`, `repeated`, `refused` or `dropped`; what is in
/// hand makes the difference.
#[derive(Debug, Default)]
pub struct Counters {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: Counted,
    /// Received and accepted.
    sources: BTreeMap<Arc<str>, (u64, u64)>,
    refused: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
}

/// The values of [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Records that came.
    pub received: u64,
    /// Records that are durable.
    pub accepted: u64,
    /// Records that are durable since they came the first time.
    pub repeated: u64,
    /// Records that the sender was told to keep; a request that was refused unread counts as one.
    pub refused: u64,
    /// Records that are lost.
    pub dropped: u64,
}

/// The same, in detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedBy {
    /// All together.
    pub total: Counted,
    /// Records that came and records that are durable, by source.
    pub sources: Vec<(Arc<str>, u64, u64)>,
    /// What was refused, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// What was lost, by reason.
    pub dropped: Vec<(&'static str, u64)>,
}

impl Counted {
    /// What is on its way.
    pub fn in_hand(&self) -> u64 {
        let settled = self.accepted + self.repeated + self.refused + self.dropped;
        self.received.saturating_sub(settled)
    }
}

impl Counters {
    /// The values now.
    pub fn get(&self) -> Counted {
        self.held().total
    }

    /// The values now, in detail.
    pub fn get_by(&self) -> CountedBy {
        let counts = self.held();
        let by_source = |(source, (received, accepted)): (&Arc<str>, &(u64, u64))| {
            let source = Arc::clone(source);
            (source, *received, *accepted)
        };
        let by_reason = |(reason, count): (&&'static str, &u64)| (*reason, *count);
        CountedBy {
            total: counts.total,
            sources: counts.sources.iter().map(by_source).collect(),
            refused: counts.refused.iter().map(by_reason).collect(),
            dropped: counts.dropped.iter().map(by_reason).collect(),
        }
    }

    /// Records of a source came.
    pub(crate) fn receive(&self, source: &Arc<str>, records: usize) {
        let (mut counts, records) = (self.held(), count(records));
        counts.total.received += records;
        counts.sources.entry(Arc::clone(source)).or_default().0 += records;
    }

    /// Records of a source are durable; `repeated` if they were before.
    pub(crate) fn accept(&self, source: &Arc<str>, records: usize, repeated: bool) {
        let (mut counts, records) = (self.held(), count(records));
        if repeated {
            counts.total.repeated += records;
            return;
        }
        counts.total.accepted += records;
        counts.sources.entry(Arc::clone(source)).or_default().1 += records;
    }

    /// Something was refused before it was read.
    pub(crate) fn refuse_unread(&self, reason: &'static str) {
        self.receive(&Arc::from(UNREAD), 1);
        self.refuse(reason, 1);
    }

    /// Records were given back to their sender.
    pub(crate) fn refuse(&self, reason: &'static str, records: usize) {
        if records == 0 {
            return;
        }
        let (mut counts, records) = (self.held(), count(records));
        counts.total.refused += records;
        *counts.refused.entry(reason).or_default() += records;
    }

    /// Records are lost: nobody has them any more.
    pub(crate) fn drop_some(&self, reason: &'static str, records: usize) {
        let (mut counts, records) = (self.held(), count(records));
        counts.total.dropped += records;
        *counts.dropped.entry(reason).or_default() += records;
    }

    /// What a poisoned mutex guards here is still whole: nothing that is done under it can panic halfway.
    fn held(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_settled_or_in_hand() {
        let counters = Counters::default();
        let source = Arc::from("linux.sshd");
        counters.receive(&source, 10);
        assert_eq!(counters.get().in_hand(), 10);
        counters.accept(&source, 3, false);
        counters.accept(&source, 2, true);
        counters.refuse("full", 1);
        counters.refuse("full", 0);
        counters.drop_some("queue", 1);
        counters.refuse_unread("token");

        let counted = counters.get_by();
        assert_eq!(counted.total.in_hand(), 3);
        assert_eq!(counted.sources, [(source, 10, 3), (Arc::from("unread"), 1, 0)]);
        assert_eq!(counted.refused, [("full", 1), ("token", 1)]);
        assert_eq!(counted.dropped, [("queue", 1)]);
    }
}
