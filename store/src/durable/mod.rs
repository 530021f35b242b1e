//! Files that are still there after the power failed.
//!
//! # Invariants
//! * A name becomes visible only when the bytes behind it are on stable storage, and the call returns
//!   only when the name is on stable storage as well.
//! * No two writers ever share a staging file.
//! * After a sync failed, nothing more is written or read through the same [`DurableLocalFs`]: what the
//!   kernel forgot cannot be synced again.

mod file;
mod object_store;

pub(crate) use file::{create_dirs, sync_dir};
pub use file::{remove_stale_staging, write_file};
pub use object_store::DurableLocalFs;
