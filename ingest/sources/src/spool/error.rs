//! Why the spool did not do it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the spool could not be opened, or did not take something.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The quota is used up, or the disk is nearly full. The sender should wait and send again.
    #[error("the spool is full")]
    Full,
    /// One frame is larger than the spool takes.
    #[error("{bytes} bytes in one piece, expected {max} or fewer")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// The disk did not take or did not sync something. What reached it is unknown, so nothing more
    /// is taken until the program is started again.
    #[error("the spool stopped: {0}")]
    Failed(Arc<str>),
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
    /// Another process has it.
    #[error("the spool in {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A segment that this version cannot read.
    #[error("{} is not a spool segment of this version: it begins with {found}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// The file system refused something.
    #[error("failed to {step} {}", path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpoolError {
    /// For `map_err`: `step` failed on `path`.
    pub(super) fn io(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            step,
            path: path.to_owned(),
            source,
        }
    }
}
