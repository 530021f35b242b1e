//! From detections to alerts, from alerts to incidents, and when an incident speaks.
//!
//! * An **alert** is an episode: the firings of one rule for one entity, of which each event is no
//!   further from the next than the rule's gap. It is named by the event that opened it. When a late
//!   event closes the gap between two, the one that was opened later is merged into the other.
//! * An **incident** is what happened to one entity: its alerts, no further apart than
//!   [`INCIDENT_GAP`]. Alerts of persons, of sources and of other things are apart. Addresses of one
//!   network are one entity for each family of rules, a campaign.
//! * An incident **speaks** when it opens, when it gets worse than it ever said, and when something of
//!   another family joins it: once each, whatever is repeated or merged. One that was merged into
//!   another speaks no more, and the other does not repeat what it said.
//!
//! # Invariants
//! * Which events are in one alert, and which alerts are in one incident, follows from the set of
//!   detections alone, not from their order: both are intervals of event time that grow together. The
//!   ids, and what was said on the way, may depend on the order.
//! * The same detections in the same state give the same [`Findings`], to the byte.
//! * An event that is repeated changes nothing.
//! * A gap must be as long as the detector's window, so that the events of one firing stay together.
//!
//! # Not here
//! Who is told, and how often: that is `sekisho-alert`.

mod case;
mod episode;
mod incident;
pub(crate) mod risk;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sekisho_model::{Detection, Entity, Evidence, Findings, Snapshot, Time, ids};

use case::Case;
use subject::Subject;

/// Alerts of an entity that are no further apart than this are one incident: a weekend, and the
/// Monday on which somebody looks.
pub const INCIDENT_GAP: Duration = Duration::from_hours(72);

/// How long before the oldest row that can still come a detection's evidence may lie: the longest
/// window of a rule. Incidents are kept that much longer.
pub const EVIDENCE_REACH_MAX: Duration = Duration::from_hours(7 * 24);

/// The most alerts that are open at a time, over all entities. Beyond it those that were quiet
/// longest are closed, and what comes to them later opens new ones.
pub const ALERTS_OPEN_MAX: usize = 10_000;

/// The most incidents that are open at a time; the same holds.
pub const INCIDENTS_OPEN_MAX: usize = 20_000;

/// The most events of an alert that are told apart, 16 bytes each. Up to it `evidence_count` is
/// exact; at it, it means "at least", the facts say so (`evidence_count_is_least`), and further
/// events move the alert's times but are not told.
pub const EVIDENCE_MAX: usize = 2_048;

/// The parts of a snapshot. The number is raised when the state is written differently.
const PART_CASES: &str = "cases/2";
const PART_OPENED: &str = "cases/2/opened";

/// Open episodes and incidents.
#[derive(Debug, Default)]
pub struct Casebook {
    cases: BTreeMap<Subject, Case>,
    /// How many alerts and incidents were ever opened: which of two is the older.
    opened: u64,
}

/// The time by which evidence is ordered.
fn time_of(evidence: &Evidence) -> Time {
    ids::believed_time(evidence.time, evidence.observed)
}

impl Casebook {
    /// Takes what was found in a batch and says what it changes.
    pub fn add(&mut self, mut found: Vec<Detection>) -> Findings {
        for detection in &mut found {
            detection
                .evidence
                .sort_by(|a, b| (time_of(a), &a.event_uid).cmp(&(time_of(b), &b.event_uid)));
        }
        found.sort_by(|a, b| order(a).cmp(&order(b)));
        let mut touched = BTreeSet::new();
        for detection in found.into_iter().filter(|detection| !detection.evidence.is_empty()) {
            let subject = Subject::of(&detection);
            let case = self.cases.entry(subject.clone()).or_default();
            case.add(&subject, detection, &mut self.opened);
            touched.insert(subject);
        }
        let mut findings = Findings::default();
        for subject in touched {
            if let Some(case) = self.cases.get_mut(&subject) {
                case.settle(&mut findings);
            }
        }
        self.shrink();
        findings
    }

    /// Closes episodes and incidents that nothing from after `horizon` can touch.
    pub fn forget_before(&mut self, horizon: Time) {
        self.retain(|case| case.forget_before(horizon));
    }

    fn retain(&mut self, mut change: impl FnMut(&mut Case)) {
        self.cases.retain(|_, case| {
            change(case);
            !case.is_empty()
        });
    }

    /// Keeps within the bounds, at the cost of what was quiet longest.
    fn shrink(&mut self) {
        if let Some(oldest) = surplus(self.cases.values().flat_map(Case::episode_times), ALERTS_OPEN_MAX) {
            self.retain(|case| case.drop_episodes_before(oldest));
        }
        if let Some(oldest) = surplus(self.cases.values().flat_map(Case::incident_times), INCIDENTS_OPEN_MAX) {
            self.retain(|case| case.drop_incidents_before(oldest));
        }
    }

    /// Saves the open ones.
    pub fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        for (subject, case) in &self.cases {
            into.put(PART_CASES, serde_json::to_string(subject)?, case)?;
        }
        into.put(PART_OPENED, "", &self.opened)
    }

    /// Goes on from a snapshot. A case that cannot be read begins anew.
    pub fn restore(&mut self, from: &Snapshot) {
        let read = |(key, state): &(String, String)| {
            Some((
                serde_json::from_str::<Subject>(key).ok()?,
                serde_json::from_str::<Case>(state).ok()?,
            ))
        };
        self.cases = from.part(PART_CASES).iter().filter_map(read).collect();
        let opened = match from.part(PART_OPENED) {
            [(_, opened)] => serde_json::from_str(opened).unwrap_or_default(),
            _ => 0,
        };
        self.opened = self
            .cases
            .values()
            .map(Case::latest_opened)
            .max()
            .unwrap_or_default()
            .max(opened);
    }
}

/// The order in which the detections of a batch are taken: as they happened.
fn order(detection: &Detection) -> (Option<Time>, &str, &Entity, &str, u32, Option<&str>) {
    let first = detection.evidence.first();
    let rule = &detection.rule;
    (
        first.map(time_of),
        &detection.tenant,
        &detection.entity,
        &rule.id,
        rule.major,
        first.map(|evidence| evidence.event_uid.as_str()),
    )
}

/// If there are more than `count_max`, the time up to which they must go, a sixteenth more than needed.
fn surplus(times: impl Iterator<Item = Time> + Clone, count_max: usize) -> Option<Time> {
    let count = times.clone().count();
    if count <= count_max {
        return None;
    }
    let mut times: Vec<Time> = times.collect();
    let (_, oldest_kept, _) = times.select_nth_unstable(count - count_max + count_max / 16);
    Some(*oldest_kept)
}
