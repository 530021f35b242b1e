//! The service looked at from outside its work: what everything in it counts, put together.
//!
//! [`Panel`] has a handle on each part, and [`Panel::look`] makes a [`Seen`] of what they say at one moment. All that is
//! told of the service is made from that: the page of metrics, whether it is ready, the law of conservation, and what
//! its operator is told.

mod conditions;
mod host;
mod law;
mod memory;
mod metrics;
mod operator;
mod pages;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_alert::Outbox;
use sekisho_alert::outbox::{Counts, DeliveryRow};
use sekisho_model::{Clock, Time};
use sekisho_pipeline::Done;
use sekisho_sources::kafka::{KafkaSeen, KafkaStatus};
use sekisho_sources::spool::SpoolStatus;
use sekisho_sources::syslog::LostBySender;
use sekisho_sources::{CountedBy, Counters, Spool};

use super::lane::Numbers;
use crate::settings::FollowedFile;
use crate::tally::Tallied;

pub(super) use operator::{Operator, Teller, watch};
pub(crate) use pages::METRICS;
pub(super) use pages::router;

/// The most messages that are looked at for whether a channel works.
const MESSAGES_MAX: u32 = 200;

/// A handle on every part of a service.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) started: Time,
    pub(super) data: PathBuf,
    pub(super) spool: Spool,
    pub(super) doors: Vec<(&'static str, Arc<Counters>)>,
    pub(super) udp: SocketAddr,
    pub(super) lost: Arc<LostBySender>,
    pub(super) kafka: Vec<Arc<KafkaStatus>>,
    pub(super) files: Vec<FollowedFile>,
    pub(super) outbox: Outbox,
    pub(super) numbers: Numbers,
    /// Why changed rules, lists or databases were not taken, if the last ones were not.
    pub(super) refused: Arc<Mutex<Option<String>>>,
    /// What was told last of the law.
    pub(super) law: Mutex<law::Law>,
    /// The conditions that hold.
    pub(super) holding: Mutex<Vec<String>>,
}

/// What everything counts, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) now: Time,
    pub(super) started: Time,
    /// What the doors said to be durable before the spool was asked, and what they count after.
    pub(super) accepted_before: u64,
    pub(super) doors: Vec<(&'static str, CountedBy)>,
    pub(super) senders: usize,
    pub(super) udp_dropped: Option<u64>,
    pub(super) kafka: Vec<KafkaSeen>,
    pub(super) files: Vec<String>,
    pub(super) spool: SpoolStatus,
    pub(super) spool_quota: u64,
    pub(super) spool_failure: Option<Arc<str>>,
    /// Offsets that the lane rightly passed over.
    pub(super) unused: i64,
    pub(super) lane: Done,
    pub(super) lane_is_running: bool,
    pub(super) tally: Tallied,
    pub(super) refused: Option<String>,
    pub(super) outbox: Result<Counts, String>,
    pub(super) messages: Vec<DeliveryRow>,
    pub(super) disk: Option<host::Disk>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) law: law::Law,
    pub(super) holding: Vec<String>,
}

/// Bytes free on the disk of a folder, and whether that is little.
pub(crate) fn disk_room(folder: &std::path::Path) -> Option<(u64, bool)> {
    let disk = host::disk(folder)?;
    Some((disk.free, conditions::is_low(disk)))
}

impl Panel {
    /// What everything counts now.
    pub(super) async fn look(&self) -> Seen {
        let lane = self.numbers.progress.get();
        let tally = self.numbers.tally.get();
        // The doors are asked before and after the spool: what was durable before is among what was appended, and what
        // was appended is durable or in hand after.
        let accepted_before = self.doors.iter().map(|(_, door)| door.get().accepted).sum();
        let spool = self.spool.status();
        let doors = self.doors.iter().map(|(name, door)| (*name, door.get_by())).collect();
        let counts = self.outbox.counts().await;
        let messages = self.outbox.deliveries(None, MESSAGES_MAX).await;
        Seen {
            now: self.clock.now(),
            started: self.started,
            accepted_before,
            doors,
            senders: self.lost.get().len(),
            udp_dropped: host::udp_dropped(self.udp),
            kafka: self.kafka.iter().map(|status| status.get()).collect(),
            files: self.files.iter().filter_map(FollowedFile::trouble).collect(),
            spool,
            spool_quota: self.spool.quota_bytes(),
            spool_failure: self.spool.failure(),
            unused: self.spool.unused_offsets(lane.begin, lane.position),
            lane,
            lane_is_running: self.numbers.is_running.load(std::sync::atomic::Ordering::Relaxed),
            tally,
            refused: held(&self.refused).clone(),
            outbox: counts.map_err(|error| error.to_string()),
            messages: messages.unwrap_or_default(),
            disk: host::disk(&self.data),
            memory_bytes: host::memory_bytes(),
            open_files: host::open_files(),
            law: *held(&self.law),
            holding: held(&self.holding).clone(),
        }
    }
}

/// What a poisoned mutex guards here is still whole: nothing that is done under one can panic halfway.
fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
