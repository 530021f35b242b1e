//! What a question may use.

use std::time::Duration;

/// Memory of the engine: what grouping, sorting and joining hold at one time; beyond it they go to disk.
pub(crate) const MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Disk for what does not fit into memory. The engine's own limit is a hundred times as much.
pub(crate) const SPILL_BYTES: u64 = 1024 * 1024 * 1024;

/// What a question may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of the answer in memory.
    pub bytes: usize,
    /// Time until the answer is complete.
    pub time: Duration,
}

/// For one person at a terminal.
impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 100_000,
            bytes: 256 * 1024 * 1024,
            time: Duration::from_mins(1),
        }
    }
}
