//! The door for syslog, over UDP, TCP and TLS.
//!
//! A message is kept as it came, with its priority; what it means is for the parsers.
//!
//! # Invariants
//! * Over TCP, what cannot be kept is not read: the sender has to wait.
//! * Over UDP, what cannot be kept is dropped and counted, for each sender.
//!
//! # Not here
//! RELP: senders to whom every line matters use HTTP, which answers.

mod batch;
mod framing;
mod tcp;
mod udp;

use std::sync::Arc;

use sekisho_model::Clock;

pub use framing::MESSAGE_BYTES_MAX;
pub use tcp::SyslogTcp;
pub use udp::{LostBySender, SyslogUdp};
pub(crate) use udp::{QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, SENDERS_MAX};

use crate::{Counters, Spool};

/// What both doors work with.
#[derive(Clone, Debug)]
pub struct SyslogDoor {
    /// Where records go.
    pub spool: Spool,
    /// Tells when they came.
    pub clock: Arc<dyn Clock>,
    /// Whose records they are.
    pub tenant: Arc<str>,
    /// Which source a message is from, by a look at it: a parser id, or `auto`.
    pub classify: fn(&[u8]) -> &'static str,
    /// What went through.
    pub counters: Arc<Counters>,
}

#[cfg(test)]
mod tests;
