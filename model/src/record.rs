//! A record before and after decoding.

use std::sync::Arc;

use crate::{EventBatch, Time};

/// The most bytes of an unreadable record that are kept.
pub const REJECT_RAW_BYTES_MAX: usize = 64 * 1024;

/// How records came to us; shared by all records of a frame or file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose records they are.
    pub tenant: Arc<str>,
    /// The parser id to read them with, or `auto`.
    pub source: Arc<str>,
    /// How they came, as the `origin` column tells it.
    pub label: Arc<str>,
    /// The log they were read from: `spool`, or the path of a file in `replay`.
    pub log: Arc<str>,
    /// Whether the source sends old records, which are judged as if they were new.
    pub backfill: bool,
}

/// One record as it came.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// How it came.
    pub origin: &'a Origin,
    /// Its position in its log.
    pub offset: i64,
    /// When we received it.
    pub observed: Time,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What a line came in: the record of a shipper, who read the line and put more around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapping {
    /// The bytes that are read in place of the record's.
    pub line: Vec<u8>,
    /// The record as it came.
    pub record: String,
    /// The shipper's own id of it.
    pub native_id: Option<String>,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Whose record it is.
    pub tenant: Arc<str>,
    /// The parser that could not read it.
    pub source: Arc<str>,
    /// How it came.
    pub origin: Arc<str>,
    /// The log it was read from.
    pub log: Arc<str>,
    /// Its position in its log.
    pub offset: i64,
    /// When we received it.
    pub observed: Time,
    /// Why it could not be read: what was found, what was expected.
    pub reason: String,
    /// Its first [`REJECT_RAW_BYTES_MAX`] bytes, as UTF-8 with replacement characters.
    pub raw: String,
    /// How many bytes it had.
    pub raw_bytes: i64,
}

impl Reject {
    /// A reject of `raw`, for `reason`.
    pub fn new(raw: &Raw<'_>, source: &str, reason: impl Into<String>) -> Self {
        let kept = raw.bytes.get(..REJECT_RAW_BYTES_MAX).unwrap_or(raw.bytes);
        Self {
            tenant: Arc::clone(&raw.origin.tenant),
            source: Arc::from(source),
            origin: Arc::clone(&raw.origin.label),
            log: Arc::clone(&raw.origin.log),
            offset: raw.offset,
            observed: raw.observed,
            reason: reason.into(),
            raw: String::from_utf8_lossy(kept).into_owned(),
            raw_bytes: i64::try_from(raw.bytes.len()).unwrap_or(i64::MAX),
        }
    }
}

/// What became of some records.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The rows.
    pub rows: EventBatch,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
}
