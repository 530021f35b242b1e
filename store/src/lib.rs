//! The Delta tables, the state snapshots and the SQL session over them.
//!
//! Everything lies in one folder: `tables/{events,rejects,alerts}` (Delta Lake, partitioned by date), `state/`
//! (snapshots of the judge) and `manifest.json` (the position up to which all of it is durable). Start reading at
//! [`Store`], which makes an epoch durable.
//!
//! # Invariants
//! * When [`Store::commit`](sekisho_pipeline::Tables::commit) returns, the epoch survives a power cut.
//! * Each record is in the tables exactly once, whatever crashed in between: a table's commit carries the position
//!   it reaches, and rows before it are dropped.
//! * State may lag the tables, never lead them.
//! * The tables stay readable by other programs: reader version 1, writer version 2, times in UTC microseconds, no
//!   unsigned columns, no dictionaries.
//!
//! # Not here
//! When an epoch is closed (`sekisho-pipeline`), and the outbox (`sekisho-alert`).

mod bounds;
pub mod durable;
mod error;
pub mod format;
pub mod maintain;
mod manifest;
mod rebuild;
pub mod sql;
mod state;
mod store;
mod tables;

pub use bounds::BOUNDS;
pub use error::StoreError;
pub use manifest::Recovered;
pub use rebuild::events_since;
pub use sql::{Answer, Limits, Sql, SqlError};
pub use store::{Positions, Step, Store};
