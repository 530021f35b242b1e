//! Where bytes come from and how far they were read: HTTP, syslog, files, Kafka; the spool.
//!
//! Start reading at [`spool`]: everything that comes in becomes a frame of that log, and only then
//! is it acknowledged. [`http`], [`syslog`], [`file`](mod@file) and [`kafka`] are the doors to it. [`unwrap`] cuts
//! what came through a door, or stands in a file, into records.
//! Where bytes come from and how far they were read: HTTP, syslog, Lumberjack, forward, files; the
//! spool.
//! is it acknowledged. [`http`], [`syslog`], [`lumberjack`], [`forward`] and [`file`](mod@file) are
//! the doors to it; what listens on TCP does so through [`tcp`], with [`tls`] or without. [`unwrap`] cuts what came
//! through a door, or stands in a file, into records.
//!
//! # Invariants
//! * A sender is told "taken" only after its records are on stable storage.
//! * Nothing is dropped without being counted, and everything that waits is bounded in bytes.
//! * No door looks into a record: what it means is for `sekisho-formats`, and a record that means
//!   nothing is still kept.
//!
//! # Not here
//! The environment, the real clock and the settings: the program hands them in.

mod again;
mod bounds;
pub mod counters;
mod door;
pub mod file;
pub mod forward;
pub mod http;
pub mod kafka;
pub mod lines;
pub mod lumberjack;
mod packing;
mod serve;
pub mod spool;
pub mod syslog;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod unwrap;

pub use again::AgainDoor;
pub use bounds::BOUNDS;
pub use counters::{Counted, CountedBy, Counters};
pub use door::DoorError;
pub use file::{FileFollower, FileSettings};
pub use forward::{Forward, ForwardDoor, SharedKey};
pub use http::{HttpDoor, KnownSource, Token, Tokens, router};
pub use kafka::{KafkaDoor, KafkaSettings, KafkaStatus};
pub use lumberjack::{Lumberjack, LumberjackDoor};
pub use serve::serve_http;
pub use spool::{Appended, Spool, SpoolError, SpoolReader, SpoolSettings};
pub use syslog::{SyslogDoor, SyslogTcp, SyslogUdp};
pub use tcp::Listener;
pub use tls::{Tls, TlsError, TlsSettings};
