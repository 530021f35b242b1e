//! The digest of each business morning.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use sekisho_alert::Outbox;
use sekisho_alert::outbox::DigestSettings;
use sekisho_enrich::Calendar;
use sekisho_model::{Clock, Time};
use sekisho_store::sql::{Limits, Sql};
use tokio_util::sync::CancellationToken;

use crate::context::calendar;
use crate::office::{Due, due};
use crate::settings::Settings;

/// How often it is asked whether a digest is due.
const LOOK: Duration = Duration::from_secs(20);
/// How long a source is expected to send again after it did.
const EXPECTED: Duration = Duration::from_hours(8 * 24);

/// Keeps digests as they become due.
pub(super) async fn run(
    settings: Settings,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<()> {
    let calendar = calendar(&settings)?;
    while super::housekeeping::pause(LOOK, &stop).await {
        if let Err(error) = look(&settings, &calendar, &outbox, clock.now()).await {
            tracing::error!(error = format!("{error:#}"), "no digest; trying again");
        }
    }
    Ok(())
}

async fn look(settings: &Settings, calendar: &Calendar, outbox: &Outbox, now: Time) -> Result<()> {
    let Some(told_until) = outbox.digest_told_until().await? else {
        // The first tells of what comes from now on.
        return Ok(outbox.begin_digests(now).await?);
    };
    let Some(due) = due(now, told_until, calendar, settings.digest_at) else {
        return Ok(());
    };
    let data = settings.data.clone();
    let seen = tokio::task::spawn_blocking(move || Seen::ask(&data, told_until, due.until)).await??;
    outbox.keep_digest(digest(due, seen), told_until).await?;
    tracing::info!(day = %due.day, "made the digest");
    Ok(())
}

fn digest(due: Due, seen: Seen) -> DigestSettings {
    DigestSettings {
        day: due.day.to_string(),
        until: due.until,
        weekly: due.weekly,
        sign_ins: seen.sign_ins,
        sources: seen.alive,
        silent: seen.silent,
    }
}

/// What was stored since the digest before.
#[derive(Debug, Default)]
struct Seen {
    sign_ins: u64,
    alive: Vec<String>,
    silent: Vec<String>,
}

impl Seen {
    /// Asks the tables.
    fn ask(data: &Path, since: Time, until: Time) -> Result<Self> {
        let mut seen = Self::default();
        if !PathBuf::from(data).join("tables").is_dir() {
            return Ok(seen);
        }
        // The day of an event is that of its time, and late records are days old.
        let expected = since.minus(EXPECTED);
        let text = format!(
            "SELECT source, count(*) FILTER (WHERE ingest_time >= TIMESTAMP '{since}') AS came,
                count(*) FILTER (WHERE ingest_time >= TIMESTAMP '{since}' AND activity IN ('logon', 'vpn_connect')) AS sign_ins
             FROM events WHERE date >= DATE '{}' AND ingest_time >= TIMESTAMP '{expected}' AND ingest_time < TIMESTAMP '{until}'
             GROUP BY source",
            expected.to_jiff().strftime("%Y-%m-%d")
        );
        for (source, (came, sign_ins)) in Self::counts(data, &text)? {
            seen.sign_ins += sign_ins;
            if came == 0 { &mut seen.silent } else { &mut seen.alive }.push(source);
        }
        Ok(seen)
    }

    fn counts(data: &Path, text: &str) -> Result<BTreeMap<String, (u64, u64)>> {
        let answer = Sql::open(data, Limits::default()).query(text)?;
        let mut lines = Vec::new();
        sekisho_store::format::ndjson(&answer, &mut lines)?;
        let mut counts = BTreeMap::new();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: serde_json::Value = serde_json::from_slice(line)?;
            let number = |key: &str| row.get(key).and_then(serde_json::Value::as_u64).unwrap_or_default();
            let source = row
                .get("source")
                .and_then(serde_json::Value::as_str)
                .context("a row without its source")?;
            counts.insert(source.to_owned(), (number("came"), number("sign_ins")));
        }
        Ok(counts)
    }
}
