//! The door for Kafka topics, and for whatever speaks its protocol, such as Azure Event Hubs.
//!
//! # Invariants
//! * A position is told to the group only after everything before it is on stable storage here.
//! * The position is durable in the same frame as the records, so what comes again (after a crash, or
//!   when partitions are dealt again) is known, counted and not taken again.
//! * All records of a message are of one frame: a message is taken or not, never half.
//! * A topic that was deleted and made again is read from its beginning, though its offsets were seen before.
//! * While the spool is full nothing is read, but the place in the group is kept.
//!
//! # Not here
//! What one spool cannot know: a partition that moves to another process is read there from the last
//! position that was told to the group, which may be a second behind what was taken here.
//!
//! A topic that is deleted, made again and filled beyond our position within the half second between two
//! fetches: the library notices only that the next offset is there.

mod batch;
mod consume;
mod context;
mod progress;
mod settings;
mod status;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use sekisho_model::Clock;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{Counters, DoorError, Spool};
use consume::{Ended, Loop};
use context::Context;
pub use settings::{
    KafkaPassword, KafkaSasl, KafkaSecurity, KafkaSettings, KafkaSettingsError, KafkaTls, SaslMechanism,
};
pub use status::{KafkaSeen, KafkaStatus, PartitionLag};

/// How long to wait before a new consumer takes the place of one that broke.
const RETRY: Duration = Duration::from_secs(30);

/// How long to stay away after another member came with our `instance_id`: while both come back at once, each throws
/// the other out, and neither reads much. If the other ends, somebody has to read again.
const RETRY_AFTER_FENCED: Duration = Duration::from_mins(5);

/// How often the end of that wait is looked for.
const RETRY_STEP: Duration = Duration::from_millis(200);

/// How long leaving the group may take. It tells the last positions, and no more depends on it than
/// that some messages come again; a broker that does not answer must not hold up the end of the program.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// Reads topics.
#[derive(Debug)]
pub struct KafkaDoor {
    settings: KafkaSettings,
    client: ClientConfig,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    status: Arc<KafkaStatus>,
}

impl KafkaDoor {
    /// A door to the topics of `settings`; nothing is connected yet.
    pub fn new(
        settings: KafkaSettings,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Result<Self, KafkaSettingsError> {
        Ok(Self {
            client: settings.client()?,
            settings,
            clock,
            counters,
            status: Arc::default(),
        })
    }

    /// What it sees; may be asked while it runs.
    pub fn status(&self) -> Arc<KafkaStatus> {
        Arc::clone(&self.status)
    }

    /// Reads until `shutdown`. Brokers that cannot be reached, or refuse us, are no error: it is told,
    /// and tried again.
    pub async fn run(self, spool: Spool, shutdown: CancellationToken) -> Result<(), DoorError> {
        let runtime = Handle::current();
        let (done, ended) = oneshot::channel();
        let (left, leaving) = oneshot::channel();
        let work = move || {
            let consumer = self.work(&spool, &runtime, &shutdown, done);
            drop(consumer);
            if left.send(()).is_err() {
                debug!("Kafka: left the group, too late for anybody to wait for it");
            }
        };
        // A thread of its own: the runtime would wait for one of its own to end.
        std::thread::Builder::new()
            .name("kafka".to_owned())
            .spawn(work)
            .map_err(|source| DoorError::Socket {
                step: "start a thread for Kafka",
                source,
            })?;
        let result = ended.await.unwrap_or_else(|_| {
            Err(DoorError::Socket {
                step: "read from Kafka",
                source: std::io::Error::other("its thread ended unexpectedly"),
            })
        });
        if tokio::time::timeout(LEAVE_MAX, leaving).await.is_err() {
            warn!("Kafka: did not leave the group in time; its messages since the last commit come again");
        }
        result
    }

    /// Works until the end, tells `done` why, and returns the consumer that is to leave the group.
    fn work(
        &self,
        spool: &Spool,
        runtime: &Handle,
        shutdown: &CancellationToken,
        done: oneshot::Sender<Result<(), DoorError>>,
    ) -> Option<BaseConsumer<Context>> {
        let (result, consumer) = loop {
            let error = match self.connect() {
                Ok(consumer) => match Loop::new(self, spool, runtime, shutdown).run(&consumer) {
                    Ended::Shutdown => break (Ok(()), Some(consumer)),
                    Ended::Spool(error) => break (Err(error.into()), Some(consumer)),
                    Ended::Broken(error) => error,
                },
                Err(error) => error,
            };
            let is_fenced = error.rdkafka_error_code() == Some(RDKafkaErrorCode::FencedInstanceId);
            let pause = if is_fenced { RETRY_AFTER_FENCED } else { RETRY };
            self.status.tell(&error, "a new consumer is made after a pause");
            if !wait(pause, shutdown) {
                break (Ok(()), None);
            }
        };
        if done.send(result).is_err() {
            debug!("Kafka: nobody waits for the end any more");
        }
        consumer
    }

    fn connect(&self) -> Result<BaseConsumer<Context>, KafkaError> {
        let consumer: BaseConsumer<Context> = self
            .client
            .create_with_context(Context::new(Arc::clone(&self.status)))?;
        let topics: Vec<&str> = self.settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        info!(?topics, group = self.settings.group, "reads from Kafka");
        Ok(consumer)
    }
}

/// Whether the wait was to its end.
fn wait(pause: Duration, shutdown: &CancellationToken) -> bool {
    let mut waited = Duration::ZERO;
    while waited < pause && !shutdown.is_cancelled() {
        std::thread::sleep(RETRY_STEP);
        waited += RETRY_STEP;
    }
    !shutdown.is_cancelled()
}

#[cfg(test)]
mod tests;
