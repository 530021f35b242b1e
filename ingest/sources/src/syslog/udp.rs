//! Syslog over UDP: a datagram is a message.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_pipeline::Records;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::SyslogDoor;
use super::batch::{BATCH_MESSAGES_MAX, Batch};
use super::framing::{MESSAGE_BYTES_MAX, trimmed};
use crate::{DoorError, SpoolError};

/// How many datagrams wait while the spool syncs; beyond that they are dropped and counted.
pub(crate) const QUEUE_MESSAGES_MAX: usize = 16 * 1024;

/// How many bytes of them wait.
pub(crate) const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the kernel is asked to hold for us, in bytes; it grants less unless it was told otherwise.
const SOCKET_BYTES: usize = 4 * 1024 * 1024;

/// How many senders are counted each for itself. Senders can be forged; the rest counts as one.
pub(crate) const SENDERS_MAX: usize = 1_024;

/// Stands for all further senders.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// How long to wait when the socket itself fails.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// A listener for syslog over UDP.
#[derive(Debug)]
pub struct SyslogUdp {
    socket: UdpSocket,
    door: SyslogDoor,
    lost: Arc<LostBySender>,
}

/// How many messages of each sender were dropped.
#[derive(Debug, Default)]
pub struct LostBySender {
    lost: Mutex<HashMap<IpAddr, u64>>,
}

#[derive(Debug)]
struct Datagram {
    peer: IpAddr,
    message: Vec<u8>,
    /// Room in the queue.
    _room: tokio::sync::OwnedSemaphorePermit,
}

impl SyslogUdp {
    /// Listens on `address`.
    pub async fn bind(address: SocketAddr, door: SyslogDoor) -> Result<Self, DoorError> {
        let socket = UdpSocket::bind(address).await.map_err(|source| DoorError::Socket {
            step: "listen for syslog over UDP",
            source,
        })?;
        if let Err(error) = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES) {
            warn!(%error, "the buffer for syslog over UDP stays as it is");
        }
        Ok(Self {
            socket,
            door,
            lost: Arc::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What was dropped, by sender; stays valid while it runs.
    pub fn lost(&self) -> Arc<LostBySender> {
        Arc::clone(&self.lost)
    }

    /// Receives until `shutdown`, and returns when what was received is durable.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), DoorError> {
        let (queue, datagrams) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let keep = tokio::spawn(keep(self.door.clone(), Arc::clone(&self.lost), datagrams));
        self.receive(queue, shutdown).await;
        keep.await.unwrap_or(Err(DoorError::Spool(SpoolError::Closed)))
    }

    /// Reads the socket as fast as it can; never waits for the disk.
    async fn receive(&self, queue: mpsc::Sender<Datagram>, shutdown: CancellationToken) {
        let room = Arc::new(tokio::sync::Semaphore::new(QUEUE_BYTES_MAX));
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let unread = Arc::from("unread");
        loop {
            let received = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = queue.closed() => return,
                received = self.socket.recv_from(&mut buffer) => received,
            };
            let (count, peer) = match received {
                Ok((count, peer)) => (count, peer.ip().to_canonical()),
                Err(error) => {
                    warn!(%error, "cannot receive syslog over UDP");
                    tokio::time::sleep(ERROR_PAUSE).await;
                    continue;
                }
            };
            let message = trimmed(buffer.get(..count).unwrap_or_default().to_vec());
            if message.is_empty() {
                continue;
            }
            let bytes = u32::try_from(message.len()).unwrap_or(u32::MAX);
            let sent = Arc::clone(&room).try_acquire_many_owned(bytes).is_ok_and(|room| {
                queue
                    .try_send(Datagram {
                        peer,
                        message,
                        _room: room,
                    })
                    .is_ok()
            });
            if !sent {
                self.lost.add(peer, 1);
                self.door.counters.receive(&unread, 1);
                self.door.counters.drop_some("queue", 1);
            }
        }
    }
}

/// Appends what was received, as much at once as there is.
async fn keep(
    door: SyslogDoor,
    lost: Arc<LostBySender>,
    mut datagrams: mpsc::Receiver<Datagram>,
) -> Result<(), DoorError> {
    let mut received = Vec::with_capacity(BATCH_MESSAGES_MAX);
    while 0 < datagrams.recv_many(&mut received, BATCH_MESSAGES_MAX).await {
        let mut batch = Batch::default();
        for Datagram { peer, message, .. } in received.drain(..) {
            batch.push(peer, (door.classify)(&message), message);
        }
        append(&door, &lost, batch).await?;
    }
    Ok(())
}

/// There is nobody to wait: what is not taken is lost.
async fn append(door: &SyslogDoor, lost: &LostBySender, batch: Batch) -> Result<(), DoorError> {
    let (peers, groups): (Vec<IpAddr>, Vec<_>) = batch.into_records(door, "syslog-udp").into_iter().unzip();
    let size = |records: &Records| (Arc::clone(&records.origin.source), records.records.len());
    let counts: Vec<(Arc<str>, usize)> = groups.iter().map(size).collect();
    for (source, count) in &counts {
        door.counters.receive(source, *count);
    }
    let appended = door.spool.append_all(groups, door.clock.now()).await;
    for ((peer, (source, count)), appended) in peers.into_iter().zip(counts).zip(appended) {
        let error = match appended {
            Ok(appended) => {
                door.counters.accept(&source, count, appended.repeated);
                continue;
            }
            Err(error) => error,
        };
        lost.add(peer, u64::try_from(count).unwrap_or(u64::MAX));
        door.counters.drop_some("spool", count);
        if !matches!(error, SpoolError::Full | SpoolError::TooLarge { .. }) {
            return Err(error.into());
        }
    }
    Ok(())
}

impl LostBySender {
    fn add(&self, peer: IpAddr, messages: u64) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = if lost.len() < SENDERS_MAX || lost.contains_key(&peer) {
            peer
        } else {
            OTHERS
        };
        *lost.entry(peer).or_default() += messages;
    }

    /// The senders that lost messages, and how many. Those beyond the first thousand count for the
    /// unspecified address.
    pub fn get(&self) -> Vec<(IpAddr, u64)> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lost: Vec<_> = lost.iter().map(|(peer, messages)| (*peer, *messages)).collect();
        lost.sort_unstable();
        lost
    }
}
