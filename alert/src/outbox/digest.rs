//! Keeping the digest, and what stands for several incidents.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior, params};
use sekisho_model::{Incident, Route, Severity, Time};

use super::budget::{self, put_bulletin};
use super::keep::Routing;
use super::query::{case, root};
use super::schema::{rank, read_meta, write_meta};
use super::{Outbox, OutboxError};
use crate::bulletin::{Bulletin, Digest, Line, Standing};

/// The most incidents that are named in one message; the rest is counted.
const LINES_MAX: usize = 10;

/// The most incidents that are read for one message, the worst first.
const READ_MAX: u32 = 1_000;

/// Until when the last digest told.
const TOLD_UNTIL: &str = "digest_until";

/// What a digest is made of, beside the incidents.
#[derive(Clone, Debug, Default)]
pub struct DigestSettings {
    /// The day, `2026-10-05`; it names the digest, so that it is sent once.
    pub day: String,
    /// Until when it tells.
    pub until: Time,
    /// Whether it is the first of a week, which is sent also when there is nothing to tell.
    pub weekly: bool,
    /// How many sign-ins there were since the digest before.
    pub sign_ins: u64,
    /// The sources that sent something since then.
    pub sources: Vec<String>,
    /// The sources that sent something before, and nothing since then.
    pub silent: Vec<String>,
}

impl Outbox {
    /// Until when the last digest told.
    pub async fn digest_told_until(&self) -> Result<Option<Time>, OutboxError> {
        self.call(|connection| Ok(read_meta(connection, TOLD_UNTIL)?.map(Time)))
            .await
    }

    /// Has the first digest tell of what is received from now on, unless there was one.
    pub async fn begin_digests(&self, now: Time) -> Result<(), OutboxError> {
        self.call(move |connection| match read_meta(connection, TOLD_UNTIL)? {
            Some(_) => Ok(()),
            None => Ok(write_meta(connection, TOLD_UNTIL, now.0)?),
        })
        .await
    }

    /// Keeps the digest of a day for every channel that is told it; whether there was something to send.
    /// Kept again, it adds nothing.
    pub async fn keep_digest(&self, settings: DigestSettings, since: Time) -> Result<bool, OutboxError> {
        let (routing, now) = (Arc::clone(&self.routing), self.clock.now());
        let kept = self
            .call(move |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let digest = digest(&transaction, settings, since)?;
                write_meta(&transaction, TOLD_UNTIL, digest.until.0)?;
                let kept = (digest.weekly || !digest.is_quiet()) && put(&transaction, &routing, digest, now)?;
                transaction.commit()?;
                Ok(kept)
            })
            .await?;
        if kept {
            self.changed();
        }
        Ok(kept)
    }
}

/// Keeps a digest for every channel that is told it; whether it is new.
fn put(connection: &Connection, routing: &Routing, digest: Digest, now: Time) -> Result<bool, OutboxError> {
    let key = format!("digest:{}", digest.day);
    let observed = digest.until;
    let body = serde_json::to_string(&Standing::Digest(digest))?;
    let due = now;
    let message = budget::Bulletin {
        key,
        body,
        observed,
        now,
        due,
    };
    let mut is_new = false;
    for channel in routing.channels.iter().filter(|channel| channel.digest) {
        is_new |= put_bulletin(connection, &channel.name, &message)?;
    }
    Ok(is_new)
}

/// The digest of what was received since the one before.
fn digest(connection: &Connection, settings: DigestSettings, since: Time) -> Result<Digest, OutboxError> {
    let sql = "SELECT incident_id FROM incidents WHERE incident_id IN (
            SELECT incident_id FROM deliveries WHERE ?1 <= observed AND observed < ?2
            UNION SELECT incident_id FROM incidents WHERE ?1 <= last_time AND last_time < ?2 AND merged_into IS NULL)
        ORDER BY severity DESC, first_time, incident_id LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    let found = select.query_map(params![since.0, settings.until.0, READ_MAX], |row| {
        row.get::<_, String>(0)
    })?;
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for id in found {
        let id = root(connection, &id?)?;
        if let Some(line) = line(connection, &id)?
            .filter(|(_, is_told)| *is_told)
            .map(|(line, _)| line)
        {
            lines.insert(id, line);
        }
    }
    let (lines, count) = worst(lines.into_values().collect());
    Ok(Digest {
        day: settings.day,
        since,
        until: settings.until,
        weekly: settings.weekly,
        sign_ins: settings.sign_ins,
        sources: settings.sources,
        silent: settings.silent,
        lines,
        count,
    })
}

/// An incident in a line, and whether it belongs into a digest; `None` if it cannot be read.
fn line(connection: &Connection, id: &str) -> Result<Option<(Line, bool)>, OutboxError> {
    let case = match case(connection, id) {
        Ok(case) => case,
        Err(OutboxError::Row(_) | OutboxError::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let incident = &case.incident;
    let is_told = (Route::Digest <= incident.route && Severity::Medium <= incident.severity)
        || case.alerts.iter().any(|found| found.alert.route() == Route::Digest);
    let title = case.alerts.first().map(|found| found.alert.rule.title.clone());
    let line = Line {
        title: title.unwrap_or_default(),
        alerts: u64::try_from(case.alerts.len()).unwrap_or(u64::MAX),
        incident: case.incident,
    };
    Ok(Some((line, is_told)))
}

/// The worst of them, and how many there are.
fn worst(mut lines: Vec<Line>) -> (Vec<Line>, u64) {
    let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let order = |incident: &Incident| {
        (
            std::cmp::Reverse(rank(incident.severity)),
            incident.first_time,
            incident.incident_id.clone(),
        )
    };
    lines.sort_by_cached_key(|line| order(&line.incident));
    lines.truncate(LINES_MAX);
    (lines, count)
}

/// What is to be told, as it stands.
pub(super) fn bulletin(connection: &Connection, channel: &str, body: &str) -> Result<Bulletin, OutboxError> {
    Ok(match serde_json::from_str(body)? {
        Standing::Digest(digest) => Bulletin::Digest(digest),
        Standing::Storm { since } => {
            let sql = "SELECT incident_id FROM incidents WHERE incident_id IN (
                    SELECT incident_id FROM deliveries WHERE channel = ?1 AND ?2 < observed AND held_by = 'storm')
                ORDER BY severity DESC, first_time, incident_id LIMIT ?3";
            let mut select = connection.prepare_cached(sql)?;
            let found = select.query_map(params![channel, since.0, READ_MAX], |row| row.get::<_, String>(0))?;
            let mut lines = Vec::new();
            for id in found {
                lines.extend(line(connection, &root(connection, &id?)?)?.map(|(line, _)| line));
            }
            lines.dedup_by(|a, b| a.incident.incident_id == b.incident.incident_id);
            let (lines, count) = worst(lines);
            Bulletin::Storm { lines, count }
        }
        Standing::More { from, to } => {
            let sql = "SELECT count(DISTINCT incident_id) FROM deliveries
                WHERE channel = ?1 AND held_by = 'budget' AND ?2 <= observed AND observed < ?3";
            let count: i64 = connection.query_row(sql, params![channel, from.0, to.0], |row| row.get(0))?;
            Bulletin::More {
                count: count.unsigned_abs(),
            }
        }
    })
}
