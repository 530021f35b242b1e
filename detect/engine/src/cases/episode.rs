//! An open alert.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Alert, AlertUpdate, Detection, EntityKind, Evidence, Route, Time, Weight, ids};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{EVIDENCE_MAX, time_of};

/// A delay of receipt from which an alert says that it was found late.
const LATE_FROM: Duration = Duration::from_mins(10);

/// An alert that may still grow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Episode {
    pub(super) alert: Alert,
    /// The incident it belongs to, by the number under which that was opened.
    pub(super) incident: u64,
    /// The events in it, shortened to 128 bits.
    events: BTreeSet<u128>,
    gap: Duration,
    /// The weight of the heaviest of its detections.
    pub(super) weight: Weight,
    /// Whether one of its people can do more harm than others.
    #[serde(default)]
    pub(super) privileged: bool,
    /// Whether it was ever told.
    pub(super) told: bool,
    /// The latest receipt of its events, as a delay.
    delay: Duration,
    /// Evidence that was not told yet.
    #[serde(skip)]
    fresh: Vec<Evidence>,
    #[serde(skip)]
    pub(super) changed: bool,
}

impl Episode {
    /// A new one, opened by an event; its incident is not known yet.
    pub(super) fn open(detection: &Detection, first: &Evidence) -> Self {
        let rule = &detection.rule;
        let time = time_of(first);
        let entity = super::subject::entity_key(&detection.entity);
        let alert = Alert {
            alert_id: ids::alert_id(&detection.tenant, &rule.id, rule.major, &entity, &first.event_uid),
            incident_id: String::new(),
            tenant: Arc::clone(&detection.tenant),
            rule: Arc::clone(rule),
            entity: detection.entity.clone(),
            severity: detection.weight.severity,
            score: 0.0,
            first_time: time,
            last_time: time,
            found_late_secs: None,
            evidence_count: 0,
            facts: detection.facts.clone(),
            merged_into: None,
        };
        Self {
            alert,
            incident: 0,
            events: BTreeSet::new(),
            gap: detection.gap,
            weight: detection.weight,
            privileged: false,
            told: false,
            delay: Duration::ZERO,
            fresh: Vec::new(),
            changed: true,
        }
    }

    /// Whether it is an episode of the detection's rule for its entity.
    pub(super) fn is_of(&self, detection: &Detection) -> bool {
        let (alert, rule) = (&self.alert, &detection.rule);
        alert.rule.id == rule.id && alert.rule.major == rule.major && alert.entity == detection.entity
    }

    /// Whether an event is in it.
    pub(super) fn knows(&self, event: u128) -> bool {
        self.events.contains(&event)
    }

    /// Whether an event of that time belongs to it.
    pub(super) fn touches(&self, time: Time, gap: Duration) -> bool {
        self.alert.first_time.minus(gap) <= time && time <= self.alert.last_time.plus(gap)
    }

    /// Takes in an event.
    pub(super) fn add(&mut self, evidence: Evidence, detection: &Detection) {
        let time = time_of(&evidence);
        self.alert.rule = Arc::clone(&detection.rule);
        self.weight = self.weight.max(detection.weight);
        self.privileged |= evidence.privileged && detection.entity.kind == EntityKind::Person;
        self.alert.facts.clone_from(&detection.facts);
        self.alert.first_time = self.alert.first_time.min(time);
        self.alert.last_time = self.alert.last_time.max(time);
        self.gap = self.gap.max(detection.gap);
        if time < evidence.observed {
            self.delay = self.delay.max(time.distance(evidence.observed));
        }
        if self.events.len() < EVIDENCE_MAX {
            self.events.insert(event_key(&evidence.event_uid));
            self.fresh.push(evidence);
        }
        self.changed = true;
    }

    /// Takes in what a younger episode knows.
    pub(super) fn absorb(&mut self, younger: &mut Self) {
        self.alert.first_time = self.alert.first_time.min(younger.alert.first_time);
        self.alert.last_time = self.alert.last_time.max(younger.alert.last_time);
        self.gap = self.gap.max(younger.gap);
        self.weight = self.weight.max(younger.weight);
        self.privileged |= younger.privileged;
        self.delay = self.delay.max(younger.delay);
        self.fresh.append(&mut younger.fresh);
        for event in &younger.events {
            if self.events.len() < EVIDENCE_MAX {
                self.events.insert(*event);
            }
        }
        self.changed = true;
        younger.alert.incident_id.clone_from(&self.alert.incident_id);
        younger.alert.merged_into = Some(self.alert.alert_id.clone());
        younger.changed = true;
    }

    /// How it reaches people.
    pub(super) fn route(&self) -> Route {
        self.alert.rule.route_of(self.weight.severity)
    }

    /// What changed since it was told last.
    pub(super) fn update(&mut self) -> Option<AlertUpdate> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        self.told = true;
        self.alert.evidence_count = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        if EVIDENCE_MAX <= self.events.len() {
            self.alert
                .facts
                .insert("evidence_count_is_least".to_owned(), json!(true));
        }
        self.alert.severity = self.weight.severity;
        self.alert.score = (self.weight.probability * 100.0).clamp(0.0, 100.0);
        let late = LATE_FROM < self.delay;
        self.alert.found_late_secs = late.then(|| i64::try_from(self.delay.as_secs()).unwrap_or(i64::MAX));
        let mut evidence = std::mem::take(&mut self.fresh);
        evidence.sort_by(|a, b| (a.time, &a.event_uid).cmp(&(b.time, &b.event_uid)));
        Some(AlertUpdate {
            alert: self.alert.clone(),
            evidence,
        })
    }

    /// Whether nothing can join it any more. Evidence lies before `horizon` by at most a window, which
    /// is no longer than the gap.
    pub(super) fn is_over(&self, horizon: Time) -> bool {
        self.alert.last_time.plus(self.gap).plus(self.gap) < horizon
    }
}

/// An event's identity in 128 bits: our own ids have no more.
pub(super) fn event_key(uid: &str) -> u128 {
    let parse = |text: &str| {
        (text.len() == 32)
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
    };
    parse(uid).unwrap_or_else(|| parse(&ids::content_id(&[uid.as_bytes()])).unwrap_or_default())
}
