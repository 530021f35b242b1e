//! What the lane works with.

use std::fmt::Debug;
use std::future::Future;

use sekisho_model::{EventBatch, Findings, Reject, Snapshot};

use crate::Frame;

/// Any error of a part; the lane only passes it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The log that everything passes.
pub trait Log: Debug + Send {
    /// Waits for frames at `from` or after, in order; at most about `records_max` records.
    ///
    /// Cancel-safe: if the future is dropped, nothing is lost.
    fn read(&mut self, from: i64, records_max: usize) -> impl Future<Output = Result<Vec<Frame>, BoxError>> + Send;

    /// Gives up what lies before `position`: it is in the tables.
    fn truncate(&mut self, position: i64) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Decodes, enriches and judges: a pure function of its state and the frames.
pub trait Judge: Debug + Send {
    /// Judges frames.
    fn judge(&mut self, frames: &[Frame]) -> Judged;

    /// Its state, after everything it was given so far.
    fn snapshot(&self) -> Result<Snapshot, BoxError>;
}

/// What became of some frames.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// The rows.
    pub events: Vec<EventBatch>,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
    /// What was found in them.
    pub findings: Findings,
}

/// Where alerts and messages wait until they are told.
pub trait Outbox: Debug + Send {
    /// Keeps findings, and that everything before `position` was judged, in one transaction. What is
    /// known already is not kept twice.
    fn keep(&mut self, findings: &Findings, position: i64) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// One epoch, as it goes into the tables.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// The position after its last record.
    pub position: i64,
    /// Rows that may begin before what a table already holds; each table drops those by its own
    /// position.
    pub events: Vec<EventBatch>,
    /// Likewise the rejects.
    pub rejects: Vec<Reject>,
    /// Changes of alerts and incidents, each with the position after the frames that caused it.
    pub findings: Vec<(i64, Findings)>,
    /// The state after `position`.
    pub snapshot: Snapshot,
}

/// The tables, and the state beside them.
pub trait Tables: Debug + Send {
    /// Makes an epoch durable: state, each table with its new position in the same commit, manifest,
    /// in this order. When it returns, everything before `epoch.position` may be forgotten elsewhere.
    fn commit(&mut self, epoch: Epoch) -> impl Future<Output = Result<Committed, BoxError>> + Send;
}

/// What became of the rows and rejects of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The tables took them.
    pub stored: u64,
    /// The tables had them already.
    pub known: u64,
    /// They came after the epoch of their offset, and are not stored: a fault of whoever gave them the offset.
    pub late: u64,
}
