//! What can be wrong with settings.

use std::path::PathBuf;

/// Settings that cannot be used; names file, line and key, and what was expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The file is not TOML, or has a key that does not exist or is of another type.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A value makes no sense.
    #[error("{}:{line}: `{key}` is {found}, expected {expected}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}
