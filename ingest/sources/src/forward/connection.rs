//! One sender of the forward protocol.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use sekisho_model::{Origin, ids};
use sekisho_pipeline::Records;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::ForwardDoor;
use super::handshake::{self, NONCE_BYTES, SharedKey};
use super::json::{record, record_of};
use super::message::{self, Entries, NotForward};
use super::msgpack::{Reader, Scan};
use crate::door::{append_patiently, log_name};
use crate::http::KnownSource;
use crate::tcp::{Ended, Link, Room, Stream, begins_otherwise};

/// The longest message, in bytes. Fluentd sends chunks of 8 MiB from memory; those from files have to
/// be set to no more than this.
pub(crate) const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The longest answer to our greeting.
const PING_BYTES_MAX: usize = 4 * 1024;

/// How long that answer may take: nobody holds a connection who may not send.
const PING_MAX: Duration = Duration::from_secs(10);

/// The most records in one append.
const BATCH_RECORDS_MAX: usize = 4_096;

/// The most bytes in one append; a batch may exceed it by one record.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A tag that begins with this names a source after it.
const TAG_PREFIX: &str = "sekisho.";

/// What begins every message: an array of at most 15, of which the long forms are never seen.
const ARRAYS: std::ops::RangeInclusive<u8> = 0x90..=0x9f;

/// Serves one connection.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) door: ForwardDoor,
    pub(super) peer: IpAddr,
    pub(super) room: Room,
}

impl Sender {
    pub(super) async fn serve(&self, stream: Box<dyn Stream>, shutdown: CancellationToken) {
        let mut link = Link::new(stream, shutdown.clone(), &self.room);
        let Err(ended) = self.receive(&mut link, &shutdown).await;
        if ended.is_trouble() {
            warn!(peer = %self.peer, reason = %ended, "closed a connection for forward");
        } else {
            debug!(peer = %self.peer, reason = %ended, "a connection for forward ended");
        }
        link.close().await;
    }

    async fn receive(&self, link: &mut Link, shutdown: &CancellationToken) -> Result<Infallible, Ended> {
        if let Some(key) = &self.door.key {
            timeout(PING_MAX, greet(link, key)).await.map_err(|_| Ended::Silent)??;
        }
        loop {
            let length = whole_message(link, MESSAGE_BYTES_MAX).await?;
            let message = link.rest().get(..length).unwrap_or_default();
            let acknowledged = self.take(message, shutdown).await?;
            link.pass(length);
            if let Some(chunk) = acknowledged {
                link.send(&acknowledgement(&chunk)).await?;
            }
        }
    }

    /// Makes the entries of a message durable; the chunk that is to be acknowledged.
    async fn take(&self, message: &[u8], shutdown: &CancellationToken) -> Result<Option<Vec<u8>>, Ended> {
        let message = message::parse(message)?;
        let mut keeper = Keeper {
            sender: self,
            source: self.source(&message.tag),
            chunk: message.chunk,
            part: 0,
            records: Vec::new(),
            bytes: 0,
            shutdown,
        };
        match message.entries {
            Entries::One { time, map } => keeper.push(record_of(time, map, &message.tag)).await?,
            Entries::Many { left, mut entries } => {
                for _ in 0..left {
                    let entry = entries.value().map_err(NotForward::from)?;
                    keeper.push(record(entry, &message.tag)).await?;
                }
            }
            Entries::Packed(packed) => keeper.push_all(packed, &message.tag).await?,
            Entries::Compressed(packing, packed) => {
                let (entries, _held) = self.room.unpack(packing, packed.to_vec()).await?;
                keeper.push_all(&entries, &message.tag).await?;
            }
        }
        keeper.append().await?;
        Ok(message.chunk.map(<[u8]>::to_vec))
    }

    /// What a tag says the records are.
    fn source(&self, tag: &str) -> KnownSource {
        let named = tag.strip_prefix(TAG_PREFIX).unwrap_or(tag);
        let sources = &self.door.sources;
        let find = |id: &str| sources.iter().find(|known| &*known.id == id).cloned();
        find(named).or_else(|| find("auto")).unwrap_or(KnownSource {
            id: Arc::from("auto"),
            backfill: false,
        })
    }
}

/// The records of one message, on their way to the spool.
struct Keeper<'a> {
    sender: &'a Sender,
    source: KnownSource,
    chunk: Option<&'a [u8]>,
    /// How many appends there were before; parts of a chunk may be alike.
    part: u64,
    records: Vec<Vec<u8>>,
    bytes: usize,
    shutdown: &'a CancellationToken,
}

