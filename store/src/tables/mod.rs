//! The Delta tables, each of which knows how far into the log it reaches.
//!
//! # Invariants
//! * With the rows, in the same commit, goes `txn(app = "sekisho/<log>", version = position)`: every row of
//!   the log before `position` that belongs to the table is in it, and none at or after it.
//! * A commit succeeds only if the `txn` is still the one that this process knows.
//! * The `txn` of a table may lag behind the position of the log when the last epochs had no rows for it. As
//!   epochs are committed in order, nothing between the `txn` and that position belongs to the table, so to drop
//!   rows before the `txn` and to keep the others is right all the same.

mod alerts;
mod commit;
mod events;
mod rejects;
mod rows;
mod schema;
mod table;

pub(crate) use alerts::alert_rows;
pub(crate) use events::{event_rows, from_stored};
pub(crate) use rejects::reject_rows;
pub(crate) use rows::Rows;
pub(crate) use schema::{ALERTS, EVENTS, PARTITION, REJECTS, SPECS, TableSpec};
pub(crate) use table::{Table, load, table_dir, writer_properties};
