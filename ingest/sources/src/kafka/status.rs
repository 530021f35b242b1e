//! What a Kafka door tells of itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::error::KafkaError;
use tracing::error;

use super::batch::Partition;
use super::trouble::{Told, advice, is_a_consequence};

/// What a door saw, beside the records that its [`Counters`](crate::Counters) count.
#[derive(Debug, Default)]
pub struct KafkaStatus {
    pub(super) repeated: AtomicU64,
    pub(super) empty: AtomicU64,
    pub(super) oversize: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) restarted: AtomicU64,
    lags: Mutex<BTreeMap<Partition, u64>>,
    trouble: Mutex<Option<Arc<str>>>,
    told: Mutex<Told>,
}

/// The values of [`KafkaStatus`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSeen {
    /// Messages that came again and were not taken again.
    pub repeated: u64,
    /// Messages without a value, or with nothing in it.
    pub empty: u64,
    /// Messages that were too large to take apart; the beginning of each was taken as one record.
    pub oversize: u64,
    /// Messages that the broker had deleted before they could be read.
    pub missed: u64,
    /// Partitions that began anew: their topic was deleted and made again.
    pub restarted: u64,
    /// How many messages of each partition that is ours are not yet durable here.
    pub lags: Vec<PartitionLag>,
    /// What is wrong and what to do about it, if nothing was read since.
    pub trouble: Option<Arc<str>>,
}

/// How far behind a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its number.
    pub partition: i32,
    /// How many messages are not yet durable here.
    pub messages: u64,
}

impl KafkaStatus {
    /// The values now.
    pub fn get(&self) -> KafkaSeen {
        let lag = |(partition, messages): (&Partition, &u64)| PartitionLag {
            topic: Arc::clone(&partition.topic),
            partition: partition.number,
            messages: *messages,
        };
        KafkaSeen {
            repeated: self.repeated.load(Ordering::Relaxed),
            empty: self.empty.load(Ordering::Relaxed),
            oversize: self.oversize.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            restarted: self.restarted.load(Ordering::Relaxed),
            lags: held(&self.lags).iter().map(lag).collect(),
            trouble: held(&self.trouble).clone(),
        }
    }

    pub(super) fn add(counter: &AtomicU64, messages: i64) {
        counter.fetch_add(u64::try_from(messages).unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn set_lags(&self, lags: BTreeMap<Partition, u64>) {
        *held(&self.lags) = lags;
    }

    /// Tells of an error, unless it was told a moment ago.
    pub(super) fn tell(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let advice = advice(code, reason);
        let mut trouble = held(&self.trouble);
        // That no broker can be reached follows from what was wrong with the last of them, which says more.
        if trouble.is_none() || !is_a_consequence(code, reason) {
            *trouble = Some(Arc::from(format!("{error}: {advice}")));
        }
        drop(trouble);
        if held(&self.told).is_due(code, Instant::now()) {
            error!(%error, reason, "Kafka: {advice}");
        }
    }

    /// What was wrong is well again.
    pub(super) fn be_well(&self) {
        *held(&self.trouble) = None;
    }
}

/// What a poisoned mutex guards here is still whole: nothing that is done under one can panic halfway.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
