//! What a lane did, in numbers that others may read while it works.
//!
//! # Invariants
//! * `offsets` is counted frame by frame and `position` is told by the last frame, so a frame that was passed over shows
//!   as a difference.
//! * `made = open + given_up + stored + known + late` at every moment. What is late is lost, so [`Done::unsettled`] shows it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Committed, Frame};

/// The numbers of the lanes of a service, one after the other.
#[derive(Debug, Default)]
pub struct Progress {
    done: Mutex<Done>,
}

/// The values of [`Progress`] at one moment. What is no position counts from the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Where the lane that works began.
    pub begin: i64,
    /// Up to where it judged.
    pub position: i64,
    /// How many offsets the frames had that it judged.
    pub offsets: i64,
    /// Records that were judged; again after a lane began again.
    pub records: u64,
    /// Rows and rejects that came of them.
    pub made: u64,
    /// Of these, what is in the open epoch.
    pub open: u64,
    /// What was in an epoch that could not be committed: it is judged again.
    pub given_up: u64,
    /// What the tables took.
    pub stored: u64,
    /// What the tables had already.
    pub known: u64,
    /// What came after the epoch of its offset, and is not stored: a fault.
    pub late: u64,
    /// Epochs that were committed.
    pub epochs: u64,
    /// How long committing them took.
    pub committing: Duration,
    /// How long the last one took.
    pub last_commit: Duration,
}

impl Done {
    /// Offsets that the lane passed over.
    pub fn skipped(&self) -> i64 {
        self.position - self.begin - self.offsets
    }

    /// Rows and rejects that are nowhere, or twice.
    pub fn unsettled(&self) -> i128 {
        let settled = [self.open, self.given_up, self.stored, self.known];
        i128::from(self.made) - settled.into_iter().map(i128::from).sum::<i128>()
    }
}

impl Progress {
    /// The values now.
    pub fn get(&self) -> Done {
        *self.held()
    }

    /// A lane begins here; what the one before had in hand is judged again.
    pub(crate) fn begin(&self, position: i64) {
        let mut done = self.held();
        done.given_up += std::mem::take(&mut done.open);
        (done.begin, done.position, done.offsets) = (position, position, 0);
    }

    /// These frames were judged, and so many rows and rejects came of them.
    pub(crate) fn judged(&self, frames: &[Frame], made: usize) {
        let made = u64::try_from(made).unwrap_or(u64::MAX);
        let mut done = self.held();
        for frame in frames {
            done.offsets += frame.end() - frame.first;
            done.records += frame.records();
            done.position = frame.end();
        }
        done.made += made;
        done.open += made;
    }

    /// The open epoch is in the tables.
    pub(crate) fn committed(&self, committed: Committed, took: Duration) {
        let mut done = self.held();
        done.open = 0;
        done.stored += committed.stored;
        done.known += committed.known;
        done.late += committed.late;
        done.epochs += 1;
        done.committing += took;
        done.last_commit = took;
    }

    /// What a poisoned mutex guards here is still whole: nothing that is done under it can panic halfway.
    fn held(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
