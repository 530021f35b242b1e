//! What a running service does beside its work: seconds, changed files, new tokens, small tables.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use sekisho_model::Clock;
use sekisho_sources::kafka::KafkaStatus;
use sekisho_sources::{AgainDoor, Spool};
use sekisho_store::maintain::{self as upkeep, Upkeep};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::context::{Generation, Watcher};
use crate::rejects::Marks;
use crate::settings::Settings;

use super::TokenSenders;

/// How often a tick goes into the log: what depends on absence is decided no later than this.
const TICK: Duration = Duration::from_secs(1);
/// How often the files of the context and the tokens are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How many rejects are taken up at one look.
const REPLAYED_AT_ONCE: u32 = 1_000;
/// How often the log tells how far behind a topic is.
const TELL: Duration = Duration::from_mins(1);
/// How often small files are put together, if there are many: each makes the next commit slower.
const COMPACT: Duration = Duration::from_mins(1);
/// How often what is too old is dropped, and what is no longer used is removed.
const MAINTAIN: Duration = Duration::from_hours(6);

/// Writes ticks.
pub(super) async fn tick(spool: Spool, clock: Arc<dyn Clock>, stop: CancellationToken) -> Result<()> {
    while pause(TICK, &stop).await {
        if let Err(error) = spool.append_tick(clock.now()).await {
            tracing::debug!(%error, "no tick");
        }
    }
    Ok(())
}

/// Takes over changed rules and lists.
#[expect(
    clippy::too_many_arguments,
    reason = "parts that are wired together, told apart by their types"
)]
pub(super) async fn watch_context(
    settings: Settings,
    current: Generation,
    spool: Spool,
    clock: Arc<dyn Clock>,
    refused: Arc<Mutex<Option<String>>>,
    stop: CancellationToken,
) -> Result<()> {
    let mut watcher = Watcher::new(settings, current);
    while pause(LOOK, &stop).await {
        let (back, changed) = tokio::task::spawn_blocking(move || {
            let changed = watcher.poll();
            (watcher, changed)
        })
        .await?;
        watcher = back;
        *refused.lock().unwrap_or_else(PoisonError::into_inner) = watcher.trouble();
        if let Some(generation) = changed {
            spool.append_context(generation.name(), clock.now()).await?;
        }
    }
    Ok(())
}

/// Takes over new tokens.
pub(super) async fn watch_tokens(settings: Settings, tokens: TokenSenders, stop: CancellationToken) -> Result<()> {
    while pause(LOOK, &stop).await {
        let settings = settings.clone();
        match tokio::task::spawn_blocking(move || super::read_tokens(&settings)).await? {
            Ok(read) => tokens.send(read),
            Err(error) => tracing::warn!(%error, "the tokens cannot be read; those in force stay"),
        }
    }
    Ok(())
}

/// Takes up rejects that are to be read again.
pub(super) async fn replay_rejects(settings: Settings, door: AgainDoor, stop: CancellationToken) -> Result<()> {
    while pause(LOOK, &stop).await {
        if let Err(error) = replay_asked(&settings, &door, &stop).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "rejects cannot be replayed just now; trying again"
            );
        }
    }
    Ok(())
}

async fn replay_asked(settings: &Settings, door: &AgainDoor, stop: &CancellationToken) -> Result<()> {
    let data = settings.data.clone();
    let asked = tokio::task::spawn_blocking(move || Marks::open(&data)?.asked(REPLAYED_AT_ONCE)).await??;
    for (number, reject) in asked {
        if stop.is_cancelled() {
            break;
        }
        let id = reject.id;
        door.take(number, reject.origin, reject.observed, reject.raw.into_bytes())
            .await?;
        let data = settings.data.clone();
        let noted = move || Marks::open(&data)?.replayed(number, SystemClock.now());
        tokio::task::spawn_blocking(noted).await??;
        tracing::info!(id, "took a reject up again");
    }
    Ok(())
}

/// Keeps the tables small.
pub(super) async fn maintain(settings: Settings, stop: CancellationToken) -> Result<()> {
    let mut last = tokio::time::Instant::now();
    while pause(COMPACT, &stop).await {
        let done = if last.elapsed() < MAINTAIN {
            upkeep::compact_if_due(&settings.data)
                .await
                .map(|_| ())
                .map_err(anyhow::Error::from)
        } else {
            last = tokio::time::Instant::now();
            maintain_tables(&settings).await
        };
        if let Err(error) = done {
            tracing::error!(
                error = format!("{error:#}"),
                "the tables could not be maintained; trying again later"
            );
        }
    }
    Ok(())
}

/// Maintains the tables of a running service.
async fn maintain_tables(settings: &Settings) -> Result<()> {
    let done = upkeep::maintain(&settings.data, SystemClock.now(), settings.retain_days).await?;
    for (table, upkeep) in done {
        tracing::info!(table, "maintained: {}", words(&upkeep));
    }
    Ok(())
}

/// What was done to a table, in words.
pub(crate) fn words(upkeep: &Upkeep) -> String {
    let Upkeep {
        dropped,
        compacted,
        into,
        vacuumed,
        log_entries,
        swept,
    } = upkeep;
    format!(
        "{compacted} files put together into {into}; {dropped} past their age dropped; removed {vacuumed} files no longer \
         used, {log_entries} log entries, {swept} left by a crash"
    )
}

/// Waits; false when it is time to stop.
pub(super) async fn pause(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// Says how far behind a Kafka door is, while it is.
pub(super) async fn tell_lag(status: Arc<KafkaStatus>, stop: CancellationToken) -> Result<()> {
    while pause(TELL, &stop).await {
        let seen = status.get();
        for lag in seen.lags.iter().filter(|lag| lag.messages > 0) {
            tracing::info!(
                topic = &*lag.topic,
                partition = lag.partition,
                messages = lag.messages,
                "Kafka: messages wait to be taken"
            );
        }
    }
    Ok(())
}
