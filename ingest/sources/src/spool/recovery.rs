//! Opening a spool after whatever happened.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tracing::{info, warn};

use super::codec::summarise;
use super::cursors::Cursors;
use super::error::SpoolError;
use super::segment::{self, Beginning, FILE_MODE, Found, SEGMENT_HEAD_BYTES, Scanner};
use super::shared::Segment;

const LOCK_FILE: &str = "lock";
const CURSORS_FILE: &str = "cursors.json";

/// What was found in the folder.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) segments: Vec<Segment>,
    pub(super) cursors: Cursors,
    /// Where frames are damaged that once were durable: segment and place.
    pub(super) damage: Vec<(i64, u64)>,
    /// Bytes of an append that was not completed.
    pub(super) torn_bytes: u64,
    /// The last segment was never begun. It begins here: the one before it is closed, and if frames at its
    /// end are damaged, this alone tells which offsets they had.
    pub(super) unbegun: Option<i64>,
}

/// Takes the folder for this process.
pub(super) fn lock(folder: &Path) -> Result<File, SpoolError> {
    fs::create_dir_all(folder).map_err(SpoolError::io("create", folder))?;
    let path = folder.join(LOCK_FILE);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(SpoolError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(SpoolError::io("lock", &path)(error)),
    }
}

/// Reads all segments. What was not completed at the end is cut off; damage before it is passed over.
pub(super) fn recover(folder: &Path) -> Result<Recovered, SpoolError> {
    let mut recovered = Recovered {
        cursors: read_cursors(folder)?,
        ..Recovered::default()
    };
    let firsts = segment::list(folder)?;
    for (place, first) in firsts.iter().copied().enumerate() {
        let last = place + 1 == firsts.len();
        match segment::beginning(folder, first)? {
            Beginning::Good => read_segment(folder, first, last, &mut recovered)?,
            Beginning::Torn if last => {
                let path = segment::path(folder, first);
                fs::remove_file(&path).map_err(SpoolError::io("remove", &path))?;
                segment::sync_folder(folder)?;
                recovered.unbegun = Some(first);
            }
            Beginning::Torn => {
                recovered.damage.push((first, 0));
                recovered.segments.push(Segment {
                    first,
                    end: first,
                    bytes: size(folder, first)?,
                });
            }
        }
    }
    Ok(recovered)
}

fn size(folder: &Path, first: i64) -> Result<u64, SpoolError> {
    let path = segment::path(folder, first);
    fs::metadata(&path)
        .map(|metadata| metadata.len())
        .map_err(SpoolError::io("read", &path))
}

fn read_segment(folder: &Path, first: i64, last: bool, recovered: &mut Recovered) -> Result<(), SpoolError> {
    let path = segment::path(folder, first);
    let bytes = size(folder, first)?;
    let mut scanner = File::open(&path)
        .and_then(|file| Scanner::new(file, SEGMENT_HEAD_BYTES, bytes))
        .map_err(SpoolError::io("read", &path))?;
    let mut segment = Segment {
        first,
        end: first,
        bytes,
    };
    let mut payload = Vec::new();
    // Where frames were bad since the last good one. Before a good frame they are damage: they had
    // been durable. At the end of the log they were never completed, and nobody was told they were.
    let mut bad = Vec::new();
    loop {
        let place = scanner.place;
        let head = match scanner.next(&mut payload).map_err(SpoolError::io("read", &path))? {
            Found::Frame(head) => head,
            Found::Bad => {
                bad.push((first, place));
                continue;
            }
            Found::Damage => {
                bad.push((first, place));
                break;
            }
            Found::End => break,
        };
        let Some(summary) = summarise(head.first, &payload) else {
            bad.push((first, place));
            continue;
        };
        recovered.damage.append(&mut bad);
        segment.end = summary.end;
        if let Some(cursor) = &summary.cursor {
            recovered.cursors.take(cursor, summary.observed, head.first);
        }
    }
    match bad.first() {
        Some((_, place)) if last => {
            recovered.torn_bytes = bytes.saturating_sub(*place);
            segment.bytes = *place;
            cut(&path, *place)?;
        }
        _ => recovered.damage.append(&mut bad),
    }
    if last {
        sync(&path)?;
    }
    recovered.segments.push(segment);
    Ok(())
}

fn cut(path: &Path, bytes: u64) -> Result<(), SpoolError> {
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(SpoolError::io("open", path))?;
    file.set_len(bytes).map_err(SpoolError::io("truncate", path))?;
    info!(bytes, file = %path.display(), "cut off what was not completed when the program ended");
    Ok(())
}

/// A process that was killed may have written frames and not synced them. From here on they are read, and
/// a body that is sent again is acknowledged because of them.
fn sync(path: &Path) -> Result<(), SpoolError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(SpoolError::io("sync", path))
}

fn read_cursors(folder: &Path) -> Result<Cursors, SpoolError> {
    let path = folder.join(CURSORS_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Cursors::default()),
        Err(error) => return Err(SpoolError::io("read", &path)(error)),
    };
    match Cursors::from_json(&bytes) {
        Ok(cursors) => Ok(cursors),
        Err(reason) => {
            // Starting is worth more than the positions: followed files are read again from the start.
            let kept = folder.join(format!("{CURSORS_FILE}.unreadable"));
            fs::rename(&path, &kept).map_err(SpoolError::io("rename", &path))?;
            warn!(file = %kept.display(), reason, "positions of followed files are unreadable and start anew");
            Ok(Cursors::default())
        }
    }
}

/// Replaces the file of cursors, durably.
pub(super) fn write_cursors(folder: &Path, cursors: &[u8]) -> Result<(), SpoolError> {
    let path = folder.join(CURSORS_FILE);
    let fresh = folder.join(format!("{CURSORS_FILE}.new"));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&fresh)?;
        file.write_all(cursors)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    };
    write().map_err(SpoolError::io("write", &path))?;
    segment::sync_folder(folder)
}
