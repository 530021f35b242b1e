//! Detectors and a casebook, and what becomes of rows that are fed to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_model::{Alert, Announcement, EventBatch, Findings, Incident, Route, RuleInfo, Severity, Snapshot, Time};
use serde_json::{Map, Value, json};

use super::batch;
use crate::detector::LATENESS_MAX;
use crate::native::{Surroundings, make};
use crate::profile::Profiles;
use crate::{Casebook, Detector};

pub(crate) type Row = Map<String, Value>;

/// The events of an alert, with whose and which it is.
pub(crate) type Episode = (String, String, BTreeSet<String>);

/// The row of that JSON object.
pub(crate) fn row(value: &Value) -> Row {
    value.as_object().unwrap().clone()
}

/// A base row with other values on top.
pub(crate) fn with(base: &Value, changes: &Value) -> Row {
    let mut row = row(base);
    row.extend(self::row(changes));
    row
}

/// A rule as the detectors and the casebook see it.
pub(crate) fn rule(id: &str, family: &str, severity: Severity, probability: f64) -> Arc<RuleInfo> {
    Arc::new(RuleInfo {
        id: id.into(),
        major: 1,
        severity,
        route: Route::of(severity),
        family: family.to_owned(),
        probability,
        ..RuleInfo::default()
    })
}

/// All native detectors with their defaults.
pub(crate) fn every_detector() -> Vec<Box<dyn Detector>> {
    [
        ("admin_panel", rule("SK-604", "web", Severity::High, 0.4)),
        ("error_burst", rule("SK-605", "web", Severity::Medium, 0.3)),
        ("exploit_success", rule("SK-603", "web", Severity::High, 0.5)),
        ("geo_velocity", rule("SK-202", "travel", Severity::High, 0.35)),
        ("leaver", rule("SK-401", "lifecycle", Severity::Critical, 0.9)),
        ("mass_download", rule("SK-504", "data", Severity::High, 0.35)),
        ("mass_send", rule("SK-501", "mailbox", Severity::Critical, 0.9)),
        ("odd_records", rule("SK-703", "platform", Severity::Medium, 0.3)),
        ("password_stopped", rule("SK-105", "attack", Severity::High, 0.6)),
        (
            "privileged_off_hours",
            rule("SK-205", "novelty", Severity::Medium, 0.08),
        ),
        ("session_reuse", rule("SK-301", "session", Severity::High, 0.6)),
        ("shared_account", rule("SK-304", "session", Severity::Low, 0.02)),
        ("slow_attack", rule("SK-103", "attack", Severity::Medium, 0.5)),
        ("vpn_and_cloud", rule("SK-207", "travel", Severity::High, 0.35)),
        ("anonymiser", rule("SK-204", "network", Severity::Medium, 0.25)),
        ("dormant", rule("SK-402", "lifecycle", Severity::Medium, 0.3)),
        ("new_country", rule("SK-203", "novelty", Severity::Low, 0.1)),
        ("new_for_administrator", rule("SK-206", "novelty", Severity::High, 0.25)),
        ("no_second_factor", rule("SK-404", "mfa", Severity::Low, 0.02)),
        ("service_account", rule("SK-408", "privilege", Severity::High, 0.3)),
        ("unfamiliar_sign_in", rule("SK-201", "novelty", Severity::High, 0.35)),
    ]
    .into_iter()
    .map(|(name, rule)| {
        // Small enough for what is drawn at random.
        let parameters = match name {
            "error_burst" => json!({"errors_min": 1, "minutes_min": 1}),
            "shared_account" => json!({"days_min": 3}),
            "odd_records" => json!({"what": "unreadable", "rows_min": 3}),
            _ => Value::Null,
        };
        detector(name, rule, &parameters)
    })
    .collect()
}

/// One native detector, in Tokyo.
pub(crate) fn detector(name: &str, rule: Arc<RuleInfo>, parameters: &Value) -> Box<dyn Detector> {
    let surroundings = Surroundings::of(tokyo());
    make(name, rule, parameters, &surroundings).unwrap()
}

/// The profiles of people in Tokyo.
fn profiles() -> Profiles {
    Profiles::new(tokyo())
}

fn tokyo() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(9))
}

/// What a receiver of findings knows.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) alerts: BTreeMap<String, Alert>,
    pub(crate) evidence: BTreeMap<String, BTreeSet<String>>,
    pub(crate) incidents: BTreeMap<String, Incident>,
    pub(crate) announcements: Vec<Announcement>,
}

