//! What the writer, the readers and the handles of a spool share.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;
use tracing::{error, warn};

use super::cursors::Cursors;

/// The state of an open spool.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    /// The offset after the last synced record. Whoever waits for frames waits for this.
    pub(super) end: watch::Sender<i64>,
    /// Held while segments are given up, so that it is done once at a time.
    pub(super) truncating: Mutex<()>,
    index: Mutex<Index>,
    cursors: Mutex<Cursors>,
    failure: OnceLock<Arc<str>>,
    damage: Mutex<BTreeSet<(i64, u64)>>,
    /// Records that were appended since it was opened.
    appended: AtomicU64,
    /// From and to where offsets belong to nothing, as it was when it was opened: later segments follow each other.
    unused: Vec<(i64, i64)>,
    /// Locked as long as it is open.
    _lock: File,
}

/// The segments, oldest first; the last one is written to.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) segments: Vec<Segment>,
}

/// A segment, as far as it is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The offset it begins with, which is also its name.
    pub(super) first: i64,
    /// The offset after its last record.
    pub(super) end: i64,
    /// How many bytes of it are synced.
    pub(super) bytes: u64,
}

impl Index {
    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

impl Shared {
    pub(super) fn new(folder: PathBuf, lock: File, segments: Vec<Segment>, cursors: Cursors) -> Self {
        let end = segments.last().map_or(0, |segment| segment.end);
        let pairs = segments.iter().zip(segments.iter().skip(1));
        let unused = pairs.map(|(one, next)| (one.end, next.first));
        let unused = unused.filter(|(end, first)| end < first).collect();
        Self {
            folder,
            end: watch::Sender::new(end),
            truncating: Mutex::default(),
            index: Mutex::new(Index { segments }),
            cursors: Mutex::new(cursors),
            failure: OnceLock::new(),
            damage: Mutex::default(),
            appended: AtomicU64::new(0),
            unused,
            _lock: lock,
        }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        held(&self.index)
    }

    pub(super) fn cursors(&self) -> MutexGuard<'_, Cursors> {
        held(&self.cursors)
    }

    pub(super) fn failure(&self) -> Option<Arc<str>> {
        self.failure.get().cloned()
    }

    /// Nothing more is taken from here on.
    pub(super) fn fail(&self, reason: &str) -> Arc<str> {
        let reason = self.failure.get_or_init(|| {
            error!(
                reason,
                "the spool stopped; what is acknowledged is safe, nothing more is taken"
            );
            Arc::from(reason)
        });
        self.end.send_modify(|_| {});
        Arc::clone(reason)
    }

    /// A frame that was durable cannot be read any more.
    pub(super) fn note_damage(&self, segment: i64, place: u64) {
        if held(&self.damage).insert((segment, place)) {
            warn!(segment, place, "a damaged frame in the spool is passed over");
        }
    }

    pub(super) fn count(&self, records: u64) {
        self.appended.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn appended(&self) -> u64 {
        self.appended.load(Ordering::Relaxed)
    }

    pub(super) fn unused_offsets(&self, from: i64, to: i64) -> i64 {
        let within = |&(end, first): &(i64, i64)| (first.min(to) - end.max(from)).max(0);
        self.unused.iter().map(within).sum()
    }

    pub(super) fn damaged(&self) -> usize {
        held(&self.damage).len()
    }
}

/// What a poisoned mutex guards here is still whole: nothing that is done under one can panic halfway.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
