//! Where alerts and messages wait until they are told: one SQLite file.
//!
//! # Invariants
//! * One connection, on its own thread, does everything; `WAL` and `synchronous = FULL`, so that what
//!   is kept survives a power cut.
//! * A message is decided once. The same findings kept again, cut into other pieces, add nothing:
//!   that is also why a message below the level of its channel is kept, as [`State::Held`].
//! * State never goes back: findings from before the kept position do not overwrite later ones.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use sekisho_model::{Clock, Findings, Severity};
use sekisho_pipeline::BoxError;
use tokio::sync::{mpsc, oneshot, watch};

mod budget;
mod digest;
mod keep;
mod query;
mod queue;
mod schema;

pub use budget::{
    AlwaysOpen, HeldBy, MESSAGES_PER_DAY, Office, PAGE_WAIT, REPEAT_WAIT, STORM_INCIDENTS, STORM_REPEAT, STORM_WINDOW,
};
pub use digest::DigestSettings;
pub use query::{Counts, DeliveryRow, IncidentRow};
pub use queue::{Again, Claim, Claimed, Content, State};

/// How long a message waits, unless told otherwise, so that what belongs together is told together:
/// an attack is rarely one record.
pub const GROUP_WAIT: Duration = Duration::from_secs(5);

/// The most calls that wait for the writer. Each caller waits for its answer, so this is about the
/// number of callers: the lane, the channels and a few people.
const CALLS_MAX: usize = 64;

/// Which incidents a channel hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRule {
    /// Its name; part of the identity of its messages.
    pub name: String,
    /// From which level on.
    pub min_level: Severity,
    /// How many messages it takes in a day, those that are told at once not counted.
    pub messages_per_day: u32,
    /// Whether it is told the digest.
    pub digest: bool,
}

/// The outbox did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file could not be opened.
    #[error("cannot open the outbox {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<OutboxError>,
    },
    /// The file was written by a later version.
    #[error("the outbox has schema {found}, and this version knows up to {known}")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// SQLite failed.
    #[error("the outbox failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row does not hold what it should.
    #[error("a row of the outbox cannot be read: {0}")]
    Row(#[from] serde_json::Error),
    /// The file could not be created.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The thread of the outbox is gone.
    #[error("the outbox is closed")]
    Closed,
}

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle on the outbox; its clones share the connection.
#[derive(Clone)]
pub struct Outbox {
    calls: mpsc::Sender<Call>,
    changes: Arc<watch::Sender<u64>>,
    routing: Arc<keep::Routing>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("routing", &self.routing)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// Opens the file, or makes it. Messages are made for `channels`; `clock` says when they were.
    pub fn open(path: &Path, channels: Vec<ChannelRule>, clock: Arc<dyn Clock>) -> Result<Self, OutboxError> {
        let failed = |source| OutboxError::Open {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let connection = schema::open(path).map_err(failed)?;
        let (calls, queue) = mpsc::channel(CALLS_MAX);
        std::thread::Builder::new()
            .name("sekisho-outbox".to_owned())
            .spawn(move || work(connection, queue))
            .map_err(|error| failed(error.into()))?;
        let routing = Arc::new(keep::Routing {
            channels,
            group_wait: GROUP_WAIT,
            office: Arc::new(AlwaysOpen),
        });
        Ok(Self {
            calls,
            changes: Arc::new(watch::Sender::new(0)),
            routing,
            clock,
        })
    }

    /// The same, with messages waiting `group_wait` before they are sent.
    #[must_use]
    pub fn with_group_wait(mut self, group_wait: Duration) -> Self {
        self.routing = Arc::new(keep::Routing {
            group_wait,
            ..(*self.routing).clone()
        });
        self
    }

    /// The same, with an office that closes.
    #[must_use]
    pub fn with_office(mut self, office: Arc<dyn Office>) -> Self {
        self.routing = Arc::new(keep::Routing {
            office,
            ..(*self.routing).clone()
        });
        self
    }

    /// Tells when there is something new to send.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Has the thread of the outbox do something.
    async fn call<T, F>(&self, work: F) -> Result<T, OutboxError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, OutboxError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call = move |connection: &mut Connection| {
            // Whoever asked may have gone; what was asked is done all the same.
            drop(answer.send(work(connection)));
        };
        self.calls.send(Box::new(call)).await.map_err(|_| OutboxError::Closed)?;
        answered.await.map_err(|_| OutboxError::Closed)?
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Cancel-safe: once the call is queued, it is carried out.
impl sekisho_pipeline::Outbox for Outbox {
    async fn keep(&mut self, findings: &Findings, position: i64) -> Result<(), BoxError> {
        let (routing, now) = (Arc::clone(&self.routing), self.clock.now());
        let findings = findings.clone();
        let kept = self
            .call(move |connection| keep::keep(connection, &routing, &findings, position, now))
            .await?;
        if kept.to_send {
            self.changed();
        }
        Ok(())
    }
}

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Call>) {
    while let Some(call) = queue.blocking_recv() {
        call(&mut connection);
    }
}
