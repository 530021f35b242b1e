//! The one thread that writes the spool.
//!
//! While a sync runs, more appends arrive; they are written and synced together, so the number of
//! syncs does not grow with the number of senders.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::sync::Arc;

use sekisho_model::Time;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::warn;

use super::codec::{HEAD_BYTES, Head, PAYLOAD_BYTES_MAX};
use super::cursors::is_body;
use super::error::SpoolError;
use super::segment;
use super::shared::{Segment, Shared};
use super::{Appended, SpoolSettings};

/// The most bytes that are written before a sync. What waits at a sync is little against this; it
/// bounds the memory of the writer.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Room beyond the quota for ticks and changes of context, which must go on while senders wait.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;

/// Free space that is left to the rest of the machine, and to the tables, which must be written for
/// the spool to shrink: this many bytes, or a tenth of the disk if that is less.
pub(crate) const DISK_FREE_BYTES_MIN: u64 = 2 * 1024 * 1024 * 1024;

/// Something to append.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) payload: Vec<u8>,
    /// How many offsets it takes.
    pub(super) offsets: i64,
    /// How many records it has.
    pub(super) records: usize,
    pub(super) cursor: Option<Arc<str>>,
    pub(super) observed: Time,
    /// Whether it is from outside, and may be refused when the spool is full.
    pub(super) refusable: bool,
    pub(super) reply: oneshot::Sender<Result<Appended, SpoolError>>,
    /// Room in the queue, given back when it is done.
    pub(super) room: OwnedSemaphorePermit,
}

/// Writes and syncs.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    settings: SpoolSettings,
    file: File,
    /// The segment that is written to, as far as it is synced.
    segment: Segment,
    group: Group,
}

/// What is written with one sync.
#[derive(Debug, Default)]
struct Group {
    bytes: Vec<u8>,
    /// The offset after its last record.
    end: Option<i64>,
    records: usize,
    cursors: Vec<(Arc<str>, Time, i64)>,
    /// Those of the cursors that are bodies.
    bodies: HashMap<Arc<str>, i64>,
    replies: Vec<(oneshot::Sender<Result<Appended, SpoolError>>, Appended)>,
    rooms: Vec<OwnedSemaphorePermit>,
}

impl Writer {
    /// Goes on at the end of `segment`, which is `file`.
    pub(super) fn new(shared: Arc<Shared>, settings: SpoolSettings, file: File, segment: Segment) -> Self {
        Self {
            shared,
            settings,
            file,
            segment,
            group: Group::default(),
        }
    }

    /// Works until every handle of the spool is gone and what they sent is written.
    pub(super) fn run(mut self, mut queue: mpsc::UnboundedReceiver<Append>) {
        while let Some(append) = queue.blocking_recv() {
            self.take(append);
            while self.group.bytes.len() < GROUP_BYTES_MAX
                && let Ok(append) = queue.try_recv()
            {
                self.take(append);
            }
            self.flush();
        }
    }

    /// Puts an append into the group, or refuses it.
    fn take(&mut self, append: Append) {
        match self.place(&append) {
            Ok(appended) if appended.repeated => self.group.replies.push((append.reply, appended)),
            Ok(appended) => {
                let head = Head::new(appended.first, &append.payload);
                self.group.bytes.extend_from_slice(&head.to_bytes());
                self.group.bytes.extend_from_slice(&append.payload);
                self.group.end = Some(appended.first.saturating_add(append.offsets));
                self.group.records += append.records;
                if let Some(cursor) = append.cursor.as_ref().filter(|cursor| is_body(cursor)) {
                    self.group.bodies.insert(Arc::clone(cursor), appended.first);
                }
                self.group
                    .cursors
                    .extend(append.cursor.map(|cursor| (cursor, append.observed, appended.first)));
                self.group.replies.push((append.reply, appended));
                self.group.rooms.push(append.room);
            }
            Err(error) => answer(append.reply, Err(error)),
        }
    }

    /// Where an append goes, or why not.
    fn place(&mut self, append: &Append) -> Result<Appended, SpoolError> {
        if let Some(reason) = self.shared.failure() {
            return Err(SpoolError::Failed(reason));
        }
        if let Some(first) = self.known(append) {
            return Ok(Appended { first, repeated: true });
        }
        let bytes_max = PAYLOAD_BYTES_MAX.min(usize::try_from(self.settings.quota_bytes / 2).unwrap_or(usize::MAX));
        if bytes_max < append.payload.len() {
            return Err(SpoolError::TooLarge {
                bytes: append.payload.len(),
                max: bytes_max,
            });
        }
        if self.is_segment_full() {
            self.flush();
            self.roll()?;
        }
        if !self.has_room(append) {
            self.close_segment()?;
            return Err(SpoolError::Full);
        }
        Ok(Appended {
            first: self.group.end.unwrap_or(self.segment.end),
            repeated: false,
        })
    }

    /// The offset at which a body was taken in already, here or in this group.
    fn known(&self, append: &Append) -> Option<i64> {
        let cursor = append.cursor.as_ref().filter(|cursor| is_body(cursor))?;
        self.group
            .bodies
            .get(cursor)
            .copied()
            .or_else(|| self.shared.cursors().seen(cursor, append.observed))
    }

