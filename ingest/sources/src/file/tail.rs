//! One file, from where it was left to its end.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use tracing::warn;

use super::identity::{BEGINNING_BYTES, Beginning, Key, cursor_key, read_at};
use crate::lines::{RECORD_BYTES_MAX, cut, lines, without_cr};

/// How much is read at once, and the most that becomes one frame. It holds the longest record, so
/// what has no end of line in it is too long.
const PIECE_BYTES: usize = 1024 * 1024;

/// How many looks a file without its name is still read for. Writers go on for a moment after a
/// rotation, until they are told.
const FINISH_LOOKS: u32 = 20;

/// Marks a position in the middle of a line that was too long.
const SKIPPING: &str = "skip";

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) path: PathBuf,
    /// Whether a name that is followed leads to it.
    pub(super) is_named: bool,
    /// Whether it was followed before the program was started.
    pub(super) is_known: bool,
    file: File,
    key: Key,
    beginning: Beginning,
    position: u64,
    skipping: bool,
    /// How big it was when it was last read to its end, and when it had been written to.
    seen: Option<(u64, SystemTime)>,
    /// For how many looks it has had no name and nothing new.
    idle: u32,
}

/// Some lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it begins.
    pub(super) begin: u64,
    pub(super) records: Vec<Vec<u8>>,
    /// How far the file is read with it.
    pub(super) cursor: String,
    end: u64,
    skipping: bool,
    beginning: Beginning,
}

impl Tail {
    /// Opens a file where `saved` says, or at its start.
    pub(super) fn open(path: PathBuf, key: Key, saved: Option<&str>) -> io::Result<Self> {
        let file = File::open(&path)?;
        let mut tail = Self {
            path,
            is_named: true,
            is_known: false,
            file,
            key,
            beginning: Beginning::default(),
            position: 0,
            skipping: false,
            seen: None,
            idle: 0,
        };
        if let Some((position, beginning, skipping)) = saved.and_then(parse)
            && beginning.is_of(&tail.file)?
            && position <= tail.file.metadata()?.len()
        {
            tail.is_known = true;
            tail.position = position;
            tail.beginning = beginning;
            tail.skipping = skipping;
        }
        Ok(tail)
    }

    /// How far it was read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next lines, if there are any that are complete.
    pub(super) fn read(&mut self) -> Option<Piece> {
        match self.try_read() {
            Ok(piece) => piece,
            Err(error) => {
                warn!(file = %self.path.display(), %error, "cannot read a followed file");
                self.idle = self.idle.saturating_add(1);
                None
            }
        }
    }

    fn try_read(&mut self) -> io::Result<Option<Piece>> {
        let metadata = self.file.metadata()?;
        let size = metadata.len();
        let now = (size, metadata.modified()?);
        if self.seen == Some(now) {
            return Ok(self.nothing_new());
        }
        if size < self.position || !self.beginning.is_of(&self.file)? {
            warn!(file = %self.path.display(), position = self.position, size, "a followed file was cut; it is read from its start");
            self.start_over();
        }
        let mut bytes = vec![0; PIECE_BYTES.min(usize::try_from(size - self.position).unwrap_or(PIECE_BYTES))];
        let count = read_at(&self.file, &mut bytes, self.position)?;
        bytes.truncate(count);
        if bytes.is_empty() {
            self.seen = Some(now);
            return Ok(self.nothing_new());
        }
        self.beginning = Beginning::read(&self.file, BEGINNING_BYTES)?;
        let piece = self.complete_lines(&bytes);
        if piece.is_none() {
            self.seen = Some(now);
        }
        self.idle = 0;
        Ok(piece)
    }

    fn start_over(&mut self) {
        self.position = 0;
        self.skipping = false;
        self.beginning = Beginning::default();
        self.seen = None;
    }

    /// Of a file that lost its name and does not grow, the last line is complete without an end.
    fn nothing_new(&mut self) -> Option<Piece> {
        if self.is_named {
            self.idle = 0;
            return None;
        }
        self.idle = self.idle.saturating_add(1);
        if self.idle != FINISH_LOOKS || self.skipping {
            return None;
        }
        let mut rest = vec![0; RECORD_BYTES_MAX];
        let count = read_at(&self.file, &mut rest, self.position).unwrap_or(0);
        rest.truncate(count);
        (!rest.is_empty()).then(|| self.piece(&rest, count, false))
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_finished(&self) -> bool {
        !self.is_named && FINISH_LOOKS <= self.idle
    }

    /// `bytes` up to the last end of line; or the beginning of a line that is too long.
    fn complete_lines(&self, bytes: &[u8]) -> Option<Piece> {
        if self.skipping {
            let end = memchr::memchr(b'\n', bytes);
            return Some(self.piece(&[], end.map_or(bytes.len(), |end| end + 1), end.is_none()));
        }
        if let Some(end) = memchr::memrchr(b'\n', bytes) {
            return Some(self.piece(bytes.get(..=end)?, end + 1, false));
        }
        (RECORD_BYTES_MAX < bytes.len()).then(|| self.piece(cut(bytes), bytes.len(), true))
    }

    fn piece(&self, text: &[u8], length: usize, skipping: bool) -> Piece {
        let records = lines(text).map(|line| cut(without_cr(line)).to_vec()).collect();
        let end = self.position + u64::try_from(length).unwrap_or(0);
        let beginning = self.beginning.clone();
        let mark = if skipping {
            format!(" {SKIPPING}")
        } else {
            String::new()
        };
        let cursor = format!(
            "{} {end} {} {}{mark}",
            cursor_key(self.key),
            beginning.bytes,
            beginning.hash
        );
        Piece {
            begin: self.position,
            records,
            cursor,
            end,
            skipping,
            beginning,
        }
    }

    /// The piece is durable.
    pub(super) fn advance(&mut self, piece: &Piece) {
        self.position = piece.end;
        self.skipping = piece.skipping;
        self.seen = None;
    }
}

/// The position of a cursor: place, length of the beginning, its hash, and whether it is within a
/// line that was too long.
fn parse(saved: &str) -> Option<(u64, Beginning, bool)> {
    let mut words = saved.split(' ');
    let position = words.next()?.parse().ok()?;
    let beginning = Beginning {
        bytes: words.next()?.parse().ok()?,
        hash: words.next()?.to_owned(),
    };
    Some((position, beginning, words.next() == Some(SKIPPING)))
}
