//! Drops what a source sends twice.
//!
//! # Invariants
//! * A row is dropped only if it carries the vendor's own id and the same id came with the same
//!   content from another position. Other content is a revision and is kept.
//! * The same position again is the same record read again, after a crash: it is kept.
//! * What is dropped depends on the order of the rows, not on how they are cut into batches.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use arrow_array::BooleanArray;
use sekisho_model::ids::content_id;
use sekisho_model::{Column, EventBatch, Snapshot, Time};
use serde::{Deserialize, Serialize};

use crate::format_by_id;

/// The most records remembered of a source of a tenant. A firm of 500 people makes some 300,000
/// records of Microsoft 365 a day; at about 40 bytes each it is 20 MiB.
pub(crate) const ENTRIES_MAX: usize = 524_288;
/// How long a record is remembered at least: vendors send whole batches again within a day.
const WINDOW_MIN: Duration = Duration::from_hours(24);
/// How many entries are written together in a snapshot; what is full does not change until its
/// entries expire.
const CHUNK: u64 = 4096;
/// The part of the snapshot that holds the entries.
const PART: &str = "dedupe";
/// The part of the snapshot that holds how far each source has come.
const PART_NOW: &str = "dedupe.now";

/// Remembers what came, source by source.
#[derive(Debug, Default)]
pub struct Dedupe {
    sources: BTreeMap<String, Seen>,
}

/// What one source of one tenant sent lately.
#[derive(Debug, Default)]
struct Seen {
    /// Where each content came from first.
    positions: HashMap<u64, u64>,
    /// The same, oldest first.
    order: VecDeque<Entry>,
    /// How many entries were dropped from the front of `order` so far.
    expired: u64,
    /// The latest time of receipt.
    now: Time,
}

/// An identity with its content, where it was first read, and when it was received.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry(u64, u64, Time);

impl Dedupe {
    /// A memory without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rows that are not repetitions, and how many were.
    pub fn retain(&mut self, batch: EventBatch) -> (EventBatch, u64) {
        let keep: Vec<bool> = (0..batch.len()).map(|row| self.is_new(&batch, row)).collect();
        let dropped = keep.iter().filter(|keep| !**keep).count();
        if dropped == 0 {
            return (batch, 0);
        }
        match batch.filter(&BooleanArray::from(keep)) {
            Ok(kept) => (kept, u64::try_from(dropped).unwrap_or(u64::MAX)),
            // Nothing is lost: detection takes a repetition for a revision.
            Err(_) => (batch, 0),
        }
    }

    fn is_new(&mut self, batch: &EventBatch, row: usize) -> bool {
        if batch.flag(Column::HasNativeId, row) != Some(true) {
            return true;
        }
        let text = |column| batch.text(column, row).unwrap_or_default();
        let offset = batch.int(Column::Offset, row).unwrap_or_default();
        let content = hash(&[text(Column::EventUid).as_bytes(), text(Column::Raw).as_bytes()]);
        let position = hash(&[text(Column::Log).as_bytes(), &offset.to_le_bytes()]);
        let source = text(Column::Source);
        let key = format!("{}/{source}", text(Column::Tenant));
        let window = format_by_id(source).map_or(WINDOW_MIN, |spec| spec.lateness.max(WINDOW_MIN));
        let seen = self.sources.entry(key).or_default();
        seen.expire(batch.observed(row), window);
        seen.is_new(content, position)
    }

    /// Saves what is remembered.
    pub fn snapshot(&self) -> Result<Snapshot, serde_json::Error> {
        let mut snapshot = Snapshot::default();
        for (source, seen) in &self.sources {
            snapshot.put(PART_NOW, source.as_str(), &seen.now)?;
            for chunk in seen.chunks() {
                snapshot.put(PART, source.as_str(), &chunk)?;
            }
        }
        Ok(snapshot)
    }