    /// A quota of a few segments must still leave one that can be given up.
    fn is_segment_full(&self) -> bool {
        let bytes_max = segment::SEGMENT_BYTES.min(self.settings.quota_bytes / 4);
        bytes_max <= self.segment.bytes.saturating_add(as_u64(self.group.bytes.len()))
    }

    fn has_room(&self, append: &Append) -> bool {
        let frame = append
            .payload
            .len()
            .saturating_add(HEAD_BYTES)
            .saturating_add(self.group.bytes.len());
        let bytes = self.shared.index().bytes().saturating_add(as_u64(frame));
        if !append.refusable {
            return bytes <= self.settings.quota_bytes.saturating_add(RESERVE_BYTES);
        }
        bytes <= self.settings.quota_bytes && self.disk_has_room()
    }

    fn disk_has_room(&self) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.shared.folder) else {
            return true;
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let tenth = disk.f_blocks.saturating_mul(disk.f_frsize) / 10;
        DISK_FREE_BYTES_MIN.min(tenth) <= free
    }

    /// A full spool gets room again by truncation, which does not touch the segment that is written to.
    fn close_segment(&mut self) -> Result<(), SpoolError> {
        self.flush();
        if segment::SEGMENT_HEAD_BYTES < self.segment.bytes {
            self.roll()
        } else {
            Ok(())
        }
    }

    /// Begins the next segment.
    fn roll(&mut self) -> Result<(), SpoolError> {
        if let Some(reason) = self.shared.failure() {
            return Err(SpoolError::Failed(reason));
        }
        let first = self.segment.end;
        self.file = segment::create(&self.shared.folder, first).map_err(|error| match error {
            SpoolError::Io { source, .. } if is_full(&source) => self.give_up_beginning(first),
            error => SpoolError::Failed(self.shared.fail(&with_source(&error))),
        })?;
        self.segment = Segment {
            first,
            end: first,
            bytes: segment::SEGMENT_HEAD_BYTES,
        };
        self.shared.index().segments.push(self.segment);
        Ok(())
    }

    /// The disk is full: a segment that could not be begun must not stand in the way of the next try.
    fn give_up_beginning(&self, first: i64) -> SpoolError {
        match std::fs::remove_file(segment::path(&self.shared.folder, first)) {
            Ok(()) => SpoolError::Full,
            Err(error) if error.kind() == ErrorKind::NotFound => SpoolError::Full,
            Err(error) => SpoolError::Failed(self.shared.fail(&error.to_string())),
        }
    }

    /// Writes and syncs the group, and only then tells those who wait.
    fn flush(&mut self) {
        let group = std::mem::take(&mut self.group);
        let written = match group.end {
            Some(end) => self.write(&group.bytes, end),
            None => Ok(()),
        };
        match written {
            Ok(()) => self.publish(group),
            Err(error) => {
                let answers = group.replies.into_iter().map(|(reply, _)| reply);
                answers.for_each(|reply| answer(reply, Err(copy(&error))));
            }
        }
    }

    fn write(&mut self, bytes: &[u8], end: i64) -> Result<(), SpoolError> {
        if let Err(error) = self.file.write_all(bytes) {
            return Err(self.take_back(&error));
        }
        // After a failed sync nobody knows what is on the disk, and a second sync may lie.
        self.file
            .sync_data()
            .map_err(|error| SpoolError::Failed(self.shared.fail(&format!("failed to sync a segment: {error}"))))?;
        self.segment.bytes = self.segment.bytes.saturating_add(as_u64(bytes.len()));
        self.segment.end = end;
        Ok(())
    }

    /// A write that found the disk full is undone; any other failure is the end.
    ///
    /// Durably: the next segment may begin at the offsets that were refused here.
    pub(super) fn take_back(&mut self, error: &io::Error) -> SpoolError {
        let undone = self
            .file
            .set_len(self.segment.bytes)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.segment.bytes)))
            .and_then(|_| self.file.sync_all());
        if is_full(error) && undone.is_ok() {
            warn!("the disk is full; senders have to wait");
            return SpoolError::Full;
        }
        SpoolError::Failed(self.shared.fail(&format!("failed to write a segment: {error}")))
    }

    fn publish(&mut self, group: Group) {
        if let Some(active) = self.shared.index().segments.last_mut() {
            *active = self.segment;
        }
        {
            let mut cursors = self.shared.cursors();
            for (cursor, observed, first) in &group.cursors {
                cursors.take(cursor, *observed, *first);
            }
        }
        self.shared.count(as_u64(group.records));
        self.shared.end.send_replace(self.segment.end);
        for (reply, appended) in group.replies {
            answer(reply, Ok(appended));
        }
    }
}

/// Whoever waited may have gone; the append is durable all the same.
fn answer(reply: oneshot::Sender<Result<Appended, SpoolError>>, result: Result<Appended, SpoolError>) {
    drop(reply.send(result));
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// The same error for each of those who waited for one write.
fn copy(error: &SpoolError) -> SpoolError {
    match error {
        SpoolError::Failed(reason) => SpoolError::Failed(Arc::clone(reason)),
        _ => SpoolError::Full,
    }
}

fn with_source(error: &SpoolError) -> String {
    match error {
        SpoolError::Io { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
