//! One sender of Lumberjack.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Origin, ids};
use sekisho_pipeline::Records;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::LumberjackDoor;
use super::frame::{self, Frame, NotLumberjack};
use crate::Appended;
use crate::door::{append_patiently, log_name};
use crate::packing::Packing;
use crate::tcp::{Ended, Link, Room, Stream};

/// The most events in one append. Beats send 2,048 at once.
const BATCH_EVENTS_MAX: usize = 4_096;

/// The most bytes in one append; a batch may exceed it by one event. What was sent up to there is
/// acknowledged, which every sender understands.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Serves one connection.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) door: LumberjackDoor,
    pub(super) peer: IpAddr,
    pub(super) room: Room,
    pub(super) keep_alive: Duration,
}

/// Where a sender is in its window.
#[derive(Debug, Default)]
struct Window {
    /// How many events it may still send.
    left: u32,
    /// The number of the last event.
    last: Option<u32>,
    /// How many appends there were before; parts of a window may be alike.
    part: u64,
    batch: Vec<Vec<u8>>,
    bytes: usize,
}

impl Sender {
    pub(super) async fn serve(&self, stream: Box<dyn Stream>, shutdown: CancellationToken) {
        let mut link = Link::new(stream, shutdown.clone(), &self.room);
        let mut window = Window::default();
        let Err(ended) = self.receive(&mut link, &mut window, &shutdown).await;
        // What is left was not acknowledged, so its sender still has it.
        let counters = &self.door.counters;
        counters.receive(&self.door.source.id, window.batch.len());
        counters.refuse("unacknowledged", window.batch.len());
        if ended.is_trouble() {
            warn!(peer = %self.peer, reason = %ended, "closed a connection for lumberjack");
        } else {
            debug!(peer = %self.peer, reason = %ended, "a connection for lumberjack ended");
        }
        link.close().await;
    }

    async fn receive(
        &self,
        link: &mut Link,
        window: &mut Window,
        shutdown: &CancellationToken,
    ) -> Result<std::convert::Infallible, Ended> {
        loop {
            let Some((frame, length)) = frame::first(link.rest())? else {
                link.fill().await?;
                continue;
            };
            link.pass(length);
            if let Frame::Packed(packed) = frame {
                let (frames, _held) = self.room.unpack(Packing::Deflate, packed).await?;
                self.take_all(&frames, link, window, shutdown).await?;
            } else {
                self.take(frame, link, window, shutdown).await?;
            }
        }
    }

    /// Takes the frames that were packed together.
    async fn take_all(
        &self,
        frames: &[u8],
        link: &mut Link,
        window: &mut Window,
        shutdown: &CancellationToken,
    ) -> Result<(), Ended> {
        let mut rest = frames;
        while !rest.is_empty() {
            let Some((frame, length)) = frame::first(rest)? else {
                return Err(refused("a packed frame ends within a frame"));
            };
            self.take(frame, link, window, shutdown).await?;
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(())
    }

    async fn take(
        &self,
        frame: Frame,
        link: &mut Link,
        window: &mut Window,
        shutdown: &CancellationToken,
    ) -> Result<(), Ended> {
        match frame {
            Frame::Window(count) => {
                self.append(link, window, shutdown).await?;
                *window = Window {
                    left: count,
                    ..Window::default()
                };
                Ok(())
            }
            Frame::Event { number, record } => {
                window.push(number, record)?;
                if window.is_full() {
                    self.append(link, window, shutdown).await?;
                }
                Ok(())
            }
            Frame::Packed(_) => Err(refused("a packed frame within a packed frame")),
        }
    }

    /// Makes what is in the batch durable, and acknowledges it.
    async fn append(&self, link: &mut Link, window: &mut Window, shutdown: &CancellationToken) -> Result<(), Ended> {
        let Some(last) = window.last.filter(|_| !window.batch.is_empty()) else {
            return Ok(());
        };
        let records = self.records(std::mem::take(&mut window.batch), window.part);
        window.bytes = 0;
        window.part += 1;
        let (count, counters) = (records.records.len(), &self.door.counters);
        counters.receive(&self.door.source.id, count);
        let (appended, told) = self.append_alive(records, link, shutdown).await;
        match &appended {
            Ok(appended) => counters.accept(&self.door.source.id, count, appended.repeated),
            Err(_) => counters.refuse("unacknowledged", count),
        }
        appended?;
        told?;
        link.send(&frame::acknowledgement(last)).await
    }

    /// Appends, and tells the sender now and then that it takes longer; what became of either. A sender that has gone
    /// is not waited for, but what is being written is: it may be durable, and then it counts.
    async fn append_alive(
        &self,
        records: Records,
        link: &mut Link,
        shutdown: &CancellationToken,
    ) -> (Result<Appended, Ended>, Result<(), Ended>) {
        let stop = shutdown.child_token();
        let appending = append_patiently(&self.door.spool, records, &*self.door.clock, &stop);
        let mut appending = std::pin::pin!(appending);
        let mut told = Ok(());
        let appended = loop {
            tokio::select! {
                appended = &mut appending => break appended,
                () = tokio::time::sleep(self.keep_alive), if told.is_ok() => {
                    told = link.send(&frame::acknowledgement(0)).await;
                    if told.is_err() {
                        stop.cancel();
                    }
                }
            }
        };
        let appended = appended.map_err(Ended::from);
        (appended.and_then(|appended| appended.ok_or(Ended::Shutdown)), told)
    }

    fn records(&self, records: Vec<Vec<u8>>, part: u64) -> Records {
        let door = &self.door;
        let (peer, part) = (self.peer.to_string(), part.to_le_bytes());
        let mut parts: Vec<&[u8]> = vec![
            door.tenant.as_bytes(),
            door.source.id.as_bytes(),
            peer.as_bytes(),
            &part,
        ];
        parts.extend(records.iter().map(Vec::as_slice));
        Records {
            cursor: Some(Arc::from(format!("lumberjack:{}", ids::content_id(&parts)))),
            origin: Origin {
                tenant: Arc::clone(&door.tenant),
                source: Arc::clone(&door.source.id),
                label: Arc::from(format!("lumberjack:{peer}")),
                log: log_name(),
                backfill: door.source.backfill,
            },
            records,
        }
    }
}

impl Window {
    /// Takes an event. Numbers go up by one; where they begin is the sender's business.
    fn push(&mut self, number: u32, record: Vec<u8>) -> Result<(), Ended> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(refused("an event beyond the window that was announced"));
        };
        if let Some(last) = self.last
            && Some(number) != last.checked_add(1)
        {
            return Err(Ended::Protocol(format!(
                "event {number} after event {last}, expected them in order"
            )));
        }
        self.left = left;
        self.last = Some(number);
        self.bytes += record.len();
        self.batch.push(record);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.left == 0 || BATCH_EVENTS_MAX <= self.batch.len() || BATCH_BYTES_MAX <= self.bytes
    }
}

fn refused(reason: &str) -> Ended {
    Ended::Protocol(reason.to_owned())
}

impl From<NotLumberjack> for Ended {
    fn from(error: NotLumberjack) -> Self {
        Self::Protocol(error.to_string())
    }
}
