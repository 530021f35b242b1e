//! The local log that everything passes: append-only, checksummed, synced in groups.
//!
//! HTTP bodies, syslog lines, the lines of followed files and Kafka messages become frames of it, so that
//! there is one order and one position, and a crash replays exactly what was.
//!
//! # Invariants
//! * An append returns only after its frame is on stable storage; a reader never sees one that is not.
//! * What an append carries (records, and the cursor that says how far the source was read) is
//!   durable together or not at all.
//! * A failed sync is the end: everything after it is refused until the program is started again.
//! * After any crash it opens without help. What was not completed is cut off; a frame that was
//!   damaged later is passed over and counted.
//!
//! # Not here
//! When the log may be truncated: that is for the lane, which knows what is in the tables.

mod codec;
mod cursors;
mod error;
mod reader;
mod recovery;
mod segment;
mod shared;
mod writer;

use std::fs::{File, OpenOptions};
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sekisho_model::Time;
use sekisho_pipeline::{Frame, FrameBody, Records};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub(crate) use cursors::{BODIES_MAX, POSITIONS_MAX};
pub use error::SpoolError;
pub use reader::SpoolReader;
use recovery::Recovered;
use shared::{Segment, Shared, held};
pub(crate) use writer::DISK_FREE_BYTES_MIN;
use writer::{Append, Writer};

/// How much disk the spool may take if nothing else is said: a day of fifty records a second of 1 KiB.
pub const QUOTA_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The most bytes that wait to be written. Whoever brings more waits himself.
pub(crate) const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How a spool is opened.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// Where it lies; made if missing.
    pub folder: PathBuf,
    /// How many bytes of disk it may take.
    pub quota_bytes: u64,
    /// No new record gets an offset below this. The tables know up to where they have everything; if
    /// the spool was lost and began at 0 again, new records would be taken for old ones.
    pub next_offset_min: i64,
}

impl SpoolSettings {
    /// A spool in `folder` with [`QUOTA_BYTES`].
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            quota_bytes: QUOTA_BYTES,
            next_offset_min: 0,
        }
    }
}

/// Where an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub first: i64,
    /// Whether the same body was taken in before, at that offset, and was not taken in again.
    pub repeated: bool,
}

/// What the spool looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolStatus {
    /// The offset of the oldest record.
    pub begin: i64,
    /// The offset after the newest record.
    pub end: i64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Places at which frames that once were durable could not be read.
    pub damaged: usize,
    /// Bytes that were cut off when it was opened, of appends that were not completed.
    pub torn_bytes: u64,
    /// Records that were appended since it was opened.
    pub appended: u64,
}

