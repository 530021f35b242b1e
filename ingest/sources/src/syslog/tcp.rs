//! Syslog over TCP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::SyslogDoor;
use super::batch::Batch;
use super::framing::Framer;
use crate::DoorError;
use crate::door::append_patiently;

/// The most connections at once. Each may hold a message of the largest size and a buffer.
pub const CONNECTIONS_MAX: usize = 1_024;

/// How much is read from a connection at once.
const READ_BYTES: usize = 16 * 1024;

/// How long to wait when connections cannot be accepted, because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listener for syslog over TCP.
#[derive(Debug)]
pub struct SyslogTcp {
    listener: TcpListener,
    door: SyslogDoor,
}

impl SyslogTcp {
    /// Listens on `address`.
    pub async fn bind(address: SocketAddr, door: SyslogDoor) -> Result<Self, DoorError> {
        let listener = TcpListener::bind(address).await.map_err(|source| DoorError::Socket {
            step: "listen for syslog over TCP",
            source,
        })?;
        Ok(Self { listener, door })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves connections until `shutdown`, and returns when all have ended.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), DoorError> {
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let connections = TaskTracker::new();
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        warn!(%error, "cannot accept a connection for syslog");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
                warn!(%peer, "refused a connection for syslog: there are {CONNECTIONS_MAX} already");
                continue;
            };
            let connection = Connection {
                door: self.door.clone(),
                peer: peer.ip().to_canonical(),
            };
            let shutdown = shutdown.clone();
            connections.spawn(async move {
                connection.serve(stream, shutdown).await;
                drop(permit);
            });
        }
        connections.close();
        connections.wait().await;
        Ok(())
    }
}

#[derive(Debug)]
struct Connection {
    door: SyslogDoor,
    peer: IpAddr,
}

impl Connection {
    async fn serve(&self, mut stream: TcpStream, shutdown: CancellationToken) {
        let mut framer = Framer::default();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                read = stream.read(&mut buffer) => read,
            };
            match read {
                Ok(0) => break,
                Ok(count) => framer.push(buffer.get(..count).unwrap_or_default()),
                Err(error) => {
                    debug!(peer = %self.peer, %error, "a connection for syslog broke");
                    break;
                }
            }
            if !self.drain(&mut framer, &mut stream, &shutdown).await {
                return;
            }
        }
        let mut last = Batch::default();
        last.extend(&self.door, self.peer, framer.finish());
        self.append(last, &shutdown).await;
    }

    /// Appends the messages that are whole, and what else is there already; whether to go on.
    async fn drain(&self, framer: &mut Framer, stream: &mut TcpStream, shutdown: &CancellationToken) -> bool {
        let mut buffer = vec![0; READ_BYTES];
        let mut batch = Batch::default();
        loop {
            match framer.next() {
                Ok(Some(message)) => batch.extend(&self.door, self.peer, Some(message)),
                Ok(None) => match stream.try_read(&mut buffer) {
                    // The end of the stream, and its errors, are met again by the next read.
                    Ok(0) | Err(_) => return self.append(batch, shutdown).await,
                    Ok(count) => framer.push(buffer.get(..count).unwrap_or_default()),
                },
                Err(error) => {
                    warn!(peer = %self.peer, %error, "closed a connection for syslog");
                    self.append(batch, shutdown).await;
                    return false;
                }
            }
            if batch.is_full() && !self.append(std::mem::take(&mut batch), shutdown).await {
                return false;
            }
        }
    }

    /// Whether the connection goes on.
    async fn append(&self, batch: Batch, shutdown: &CancellationToken) -> bool {
        let counters = &self.door.counters;
        counters.receive(batch.messages);
        for (_, records) in batch.into_records(&self.door, "syslog-tcp") {
            let count = records.records.len();
            match append_patiently(&self.door.spool, records, &*self.door.clock, shutdown).await {
                Ok(Some(_)) => counters.accept(count),
                Ok(None) => counters.drop_some(count),
                Err(error) => {
                    warn!(peer = %self.peer, %error, "closed a connection for syslog");
                    counters.drop_some(count);
                    return false;
                }
            }
        }
        true
    }
}

impl Batch {
    fn extend(&mut self, door: &SyslogDoor, peer: IpAddr, message: Option<Vec<u8>>) {
        if let Some(message) = message {
            self.push(peer, (door.classify)(&message), message);
        }
    }
}
