//! What the commands ask of the outbox.

use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_model::{Alert, Evidence, Incident, Lang, Occasion, Severity, Time};

use super::keep::POSITION;
use super::schema::{rank, read_meta};
use super::{Outbox, OutboxError, State};
use crate::line::AlertLine;
use crate::text::{Case, CaseAlert, Zone};

/// The most events that are read for an alert. A message tells of a few and a line of these; all of
/// them are in the events table.
const EVIDENCE_PER_ALERT_MAX: u32 = 1_000;

/// The most alerts that are read for an incident, the worst first.
const ALERTS_PER_INCIDENT_MAX: u32 = 100;

/// The alerts that are read at once while all are listed.
const ALERTS_PAGE: u32 = 1_000;

/// An incident in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    /// The incident.
    pub incident: Incident,
    /// How many alerts it has.
    pub alerts: u64,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its identity.
    pub message_id: String,
    /// Of which incident.
    pub incident_id: String,
    /// Why its incident speaks; `None` for a message that is about no single incident.
    pub occasion: Option<Occasion>,
    /// Why it is not told by itself, if it is not.
    pub held_by: Option<String>,
    /// To whom.
    pub channel: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was decided on.
    pub created: Time,
    /// When it is tried next, if it waits.
    pub next_attempt_at: Time,
    /// Why it did not arrive.
    pub last_error: Option<String>,
    /// The message that told it too.
    pub told_with: Option<String>,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Incidents, without those merged into others.
    pub incidents: u64,
    /// Alerts, without those merged into others.
    pub alerts: u64,
    /// Messages, for each channel and state.
    pub deliveries: Vec<(String, State, u64)>,
}

impl Outbox {
    /// The position up to which everything is kept; it may lag by a second.
    pub async fn position(&self) -> Result<Option<i64>, OutboxError> {
        self.call(|connection| Ok(read_meta(connection, POSITION)?)).await
    }

    /// The latest incidents of at least that level, the latest first.
    pub async fn incidents(&self, min_level: Severity, limit: u32) -> Result<Vec<IncidentRow>, OutboxError> {
        self.call(move |connection| incidents(connection, min_level, limit))
            .await
    }

    /// An incident with its alerts and their evidence, by its id or the beginning of it; merged
    /// incidents lead to what they were merged into. `None` if there is none, or more than one.
    pub async fn incident(&self, id: &str) -> Result<Option<Case>, OutboxError> {
        let id = id.to_owned();
        self.call(move |connection| match find_incident(connection, &id)? {
            Some(id) => Ok(Some(case(connection, &root(connection, &id)?)?)),
            None => Ok(None),
        })
        .await
    }

    /// An alert with its evidence, by its id or the beginning of it; merged alerts lead to what they were
    /// merged into. `None` if there is none, or more than one.
    pub async fn alert(&self, id: &str) -> Result<Option<CaseAlert>, OutboxError> {
        let id = id.to_owned();
        self.call(move |connection| alert(connection, &id)).await
    }

    /// The latest messages, the latest first; of one state, or all but the held ones.
    pub async fn deliveries(&self, state: Option<State>, limit: u32) -> Result<Vec<DeliveryRow>, OutboxError> {
        self.call(move |connection| deliveries(connection, state, limit)).await
    }

    /// How much there is.
    pub async fn counts(&self) -> Result<Counts, OutboxError> {
        self.call(|connection| counts(connection)).await
    }

    /// Every alert as a line for programs, by time; what was merged is in what it was merged into.
    pub async fn alert_lines(&self, lang: Lang, zone: &Zone) -> Result<Vec<AlertLine>, OutboxError> {
        let zone = zone.clone();
        self.call(move |connection| alert_lines(connection, lang, &zone)).await
    }

    /// Sends a message again that was given up; whether there was such a one.
    pub async fn retry(&self, message_id: &str, now: Time) -> Result<bool, OutboxError> {
        let sql = "UPDATE deliveries SET state = 'pending', attempts = 0, created = ?2, next_attempt_at = ?2,
                finished = NULL, told_with = NULL
            WHERE (message_id = ?1 OR told_with = ?1) AND state = 'dead'";
        let changed = self.change(sql, message_id, now).await?;
        self.changed();
        Ok(changed)
    }

