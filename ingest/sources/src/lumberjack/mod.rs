//! The door for Lumberjack, version 2: what Beats speak to Logstash.
//!
//! A sender announces a window of so many events, sends them, alone or packed with zlib, and waits
//! until they are acknowledged. The JSON of an event is a record, byte for byte.
//!
//! # Invariants
//! * An event is acknowledged only after it is durable, and never one that was not announced.
//! * Whatever is not of the protocol closes the connection, with the reason in the log. There is no
//!   other way to refuse: the sender sends again what was not acknowledged.
//! * A batch that the same machine sends again within a day is acknowledged and not taken in twice.
//!
//! # Not here
//! Who may send: the protocol has no credentials, only the certificates of clients. Version 1, which
//! the `lumberjack` output of Logstash still speaks (`elastic/ruby-lumberjack`, 0.0.26).

mod connection;
mod frame;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::Clock;
use tokio_util::sync::CancellationToken;

use crate::http::KnownSource;
use crate::tcp::{Connection, Listener, Room};
use crate::tls::Tls;
use crate::{Counters, DoorError, Spool};
use connection::Sender;
pub(crate) use frame::EVENT_BYTES_MAX;

/// How often a sender that waits for its acknowledgement is told that it comes. Beats give up after
/// 30 seconds of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What the door works with.
#[derive(Clone, Debug)]
pub struct LumberjackDoor {
    /// Where records go.
    pub spool: Spool,
    /// Tells when they came.
    pub clock: Arc<dyn Clock>,
    /// Whose records they are.
    pub tenant: Arc<str>,
    /// What the events are; `auto` if each is looked at.
    pub source: KnownSource,
    /// What went through.
    pub counters: Arc<Counters>,
}

/// A listener for Lumberjack.
#[derive(Debug)]
pub struct Lumberjack {
    listener: Listener,
    door: LumberjackDoor,
}

impl Lumberjack {
    /// Listens on `address`.
    pub async fn bind(address: SocketAddr, door: LumberjackDoor, tls: Option<Tls>) -> Result<Self, DoorError> {
        Ok(Self {
            listener: Listener::bind("lumberjack", address, tls).await?,
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
                keep_alive: KEEP_ALIVE,
            };
            async move { sender.serve(connection.stream, connection.shutdown).await }
        };
        self.listener.run(shutdown, serve).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