/// A handle of an open spool. When the last one is dropped, what was sent is written and the writer ends.
#[derive(Clone, Debug)]
pub struct Spool {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    torn_bytes: u64,
    quota_bytes: u64,
    /// Offsets below this are in the tables, and are not here: the spool was lost and began anew.
    begins_anew: i64,
    /// Both are taken when the spool is closed.
    queue: Mutex<Option<mpsc::UnboundedSender<Append>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    /// Opens a spool, or makes one. Reads all of it once; call it before there is anything to wait for.
    pub fn open(settings: SpoolSettings) -> Result<Self, SpoolError> {
        let folder = &settings.folder;
        let lock = recovery::lock(folder)?;
        let mut recovered = recovery::recover(folder)?;
        let (active, file) = active_segment(&settings, &mut recovered)?;
        let begins_anew = recovered.segments.first().map_or(0, |segment| segment.first);
        let begins_anew = begins_anew.min(settings.next_offset_min);
        let shared = Arc::new(Shared::new(folder.clone(), lock, recovered.segments, recovered.cursors));
        for (segment, place) in recovered.damage {
            shared.note_damage(segment, place);
        }
        let (queue, appends) = mpsc::unbounded_channel();
        let (path, quota_bytes) = (folder.clone(), settings.quota_bytes);
        let writer = Writer::new(Arc::clone(&shared), settings, file, active);
        let writer = std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run(appends))
            .map_err(SpoolError::io("start the writer of", &path))?;
        let handle = Handle {
            shared,
            room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            torn_bytes: recovered.torn_bytes,
            quota_bytes,
            begins_anew,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
        };
        Ok(Self {
            handle: Arc::new(handle),
        })
    }

    /// Appends records; they are on stable storage when this returns.
    ///
    /// If the future is dropped, they may or may not become part of the log.
    pub async fn append(&self, records: Records, observed: Time) -> Result<Appended, SpoolError> {
        received(self.send(FrameBody::Records(records), observed).await?).await
    }

    /// Appends several groups of records in this order, with one wait for all of them.
    pub async fn append_all(&self, groups: Vec<Records>, observed: Time) -> Vec<Result<Appended, SpoolError>> {
        let mut sent = Vec::with_capacity(groups.len());
        for records in groups {
            sent.push(self.send(FrameBody::Records(records), observed).await);
        }
        let mut appended = Vec::with_capacity(sent.len());
        for reply in sent {
            appended.push(match reply {
                Ok(reply) => received(reply).await,
                Err(error) => Err(error),
            });
        }
        appended
    }

    /// Appends that a second went by. It has room when senders have none.
    pub async fn append_tick(&self, observed: Time) -> Result<Appended, SpoolError> {
        received(self.send(FrameBody::Tick, observed).await?).await
    }

    /// Appends that what is judged by changed. It has room when senders have none.
    pub async fn append_context(&self, text: &str, observed: Time) -> Result<Appended, SpoolError> {
        received(self.send(FrameBody::Context(Arc::from(text)), observed).await?).await
    }

    /// Puts a frame into the queue of the writer, when there is room.
    async fn send(&self, body: FrameBody, observed: Time) -> Result<Reply, SpoolError> {
        let payload = codec::encode(&body, observed);
        let room = u32::try_from(payload.len().min(QUEUE_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.handle.room)
            .acquire_many_owned(room)
            .await
            .map_err(|_closed| SpoolError::Closed)?;
        let refusable = matches!(body, FrameBody::Records(_));
        let frame = Frame {
            first: 0,
            observed,
            body,
        };
        let offsets = frame.end();
        let (records, cursor) = match frame.body {
            FrameBody::Records(records) => (records.records.len(), records.cursor),
            FrameBody::Tick | FrameBody::Context(_) => (0, None),
        };
        let (reply, answer) = oneshot::channel();
        let append = Append {
            payload,
            offsets,
            records,
            cursor,
            observed,
            refusable,
            reply,
            room,
        };
        let queue = held(&self.handle.queue);
        let queue = queue.as_ref().ok_or(SpoolError::Closed)?;
        queue.send(append).map_err(|_closed| SpoolError::Closed)?;
        Ok(answer)
    }

    /// How far a source was read, by the first word of its cursors.
    pub fn position(&self, key: &str) -> Option<Arc<str>> {
        self.handle.shared.cursors().position(key)
    }

    /// A reader of the log, for the lane.
    pub fn reader(&self) -> SpoolReader {
        SpoolReader::new(Arc::clone(&self.handle.shared))
    }

    /// What it looks like now.
    pub fn status(&self) -> SpoolStatus {
        let shared = &self.handle.shared;
        let (begin, bytes) = {
            let index = shared.index();
            (index.segments.first().map_or(0, |segment| segment.first), index.bytes())
        };
        let end = *shared.end.borrow();
        SpoolStatus {
            begin,
            end,
            bytes,
            damaged: shared.damaged(),
            torn_bytes: self.handle.torn_bytes,
            appended: shared.appended(),
        }
    }

    /// How many bytes of disk it may take.
    pub fn quota_bytes(&self) -> u64 {
        self.handle.quota_bytes
    }

    /// How many offsets between two positions belong to nothing here, and rightly so: where it began anew above what the
    /// tables had.
    pub fn unused_offsets(&self, from: i64, to: i64) -> i64 {
        let before = (self.handle.begins_anew.min(to) - from).max(0);
        before + self.handle.shared.unused_offsets(from, to)
    }

    /// Why it takes nothing more, if it failed.
    pub fn failure(&self) -> Option<Arc<str>> {
        self.handle.shared.failure()
    }

    /// Writes what was sent and ends the writer; appends through any handle are refused from now on.
    pub async fn close(&self) {
        let handle = Arc::clone(&self.handle);
        let closed = tokio::task::spawn_blocking(move || handle.close()).await;
        drop(closed);
    }
}

impl Handle {
    fn close(&self) {
        drop(held(&self.queue).take());
        let writer = held(&self.writer).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            self.shared.fail("the writer ended unexpectedly");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

type Reply = oneshot::Receiver<Result<Appended, SpoolError>>;

async fn received(reply: Reply) -> Result<Appended, SpoolError> {
    reply.await.unwrap_or(Err(SpoolError::Closed))
}

/// The segment to go on with, opened at its end: the last one, or a new one.
fn active_segment(settings: &SpoolSettings, recovered: &mut Recovered) -> Result<(Segment, File), SpoolError> {
    let folder: &Path = &settings.folder;
    let segments = &mut recovered.segments;
    let end = segments.last().map_or(0, |segment| segment.end);
    let first = [
        settings.next_offset_min,
        recovered.cursors.end(),
        recovered.unbegun.unwrap_or(0),
    ]
    .into_iter()
    .fold(end, i64::max);
    if let Some(last) = segments.last().copied()
        && first == end
        && recovered.unbegun.is_none()
    {
        let path = segment::path(folder, last.first);
        let open = || {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.seek(std::io::SeekFrom::Start(last.bytes))?;
            Ok(file)
        };
        return Ok((last, open().map_err(SpoolError::io("open", &path))?));
    }
    let file = segment::create(folder, first)?;
    let segment = Segment {
        first,
        end: first,
        bytes: segment::SEGMENT_HEAD_BYTES,
    };
    segments.push(segment);
    Ok((segment, file))
}

#[cfg(test)]
mod tests;
