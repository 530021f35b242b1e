//! The files of the spool.
//!
//! A segment is named by the offset of its first record, in twenty digits, and begins with
//! [`MAGIC`] and that offset; frames follow without gaps.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::codec::{HEAD_BYTES, Head};
use super::error::SpoolError;

/// A segment is closed when it reaches this many bytes. It is the unit in which disk space is given
/// back, and what a restart reads at most to find its place.
pub(super) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes before the first frame: the magic and the first offset.
pub(super) const SEGMENT_HEAD_BYTES: u64 = 16;

/// The last two digits are the version of the format.
const MAGIC: &[u8; 8] = b"SKSPOL01";
/// What the magic of every version begins with.
const MAGIC_STEM: &[u8] = b"SKSPOL";

/// Logs are for the program alone.
pub(super) const FILE_MODE: u32 = 0o600;

const EXTENSION: &str = "seg";

/// How much is read from a segment at once.
const READ_BYTES: usize = 256 * 1024;

/// The path of the segment that begins with `first`.
pub(super) fn path(folder: &Path, first: i64) -> PathBuf {
    folder.join(format!("{first:020}.{EXTENSION}"))
}

/// The first offsets of the segments in `folder`, in order.
pub(super) fn list(folder: &Path) -> Result<Vec<i64>, SpoolError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(SpoolError::io("list", folder))? {
        let path = entry.map_err(SpoolError::io("list", folder))?.path();
        let first = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse::<i64>().ok());
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            found.extend(first.filter(|first| *first >= 0));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes an empty segment, durable together with its name, and opens it for writing.
pub(super) fn create(folder: &Path, first: i64) -> Result<File, SpoolError> {
    let path = path(folder, first);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(SpoolError::io("create", &path))?;
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&first.to_le_bytes());
    file.write_all(&head).map_err(SpoolError::io("write", &path))?;
    file.sync_all().map_err(SpoolError::io("sync", &path))?;
    sync_folder(folder)?;
    Ok(file)
}

/// Makes names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), SpoolError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(SpoolError::io("sync", folder))
}

/// How a segment begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// As it should.
    Good,
    /// It was never completed, or is damaged: shorter than its head, or of zeros.
    Torn,
}

/// Reads the head of a segment; one of another version is an error.
pub(super) fn beginning(folder: &Path, first: i64) -> Result<Beginning, SpoolError> {
    let path = path(folder, first);
    let mut head = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(SEGMENT_HEAD_BYTES).read_to_end(&mut head))
        .map_err(SpoolError::io("read", &path))?;
    let magic = head.get(..MAGIC.len()).unwrap_or_default();
    if magic == MAGIC && head.get(MAGIC.len()..) == Some(first.to_le_bytes().as_slice()) {
        return Ok(Beginning::Good);
    }
    if magic.len() == MAGIC.len() && magic != MAGIC && magic.starts_with(MAGIC_STEM) {
        return Err(SpoolError::Unknown {
            path,
            found: String::from_utf8_lossy(magic).into_owned(),
        });
    }
    Ok(Beginning::Torn)
}

/// What stands at some place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A frame that is whole; its payload is in the buffer.
    Frame(Head),
    /// Nothing more.
    End,
    /// A frame that is not as it was written. The next one may be read.
    Bad,
    /// Something else than a frame; what follows cannot be read.
    Damage,
}

/// Reads the frames of a segment one after the other.
#[derive(Debug)]
pub(super) struct Scanner {
    file: BufReader<io::Take<File>>,
    /// Where the next frame begins.
    pub(super) place: u64,
    limit: u64,
}

impl Scanner {
    /// Reads `file` from `place` up to `limit`.
    pub(super) fn new(mut file: File, place: u64, limit: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(place))?;
        let file = BufReader::with_capacity(READ_BYTES, file.take(limit.saturating_sub(place)));
        Ok(Self { file, place, limit })
    }

    /// Reads the next frame, and its payload into `payload`.
    pub(super) fn next(&mut self, payload: &mut Vec<u8>) -> io::Result<Found> {
        payload.clear();
        let left = self.limit.saturating_sub(self.place);
        if left == 0 {
            return Ok(Found::End);
        }
        let mut head = [0; HEAD_BYTES];
        match self.file.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Found::Damage),
            Err(error) => return Err(error),
        }
        let Some(head) = Head::from_bytes(&head) else {
            return Ok(Found::Damage);
        };
        let bytes = u64::try_from(head.payload_bytes).unwrap_or(u64::MAX);
        let frame_bytes = bytes.saturating_add(u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX));
        if left < frame_bytes {
            return Ok(Found::Damage);
        }
        Read::by_ref(&mut self.file).take(bytes).read_to_end(payload)?;
        self.place = self.place.saturating_add(frame_bytes);
        Ok(if head.fits(payload) {
            Found::Frame(head)
        } else {
            Found::Bad
        })
    }
}
