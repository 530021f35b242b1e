//! How far each source was read, and which bodies were seen, beyond the life of a segment.
//!
//! A cursor is a text that travels in a frame. `http:<hash>` remembers a body, and so do
//! `lumberjack:<hash>` and `forward:<hash>` a batch; any other is `<source> <position>`, such as
//! `file:<device>:<inode> <position>` or `kafka:<topic>/<partition> <offset>`, and replaces the one before it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::Time;
use serde::{Deserialize, Serialize};

/// How long a body is remembered; senders give up sooner.
pub(super) const BODY_MEMORY: Duration = Duration::from_hours(24);

/// The most bodies that are remembered, about 10 MiB of memory. One body a second is 86,400 a
/// day; if more come, the oldest are forgotten early.
pub(crate) const BODIES_MAX: usize = 100_000;

/// The most positions that are kept. A folder of daily files adds 365 a year, a Kafka topic one for each
/// partition; the one that was not written for longest goes first.
pub(crate) const POSITIONS_MAX: usize = 16_384;

const BODY_PREFIXES: [&str; 3] = ["http:", "lumberjack:", "forward:"];

/// The cursors of everything that is synced.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursors {
    positions: HashMap<Arc<str>, Mark>,
    bodies: HashMap<Arc<str>, Mark>,
    /// The bodies in the order in which they came.
    order: VecDeque<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    key: Arc<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    position: Arc<str>,
    observed: Time,
    offset: i64,
}

/// The file beside the segments.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    version: u32,
    cursors: Vec<Mark>,
}

const VERSION: u32 = 1;

impl Cursors {
    /// Takes the cursor of a frame whose first record has `offset`.
    pub(super) fn take(&mut self, cursor: &Arc<str>, observed: Time, offset: i64) {
        let (key, position) = if is_body(cursor) {
            (Arc::clone(cursor), Arc::from(""))
        } else {
            let (key, position) = cursor.split_once(' ').unwrap_or((cursor, ""));
            (Arc::from(key), Arc::from(position))
        };
        self.keep(Mark {
            key,
            position,
            observed,
            offset,
        });
    }

    fn keep(&mut self, mark: Mark) {
        if is_body(&mark.key) {
            self.forget_bodies(mark.observed);
            if self.bodies.insert(Arc::clone(&mark.key), mark.clone()).is_none() {
                self.order.push_back(mark.key);
            }
            return;
        }
        let newer = self
            .positions
            .get(&mark.key)
            .is_none_or(|known| known.offset <= mark.offset);
        if newer {
            self.positions.insert(Arc::clone(&mark.key), mark);
        }
        if self.positions.len() > POSITIONS_MAX
            && let Some(oldest) = self
                .positions
                .values()
                .min_by_key(|mark| mark.offset)
                .map(|mark| Arc::clone(&mark.key))
        {
            self.positions.remove(&oldest);
        }
    }

    /// Makes room for one more.
    fn forget_bodies(&mut self, now: Time) {
        while let Some(oldest) = self.order.front() {
            let expired = self
                .bodies
                .get(oldest)
                .is_none_or(|mark| mark.observed.plus(BODY_MEMORY) <= now);
            if !expired && self.order.len() < BODIES_MAX {
                return;
            }
            if let Some(key) = self.order.pop_front() {
                self.bodies.remove(&key);
            }
        }
    }

    /// The offset at which this body was taken in already.
    pub(super) fn seen(&self, cursor: &str, now: Time) -> Option<i64> {
        let mark = self.bodies.get(cursor)?;
        (now < mark.observed.plus(BODY_MEMORY)).then_some(mark.offset)
    }

    /// How far the source `key` was read.
    pub(super) fn position(&self, key: &str) -> Option<Arc<str>> {
        self.positions.get(key).map(|mark| Arc::clone(&mark.position))
    }

    /// The log once reached this offset.
    pub(super) fn end(&self) -> i64 {
        let marks = self.positions.values().chain(self.bodies.values());
        marks.map(|mark| mark.offset.saturating_add(1)).max().unwrap_or(0)
    }

    /// As the file beside the segments holds them.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut cursors: Vec<Mark> = self.positions.values().cloned().collect();
        cursors.sort_by_key(|mark| mark.offset);
        cursors.extend(self.order.iter().filter_map(|key| self.bodies.get(key)).cloned());
        serde_json::to_vec(&Written {
            version: VERSION,
            cursors,
        })
    }

    /// From the file beside the segments.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if written.version != VERSION {
            return Err(format!("it has version {}, expected {VERSION}", written.version));
        }
        let mut cursors = Self::default();
        for mark in written.cursors {
            cursors.keep(mark);
        }
        Ok(cursors)
    }
}

/// Whether this cursor names a body that must not be taken in twice.
pub(super) fn is_body(cursor: &str) -> bool {
    BODY_PREFIXES.iter().any(|prefix| cursor.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn taken(cursors: &[(&str, i64)]) -> Cursors {
        let mut table = Cursors::default();
        for (offset, (cursor, second)) in cursors.iter().enumerate() {
            table.take(
                &Arc::from(*cursor),
                Time::from_secs(*second),
                i64::try_from(offset).unwrap(),
            );
        }
        table
    }

    #[test]
    fn the_latest_position_of_each_source_counts() {
        let table = taken(&[("file:1:2 10", 0), ("file:1:3 5", 1), ("file:1:2 20 x", 2)]);

        assert_eq!(table.position("file:1:2").as_deref(), Some("20 x"));
        assert_eq!(table.position("file:1:3").as_deref(), Some("5"));
        assert_eq!(table.position("file:1:4"), None);
    }

    #[test]
    fn a_body_is_known_for_a_day() {
        let table = taken(&[("http:aa", 0), ("http:bb", 10)]);

        assert_eq!(table.seen("http:bb", Time::from_secs(DAY)), Some(1));
        assert_eq!(table.seen("http:aa", Time::from_secs(DAY - 1)), Some(0));
        assert_eq!(table.seen("http:aa", Time::from_secs(DAY)), None);
        assert_eq!(table.seen("http:cc", Time::from_secs(0)), None);
    }

    #[test]
    fn the_oldest_bodies_make_room() {
        let mut table = Cursors::default();
        for n in 0..=BODIES_MAX {
            table.take(
                &Arc::from(format!("http:{n}")),
                Time::from_secs(1),
                i64::try_from(n).unwrap(),
            );
        }

        assert_eq!(table.bodies.len(), BODIES_MAX);
        assert_eq!(table.seen("http:0", Time::from_secs(1)), None);
        assert_eq!(table.seen("http:1", Time::from_secs(1)), Some(1));
    }

    #[test]
    fn what_is_written_is_read() {
        let table = taken(&[("file:1:2 10", 0), ("http:aa", 3), ("http:bb", 4)]);
        let again = Cursors::from_json(&table.to_json().unwrap()).unwrap();

        assert_eq!(again.position("file:1:2").as_deref(), Some("10"));
        assert_eq!(again.seen("http:aa", Time::from_secs(5)), Some(1));
        assert_eq!(again.order, table.order);
        assert!(Cursors::from_json(b"{\"version\":9,\"cursors\":[]}").is_err());
    }
}
