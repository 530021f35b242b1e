//! Rows of the `alerts` table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::ArrowError;
use sekisho_model::{Alert, AlertUpdate, EntityKind, Evidence, Findings, Incident, Time};

use super::rows::{Rows, Span};
use super::schema::ALERTS;
use crate::StoreError;

/// One change of an alert, beside what a row tells of it that is not in it.
struct Change<'a> {
    position: i64,
    time: Time,
    update: &'a AlertUpdate,
    incident: Option<&'a Incident>,
}

/// The changes of an epoch that the table does not have yet.
///
/// Findings carry the position *after* the frames that caused them, so a change belongs to the table when that
/// position, less one, does.
pub(crate) fn alert_rows(findings: &[(i64, Findings)], span: Span) -> Result<Rows, StoreError> {
    let mut rows = Rows::new(&ALERTS);
    let changes: Vec<_> = findings
        .iter()
        .flat_map(|(position, findings)| changes(*position, findings))
        .collect();
    if changes.is_empty() {
        return Ok(rows);
    }
    let batch = to_batch(&changes).map_err(|error| StoreError::rows(ALERTS.name, error))?;
    let offsets = Int64Array::from_iter_values(changes.iter().map(|change| change.position.saturating_sub(1)));
    rows.add(&batch, &offsets, span)?;
    Ok(rows)
}

fn changes(position: i64, findings: &Findings) -> impl Iterator<Item = Change<'_>> {
    let incidents: HashMap<_, _> = findings
        .incidents
        .iter()
        .map(|incident| (incident.incident_id.as_str(), incident))
        .collect();
    findings.alerts.iter().map(move |update| Change {
        position,
        time: change_time(update, findings),
        update,
        incident: incidents.get(update.alert.incident_id.as_str()).copied(),
    })
}

/// When what changed the alert was received.
fn change_time(update: &AlertUpdate, findings: &Findings) -> Time {
    let of_evidence = update.evidence.iter().map(|evidence| evidence.observed).max();
    let of_incident = || {
        findings
            .announcements
            .iter()
            .filter(|announcement| announcement.incident_id == update.alert.incident_id)
            .map(|announcement| announcement.observed)
            .max()
    };
    of_evidence.or_else(of_incident).unwrap_or(update.alert.last_time)
}

fn to_batch(changes: &[Change<'_>]) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
    let json = |of: fn(&AlertUpdate) -> serde_json::Result<String>| -> serde_json::Result<ArrayRef> {
        let texts = changes
            .iter()
            .map(|change| of(change.update))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(StringArray::from(texts)))
    };
    let evidence = json(|update| serde_json::to_string(&update.evidence))?;
    let facts = json(|update| serde_json::to_string(&update.alert.facts))?;
    let attack = json(|update| serde_json::to_string(&update.alert.rule.attack))?;
    let alert = columns_of_alerts(changes);
    let [time, first, last] = [
        times(changes, |change| change.time),
        times(changes, |change| change.update.alert.first_time),
        times(changes, |change| change.update.alert.last_time),
    ];
    let dates: ArrayRef = Arc::new(Date32Array::from_iter_values(
        changes.iter().map(|change| change.time.date()),
    ));
    let counts = changes
        .iter()
        .map(|change| i64::try_from(change.update.alert.evidence_count).unwrap_or(i64::MAX));
    let named = [
        ("date", dates),
        ("change_time", time),
        (
            "position",
            Arc::new(Int64Array::from_iter_values(
                changes.iter().map(|change| change.position),
            )),
        ),
        ("first_time", first),
        ("last_time", last),
        ("evidence_count", Arc::new(Int64Array::from_iter_values(counts))),
        ("evidence", evidence),
        ("facts", facts),
        ("attack", attack),
    ];
    let named: HashMap<_, _> = named.into_iter().chain(alert).collect();
    let arrays = ALERTS
        .schema
        .fields()
        .iter()
        .map(|field| {
            let missing = || ArrowError::SchemaError(format!("column {} is not filled", field.name()));
            named.get(field.name().as_str()).map(Arc::clone).ok_or_else(missing)
        })
        .collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(ALERTS.schema), arrays)?)
}

fn columns_of_alerts(changes: &[Change<'_>]) -> Vec<(&'static str, ArrayRef)> {
    let text = |of: fn(&Alert) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            changes.iter().map(|change| of(&change.update.alert)),
        ))
    };
    let of_evidence = |of: fn(&Evidence) -> Option<&String>| -> ArrayRef {
        Arc::new(
            changes
                .iter()
                .map(|change| change.update.evidence.iter().rev().find_map(of))
                .collect::<StringArray>(),
        )
    };
    let scores = changes.iter().map(|change| change.update.alert.score);
    let late = changes.iter().map(|change| change.update.alert.found_late_secs);
    let merged = changes.iter().map(|change| change.update.alert.merged_into.as_deref());
    let severities = changes
        .iter()
        .map(|change| change.incident.map(|incident| incident.severity.name()));
    let incident_scores = changes
        .iter()
        .map(|change| change.incident.map(|incident| incident.score));
    vec![
        ("alert_id", text(|alert| &alert.alert_id)),
        ("incident_id", text(|alert| &alert.incident_id)),
        ("tenant", text(|alert| &alert.tenant)),
        ("rule_id", text(|alert| &alert.rule.id)),
        ("title_en", text(|alert| &alert.rule.title.en)),
        ("title_ja", text(|alert| &alert.rule.title.ja)),
        ("severity", text(|alert| alert.severity.name())),
        ("score", Arc::new(Float64Array::from_iter_values(scores))),
        ("found_late_secs", Arc::new(late.collect::<Int64Array>())),
        ("user_name", of_evidence(|evidence| evidence.user_name.as_ref())),
        ("src_ip", of_evidence(|evidence| evidence.src_ip.as_ref())),
        ("entity", text(|alert| &alert.entity.name)),
        ("entity_kind", text(|alert| kind_name(alert.entity.kind))),
        ("incident_severity", Arc::new(severities.collect::<StringArray>())),
        ("incident_score", Arc::new(incident_scores.collect::<Float64Array>())),
        ("merged_into", Arc::new(merged.collect::<StringArray>())),
    ]
}

fn times(changes: &[Change<'_>], of: fn(&Change<'_>) -> Time) -> ArrayRef {
    let times = TimestampMicrosecondArray::from_iter_values(changes.iter().map(|change| of(change).0));
    Arc::new(times.with_timezone("UTC"))
}

fn kind_name(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Person => "person",
        EntityKind::Source => "source",
        EntityKind::Other => "other",
    }
}
