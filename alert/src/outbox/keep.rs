//! Keeping findings, once.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sekisho_model::{Alert, AlertUpdate, Announcement, Findings, Incident, Time, ids};
use tracing::warn;

use super::budget::{Asked, Office, Verdict};
use super::schema::{rank, read_meta, write_meta};
use super::{ChannelRule, OutboxError, State};

/// Under which name the position is kept.
pub(super) const POSITION: &str = "outbox_position";
/// Under which name it is kept when the position was written.
const WRITTEN: &str = "outbox_position_written";

/// How often a position alone is written. Each write waits for the disk; nothing is lost by a
/// position that lags, as the batches after it are only judged again.
const POSITION_INTERVAL: Duration = Duration::from_secs(1);

/// Who hears of what, and how soon.
#[derive(Clone, Debug)]
pub(super) struct Routing {
    pub(super) channels: Vec<ChannelRule>,
    pub(super) group_wait: Duration,
    pub(super) office: Arc<dyn Office>,
}

/// What became of findings.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Whether there is something new to send.
    pub(super) to_send: bool,
}

/// Keeps findings and the position in one transaction.
pub(super) fn keep(
    connection: &mut Connection,
    routing: &Routing,
    findings: &Findings,
    position: i64,
    now: Time,
) -> Result<Kept, OutboxError> {
    if findings.is_empty() && written_just_now(connection, now)? {
        return Ok(Kept::default());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = read_meta(&transaction, POSITION)?;
    let is_new = before.is_none_or(|before| before < position);
    for incident in &findings.incidents {
        put_incident(&transaction, incident, is_new)?;
    }
    for update in &findings.alerts {
        put_alert(&transaction, update, is_new)?;
    }
    let mut kept = Kept::default();
    for announcement in &findings.announcements {
        kept.to_send |= put_messages(&transaction, routing, announcement, now)?;
    }
    if is_new {
        write_meta(&transaction, POSITION, position)?;
        write_meta(&transaction, WRITTEN, now.0)?;
    }
    transaction.commit()?;
    Ok(kept)
}

fn written_just_now(connection: &Connection, now: Time) -> Result<bool, OutboxError> {
    let written = read_meta(connection, WRITTEN)?.map(Time);
    Ok(written.is_some_and(|written| written.distance(now) < POSITION_INTERVAL))
}

/// A replay passes the earlier states of an incident again; only one that is not behind what is known
/// may replace it.
fn put_incident(transaction: &Transaction<'_>, incident: &Incident, is_new: bool) -> Result<(), OutboxError> {
    let sql =
        "INSERT INTO incidents (incident_id, entity, severity, first_time, last_time, families, merged_into, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (incident_id) DO UPDATE SET entity = excluded.entity, severity = excluded.severity,
            first_time = excluded.first_time, last_time = excluded.last_time, families = excluded.families,
            merged_into = excluded.merged_into, body = excluded.body
        WHERE ?9 OR (incidents.severity <= excluded.severity AND incidents.last_time <= excluded.last_time
            AND incidents.families <= excluded.families
            AND (incidents.merged_into IS NULL OR excluded.merged_into IS NOT NULL))";
    transaction.prepare_cached(sql)?.execute(params![
        incident.incident_id,
        incident.entity.name,
        rank(incident.severity),
        incident.first_time.0,
        incident.last_time.0,
        i64::try_from(incident.families.len()).unwrap_or(i64::MAX),
        incident.merged_into,
        serde_json::to_string(incident)?,
        is_new,
    ])?;
    Ok(())
}

fn put_alert(transaction: &Transaction<'_>, update: &AlertUpdate, is_new: bool) -> Result<(), OutboxError> {
    let alert: &Alert = &update.alert;
    let sql = "INSERT INTO alerts (alert_id, incident_id, severity, first_time, evidence_count, merged_into, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (alert_id) DO UPDATE SET incident_id = excluded.incident_id, severity = excluded.severity,
            first_time = excluded.first_time, evidence_count = excluded.evidence_count,
            merged_into = excluded.merged_into, body = excluded.body
        WHERE ?8 OR (alerts.evidence_count <= excluded.evidence_count
            AND (alerts.merged_into IS NULL OR excluded.merged_into IS NOT NULL))";
    transaction.prepare_cached(sql)?.execute(params![
        alert.alert_id,
        alert.incident_id,
        rank(alert.severity),
        alert.first_time.0,
        i64::try_from(alert.evidence_count).unwrap_or(i64::MAX),
        alert.merged_into,
        serde_json::to_string(alert)?,
        is_new,
    ])?;
    let sql = "INSERT OR IGNORE INTO evidence (alert_id, event_uid, time, body) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = transaction.prepare_cached(sql)?;
    for evidence in &update.evidence {
        let body = serde_json::to_string(evidence)?;
        insert.execute(params![alert.alert_id, evidence.event_uid, evidence.time.0, body])?;
    }
    Ok(())
}

/// One message a channel. Its wait counts from now and not from when the records came: when a backlog
/// is caught up with, what belongs together still arrives in several batches.
fn put_messages(
    transaction: &Transaction<'_>,
    routing: &Routing,
    announcement: &Announcement,
    now: Time,
) -> Result<bool, OutboxError> {
    let sql = "SELECT body FROM incidents WHERE incident_id = ?1";
    let body: Option<String> = transaction
        .prepare_cached(sql)?
        .query_row([&announcement.incident_id], |row| row.get(0))
        .optional()?;
    let Some(body) = body else {
        warn!(
            incident_id = announcement.incident_id,
            "an announcement names no known incident"
        );
        return Ok(false);
    };
    let incident: Incident = serde_json::from_str(&body)?;
    let mut to_send = false;
    for channel in &routing.channels {
        let asked = Asked {
            connection: transaction,
            routing,
            channel,
            incident: &incident,
            announcement,
        };
        to_send |= put_message(&asked, now)?;
    }
    Ok(to_send)
}

/// The message of an announcement to a channel, unless it is decided on already.
fn put_message(asked: &Asked<'_>, now: Time) -> Result<bool, OutboxError> {
    let (channel, announcement) = (asked.channel, asked.announcement);
    let message_id = ids::message_id(&announcement.incident_id, &announcement.occasion.key(), &channel.name);
    let sql = "SELECT 1 FROM deliveries WHERE message_id = ?1";
    let mut known = asked.connection.prepare_cached(sql)?;
    if known.exists([&message_id])? {
        return Ok(false);
    }
    let verdict = asked.verdict(now)?;
    let (state, push_at, begins, held_by, due) = match verdict {
        Verdict::Hold(held_by) => (State::Held, None, false, Some(held_by.name()), now),
        Verdict::Tell { at, due, begins } => (State::Pending, Some(at.0), begins, None, due),
    };
    let sql = "INSERT INTO deliveries (message_id, incident_id, occasion, channel, state, created, not_before,
            next_attempt_at, observed, push_at, begins, page, held_by)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12)";
    asked.connection.prepare_cached(sql)?.execute(params![
        message_id,
        announcement.incident_id,
        serde_json::to_string(&announcement.occasion)?,
        channel.name,
        state.name(),
        now.0,
        due.0,
        announcement.observed.0,
        push_at,
        begins,
        announcement.page,
        held_by,
    ])?;
    match verdict {
        Verdict::Hold(held_by) => asked.stand_in(held_by, now),
        Verdict::Tell { .. } => Ok(true),
    }
}