    /// Goes on from a snapshot. What cannot be read is forgotten.
    pub fn restore(&mut self, from: &Snapshot) {
        self.sources.clear();
        for (source, now) in from.part(PART_NOW) {
            let seen = self.sources.entry(source.clone()).or_default();
            seen.now = serde_json::from_str(now).unwrap_or_default();
            let chunks = from.part(PART).iter().filter(|(key, _)| key == source);
            let mut chunks: Vec<Chunk> = chunks
                .filter_map(|(_, state)| serde_json::from_str(state).ok())
                .collect();
            chunks.sort_by_key(|chunk| chunk.first);
            seen.expired = chunks.first().map_or(0, |chunk| chunk.first);
            for Entry(content, position, time) in chunks.into_iter().flat_map(|chunk| chunk.entries) {
                seen.remember(content, position, time);
            }
        }
    }
}

/// Entries that follow each other, in the snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Chunk {
    /// How many entries of the source were before it, ever.
    first: u64,
    entries: Vec<Entry>,
}

impl Seen {
    /// Forgets what was received before the window.
    fn expire(&mut self, received: Time, window: Duration) {
        self.now = self.now.max(received);
        let oldest = self.now.minus(window);
        while self.order.front().is_some_and(|Entry(_, _, time)| *time < oldest) {
            self.forget_oldest();
        }
    }

    fn is_new(&mut self, content: u64, position: u64) -> bool {
        if let Some(first) = self.positions.get(&content) {
            return *first == position;
        }
        if self.order.len() >= ENTRIES_MAX {
            self.forget_oldest();
        }
        self.remember(content, position, self.now);
        true
    }

    fn remember(&mut self, content: u64, position: u64, time: Time) {
        self.positions.insert(content, position);
        self.order.push_back(Entry(content, position, time));
    }

    /// The entries, parted where their number since the beginning is a multiple of [`CHUNK`].
    fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for (entry, place) in self.order.iter().zip(self.expired..) {
            match chunks.last_mut() {
                Some(chunk) if !place.is_multiple_of(CHUNK) => chunk.entries.push(*entry),
                _ => chunks.push(Chunk {
                    first: place,
                    entries: vec![*entry],
                }),
            }
        }
        chunks
    }

    fn forget_oldest(&mut self) {
        if let Some(Entry(content, ..)) = self.order.pop_front() {
            self.positions.remove(&content);
            self.expired += 1;
        }
    }
}

