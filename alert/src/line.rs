//! An alert as a line for programs: what `--alerts` writes and what a webhook carries.

use sekisho_model::{Alert, EntityKind, Evidence, Facts, Incident, Lang, Severity, Time};
use serde::Serialize;

use crate::text::{Zone, reason};
use crate::untrusted;

/// An alert with its evidence. Times are RFC 3339 in UTC; names are as the records had them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertLine {
    /// Identity of the alert.
    pub alert_id: String,
    /// The incident it belongs to.
    pub incident_id: String,
    /// Whose records.
    pub tenant: String,
    /// The rule.
    pub rule_id: String,
    /// The title of the rule, in `lang`.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are, 0 to 100, to a tenth.
    pub score: f64,
    /// When the first of its events happened.
    pub first_time: String,
    /// When the last of its events happened.
    pub last_time: String,
    /// Whether it was found from records that came late.
    pub found_late: bool,
    /// How late, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_late_secs: Option<i64>,
    /// Whose account.
    pub user_name: Option<String>,
    /// From where; the latest, if there are several.
    pub src_ip: Option<String>,
    /// Who or what is suspected.
    pub entity: String,
    /// What kind of thing that is.
    pub entity_kind: EntityKind,
    /// The events it rests on, by time.
    pub evidence: Vec<EvidenceLine>,
    /// How many those are, told or not.
    pub evidence_count: u64,
    /// Why, in a sentence in `lang`.
    pub reason: String,
    /// What was measured.
    pub facts: Facts,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// The language of `title` and `reason`.
    pub lang: Lang,
}

/// An event that an alert rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceLine {
    /// Identity of the event.
    pub event_uid: String,
    /// When it happened.
    pub time: String,
    /// The parser that read it.
    pub source: String,
    /// What was done.
    pub activity: String,
    /// Whose account.
    pub user_name: Option<String>,
    /// From where.
    pub src_ip: Option<String>,
    /// From which country.
    pub src_country: Option<String>,
    /// From which city.
    pub src_city: Option<String>,
    /// `success`, `failure`, `interrupted` or `unknown`.
    pub status: &'static str,
}

/// An incident, for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentLine {
    /// Identity of the incident.
    pub incident_id: String,
    /// Whose records.
    pub tenant: String,
    /// Who or what is suspected.
    pub entity: String,
    /// What kind of thing that is.
    pub entity_kind: EntityKind,
    /// How bad it is.
    pub severity: Severity,
    /// Risk, 0 to 100, to a tenth.
    pub score: f64,
    /// When the first of its events happened.
    pub first_time: String,
    /// When the last of its events happened.
    pub last_time: String,
    /// The families of signals in it.
    pub families: Vec<String>,
}

impl IncidentLine {
    /// The line of an incident.
    pub fn of(incident: &Incident) -> Self {
        Self {
            incident_id: incident.incident_id.clone(),
            tenant: incident.tenant.to_string(),
            entity: incident.entity.name.to_string(),
            entity_kind: incident.entity.kind,
            severity: incident.severity,
            score: tenth(incident.score),
            first_time: incident.first_time.to_string(),
            last_time: incident.last_time.to_string(),
            families: incident.families.clone(),
        }
    }
}

fn tenth(score: f64) -> f64 {
    (score * 10.0).round() / 10.0
}

impl AlertLine {
    /// The line of an alert; `evidence` in any order.
    pub fn of(alert: &Alert, evidence: &[Evidence], lang: Lang, zone: &Zone) -> Self {
        let mut sorted: Vec<&Evidence> = evidence.iter().collect();
        sorted.sort_by(|a, b| (a.time, &a.event_uid).cmp(&(b.time, &b.event_uid)));
        let latest = |of: fn(&Evidence) -> Option<&String>| sorted.iter().rev().find_map(|event| of(event)).cloned();
        let user_name = match alert.entity.kind {
            EntityKind::Person => Some(alert.entity.name.to_string()),
            EntityKind::Source | EntityKind::Other => latest(|event| event.user_name.as_ref()),
        };
        Self {
            alert_id: alert.alert_id.clone(),
            incident_id: alert.incident_id.clone(),
            tenant: alert.tenant.to_string(),
            rule_id: alert.rule.id.to_string(),
            title: alert.rule.title.get(lang).to_owned(),
            severity: alert.severity,
            score: tenth(alert.score),
            first_time: alert.first_time.to_string(),
            last_time: alert.last_time.to_string(),
            found_late: alert.found_late_secs.is_some(),
            found_late_secs: alert.found_late_secs,
            user_name,
            src_ip: latest(|event| event.src_ip.as_ref()),
            entity: alert.entity.name.to_string(),
            entity_kind: alert.entity.kind,
            evidence_count: alert.evidence_count.max(sorted.len().try_into().unwrap_or(u64::MAX)),
            evidence: sorted.into_iter().map(EvidenceLine::of).collect(),
            reason: reason::reason(alert, evidence, lang, zone),
            facts: alert.facts.clone(),
            attack: alert.rule.attack.clone(),
            lang,
        }
    }

    /// One line of JSON without its newline, harmless to a terminal.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        untrusted::to_json(self)
    }
}

impl EvidenceLine {
    fn of(evidence: &Evidence) -> Self {
        let time: Time = evidence.time;
        Self {
            event_uid: evidence.event_uid.clone(),
            time: time.to_string(),
            source: evidence.source.clone(),
            activity: evidence.activity.clone(),
            user_name: evidence.user_name.clone(),
            src_ip: evidence.src_ip.clone(),
            src_country: evidence.src_country.clone(),
            src_city: evidence.src_city.clone(),
            status: status_name(evidence.status_id),
        }
    }
}

/// The name of a `status_id`.
pub fn status_name(status_id: i8) -> &'static str {
    match status_id {
        1 => "success",
        2 => "failure",
        3 => "interrupted",
        _ => "unknown",
    }
}
