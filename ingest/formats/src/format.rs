//! What a format is, and what it works with.

use std::fmt::Debug;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_model::{EventBuilder, Projection, Raw, Reject, Snapshot, Time};

use crate::Map;

/// The year of a time stamp that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YearPolicy {
    /// The year that puts it nearest to when the record was received, and not over a day after it.
    Nearest,
    /// This year for the first record of a log; the next one each time the month falls back from
    /// December to January.
    Starting(i16),
}

/// What a format must know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of time stamps that have none.
    pub zone: TimeZone,
    /// The year of time stamps that have none.
    pub year: YearPolicy,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Maps of the user's own, asked before those that are shipped; the shape of one tells whose it is.
    pub maps: Vec<Arc<Map>>,
}

/// Reads the records of one kind of source.
pub trait Format: Debug + Send {
    /// Reads one record: writes its rows, or a reject, or keeps it until its other lines came.
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output);

    /// Gives out what has waited too long at `now`; such rows stand at `offset`, the tick's own.
    fn tick(&mut self, _now: Time, _offset: i64, _out: &mut Output) {}

    /// Gives out everything that still waits: there will be no more records.
    fn flush(&mut self, _out: &mut Output) {}

    /// Saves what it keeps between records.
    fn snapshot(&self, _into: &mut Snapshot) -> Result<(), serde_json::Error> {
        Ok(())
    }

    /// Goes on from a snapshot.
    fn restore(&mut self, _from: &Snapshot) {}
}

/// Where a format writes.
#[derive(Debug)]
pub struct Output {
    /// The rows.
    pub rows: EventBuilder,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
}

impl Output {
    /// An empty output with a side column for each path of the projection.
    pub fn new(projection: &Projection) -> Self {
        Self {
            rows: EventBuilder::new(projection),
            rejects: Vec::new(),
        }
    }

    /// Says that a record could not be read.
    pub fn reject(&mut self, raw: &Raw<'_>, source: &str, reason: impl Into<String>) {
        self.rejects.push(Reject::new(raw, source, reason));
    }
}