impl Keeper<'_> {
    /// Takes the entries that lie one after the other. Where they cannot be told apart any more, the
    /// rest is one record.
    async fn push_all(&mut self, entries: &[u8], tag: &str) -> Result<(), Ended> {
        let mut reader = Reader::new(entries);
        while !reader.rest().is_empty() {
            let rest = reader.rest();
            let Ok(entry) = reader.value() else {
                return self.push(record(rest, tag)).await;
            };
            self.push(record(entry, tag)).await?;
        }
        Ok(())
    }

    async fn push(&mut self, record: Vec<u8>) -> Result<(), Ended> {
        self.bytes += record.len();
        self.records.push(record);
        if self.records.len() < BATCH_RECORDS_MAX && self.bytes < BATCH_BYTES_MAX {
            return Ok(());
        }
        self.append().await
    }

    async fn append(&mut self) -> Result<(), Ended> {
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        let (count, door) = (records.len(), &self.sender.door);
        if count == 0 {
            return Ok(());
        }
        let source = &self.source.id;
        door.counters.receive(source, count);
        let records = self.records(records);
        self.part += 1;
        let appended = match append_patiently(&door.spool, records, &*door.clock, self.shutdown).await {
            Ok(Some(appended)) => Ok(appended),
            Ok(None) => Err(Ended::Shutdown),
            Err(error) => Err(error.into()),
        };
        match (&appended, self.chunk) {
            (Ok(appended), _) => door.counters.accept(source, count, appended.repeated),
            (Err(_), Some(_)) => door.counters.refuse("unacknowledged", count),
            // A sender that waits for no acknowledgement does not send again.
            (Err(_), None) => door.counters.drop_some("unacknowledged", count),
        }
        appended.map(drop)
    }

    fn records(&self, records: Vec<Vec<u8>>) -> Records {
        let door = &self.sender.door;
        let peer = self.sender.peer.to_string();
        let part = self.part.to_le_bytes();
        let cursor = self.chunk.map(|chunk| {
            let mut parts: Vec<&[u8]> = vec![door.tenant.as_bytes(), peer.as_bytes(), chunk, &part];
            parts.extend(records.iter().map(Vec::as_slice));
            Arc::from(format!("forward:{}", ids::content_id(&parts)))
        });
        Records {
            origin: Origin {
                tenant: Arc::clone(&door.tenant),
                source: Arc::clone(&self.source.id),
                label: Arc::from(format!("forward:{peer}")),
                log: log_name(),
                backfill: self.source.backfill,
            },
            cursor,
            records,
        }
    }
}

/// Asks for proof of the key.
async fn greet(link: &mut Link, key: &SharedKey) -> Result<(), Ended> {
    let mut nonce = [0; NONCE_BYTES];
    SystemRandom::new()
        .fill(&mut nonce)
        .map_err(|_| Ended::Protocol("there are no random numbers".to_owned()))?;
    link.send(&handshake::helo(&nonce)).await?;
    let length = whole_message(link, PING_BYTES_MAX).await?;
    let (pong, checked) = handshake::pong(link.rest().get(..length).unwrap_or_default(), &nonce, key);
    link.pass(length);
    link.send(&pong).await?;
    checked.map_err(|refused| Ended::Protocol(refused.to_string()))
}

/// Waits until a message is whole; its length.
async fn whole_message(link: &mut Link, bytes_max: usize) -> Result<usize, Ended> {
    let mut scan = Scan::default();
    loop {
        if let Some(first) = link.rest().first()
            && !ARRAYS.contains(first)
        {
            return Err(Ended::Protocol(format!(
                "a message begins with byte {first:#04x}, expected an array of MessagePack{}",
                begins_otherwise(*first)
            )));
        }
        let found = scan.advance(link.rest()).map_err(NotForward::from)?;
        if bytes_max < scan.reached() {
            return Err(Ended::Protocol(format!(
                "a message has more than {bytes_max} bytes; its sender has to send smaller chunks"
            )));
        }
        match found {
            Some(length) => return Ok(length),
            None => link.fill().await?,
        }
    }
}

/// What a chunk is answered with: `{"ack": chunk}`.
fn acknowledgement(chunk: &[u8]) -> Vec<u8> {
    [b"\x81\xa3ack".as_slice(), chunk].concat()
}

impl From<NotForward> for Ended {
    fn from(error: NotForward) -> Self {
        Self::Protocol(error.to_string())
    }
}
