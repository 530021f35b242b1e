//! The loop that reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::KafkaDoor;
use super::batch::{Batch, Partition, Value, open};
use super::context::{Change, Context};
use super::progress::{Ask, Mark, Progress, Verdict, fingerprint};
use super::status::KafkaStatus;
use crate::{Spool, SpoolError};

/// How long to wait for a message before looking whether the program ends.
const POLL: Duration = Duration::from_millis(200);

/// How long a broker has to answer a question about a partition.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long to poll without reading before a full spool is tried again.
const FULL_WAIT: Duration = Duration::from_millis(250);

/// Why the loop ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It was asked to.
    Shutdown,
    /// The spool takes nothing more.
    Spool(SpoolError),
    /// The library cannot go on with this consumer.
    Broken(KafkaError),
}

impl From<KafkaError> for Ended {
    fn from(error: KafkaError) -> Self {
        Self::Broken(error)
    }
}

/// Reads with one consumer. All of it is done by one thread, so nothing changes under a batch.
#[derive(Debug)]
pub(super) struct Loop<'a> {
    pub(super) door: &'a KafkaDoor,
    pub(super) spool: &'a Spool,
    pub(super) runtime: &'a Handle,
    pub(super) shutdown: &'a CancellationToken,
    partitions: BTreeMap<Partition, Progress>,
    batch: Batch,
}

impl<'a> Loop<'a> {
    pub(super) fn new(
        door: &'a KafkaDoor,
        spool: &'a Spool,
        runtime: &'a Handle,
        shutdown: &'a CancellationToken,
    ) -> Self {
        Self {
            door,
            spool,
            runtime,
            shutdown,
            partitions: BTreeMap::new(),
            batch: Batch::default(),
        }
    }

    /// Reads until something ends it.
    pub(super) fn run(mut self, consumer: &BaseConsumer<Context>) -> Ended {
        loop {
            if let Err(ended) = self.fill(consumer).and_then(|()| self.empty(consumer)) {
                return ended;
            }
        }
    }

