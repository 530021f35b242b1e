//! The lane, started again from what is durable whenever it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sekisho_alert::Outbox;
use sekisho_formats::YearPolicy;
use sekisho_pipeline::{EpochLimits, Lane, LaneParts, Progress, Restart};
use sekisho_sources::Spool;
use sekisho_store::{Recovered, Store};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::context::{Bundle, Generation, Loaded};
use crate::judge::LogJudge;
use crate::settings::Settings;
use crate::tally::Tally;
use sekisho_model::Clock;

/// Rows after which an epoch is committed before its time: about 100 MB in memory.
pub(crate) const EPOCH_ROWS_MAX: usize = 65_536;
/// Records that are judged at once.
pub(crate) const RECORDS_MAX: usize = 8_192;
/// How long a lane that stopped waits before it starts again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// What the lanes do, in numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) progress: Arc<Progress>,
    pub(super) tally: Arc<Tally>,
    pub(super) is_running: Arc<AtomicBool>,
}

/// Where a lane starts.
#[derive(Debug)]
pub(super) struct Start {
    store: Store,
    judge: LogJudge,
    position: i64,
}

impl Start {
    /// Goes on where the state stands; without a state, at the beginning of the spool.
    #[expect(
        clippy::too_many_arguments,
        reason = "parts that are wired together, told apart by their types"
    )]
    pub(super) fn new(
        settings: &Settings,
        spool: &Spool,
        store: Store,
        recovered: Option<Recovered>,
        current: &Generation,
        numbers: &Numbers,
    ) -> Result<Self> {
        let position = recovered
            .as_ref()
            .map_or(spool.status().begin, |recovered| recovered.position);
        let snapshot = recovered.map(|recovered| recovered.snapshot).unwrap_or_default();
        let generation = LogJudge::generation_of(&snapshot).unwrap_or_else(|| current.clone());
        let bundle = Bundle::open(&settings.data, &generation)
            .or_else(|_| Bundle::open(&settings.data, current))
            .context("the rules and lists that were in force cannot be read")?;
        let loaded = Loaded::build(&bundle, settings)?;
        let judge = LogJudge::new(settings.clone(), generation, loaded, YearPolicy::Nearest);
        let mut judge = judge.counting(Arc::clone(&numbers.tally));
        judge.restore(&snapshot);
        Ok(Self { store, judge, position })
    }
}

/// Runs lanes until `stop`.
#[expect(
    clippy::too_many_arguments,
    reason = "parts that are wired together, told apart by their types"
)]
pub(super) async fn run(
    mut start: Start,
    settings: Settings,
    spool: Spool,
    outbox: Outbox,
    numbers: Numbers,
    stop: CancellationToken,
) -> Result<()> {
    let limits = EpochLimits {
        age: settings.epoch,
        rows_max: EPOCH_ROWS_MAX,
        records_max: RECORDS_MAX,
    };
    announce_context(start.judge.generation().clone(), start.position, &settings, &spool).await?;
    let mut pause = PAUSE.0;
    loop {
        let begun = tokio::time::Instant::now();
        let reached = start.store.positions();
        let known = vec![reached.events, reached.rejects, reached.alerts];
        let restart = Restart {
            position: start.position,
            known,
        };
        let parts = LaneParts {
            log: spool.reader(),
            judge: start.judge,
            outbox: outbox.clone(),
            tables: start.store,
        };
        let mut lane = Lane::new(parts, restart, limits).counting(Arc::clone(&numbers.progress));
        numbers.is_running.store(true, Ordering::Relaxed);
        let ended = lane.run(stop.clone()).await;
        numbers.is_running.store(false, Ordering::Relaxed);
        drop(lane);
        let Err(error) = ended else { return Ok(()) };
        let error = anyhow!(error);
        if stop.is_cancelled() || spool.failure().is_some() {
            return Err(error);
        }
        if begun.elapsed() > PAUSE.1 {
            pause = PAUSE.0;
        }
        tracing::error!(
            error = format!("{error:#}"),
            ?pause,
            "the lane stopped; it starts again from what is durable"
        );
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err(error),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE.1);
        let (store, recovered) = Store::open(&settings.data).await?;
        let current = Bundle::collect(&settings.context)?.keep(&settings.data)?;
        start = Start::new(&settings, &spool, store, recovered, &current, &numbers)?;
    }
}

/// Says in the log which rules and lists count from here on, where that is not what the state was
/// made with.
async fn announce_context(in_force: Generation, position: i64, settings: &Settings, spool: &Spool) -> Result<()> {
    let current = Bundle::collect(&settings.context)?.generation();
    let first = spool.status().begin == spool.status().end && position == 0;
    // Frames that are judged again may name a generation in between.
    if spool.status().end <= position {
        Bundle::prune(&settings.data, &[&in_force, &current])?;
    }
    if first || in_force != current {
        spool.append_context(current.name(), SystemClock.now()).await?;
    }
    Ok(())
}
