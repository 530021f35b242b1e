//! The open alerts and incidents of one subject.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sekisho_model::{Detection, Evidence, Findings, Incident, Time};
use serde::{Deserialize, Serialize};

use super::episode::{Episode, event_key};
use super::incident::OpenIncident;
use super::subject::Subject;
use super::{EVIDENCE_REACH_MAX, INCIDENT_GAP, time_of};

/// The open alerts and incidents of one subject, by the number under which they were opened: of two,
/// the one with the smaller number is the older.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Case {
    episodes: BTreeMap<u64, Episode>,
    incidents: BTreeMap<u64, OpenIncident>,
    /// What was merged and is to be told once more.
    #[serde(skip)]
    merged_episodes: Vec<Episode>,
    #[serde(skip)]
    merged_incidents: Vec<Incident>,
}

impl Case {
    /// Takes in a detection.
    pub(super) fn add(&mut self, subject: &Subject, mut detection: Detection, opened: &mut u64) {
        // Looked for once: a campaign may have thousands of others.
        let of_detection = |(number, episode): (&u64, &Episode)| episode.is_of(&detection).then_some(*number);
        let mut own: BTreeSet<u64> = self.episodes.iter().filter_map(of_detection).collect();
        for evidence in std::mem::take(&mut detection.evidence) {
            let key = event_key(&evidence.event_uid);
            let mut episodes = own.iter().filter_map(|number| self.episodes.get(number));
            if episodes.any(|episode| episode.knows(key)) {
                continue;
            }
            let number = self.episode_at(&mut own, &detection, &evidence, opened);
            let Some(episode) = self.episodes.get_mut(&number) else {
                continue;
            };
            let (uid, observed) = (evidence.event_uid.clone(), evidence.observed);
            episode.add(evidence, &detection);
            self.join_incident(subject, number, (&uid, observed), opened);
        }
    }

    /// The number of the episode to which an event belongs, of those of its rule and entity; opened if
    /// there is none, and put together if there are several.
    fn episode_at(
        &mut self,
        own: &mut BTreeSet<u64>,
        detection: &Detection,
        evidence: &Evidence,
        opened: &mut u64,
    ) -> u64 {
        let time = time_of(evidence);
        let touches = |number: &&u64| {
            let episode = self.episodes.get(number);
            episode.is_some_and(|episode| episode.touches(time, detection.gap))
        };
        let touched: Vec<u64> = own.iter().filter(touches).copied().collect();
        let Some((oldest, younger)) = touched.split_first() else {
            *opened += 1;
            self.episodes.insert(*opened, Episode::open(detection, evidence));
            own.insert(*opened);
            return *opened;
        };
        for number in younger {
            own.remove(number);
            let Some(mut younger) = self.episodes.remove(number) else {
                continue;
            };
            let Some(older) = self.episodes.get_mut(oldest) else {
                continue;
            };
            older.absorb(&mut younger);
            let (kept, other) = (older.incident, younger.incident);
            self.merge_incidents(kept.min(other), kept.max(other));
            self.merged_episodes.push(younger);
        }
        *oldest
    }

    /// Puts an episode that grew into the incident that it reaches; opened if there is none, and put
    /// together if there are several.
    fn join_incident(&mut self, subject: &Subject, number: u64, (uid, observed): (&str, Time), opened: &mut u64) {
        let Some(episode) = self.episodes.get_mut(&number) else {
            return;
        };
        let reached: Vec<u64> = self
            .incidents
            .iter()
            .filter(|(of, incident)| **of == episode.incident || incident.touches(&episode.alert))
            .map(|(of, _)| *of)
            .collect();
        let incident = if let Some(oldest) = reached.first() {
            *oldest
        } else {
            *opened += 1;
            let alert = &episode.alert;
            let incident = OpenIncident::open(subject, &alert.entity, uid, alert.first_time);
            self.incidents.insert(*opened, incident);
            *opened
        };
        episode.incident = incident;
        if let Some(open) = self.incidents.get_mut(&incident) {
            open.cover(episode);
            open.receive(Some(observed));
            episode.alert.incident_id.clone_from(&open.incident.incident_id);
        }
        for younger in reached.iter().skip(1) {
            self.merge_incidents(incident, *younger);
        }
    }

    fn merge_incidents(&mut self, older: u64, younger: u64) {
        if older == younger {
            return;
        }
        let Some(mut merged) = self.incidents.remove(&younger) else {
            return;
        };
        let Some(kept) = self.incidents.get_mut(&older) else {
            self.incidents.insert(younger, merged);
            return;
        };
        let was_told = merged.was_told();
        kept.absorb(&mut merged);
        for episode in self.episodes.values_mut().filter(|episode| episode.incident == younger) {
            episode.incident = older;
            episode.alert.incident_id.clone_from(&kept.incident.incident_id);
            episode.changed = true;
        }
        if was_told {
            self.merged_incidents.push(merged.incident);
        }
    }

    /// Says what changed since it was told last: what was merged first, then by age.
    pub(super) fn settle(&mut self, findings: &mut Findings) {
        // An episode that was opened and merged between two tellings was never heard of.
        for mut merged in std::mem::take(&mut self.merged_episodes)
            .into_iter()
            .filter(|merged| merged.told)
        {
            findings.alerts.extend(merged.update());
        }
        findings
            .alerts
            .extend(self.episodes.values_mut().filter_map(Episode::update));
        findings.incidents.append(&mut self.merged_incidents);
        for incident in self.incidents.values_mut() {
            findings.incidents.extend(incident.settle(&mut findings.announcements));
        }
    }

    /// Closes what nothing can touch any more.
    pub(super) fn forget_before(&mut self, horizon: Time) {
        self.episodes.retain(|_, episode| !episode.is_over(horizon));
        let reach: Duration = INCIDENT_GAP.saturating_add(EVIDENCE_REACH_MAX);
        self.drop_incidents_unless(|last| horizon <= last.plus(reach));
    }

    /// Closes the episodes that were quiet since `oldest`.
    pub(super) fn drop_episodes_before(&mut self, oldest: Time) {
        self.episodes.retain(|_, episode| oldest < episode.alert.last_time);
    }

    /// Closes the incidents that were quiet since `oldest`, with their episodes.
    pub(super) fn drop_incidents_before(&mut self, oldest: Time) {
        self.episodes.retain(|_, episode| oldest < episode.alert.last_time);
        self.drop_incidents_unless(|last| oldest < last);
    }

    /// Closes the incidents whose last event is too long ago, unless an alert in it is open.
    fn drop_incidents_unless(&mut self, keep: impl Fn(Time) -> bool) {
        let open = |number: &u64| self.episodes.values().any(|episode| episode.incident == *number);
        self.incidents
            .retain(|number, incident| keep(incident.incident.last_time) || open(number));
    }

    /// When each open alert was last added to.
    pub(super) fn episode_times(&self) -> impl Iterator<Item = Time> + Clone {
        self.episodes.values().map(|episode| episode.alert.last_time)
    }

    /// When each open incident was last added to.
    pub(super) fn incident_times(&self) -> impl Iterator<Item = Time> + Clone {
        self.incidents.values().map(|incident| incident.incident.last_time)
    }

    /// The largest number in it.
    pub(super) fn latest_opened(&self) -> u64 {
        let episode = self.episodes.last_key_value().map(|(number, _)| *number);
        episode
            .max(self.incidents.last_key_value().map(|(number, _)| *number))
            .unwrap_or_default()
    }

    /// Whether nothing is open.
    pub(super) fn is_empty(&self) -> bool {
        self.episodes.is_empty() && self.incidents.is_empty()
    }
}
