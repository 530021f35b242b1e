//! What is wrong with a map.

/// Why a map cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// It is not TOML, or has a key that maps do not have.
    #[error("line {line}: {message}")]
    Syntax {
        /// Where, counted from 1.
        line: usize,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A value of it means nothing.
    #[error("{key}: {message}")]
    Value {
        /// The key, with those above it.
        key: String,
        /// What is wrong and what was expected.
        message: String,
    },
}

impl MapError {
    pub(super) fn value(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Value {
            key: key.into(),
            message: message.into(),
        }
    }
}
