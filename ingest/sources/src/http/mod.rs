//! The door for HTTP: one port, one router, one file under `doors` for each protocol that shippers speak.
//!
//! All protocols go the same way (`intake`): authorise, read the body within the memory there is, unpack
//! it, sort its records by source, append them, and only then answer. A file under `doors` says what is
//! different: the paths, how a body becomes records, and how an answer is worded.
//!
//! # Invariants
//! * Success means that all records of the body are durable. A bad record is a record, never a 4xx.
//! * A record is the event itself, byte for byte where the protocol lets it be; a line of text comes in a document with
//!   what the protocol says beside it.
//! * A body that is sent again within a day (by `Idempotency-Key`, else by its contents) is answered
//!   like the first time and not taken in twice.
//! * A refusal that passes says when to come again.
//! * A token that is for some sources sends no others.
//!
//! # Not here
//! Accepting connections, TLS and the time a request head may take: whoever serves the router.

mod answer;
mod beside;
mod body;
mod call;
mod decompress;
mod doors;
mod form;
mod intake;
mod json;
mod protobuf;
mod sorter;
mod tokens;

use std::sync::Arc;

use axum::Router;
use sekisho_model::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::packing::UNPACKED_BYTES_MAX;
use crate::{Counters, Spool};
use intake::Intake;
pub use tokens::{Token, Tokens};

/// The largest body on the wire.
pub const WIRE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The largest body after it was unpacked. It becomes one frame of the spool, whole or not at all.
pub const BODY_BYTES_MAX: usize = UNPACKED_BYTES_MAX;

/// The most bytes of bodies that are in hand at once. What is made of them takes up to twice as much again.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most records in one body: with a body of the largest size, records of 128 bytes. Each costs
/// memory beside its bytes, so many empty ones would be a bomb.
pub const RECORDS_MAX: usize = 250_000;

/// What a record costs beside its bytes.
const RECORD_OVERHEAD_BYTES: usize = 48;

/// What the door works with.
#[derive(Clone, Debug)]
pub struct HttpDoor {
    /// Where records go.
    pub spool: Spool,
    /// Tells when they came.
    pub clock: Arc<dyn Clock>,
    /// Who may send; may change while the door is open.
    pub tokens: watch::Receiver<Arc<Tokens>>,
    /// The sources that are known.
    pub sources: Arc<[KnownSource]>,
    /// What went through.
    pub counters: Arc<Counters>,
    /// Cancelled when nothing more is taken.
    pub shutdown: CancellationToken,
}

/// A source that may stand in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSource {
    /// Its parser id, or `auto`.
    pub id: Arc<str>,
    /// Whether it sends old records, which are judged as if they were new.
    pub backfill: bool,
}

/// The routes of the door.
pub fn router(door: HttpDoor) -> Router {
    doors::routes().with_state(Intake::new(door))
}

#[cfg(test)]
mod tests;
