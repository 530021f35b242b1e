//! What the judge makes of records, in numbers that others may read while it works.
//!
//! # Invariants
//! * `rows + duplicates = decoded`, where each of the three is counted at a place of its own.
//! * What one turn of the judge counts becomes visible at once, so that nobody sees half a turn.
//! * A source is one of the formats, or `auto`: no sender can make one up, so their number is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sekisho_detect::Engine;
use sekisho_model::{Column, EventBatch, Reject, Time};

/// Counts what becomes of records.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Mutex<Tallied>,
}

/// The values of [`Tally`] at one moment, since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tallied {
    /// Records that were read or could not be.
    pub(crate) records: u64,
    /// Rows that the formats made.
    pub(crate) decoded: u64,
    /// Rows that were there before.
    pub(crate) duplicates: u64,
    /// By the source that a row is of, or that could not read a record.
    pub(crate) sources: BTreeMap<Arc<str>, SourceTally>,
    /// What detectors dropped at a bound, by rule: groups and events.
    pub(crate) dropped: BTreeMap<Arc<str>, (u64, u64)>,
    /// How many rules run.
    pub(crate) rules: usize,
    /// What is wrong with the rules that do not.
    pub(crate) problems: Vec<String>,
}

/// What is counted of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceTally {
    /// Rows that were judged.
    pub(crate) rows: u64,
    /// Records that could not be read.
    pub(crate) rejects: u64,
    /// The newest event.
    pub(crate) newest: Option<Time>,
    /// When the newest event was taken in.
    pub(crate) observed: Option<Time>,
}

impl Tallied {
    /// Rows and rejects of all sources.
    pub(crate) fn made(&self) -> u64 {
        self.sources.values().map(|source| source.rows + source.rejects).sum()
    }

    /// Rows of all sources.
    pub(crate) fn rows(&self) -> u64 {
        self.sources.values().map(|source| source.rows).sum()
    }

    /// These could not be read.
    pub(crate) fn count_rejects(&mut self, rejects: &[Reject]) {
        for reject in rejects {
            self.sources.entry(Arc::clone(&reject.source)).or_default().rejects += 1;
        }
    }

    /// These are judged. Neighbours mostly are of one source, so the table is asked once for a run of them.
    pub(crate) fn count_rows(&mut self, batch: &EventBatch) {
        let mut row = 0;
        while row < batch.len() {
            let source = batch.text(Column::Source, row).unwrap_or_default();
            let begin = row;
            while row < batch.len() && batch.text(Column::Source, row) == Some(source) {
                row += 1;
            }
            // A row without a source would be a fault elsewhere; it counts, and the loop ends.
            row = row.max(begin + 1);
            let tally = match self.sources.get_mut(source) {
                Some(tally) => tally,
                None => self.sources.entry(Arc::from(source)).or_default(),
            };
            tally.rows += count(row - begin);
            for row in begin..row {
                tally.newest = tally.newest.max(Some(batch.time(row)));
                tally.observed = tally.observed.max(Some(batch.observed(row)));
            }
        }
    }
}

impl Tally {
    /// The values now.
    pub(crate) fn get(&self) -> Tallied {
        self.held().clone()
    }

    /// Adds what was counted in one turn, and empties it.
    pub(crate) fn add(&self, turn: &mut Tallied) {
        let turn = std::mem::take(turn);
        let mut counts = self.held();
        counts.records += turn.records;
        counts.decoded += turn.decoded;
        counts.duplicates += turn.duplicates;
        for (source, new) in turn.sources {
            let tally = counts.sources.entry(source).or_default();
            tally.rows += new.rows;
            tally.rejects += new.rejects;
            tally.newest = tally.newest.max(new.newest);
            tally.observed = tally.observed.max(new.observed);
        }
    }

    /// How the engine is.
    pub(crate) fn engine(&self, engine: &Engine) {
        let dropped = engine.dropped().into_iter();
        let mut counts = self.held();
        counts.dropped = dropped
            .map(|(rule, dropped)| (rule, (dropped.groups, dropped.events)))
            .collect();
        counts.rules = engine.rules().len();
        if counts.problems.len() != engine.problems().len() {
            counts.problems = engine.problems().iter().map(ToString::to_string).collect();
        }
    }

    /// What a poisoned mutex guards here is still whole: nothing that is done under it can panic halfway.
    fn held(&self) -> MutexGuard<'_, Tallied> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number of rows, as it is counted.
pub(crate) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