impl Told {
    pub(crate) fn hear(&mut self, findings: Findings) {
        for update in findings.alerts {
            let events = self.evidence.entry(update.alert.alert_id.clone()).or_default();
            for evidence in update.evidence {
                assert!(events.insert(evidence.event_uid), "evidence told twice");
            }
            self.alerts.insert(update.alert.alert_id.clone(), update.alert);
        }
        for incident in findings.incidents {
            self.incidents.insert(incident.incident_id.clone(), incident);
        }
        self.announcements.extend(findings.announcements);
    }

    /// The events of each alert, those of merged ones with the alert they were merged into.
    fn merged(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let mut merged: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (id, events) in &self.evidence {
            let mut id = id;
            while let Some(into) = &self.alerts[id].merged_into {
                id = into;
            }
            merged.entry(id).or_default().extend(events.iter().cloned());
        }
        merged
    }

    pub(crate) fn episodes(&self) -> BTreeSet<Episode> {
        self.merged()
            .into_iter()
            .map(|(id, events)| self.episode(id, events))
            .collect()
    }

    fn episode(&self, id: &str, events: BTreeSet<String>) -> Episode {
        let alert = &self.alerts[id];
        (alert.entity.name.to_string(), alert.rule.id.to_string(), events)
    }

    /// The alerts of each incident.
    pub(crate) fn incidents(&self) -> BTreeSet<BTreeSet<Episode>> {
        let mut incidents: BTreeMap<&str, BTreeSet<Episode>> = BTreeMap::new();
        for (id, events) in self.merged() {
            let mut incident = &self.alerts[id].incident_id;
            while let Some(into) = &self.incidents[incident].merged_into {
                incident = into;
            }
            incidents.entry(incident).or_default().insert(self.episode(id, events));
        }
        incidents.into_values().collect()
    }
}

/// Profiles, detectors, a casebook and somebody who hears what they find.
#[derive(Debug)]
pub(crate) struct Rig {
    make: fn() -> Vec<Box<dyn Detector>>,
    profiles: Profiles,
    detectors: Vec<Box<dyn Detector>>,
    casebook: Casebook,
    latest: Time,
    pub(crate) told: Told,
}

impl Rig {
    pub(crate) fn new(make: fn() -> Vec<Box<dyn Detector>>) -> Self {
        Self {
            make,
            profiles: profiles(),
            detectors: make(),
            casebook: Casebook::default(),
            latest: Time(i64::MIN),
            told: Told::default(),
        }
    }

    pub(crate) fn feed(&mut self, rows: &[Row]) {
        let batch: EventBatch = self.profiles.judge(&batch(rows).unwrap());
        let mut found = Vec::new();
        for detector in &mut self.detectors {
            detector.observe(&batch, &mut found);
        }
        self.told.hear(self.casebook.add(found));
        self.latest = (0..batch.len())
            .map(|row| batch.observed(row))
            .fold(self.latest, Time::max);
    }

    /// Lets the time go on to the last receipt.
    pub(crate) fn tick(&mut self) {
        self.decide(self.latest);
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self) {
        self.decide(Time(i64::MAX));
    }

    fn decide(&mut self, now: Time) {
        let mut found = Vec::new();
        for detector in &mut self.detectors {
            detector.tick(now, &mut found);
        }
        self.told.hear(self.casebook.add(found));
    }

    pub(crate) fn forget(&mut self) {
        let horizon = self.latest.minus(LATENESS_MAX);
        self.decide(horizon);
        self.profiles.forget_before(horizon);
        for detector in &mut self.detectors {
            detector.forget_before(horizon);
        }
        self.casebook.forget_before(horizon);
    }

    /// Stops, and goes on from what was saved, through JSON.
    pub(crate) fn restart(&mut self) {
        let mut snapshot = Snapshot::default();
        self.profiles.snapshot(&mut snapshot).unwrap();
        for detector in &self.detectors {
            detector.snapshot(&mut snapshot).unwrap();
        }
        self.casebook.snapshot(&mut snapshot).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
        self.detectors = (self.make)();
        self.casebook = Casebook::default();
        self.profiles = profiles();
        self.profiles.restore(&snapshot);
        for detector in &mut self.detectors {
            detector.restore(&snapshot);
        }
        self.casebook.restore(&snapshot);
    }
}
