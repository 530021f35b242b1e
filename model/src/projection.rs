//! Which of a record's own fields, beyond the columns, some rule asks for.

use std::sync::Arc;

/// Stands between the values of a side column where a path leads to several: a rule is met if any
/// of them meets it. The control character that ASCII calls "record separator".
pub const VALUES_SEPARATOR: char = '\u{1e}';

/// Native field paths that decoding must extract into side columns of the batch.
///
/// A path is dotted, as a rule writes it (`properties.status.errorCode`), and is looked up without
/// case; arrays on the way are searched through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    paths: Vec<Arc<str>>,
}

impl Projection {
    /// A projection onto these paths; each is kept once.
    pub fn new(paths: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        let mut paths: Vec<Arc<str>> = paths.into_iter().map(Into::into).collect();
        paths.sort();
        paths.dedup();
        Self { paths }
    }

    /// The paths, in the order of the side columns.
    pub fn paths(&self) -> &[Arc<str>] {
        &self.paths
    }

    /// Whether no rule asks for anything.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}
