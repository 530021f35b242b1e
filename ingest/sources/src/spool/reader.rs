//! Reading the spool.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use sekisho_pipeline::{BoxError, Frame, FrameBody, Log};
use tokio::sync::watch;

use super::codec::{decode, summarise};
use super::error::SpoolError;
use super::recovery;
use super::segment::{self, Found, SEGMENT_HEAD_BYTES, Scanner};
use super::shared::{Segment, Shared, held};

/// About how many bytes of payload one read returns at most; a single frame may be larger.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Reads frames of a spool, as far as they are synced. Any number of readers may read at once.
#[derive(Debug)]
pub struct SpoolReader {
    shared: Arc<Shared>,
    end: watch::Receiver<i64>,
    place: Option<Place>,
}

/// Where a frame begins: saves the search.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: i64,
    segment: i64,
    bytes: u64,
}

impl SpoolReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let end = shared.end.subscribe();
        Self {
            shared,
            end,
            place: None,
        }
    }

    /// What is there at `from` or after.
    async fn read_now(&mut self, from: i64, records_max: usize) -> Result<Vec<Frame>, BoxError> {
        let mut batch = Batch::new(Arc::clone(&self.shared), from, records_max);
        let place = self.place.filter(|place| place.offset == from);
        let read = move || batch.read(place).map(|place| (batch.frames, place));
        let (frames, place) = tokio::task::spawn_blocking(read).await??;
        self.place = place.or(self.place);
        Ok(frames)
    }
}

impl Log for SpoolReader {
    async fn read(&mut self, from: i64, records_max: usize) -> Result<Vec<Frame>, BoxError> {
        loop {
            let end = *self.end.borrow_and_update();
            let frames = if from < end {
                self.read_now(from, records_max).await?
            } else {
                Vec::new()
            };
            if !frames.is_empty() {
                return Ok(frames);
            }
            if let Some(reason) = self.shared.failure() {
                return Err(SpoolError::Failed(reason).into());
            }
            self.end.changed().await?;
        }
    }

    async fn truncate(&mut self, position: i64) -> Result<(), BoxError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || truncate(&shared, position)).await??;
        Ok(())
    }
}

/// What one read collects.
#[derive(Debug)]
struct Batch {
    shared: Arc<Shared>,
    from: i64,
    records_max: usize,
    frames: Vec<Frame>,
    records: usize,
    bytes: usize,
}

impl Batch {
    fn new(shared: Arc<Shared>, from: i64, records_max: usize) -> Self {
        Self {
            shared,
            from,
            records_max,
            frames: Vec::new(),
            records: 0,
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.records_max <= self.records || READ_BYTES_MAX <= self.bytes
    }

    /// Reads until the batch is full or the log ends; returns where to go on.
    fn read(&mut self, place: Option<Place>) -> Result<Option<Place>, SpoolError> {
        let segments: Vec<Segment> = self.shared.index().segments.clone();
        let from = place.map_or(self.from, |place| place.offset);
        let mut next = None;
        for segment in segments.iter().filter(|segment| from < segment.end) {
            let bytes = place
                .filter(|place| place.segment == segment.first)
                .map_or(SEGMENT_HEAD_BYTES, |place| place.bytes);
            next = self.read_segment(*segment, bytes)?.or(next);
            if self.is_full() {
                break;
            }
        }
        Ok(next)
    }

    fn read_segment(&mut self, segment: Segment, place: u64) -> Result<Option<Place>, SpoolError> {
        let path = segment::path(&self.shared.folder, segment.first);
        let opened = File::open(&path).and_then(|file| Scanner::new(file, place, segment.bytes));
        let mut scanner = match opened {
            Ok(scanner) => scanner,
            // It was given up since the index was read, which only happens to what is not needed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SpoolError::io("read", &path)(error)),
        };
        let mut payload = Vec::new();
        let mut next = None;
        while !self.is_full() {
            let place = scanner.place;
            let found = scanner.next(&mut payload).map_err(SpoolError::io("read", &path))?;
            let summary = match &found {
                Found::End => break,
                Found::Frame(head) => summarise(head.first, &payload).map(|summary| (head.first, summary.end)),
                Found::Bad | Found::Damage => None,
            };
            match summary {
                Some((_, end)) if end <= self.from => {}
                Some((first, end)) => {
                    self.push(decode(first, &payload), payload.len());
                    next = Some(Place {
                        offset: end,
                        segment: segment.first,
                        bytes: scanner.place,
                    });
                }
                None => self.shared.note_damage(segment.first, place),
            }
            if found == Found::Damage {
                break;
            }
        }
        Ok(next)
    }

    fn push(&mut self, frame: Option<Frame>, bytes: usize) {
        // A payload that has its checksum and its summary was written by `encode`.
        let Some(mut frame) = frame else { return };
        if frame.first < self.from
            && let FrameBody::Records(records) = &mut frame.body
        {
            let before = usize::try_from(self.from.saturating_sub(frame.first)).unwrap_or(usize::MAX);
            records.records.drain(..before.min(records.records.len()));
            frame.first = self.from;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.records = self.records.saturating_add(match &frame.body {
            FrameBody::Records(records) => records.records.len().max(1),
            FrameBody::Tick | FrameBody::Context(_) => 1,
        });
        self.frames.push(frame);
    }
}

/// Gives up the segments that lie before `position`, never the one that is written to. The cursors
/// in them are kept first.
pub(super) fn truncate(shared: &Shared, position: i64) -> Result<(), SpoolError> {
    let _once = held(&shared.truncating);
    let old: Vec<Segment> = {
        let index = shared.index();
        let closed = index.segments.len().saturating_sub(1);
        index
            .segments
            .iter()
            .take(closed)
            .take_while(|segment| segment.end <= position)
            .copied()
            .collect()
    };
    if old.is_empty() {
        return Ok(());
    }
    let cursors = shared.cursors().clone();
    let cursors = cursors.to_json().map_err(|error| SpoolError::Io {
        step: "write the cursors in",
        path: PathBuf::from(&shared.folder),
        source: error.into(),
    })?;
    recovery::write_cursors(&shared.folder, &cursors)?;
    for segment in &old {
        let path = segment::path(&shared.folder, segment.first);
        std::fs::remove_file(&path).map_err(SpoolError::io("remove", &path))?;
        shared.index().segments.retain(|known| known.first != segment.first);
    }
    segment::sync_folder(&shared.folder)
}
