//! From the bytes of a record to rows and rejects.
//!
//! One folder a format. A format reads one record at a time and writes rows into [`Output`]; a
//! record it cannot read becomes a reject and costs nothing else. Formats that must put lines
//! together (Postfix) keep what they wait for in themselves, bounded, and save it in a snapshot.
//!
//! # Invariants
//! * Pure: no I/O, no clock. The same records give the same rows.
//! * Any bytes are a record: nothing panics, nothing is dropped without a row or a reject.
//!
//! # Not here
//! Splitting a body or stream into records (`sekisho-sources`), and what follows from other columns
//! (`sekisho-enrich`).

mod address;
mod bounds;
mod csv_map;
mod decoder;
mod dedupe;
mod format;
pub(crate) mod json;
mod mapped;
mod names;
mod pattern;
mod reading;
mod registry;
mod shipper;
mod syslog;
#[cfg(test)]
mod testing;
mod timestamp;

pub mod entra_signin;
pub mod linux_sshd;
pub mod m365_audit;
pub mod mail_dovecot;
pub mod mail_postfix;
pub mod openvpn_log;
pub mod web_combined;
pub mod windows_security;

pub use bounds::BOUNDS;
pub use decoder::{Decoder, DecoderStats};
pub use dedupe::Dedupe;
pub use format::{Format, Output, Settings, YearPolicy};
pub use mapped::{Map, MapError};
pub use registry::{FORMATS, FormatSpec, classify, format_by_id};
pub use windows_security::is_evtx;
#[cfg(feature = "evtx")]
pub use windows_security::records_of_evtx;
