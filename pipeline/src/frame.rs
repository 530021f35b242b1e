//! What the log is made of.

use std::sync::Arc;

use sekisho_model::{Origin, Time};

/// Something that happened, in the one order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset of its first record. A frame without records takes one offset.
    pub first: i64,
    /// When it was taken in.
    pub observed: Time,
    /// What it is.
    pub body: FrameBody,
}

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameBody {
    /// Records from one source.
    Records(Records),
    /// A second went by. Whatever depends on absence is driven by these, so that a replay decides
    /// the same.
    Tick,
    /// What is judged by changed: rules, lists, geo database. The text names the new generation and
    /// goes to the log of the program; the judge loads it.
    Context(Arc<str>),
}

/// Records that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// How they came.
    pub origin: Origin,
    /// How far the source has now been read, in the source's own words: for a followed file its
    /// identity and position. It is durable with the records or not at all.
    pub cursor: Option<Arc<str>>,
    /// The records; the first has the offset of the frame, the next one more.
    pub records: Vec<Vec<u8>>,
}

impl Frame {
    /// How many records it has.
    pub fn records(&self) -> u64 {
        match &self.body {
            FrameBody::Records(records) => u64::try_from(records.records.len()).unwrap_or(u64::MAX),
            FrameBody::Tick | FrameBody::Context(_) => 0,
        }
    }

    /// The offset after its last record.
    pub fn end(&self) -> i64 {
        let records = match &self.body {
            FrameBody::Records(records) => i64::try_from(records.records.len()).unwrap_or(i64::MAX).max(1),
            FrameBody::Tick | FrameBody::Context(_) => 1,
        };
        self.first.saturating_add(records)
    }
}