    /// Gives up a message that waits; whether there was such a one.
    pub async fn give_up(&self, message_id: &str, now: Time) -> Result<bool, OutboxError> {
        let sql = "UPDATE deliveries SET state = 'dead', finished = ?2, last_error = 'dropped by hand'
            WHERE message_id = ?1 AND state = 'pending'";
        self.change(sql, message_id, now).await
    }

    async fn change(&self, sql: &'static str, message_id: &str, now: Time) -> Result<bool, OutboxError> {
        let message_id = message_id.to_owned();
        self.call(move |connection| Ok(0 < connection.execute(sql, params![message_id, now.0])?))
            .await
    }
}

/// What an incident was merged into, over all steps; itself if nothing.
pub(super) fn root(connection: &Connection, incident_id: &str) -> Result<String, OutboxError> {
    let sql = "WITH RECURSIVE up (id) AS (
            SELECT ?1 UNION SELECT i.merged_into FROM incidents i JOIN up ON i.incident_id = up.id
            WHERE i.merged_into IS NOT NULL)
        SELECT up.id FROM up JOIN incidents i ON i.incident_id = up.id WHERE i.merged_into IS NULL";
    let root = connection
        .prepare_cached(sql)?
        .query_row([incident_id], |row| row.get(0))
        .optional()?;
    Ok(root.unwrap_or_else(|| incident_id.to_owned()))
}

/// An incident with its alerts and their evidence, those of merged incidents included.
pub(super) fn case(connection: &Connection, root: &str) -> Result<Case, OutboxError> {
    let sql = "SELECT body FROM incidents WHERE incident_id = ?1";
    let body: String = connection.prepare_cached(sql)?.query_row([root], |row| row.get(0))?;
    let sql = "WITH RECURSIVE family (id) AS (
            SELECT ?1 UNION SELECT i.incident_id FROM incidents i JOIN family ON i.merged_into = family.id)
        SELECT body FROM alerts WHERE incident_id IN family AND merged_into IS NULL
        ORDER BY severity DESC, first_time, alert_id LIMIT ?2";
    let mut select = connection.prepare_cached(sql)?;
    let bodies = select.query_map(params![root, ALERTS_PER_INCIDENT_MAX], |row| row.get::<_, String>(0))?;
    let mut alerts = Vec::new();
    for body in bodies {
        alerts.push(with_evidence(connection, &body?)?);
    }
    Ok(Case {
        incident: serde_json::from_str(&body)?,
        alerts,
    })
}

fn with_evidence(connection: &Connection, body: &str) -> Result<CaseAlert, OutboxError> {
    let alert: Alert = serde_json::from_str(body)?;
    let sql = "WITH RECURSIVE family (id) AS (
            SELECT ?1 UNION SELECT a.alert_id FROM alerts a JOIN family ON a.merged_into = family.id)
        SELECT body FROM evidence WHERE alert_id IN family GROUP BY event_uid ORDER BY time, event_uid LIMIT ?2";
    let mut select = connection.prepare_cached(sql)?;
    let bodies = select.query_map(params![alert.alert_id, EVIDENCE_PER_ALERT_MAX], |row| {
        row.get::<_, String>(0)
    })?;
    let mut evidence: Vec<Evidence> = Vec::new();
    for body in bodies {
        evidence.push(serde_json::from_str(&body?)?);
    }
    Ok(CaseAlert { alert, evidence })
}

fn incidents(connection: &Connection, min_level: Severity, limit: u32) -> Result<Vec<IncidentRow>, OutboxError> {
    let sql =
        "SELECT i.body, (SELECT count(*) FROM alerts a WHERE a.incident_id = i.incident_id AND a.merged_into IS NULL)
        FROM incidents i WHERE i.merged_into IS NULL AND ?1 <= i.severity
        ORDER BY i.last_time DESC, i.incident_id LIMIT ?2";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![rank(min_level), limit])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let incident = serde_json::from_str(&row.get::<_, String>(0)?)?;
        list.push(IncidentRow {
            incident,
            alerts: row.get::<_, i64>(1)?.unsigned_abs(),
        });
    }
    Ok(list)
}

