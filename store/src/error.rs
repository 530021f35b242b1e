//! What can go wrong with the tables and the files beside them.

use std::io;
use std::path::PathBuf;

use deltalake_core::DeltaTableError;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Delta Lake could not do something with a table.
    #[error("failed to {action} the table {table}")]
    Table {
        /// What was tried.
        action: &'static str,
        /// The table.
        table: &'static str,
        /// Why not.
        source: Box<DeltaTableError>,
    },
    /// Somebody else committed for the same log.
    #[error(
        "another process writes to the table {table}: it stands at position {found}, and this process left it at \
         {expected}; run only one"
    )]
    AnotherWriter {
        /// The table.
        table: &'static str,
        /// Where this process left it.
        expected: i64,
        /// Where it is.
        found: i64,
    },
    /// The table forgets which records it holds.
    #[error(
        "the table {table} has the property {property}, with which it forgets what it holds and would take records \
         twice; unset the property"
    )]
    Forgetful {
        /// The table.
        table: &'static str,
        /// The property.
        property: &'static str,
    },
    /// The table cannot be written by this version.
    #[error("the table {table} is not of the form that this version writes: {details}")]
    Form {
        /// The table.
        table: &'static str,
        /// What is different.
        details: String,
    },
    /// The rows could not be brought into the form of the table.
    #[error("failed to bring rows into the form of the table {table}")]
    Rows {
        /// The table.
        table: &'static str,
        /// Why not.
        source: BoxError,
    },
    /// A row lies after the end of its epoch.
    #[error("a row of the table {table} has offset {offset}, but its epoch ends at {position}")]
    BeyondEpoch {
        /// The table.
        table: &'static str,
        /// Offset of the row.
        offset: i64,
        /// The end of the epoch.
        position: i64,
    },
    /// A file or folder could not be read or written.
    #[error("failed to {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: BoxError,
    },
    /// The stored events could not be read again.
    #[error("failed to read the stored events again")]
    Rebuild(#[source] BoxError),
    /// Work was cut off because the program ends.
    #[error("the work was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    /// A crash that a test asked for.
    #[error("a test asked for a crash after the step {0:?}")]
    Crash(crate::Step),
}

/// Any error, as a source.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl StoreError {
    pub(crate) fn table(action: &'static str, table: &'static str) -> impl FnOnce(DeltaTableError) -> Self {
        move |source| Self::Table {
            action,
            table,
            source: Box::new(source),
        }
    }

    pub(crate) fn rows(table: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Rows {
            table,
            source: source.into(),
        }
    }

    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source: source.into(),
        }
    }
}
