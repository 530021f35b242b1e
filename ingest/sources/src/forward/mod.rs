//! The door for the forward protocol of Fluentd, which Fluent Bit, td-agent and Docker speak.
//!
//! The map of an entry becomes a record of JSON, with the time and the tag of the entry in it. A tag
//! that names a source, or does so after `sekisho.`, says what the records are.
//!
//! # Invariants
//! * A chunk is acknowledged only after all its entries are durable. A message without a chunk is
//!   never acknowledged: that is how its sender wants it.
//! * An entry that cannot be understood is a record as it came, and costs no other.
//! * Whatever is not of the protocol closes the connection, with the reason in the log. There is no
//!   other way to refuse.
//! * A chunk that the same machine sends again within a day is acknowledged and not taken in twice.
//!
//! # Not here
//! Users and passwords, heartbeats over UDP, and messages in JSON, which old scripts send.

mod connection;
mod handshake;
mod json;
mod message;
mod msgpack;
#[cfg(test)]
mod pack;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use sekisho_model::Clock;
use tokio_util::sync::CancellationToken;

use crate::http::KnownSource;
use crate::tcp::{Connection, Listener, Room};
use crate::tls::Tls;
use crate::{Counters, DoorError, Spool};
pub(crate) use connection::MESSAGE_BYTES_MAX;
use connection::Sender;
pub use handshake::SharedKey;
pub(crate) use json::{entries, record_of_entry};

/// What the door works with.
#[derive(Clone, Debug)]
pub struct ForwardDoor {
    /// Where records go.
    pub spool: Spool,
    /// Tells when they came.
    pub clock: Arc<dyn Clock>,
    /// Whose records they are.
    pub tenant: Arc<str>,
    /// The sources that a tag may name; with `auto`, which is what all other tags mean.
    pub sources: Arc<[KnownSource]>,
    /// What a sender has to know; without it, anyone who can connect may send.
    pub key: Option<SharedKey>,
    /// What went through.
    pub counters: Arc<Counters>,
}

/// A listener for the forward protocol.
#[derive(Debug)]
pub struct Forward {
    listener: Listener,
    door: ForwardDoor,
}

impl Forward {
    /// Listens on `address`.
    pub async fn bind(address: SocketAddr, door: ForwardDoor, tls: Option<Tls>) -> Result<Self, DoorError> {
        Ok(Self {
            listener: Listener::bind("forward", address, tls).await?,
            door,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves connections until `shutdown`, and returns when all have ended.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), DoorError> {
        let (door, room) = (self.door, Room::new());
        let serve = move |connection: Connection| {
            let sender = Sender {
                door: door.clone(),
                peer: connection.peer.ip(),
                room: room.clone(),
            };
            async move { sender.serve(connection.stream, connection.shutdown).await }
        };
        self.listener.run(shutdown, serve).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