    /// Collects what is there, waiting for the first message only.
    fn fill(&mut self, consumer: &BaseConsumer<Context>) -> Result<(), Ended> {
        while !self.batch.is_full() {
            let wait = if self.batch.is_empty() { POLL } else { Duration::ZERO };
            if self.shutdown.is_cancelled() {
                return Err(Ended::Shutdown);
            }
            if !self.poll(consumer, wait)? && wait.is_zero() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Appends what was collected, and stores how far that is.
    fn empty(&mut self, consumer: &BaseConsumer<Context>) -> Result<(), Ended> {
        let mut is_paused = false;
        loop {
            for (partition, next) in self.batch.take_empty() {
                store(consumer, &partition, next);
            }
            let refused = self.append(consumer)?;
            if !refused {
                break;
            }
            if !is_paused {
                warn!("the spool is full; Kafka has to wait");
                is_paused = true;
            }
            // Whatever is assigned meanwhile is paused at the next turn: a message of it may come before.
            consumer.pause(&consumer.assignment()?)?;
            // Who does not poll loses his partitions.
            self.poll(consumer, FULL_WAIT)?;
            if self.shutdown.is_cancelled() {
                return Err(Ended::Shutdown);
            }
        }
        if is_paused {
            consumer.resume(&consumer.assignment()?)?;
        }
        Ok(())
    }

    /// Appends once; whether something was refused because the spool is full.
    fn append(&mut self, consumer: &BaseConsumer<Context>) -> Result<bool, Ended> {
        let (partitions, records) = self.batch.to_records(&self.door.settings);
        let appended = self
            .runtime
            .block_on(self.spool.append_all(records, self.door.clock.now()));
        let (counters, source) = (&self.door.counters, &self.door.settings.source);
        let mut refused = false;
        for (partition, appended) in partitions.into_iter().zip(appended) {
            let taken = match appended {
                Ok(appended) => Some(appended.repeated),
                Err(SpoolError::Full) => {
                    refused = true;
                    continue;
                }
                Err(error @ SpoolError::TooLarge { .. }) => {
                    error!(%partition, %error, "Kafka: messages are lost that the spool cannot take");
                    None
                }
                Err(error) => return Err(Ended::Spool(error)),
            };
            if let Some((next, records)) = self.batch.take(&partition) {
                counters.receive(source, records);
                match taken {
                    Some(repeated) => counters.accept(source, records, repeated),
                    None => counters.drop_some("too_large", records),
                }
                store(consumer, &partition, next);
            }
        }
        Ok(refused)
    }

    /// Polls once; whether there was a message.
    fn poll(&mut self, consumer: &BaseConsumer<Context>, wait: Duration) -> Result<bool, Ended> {
        let polled = consumer.poll(wait);
        for change in consumer.context().changes() {
            self.change(change);
        }
        match polled {
            None => Ok(false),
            Some(Ok(message)) => self.take(consumer, &message).map(|()| true),
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => Err(Ended::Broken(error)),
            // The context told of it, and the library tries again.
            Some(Err(_)) => Ok(true),
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Assigned(assigned) => {
                for partition in assigned {
                    let position = self.spool.position(&partition.cursor_key());
                    let mark = position.as_deref().and_then(Mark::parse);
                    self.partitions.insert(partition, Progress::new(mark));
                }
            }
            Change::Revoked(revoked) => {
                for partition in revoked {
                    // The next owner begins where the last commit is, so what is in hand is his.
                    self.batch.forget(&partition);
                    self.partitions.remove(&partition);
                }
            }
            Change::OutOfRange => self.partitions.values_mut().for_each(Progress::lose_line),
        }
    }

    fn take(&mut self, consumer: &BaseConsumer<Context>, message: &BorrowedMessage<'_>) -> Result<(), Ended> {
        let partition = Partition::new(message.topic(), message.partition());
        // Only what is assigned is delivered.
        let Some(progress) = self.partitions.get_mut(&partition) else {
            return Ok(());
        };
        let offset = message.offset();
        let fingerprint = fingerprint(message);
        let question = Question {
            consumer,
            partition: &partition,
        };
        let status = &self.door.status;
        match progress.judge(offset, &fingerprint, &question) {
            Ok(Verdict::Take { missed }) => {
                if 0 < missed {
                    warn!(%partition, missed, "Kafka: messages were deleted before they were read");
                    KafkaStatus::add(&status.missed, missed);
                }
                progress.take(offset, fingerprint);
                let mark = progress.mark().cloned();
                if let Some(mark) = mark {
                    self.batch.push(&partition, mark, records(status, &partition, message));
                }
            }
            Ok(Verdict::Repeated) => KafkaStatus::add(&status.repeated, 1),
            Ok(Verdict::Restarted { from }) => {
                warn!(%partition, from, "Kafka: the topic was made anew; it is read from where it begins");
                KafkaStatus::add(&status.restarted, 1);
                self.batch.rewind(&partition, from);
                restart(consumer, &partition, from)?;
            }
            Err(error) => {
                status.tell(&error, "cannot tell whether a message was taken before");
                consumer.seek(message.topic(), message.partition(), Offset::Offset(offset), ANSWER_MAX)?;
            }
        }
        Ok(())
    }
}

fn records(status: &Arc<KafkaStatus>, partition: &Partition, message: &BorrowedMessage<'_>) -> Vec<Vec<u8>> {
    match open(message.payload().unwrap_or_default()) {
        Value::Records(records) => {
            KafkaStatus::add(&status.empty, i64::from(records.is_empty()));
            records
        }
        Value::Oversize(record) => {
            warn!(%partition, offset = message.offset(), "Kafka: a message is too large; its beginning is kept");
            KafkaStatus::add(&status.oversize, 1);
            vec![record]
        }
    }
}

/// Stores how far a partition is durable; the library commits it.
fn store(consumer: &BaseConsumer<Context>, partition: &Partition, next: i64) {
    let mut list = TopicPartitionList::new();
    let stored = list
        .add_partition_offset(&partition.topic, partition.number, Offset::Offset(next))
        .and_then(|()| consumer.store_offsets(&list));
    // A partition that was taken from us meanwhile; what was taken is below our mark if it comes back.
    if let Err(error) = stored {
        debug!(%partition, %error, "cannot store an offset");
    }
}

/// Reads a partition again from `from`. The library never commits less than it did, unless told to.
fn restart(consumer: &BaseConsumer<Context>, partition: &Partition, from: i64) -> KafkaResult<()> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(from))?;
    consumer.commit(&list, CommitMode::Async)?;
    consumer.seek(&partition.topic, partition.number, Offset::Offset(from), ANSWER_MAX)
}

/// Asks the broker about a partition.
struct Question<'a> {
    consumer: &'a BaseConsumer<Context>,
    partition: &'a Partition,
}

impl Ask for Question<'_> {
    fn bounds(&self) -> KafkaResult<(i64, i64)> {
        let Partition { topic, number } = self.partition;
        self.consumer.fetch_watermarks(topic, *number, ANSWER_MAX)
    }

    fn committed(&self) -> KafkaResult<Option<i64>> {
        let Partition { topic, number } = self.partition;
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, *number);
        let committed = self.consumer.committed_offsets(list, ANSWER_MAX)?;
        let offset = committed.find_partition(topic, *number).map(|found| found.offset());
        Ok(match offset {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        })
    }
}
