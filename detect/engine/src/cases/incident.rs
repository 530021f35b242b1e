//! An open incident.

use std::collections::BTreeSet;

use sekisho_model::{Alert, Announcement, Entity, Incident, Occasion, Severity, Time, Weight, ids};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::INCIDENT_GAP;
use super::risk::{Signals, band};

/// An incident that may still grow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OpenIncident {
    pub(super) incident: Incident,
    signals: Signals,
    /// The worst of its rules that call for somebody at once.
    floor: Severity,
    /// What it said, so that nothing is said twice.
    said: Option<Said>,
    /// The latest receipt of what is new.
    #[serde(skip)]
    fresh: Option<Time>,
    #[serde(skip)]
    pub(super) changed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Said {
    severity: Severity,
    families: BTreeSet<String>,
}

impl OpenIncident {
    /// A new one, opened by an event.
    pub(super) fn open(tenant: &Arc<str>, entity: &Entity, event_uid: &str, time: Time) -> Self {
        let incident = Incident {
            incident_id: ids::incident_id(tenant, &super::case::entity_key(entity), event_uid),
            tenant: Arc::clone(tenant),
            entity: entity.clone(),
            severity: Severity::Informational,
            score: 0.0,
            first_time: time,
            last_time: time,
            families: Vec::new(),
            merged_into: None,
        };
        Self {
            incident,
            signals: Signals::default(),
            floor: Severity::Informational,
            said: None,
            fresh: None,
            changed: true,
        }
    }

    /// Whether an alert belongs to it.
    pub(super) fn touches(&self, alert: &Alert) -> bool {
        self.incident.first_time.minus(INCIDENT_GAP) <= alert.last_time
            && alert.first_time <= self.incident.last_time.plus(INCIDENT_GAP)
    }

    /// Takes in how far an alert reaches now.
    pub(super) fn cover(&mut self, alert: &Alert, weight: Weight) {
        self.incident.first_time = self.incident.first_time.min(alert.first_time);
        self.incident.last_time = self.incident.last_time.max(alert.last_time);
        self.signals
            .add(&alert.rule.family, weight.probability, alert.last_time);
        if Severity::High <= weight.severity {
            self.floor = self.floor.max(weight.severity);
        }
        self.changed = true;
    }

    /// Notes when what is new was received.
    pub(super) fn receive(&mut self, observed: Option<Time>) {
        self.fresh = self.fresh.max(observed);
    }

    /// Takes in a younger incident, with what it said.
    pub(super) fn absorb(&mut self, younger: &mut Self) {
        self.incident.first_time = self.incident.first_time.min(younger.incident.first_time);
        self.incident.last_time = self.incident.last_time.max(younger.incident.last_time);
        self.incident.severity = self.incident.severity.max(younger.incident.severity);
        self.floor = self.floor.max(younger.floor);
        self.signals.merge(std::mem::take(&mut younger.signals));
        self.fresh = self.fresh.max(younger.fresh);
        if let Some(other) = younger.said.take() {
            let said = self.said.get_or_insert(Said {
                severity: other.severity,
                families: BTreeSet::new(),
            });
            said.severity = said.severity.max(other.severity);
            said.families.extend(other.families);
        }
        self.changed = true;
        younger.incident.merged_into = Some(self.incident.incident_id.clone());
    }

    /// What it amounts to now, and what is to be said of that.
    ///
    /// The score is that of the last event. The severity never goes down while the incident is open:
    /// what was critical on Friday is not low on Sunday because something small was added.
    pub(super) fn settle(&mut self, announcements: &mut Vec<Announcement>) -> Option<Incident> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let incident = &mut self.incident;
        incident.score = self.signals.risk(incident.last_time);
        incident.severity = incident.severity.max(self.floor).max(band(incident.score));
        incident.families = self.signals.families().cloned().collect();
        let observed = self.fresh.take().unwrap_or(incident.last_time);
        let families: BTreeSet<String> = incident.families.iter().cloned().collect();
        let occasions = match &mut self.said {
            None => {
                self.said = Some(Said {
                    severity: incident.severity,
                    families,
                });
                vec![Occasion::Opened]
            }
            Some(said) => said.more(incident.severity, families),
        };
        let announce = |occasion| Announcement {
            incident_id: incident.incident_id.clone(),
            occasion,
            observed,
        };
        announcements.extend(occasions.into_iter().map(announce));
        Some(incident.clone())
    }

    /// Whether it was ever told.
    pub(super) fn was_told(&self) -> bool {
        self.said.is_some()
    }
}

impl Said {
    /// What is to be said beyond what was said.
    fn more(&mut self, severity: Severity, families: BTreeSet<String>) -> Vec<Occasion> {
        let mut occasions = Vec::new();
        if self.severity < severity {
            self.severity = severity;
            occasions.push(Occasion::Severity(severity));
        }
        for family in families {
            if self.families.insert(family.clone()) {
                occasions.push(Occasion::Family(family));
            }
        }
        occasions
    }
}
