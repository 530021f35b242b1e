//! What the library tells us while it is polled.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::{Arc, Mutex};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, TopicPartitionList};
use serde::Deserialize;
use tracing::{debug, info, warn};

use super::batch::Partition;
use super::status::{KafkaStatus, held};

/// The facility under which the library logs that a broker had no message at our position.
const OFFSET_FACILITY: &str = "OFFSET";

/// Something that happened to our partitions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// They are ours now.
    Assigned(Vec<Partition>),
    /// They are not ours any more.
    Revoked(Vec<Partition>),
    /// One of them had no message at our position.
    OutOfRange,
}

/// Keeps what the library tells until the loop looks.
#[derive(Debug)]
pub(super) struct Context {
    status: Arc<KafkaStatus>,
    changes: Mutex<Vec<Change>>,
}

impl Context {
    pub(super) fn new(status: Arc<KafkaStatus>) -> Self {
        Self {
            status,
            changes: Mutex::default(),
        }
    }

    /// What happened since the last look, in order.
    pub(super) fn changes(&self) -> Vec<Change> {
        mem::take(&mut held(&self.changes))
    }
}

impl ClientContext for Context {
    /// The library repeats itself, and what matters comes as an error too.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        if facility == OFFSET_FACILITY && matches!(level, RDKafkaLogLevel::Warning) {
            warn!(text, "Kafka: a position was not there any more");
            held(&self.changes).push(Change::OutOfRange);
        }
        debug!(target: "librdkafka", ?level, facility, text);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice::<Statistics>(statistics) {
            Ok(statistics) => {
                if statistics.is_steady() {
                    self.status.be_well();
                }
                self.status.set_lags(statistics.lags());
            }
            Err(error) => debug!(%error, "unreadable statistics of the Kafka library"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.status.tell(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let change = match rebalance {
            Rebalance::Assign(list) => Change::Assigned(partitions(list)),
            Rebalance::Revoke(list) => Change::Revoked(partitions(list)),
            Rebalance::Error(error) => return self.status.tell(error, "rebalance"),
        };
        info!(?change, "Kafka: the partitions of the group were dealt again");
        held(&self.changes).push(change);
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let partition = |(topic, number): (String, i32)| Partition::new(&topic, number);
    list.to_topic_map().into_keys().map(partition).collect()
}

/// The part of the library's statistics that is of use; its STATISTICS.md names the fields.
#[derive(Debug, Deserialize)]
struct Statistics {
    topics: HashMap<String, TopicStatistics>,
    cgrp: Option<GroupStatistics>,
}

#[derive(Debug, Deserialize)]
struct TopicStatistics {
    partitions: HashMap<i32, PartitionStatistics>,
}

#[derive(Debug, Deserialize)]
struct PartitionStatistics {
    /// Whether it is ours.
    desired: bool,
    /// From what was read to the end; -1 if not known.
    consumer_lag: i64,
    /// From what is durable to the end; -1 if not known.
    consumer_lag_stored: i64,
}

#[derive(Debug, Deserialize)]
struct GroupStatistics {
    state: String,
    join_state: String,
    assignment_size: i64,
}

impl Statistics {
    /// Whether the group is reached and has given us something to read.
    fn is_steady(&self) -> bool {
        let group = self.cgrp.as_ref();
        group.is_some_and(|group| group.state == "up" && group.join_state == "steady" && 0 < group.assignment_size)
    }

    fn lags(&self) -> BTreeMap<Partition, u64> {
        let partitions = self.topics.iter().flat_map(|(topic, statistics)| {
            let ours = statistics.partitions.iter().filter(|(_, partition)| partition.desired);
            ours.map(move |(number, partition)| (Partition::new(topic, *number), partition.lag()))
        });
        partitions
            .filter_map(|(partition, lag)| Some((partition, lag?)))
            .collect()
    }
}

impl PartitionStatistics {
    fn lag(&self) -> Option<u64> {
        let known = |lag: i64| u64::try_from(lag).ok();
        known(self.consumer_lag_stored).or(known(self.consumer_lag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_our_partitions_is_read_from_the_statistics() {
        let partition = |desired: bool, read: i64, stored: i64| {
            format!(r#"{{"desired":{desired},"consumer_lag":{read},"consumer_lag_stored":{stored},"hi_offset":9}}"#)
        };
        let statistics = format!(
            r#"{{"topics":{{"t":{{"partitions":{{"0":{},"1":{},"2":{},"3":{},"-1":{}}}}}}},
                "cgrp":{{"state":"up","join_state":"steady","assignment_size":3}}}}"#,
            partition(true, 3, 5),
            partition(true, 4, -1),
            partition(true, -1, -1),
            partition(false, 7, 7),
            partition(false, -1, -1),
        );
        let status = Arc::<KafkaStatus>::default();
        let context = Context::new(Arc::clone(&status));

        context.stats_raw(statistics.as_bytes());

        let lags: Vec<_> = status
            .get()
            .lags
            .iter()
            .map(|lag| (lag.partition, lag.messages))
            .collect();
        assert_eq!(lags, [(0, 5), (1, 4)]);
    }
}