/// 64 bits of a hash that is the same everywhere: among a million entries, two collide once in some
/// thirty million cases.
fn hash(parts: &[&[u8]]) -> u64 {
    let id = content_id(parts);
    id.get(..16)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sekisho_model::{EventBuilder, Origin, Projection, Raw};

    /// A record: its vendor's id, its content, its position, and the hour it was received.
    type Record = (Option<u8>, u8, i64, i64);

    fn batch(records: &[Record]) -> EventBatch {
        let origin = Origin {
            tenant: "default".into(),
            source: "entra.signin".into(),
            label: "http:test".into(),
            log: "spool".into(),
            backfill: false,
        };
        let mut rows = EventBuilder::new(&Projection::default());
        for (id, content, offset, hour) in records {
            let raw = Raw {
                origin: &origin,
                offset: *offset,
                observed: Time::from_secs(hour * 3600),
                bytes: &[b'a' + content % 26],
            };
            rows.begin(&raw, "entra.signin", 0);
            if let Some(id) = id {
                rows.native_id(&id.to_string());
            }
            rows.end();
        }
        rows.finish()
    }

    fn kept(dedupe: &mut Dedupe, records: &[Record]) -> Vec<i64> {
        let (kept, dropped) = dedupe.retain(batch(records));
        assert_eq!(kept.len() + usize::try_from(dropped).unwrap(), records.len());
        (0..kept.len())
            .map(|row| kept.int(Column::Offset, row).unwrap())
            .collect()
    }

    fn check(records: &[Record], expected: &[i64]) {
        assert_eq!(kept(&mut Dedupe::new(), records), expected);
    }

    #[test]
    fn the_same_event_sent_again_is_dropped() {
        check(&[(Some(1), 0, 0, 0), (Some(1), 0, 1, 0), (Some(2), 0, 2, 0)], &[0, 2]);
    }

    #[test]
    fn a_revision_is_kept_and_the_first_version_sent_again_after_it_is_not() {
        check(
            &[
                (Some(1), 0, 0, 0),
                (Some(1), 1, 1, 0),
                (Some(1), 0, 2, 0),
                (Some(1), 1, 3, 0),
            ],
            &[0, 1],
        );
    }

    #[test]
    fn rows_without_an_id_of_their_own_are_never_dropped() {
        check(&[(None, 0, 0, 0), (None, 0, 1, 0), (None, 0, 1, 0)], &[0, 1, 1]);
    }

    #[test]
    fn the_same_position_read_again_is_kept() {
        let mut dedupe = Dedupe::new();
        let records = [(Some(1), 0, 0, 0), (Some(1), 0, 1, 0), (Some(2), 0, 2, 0)];
        assert_eq!(kept(&mut dedupe, &records), [0, 2]);
        assert_eq!(kept(&mut dedupe, &records), [0, 2]);
    }

    #[test]
    fn after_the_window_it_is_no_longer_known() {
        check(&[(Some(1), 0, 0, 0), (Some(1), 0, 1, 24), (Some(1), 0, 2, 25)], &[0, 2]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Seen::default();
        for entry in 0..u64::try_from(ENTRIES_MAX).unwrap() + 10 {
            assert!(seen.is_new(entry, entry));
        }
        assert_eq!(seen.order.len(), ENTRIES_MAX);
        assert_eq!(seen.positions.len(), ENTRIES_MAX);
        assert_eq!(seen.expired, 10);
        assert!(seen.is_new(0, 99), "the oldest was forgotten");
        assert!(!seen.is_new(20, 99));
    }

    #[test]
    fn chunks_of_a_snapshot_do_not_change_once_they_are_full() {
        let mut dedupe = Dedupe::new();
        let seen = dedupe.sources.entry("default/entra.signin".to_owned()).or_default();
        (0..CHUNK * 3).for_each(|entry| seen.remember(entry, entry, Time(0)));
        let before = dedupe.snapshot().unwrap();
        let seen = dedupe.sources.entry("default/entra.signin".to_owned()).or_default();
        seen.forget_oldest();
        seen.remember(0, 0, Time(0));
        let after = dedupe.snapshot().unwrap();
        assert_eq!(before.part(PART).len(), 3);
        assert_eq!(after.part(PART).len(), 4);
        assert_eq!(before.part(PART)[1..], after.part(PART)[1..3]);
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        prop::collection::vec(
            (prop::option::weighted(0.9, 0..6_u8), 0..3_u8, 0..30_i64, 0..60_i64),
            0..60,
        )
    }

    proptest! {
        #[test]
        fn what_is_dropped_does_not_depend_on_the_batches(records in records(), cut in 0..60_usize) {
            let cut = cut.min(records.len());
            let mut parts = Dedupe::new();
            let mut found = kept(&mut parts, &records[..cut]);
            found.extend(kept(&mut parts, &records[cut..]));
            prop_assert_eq!(found, kept(&mut Dedupe::new(), &records));
        }

        #[test]
        fn a_restored_memory_decides_the_same(records in records(), cut in 0..60_usize) {
            let cut = cut.min(records.len());
            let (mut first, mut second) = (Dedupe::new(), Dedupe::new());
            kept(&mut first, &records[..cut]);
            second.restore(&first.snapshot().unwrap());
            prop_assert_eq!(first.snapshot().unwrap(), second.snapshot().unwrap());
            prop_assert_eq!(kept(&mut first, &records[cut..]), kept(&mut second, &records[cut..]));
        }
    }
}
