//! Which file it is, whatever its name.
//!
//! The key is device and inode. As inodes are used again, the beginning of the file is remembered
//! too: how many bytes of it (at most [`BEGINNING_BYTES`], fewer while it is short) and their hash.
//! A file that grew still begins with them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use sekisho_model::ids;

/// How much of a file is its beginning.
pub(super) const BEGINNING_BYTES: usize = 1_024;

/// Device and inode.
pub(super) type Key = (u64, u64);

/// The key of the file that has this name now.
pub(super) fn key(path: &Path) -> io::Result<Key> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        Ok((metadata.dev(), metadata.ino()))
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// What the cursors of a file begin with.
pub(super) fn cursor_key((device, inode): Key) -> String {
    format!("file:{device}:{inode}")
}

/// How a file begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) bytes: usize,
    pub(super) hash: String,
}

impl Beginning {
    /// Of the first bytes of `file`, `bytes` or as many as there are.
    pub(super) fn read(file: &File, bytes: usize) -> io::Result<Self> {
        let mut beginning = [0; BEGINNING_BYTES];
        let wanted = beginning.get_mut(..bytes.min(BEGINNING_BYTES)).unwrap_or_default();
        let count = read_at(file, wanted, 0)?;
        let beginning = wanted.get(..count).unwrap_or_default();
        Ok(Self {
            bytes: count,
            hash: ids::content_id(&[beginning]),
        })
    }

    /// Whether `file` still begins like this.
    pub(super) fn is_of(&self, file: &File) -> io::Result<bool> {
        Ok(self.bytes == 0 || Self::read(file, self.bytes)? == *self)
    }
}

/// Reads until `buffer` is full or the file ends.
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, position + u64::try_from(count).unwrap_or(0)) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