/// The alert whose id begins so, if there is just one that was not merged.
fn alert(connection: &Connection, id: &str) -> Result<Option<CaseAlert>, OutboxError> {
    let sql = "WITH RECURSIVE up (id, body, merged_into) AS (
            SELECT alert_id, body, merged_into FROM alerts WHERE substr(alert_id, 1, length(?1)) = ?1
            UNION SELECT a.alert_id, a.body, a.merged_into FROM alerts a JOIN up ON a.alert_id = up.merged_into)
        SELECT body FROM up WHERE merged_into IS NULL LIMIT 2";
    let mut select = connection.prepare_cached(sql)?;
    let found = select
        .query_map([id], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    match found.as_slice() {
        [body] => Ok(Some(with_evidence(connection, body)?)),
        _ => Ok(None),
    }
}

/// The incident whose id begins so, if there is just one.
fn find_incident(connection: &Connection, id: &str) -> Result<Option<String>, OutboxError> {
    let sql = "SELECT incident_id FROM incidents WHERE substr(incident_id, 1, length(?1)) = ?1 LIMIT 2";
    let mut select = connection.prepare_cached(sql)?;
    let mut found = select
        .query_map([id], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

fn deliveries(connection: &Connection, state: Option<State>, limit: u32) -> Result<Vec<DeliveryRow>, OutboxError> {
    let sql = "SELECT message_id, incident_id, occasion, channel, state, attempts, created,
            max(not_before, next_attempt_at), last_error, told_with, body, held_by
        FROM deliveries WHERE state = ?1 OR (?1 IS NULL AND state <> 'held') ORDER BY seq DESC LIMIT ?2";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![state.map(State::name), limit])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(DeliveryRow {
            message_id: row.get(0)?,
            incident_id: row.get(1)?,
            occasion: match row.get::<_, Option<String>>(10)? {
                Some(_) => None,
                None => Some(serde_json::from_str(&row.get::<_, String>(2)?)?),
            },
            held_by: row.get(11)?,
            channel: row.get(3)?,
            // The table allows no other.
            state: State::of(&row.get::<_, String>(4)?).unwrap_or(State::Dead),
            attempts: row.get(5)?,
            created: Time(row.get(6)?),
            next_attempt_at: Time(row.get(7)?),
            last_error: row.get(8)?,
            told_with: row.get(9)?,
        });
    }
    Ok(list)
}

fn counts(connection: &Connection) -> Result<Counts, OutboxError> {
    let count = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
    };
    let mut counts = Counts {
        incidents: count("SELECT count(*) FROM incidents WHERE merged_into IS NULL")?,
        alerts: count("SELECT count(*) FROM alerts WHERE merged_into IS NULL")?,
        deliveries: Vec::new(),
    };
    let sql = "SELECT channel, state, count(*) FROM deliveries GROUP BY channel, state ORDER BY channel, state";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let state = State::of(&row.get::<_, String>(1)?).unwrap_or(State::Dead);
        counts
            .deliveries
            .push((row.get(0)?, state, row.get::<_, i64>(2)?.unsigned_abs()));
    }
    Ok(counts)
}

fn alert_lines(connection: &Connection, lang: Lang, zone: &Zone) -> Result<Vec<AlertLine>, OutboxError> {
    let sql = "SELECT body, first_time, alert_id FROM alerts
        WHERE merged_into IS NULL AND (first_time, alert_id) > (?1, ?2) ORDER BY first_time, alert_id LIMIT ?3";
    let mut lines = Vec::new();
    let mut after = (i64::MIN, String::new());
    loop {
        let mut select = connection.prepare_cached(sql)?;
        let page = select
            .query_map(params![after.0, after.1, ALERTS_PAGE], |row| {
                Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
            })?
            .collect::<Result<Vec<(String, (i64, String))>, _>>()?;
        let Some((_, last)) = page.last() else { return Ok(lines) };
        after = last.clone();
        for (body, _) in &page {
            let found = with_evidence(connection, body)?;
            lines.push(AlertLine::of(&found.alert, &found.evidence, lang, zone));
        }
    }
}
