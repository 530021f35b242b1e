//! What the store promises, tried on real tables in a temporary folder.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may panic, and what is skipped must be said"
)]

mod crashes;
mod fixture;
mod maintenance;
mod readers;
mod sql;
mod syncs;
mod tables;
