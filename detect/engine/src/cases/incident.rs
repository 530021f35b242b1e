//! An open incident.

use std::collections::BTreeSet;

use sekisho_model::{Alert, Announcement, Entity, Incident, Occasion, Route, Severity, Time, ids};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::INCIDENT_GAP;
use super::episode::Episode;
use super::risk::{Signals, band};
use super::subject::Subject;

/// An incident that may still grow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OpenIncident {
    pub(super) incident: Incident,
    /// As what several entities are told: their network.
    #[serde(default)]
    together: Option<Entity>,
    signals: Signals,
    /// What its rules call for, whatever the risk.
    floor: Severity,
    /// Whether its person can do more harm than others.
    #[serde(default)]
    privileged: bool,
    /// The rules in it that are told at once.
    #[serde(default)]
    pages: BTreeSet<String>,
    /// What it said, so that nothing is said twice.
    said: Option<Said>,
    /// The latest receipt of what is new.
    #[serde(skip)]
    fresh: Option<Time>,
    #[serde(skip)]
    pub(super) changed: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Said {
    severity: Severity,
    families: BTreeSet<String>,
    /// The rules that are told at once.
    #[serde(default)]
    pages: BTreeSet<String>,
}

impl OpenIncident {
    /// A new one, opened by an event of an entity.
    pub(super) fn open(subject: &Subject, entity: &Entity, event_uid: &str, time: Time) -> Self {
        let incident = Incident {
            incident_id: ids::incident_id(&subject.tenant, &subject.key(), event_uid),
            tenant: Arc::clone(&subject.tenant),
            entity: entity.clone(),
            severity: Severity::Informational,
            score: 0.0,
            route: Route::Dashboard,
            first_time: time,
            last_time: time,
            families: Vec::new(),
            merged_into: None,
        };
        Self {
            incident,
            together: (subject.entity != *entity).then(|| subject.entity.clone()),
            signals: Signals::default(),
            floor: Severity::Informational,
            privileged: false,
            pages: BTreeSet::new(),
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

    /// One address is told as such; several, as their network.
    fn name(&mut self, entity: &Entity) {
        if let Some(together) = self.together.as_ref().filter(|_| self.incident.entity != *entity) {
            self.incident.entity.clone_from(together);
        }
    }

    /// Takes in how far an alert reaches now.
    pub(super) fn cover(&mut self, episode: &Episode) {
        let (alert, weight) = (&episode.alert, episode.weight);
        self.name(&alert.entity);
        self.incident.first_time = self.incident.first_time.min(alert.first_time);
        self.incident.last_time = self.incident.last_time.max(alert.last_time);
        self.signals
            .add(&alert.rule.family, weight.probability, alert.last_time);
        let route = episode.route();
        self.incident.route = self.incident.route.max(route);
        self.floor = self.floor.max(floor(route, weight.severity));
        self.privileged |= episode.privileged;
        if route == Route::Page && !self.pages.contains(&*alert.rule.id) {
            self.pages.insert(alert.rule.id.to_string());
        }
        self.changed = true;
    }

    /// Notes when what is new was received.
    pub(super) fn receive(&mut self, observed: Option<Time>) {
        self.fresh = self.fresh.max(observed);
    }

    /// Takes in a younger incident, with what it said.
    pub(super) fn absorb(&mut self, younger: &mut Self) {
        self.name(&younger.incident.entity);
        self.incident.first_time = self.incident.first_time.min(younger.incident.first_time);
        self.incident.last_time = self.incident.last_time.max(younger.incident.last_time);
        self.incident.severity = self.incident.severity.max(younger.incident.severity);
        self.incident.route = self.incident.route.max(younger.incident.route);
        self.floor = self.floor.max(younger.floor);
        self.privileged |= younger.privileged;
        self.pages.append(&mut younger.pages);
        self.signals.merge(std::mem::take(&mut younger.signals));
        self.fresh = self.fresh.max(younger.fresh);
        if let Some(other) = younger.said.take() {
            let said = self.said.get_or_insert_default();
            said.severity = said.severity.max(other.severity);
            said.families.extend(other.families);
            said.pages.extend(other.pages);
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
        incident.score = self.signals.risk(incident.last_time, self.privileged);
        let amounts_to = band(incident.score).min(ceiling(incident.route));
        incident.severity = incident.severity.max(self.floor).max(amounts_to);
        incident.families = self.signals.families().cloned().collect();
        let observed = self.fresh.take().unwrap_or(incident.last_time);
        let now = Said {
            severity: incident.severity,
            families: incident.families.iter().cloned().collect(),
            pages: self.pages.clone(),
        };
        let (occasions, page) = match &mut self.said {
            None => {
                let page = !now.pages.is_empty();
                self.said = Some(now);
                (vec![Occasion::Opened], page)
            }
            Some(said) => {
                let page = !now.pages.is_subset(&said.pages);
                (said.more(now), page)
            }
        };
        let announce = |occasion| Announcement {
            incident_id: incident.incident_id.clone(),
            occasion,
            observed,
            page,
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
    fn more(&mut self, now: Self) -> Vec<Occasion> {
        let mut occasions = Vec::new();
        if self.severity < now.severity {
            self.severity = now.severity;
            occasions.push(Occasion::Severity(now.severity));
        }
        for family in now.families {
            if self.families.insert(family.clone()) {
                occasions.push(Occasion::Family(family));
            }
        }
        for rule in now.pages {
            if self.pages.insert(rule.clone()) {
                occasions.push(Occasion::Page(rule));
            }
        }
        occasions
    }
}

/// What a detection calls for, whatever the risk: what is told at once is high at least, and what a rule
/// calls high is told on the next business morning at least.
fn floor(route: Route, severity: Severity) -> Severity {
    match route {
        Route::Page => severity.max(Severity::High),
        Route::Incident if Severity::High <= severity => Severity::Medium,
        Route::Incident | Route::Digest | Route::Dashboard => Severity::Informational,
    }
}

/// The worst that what is never told alone in chat may amount to.
fn ceiling(route: Route) -> Severity {
    match route {
        Route::Page | Route::Incident => Severity::Critical,
        Route::Digest => Severity::Medium,
        Route::Dashboard => Severity::Low,
    }
}
