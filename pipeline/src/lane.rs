//! The life of a record after it was taken in.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::Findings;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::parts::{BoxError, Epoch, Judge, Judged, Log, Outbox, Tables};
use crate::progress::Progress;

/// When an epoch is closed.
#[derive(Clone, Copy, Debug)]
pub struct EpochLimits {
    /// After this long.
    pub age: Duration,
    /// With this many rows.
    pub rows_max: usize,
    /// How many records are judged at once.
    pub records_max: usize,
}

/// Why a lane stopped. It is started again from what is durable.
#[derive(Debug, thiserror::Error)]
#[error("failed to {step}")]
pub struct LaneError {
    step: &'static str,
    source: BoxError,
}

/// What a lane works with.
#[derive(Debug)]
pub struct LaneParts<L, J, O, T> {
    /// Where the records are.
    pub log: L,
    /// Who judges them.
    pub judge: J,
    /// Where what is to be told waits.
    pub outbox: O,
    /// Where everything goes.
    pub tables: T,
}

/// Takes records from the log to the tables.
#[derive(Debug)]
pub struct Lane<L, J, O, T> {
    log: L,
    judge: J,
    outbox: O,
    tables: T,
    limits: EpochLimits,
    position: i64,
    known: Vec<i64>,
    open: OpenEpoch,
    progress: Arc<Progress>,
}

/// Where a lane goes on.
#[derive(Clone, Debug)]
pub struct Restart {
    /// Where the state stands.
    pub position: i64,
    /// How far each table reaches, which may be further: frames before are judged again, and apart
    /// from later ones, so that what is found in them is known by its position to be known.
    pub known: Vec<i64>,
}

#[derive(Debug, Default)]
struct OpenEpoch {
    judged: Judged,
    findings: Vec<(i64, Findings)>,
    rows: usize,
    since: Option<Instant>,
}

impl<L: Log, J: Judge, O: Outbox, T: Tables> Lane<L, J, O, T> {
    /// A lane of these parts.
    pub fn new(parts: LaneParts<L, J, O, T>, restart: Restart, limits: EpochLimits) -> Self {
        let LaneParts {
            log,
            judge,
            outbox,
            tables,
        } = parts;
        let Restart { position, mut known } = restart;
        known.sort_unstable();
        Self {
            log,
            judge,
            outbox,
            tables,
            limits,
            position,
            known,
            open: OpenEpoch::default(),
            progress: Arc::default(),
        }
    }

    /// Counts here what it does, after what the lane before it did.
    #[must_use]
    pub fn counting(mut self, progress: Arc<Progress>) -> Self {
        progress.begin(self.position);
        self.progress = progress;
        self
    }

    /// Works until `shutdown`; then what is in hand becomes durable, and it returns.
    pub async fn run(&mut self, shutdown: CancellationToken) -> Result<(), LaneError> {
        loop {
            let deadline = self.open.since.map(|since| since + self.limits.age);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.commit().await,
                () = until(deadline) => self.commit().await?,
                frames = self.log.read(self.position, self.limits.records_max) => {
                    let frames = frames.map_err(|source| LaneError { step: "read the log", source })?;
                    self.process_apart(&frames).await?;
                }
            }
            if self.open.rows >= self.limits.rows_max {
                self.commit().await?;
            }
        }
    }

    /// Judges frames that the tables may have in part.
    async fn process_apart(&mut self, frames: &[crate::Frame]) -> Result<(), LaneError> {
        let mut rest = frames;
        for known in self.known.clone() {
            let (again, new) = rest.split_at(rest.partition_point(|frame| frame.first < known));
            self.process(again).await?;
            rest = new;
        }
        self.known.retain(|known| *known > self.position);
        self.process(rest).await
    }

    /// Judges frames and keeps what was found; what is to be told is durable when this returns.
    async fn process(&mut self, frames: &[crate::Frame]) -> Result<(), LaneError> {
        let Some(last) = frames.last() else { return Ok(()) };
        let position = last.end();
        let judged = self.judge.judge(frames);
        self.progress.judged(frames, made(&judged));
        if !judged.findings.is_empty() {
            self.outbox
                .keep(&judged.findings, position)
                .await
                .map_err(|source| LaneError {
                    step: "keep alerts in the outbox",
                    source,
                })?;
        }
        self.open.add(judged, position);
        self.position = position;
        Ok(())
    }

    /// Makes the open epoch durable and gives up the log before it.
    async fn commit(&mut self) -> Result<(), LaneError> {
        if self.open.since.is_none() {
            return Ok(());
        }
        let open = std::mem::take(&mut self.open);
        let rows = open.rows;
        let snapshot = self.judge.snapshot().map_err(|source| LaneError {
            step: "save the state",
            source,
        })?;
        let epoch = Epoch {
            position: self.position,
            events: open.judged.events,
            rejects: open.judged.rejects,
            findings: open.findings,
            snapshot,
        };
        let begun = Instant::now();
        let committed = self.tables.commit(epoch).await.map_err(|source| LaneError {
            step: "commit an epoch",
            source,
        })?;
        self.progress.committed(committed, begun.elapsed());
        self.log.truncate(self.position).await.map_err(|source| LaneError {
            step: "truncate the log",
            source,
        })?;
        if rows > 0 {
            info!(rows, position = self.position, "committed an epoch");
        } else {
            debug!(position = self.position, "committed an epoch without rows");
        }
        Ok(())
    }
}

impl OpenEpoch {
    fn add(&mut self, judged: Judged, position: i64) {
        self.since.get_or_insert_with(Instant::now);
        self.rows += made(&judged);
        self.judged.events.extend(judged.events);
        self.judged.rejects.extend(judged.rejects);
        if !judged.findings.is_empty() {
            self.findings.push((position, judged.findings));
        }
    }
}

/// How many rows and rejects there are.
fn made(judged: &Judged) -> usize {
    judged.events.iter().map(sekisho_model::EventBatch::len).sum::<usize>() + judged.rejects.len()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
