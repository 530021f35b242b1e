//! What was told, against the truth.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sekisho_simulate::{Class, Label, World};

use crate::stats::{Rate, Share, float};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    /// An attack, at least in part.
    Attack,
    /// What everybody is tried with all day.
    Weather,
    /// Nothing but people at work.
    False,
}

/// Something that a system tells of somebody.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) about: Arc<str>,
    /// When it is told, in hours since the epoch.
    pub(crate) hours: f64,
    /// The attacks it touches.
    pub(crate) attacks: BTreeSet<u32>,
    pub(crate) truth: Truth,
}

/// What records are about: the attacks among them, and what they are in all.
pub(crate) fn judge(world: &World, records: impl Iterator<Item = usize>) -> (BTreeSet<u32>, Truth) {
    let mut attacks = BTreeSet::new();
    let (mut weather, mut all) = (0_usize, 0_usize);
    for record in records {
        all += 1;
        match world.records.get(record).map(|record| record.label) {
            Some(Label::Attack(number)) => drop(attacks.insert(number)),
            Some(Label::Weather) => weather += 1,
            _ => {}
        }
    }
    let truth = match (attacks.is_empty(), all <= 2 * weather) {
        (false, _) => Truth::Attack,
        (true, true) => Truth::Weather,
        (true, false) => Truth::False,
    };
    (attacks, truth)
}

/// How a system did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Of the attacks of each class, how many were told of.
    pub(crate) classes: BTreeMap<Class, Share>,
    /// False alerts, of one person at most one in 24 hours.
    pub(crate) false_alerts: Rate,
    /// False messages: what is told of a person within 72 hours of the last is one.
    pub(crate) false_messages: Rate,
    /// Alerts about the weather, counted like false ones.
    pub(crate) weather: Rate,
    /// From the first event of an attack to the telling, in minutes.
    pub(crate) delays: Vec<f64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        for (class, share) in &other.classes {
            self.classes.entry(*class).or_default().add(*share);
        }
        self.false_alerts.add(other.false_alerts);
        self.false_messages.add(other.false_messages);
        self.weather.add(other.weather);
        self.delays.extend(&other.delays);
    }

    /// The share over some classes.
    pub(crate) fn recall(&self, of: impl Fn(Class) -> bool) -> Share {
        let mut share = Share::default();
        for (_, part) in self.classes.iter().filter(|(class, _)| of(**class)) {
            share.add(*part);
        }
        share
    }
}

/// Counts what was told after learning.
pub(crate) fn tally(world: &World, findings: &[Finding]) -> Tally {
    let mut tally = Tally {
        false_alerts: Rate {
            events: 0,
            user_days: world.user_days,
        },
        ..Tally::default()
    };
    tally.false_messages = tally.false_alerts;
    tally.weather = tally.false_alerts;
    let from = hours(world.counts_from());
    let mut told: Vec<&Finding> = findings.iter().filter(|finding| from <= finding.hours).collect();
    told.sort_by(|one, other| one.hours.total_cmp(&other.hours));
    let mut first: HashMap<u32, f64> = HashMap::new();
    for finding in &told {
        for attack in &finding.attacks {
            first.entry(*attack).or_insert(finding.hours);
        }
    }
    for attack in &world.attacks {
        let found = first.get(&attack.number);
        tally.classes.entry(attack.class).or_default().count(found.is_some());
        tally
            .delays
            .extend(found.map(|found| (found - hours(attack.begins)) * 60.0));
    }
    let of = |truth: Truth| told.iter().copied().filter(move |finding| finding.truth == truth);
    tally.false_alerts.events = count(of(Truth::False), 24.0, false);
    tally.weather.events = count(of(Truth::Weather), 24.0, false);
    tally.false_messages.events = count(of(Truth::False), 72.0, true);
    tally
}

/// Findings about the same, no further apart than `gap`, are one; `slides` says whether the gap is
/// reckoned from the last finding or from the last one that counted.
fn count<'a>(findings: impl Iterator<Item = &'a Finding>, gap: f64, slides: bool) -> u64 {
    let mut last: HashMap<&str, f64> = HashMap::new();
    let mut count = 0;
    for finding in findings {
        let known = last.get(&*finding.about);
        let new = known.is_none_or(|known| gap <= finding.hours - known);
        count += u64::from(new);
        if new || slides {
            last.insert(&finding.about, finding.hours);
        }
    }
    count
}

/// Milliseconds as hours.
pub(crate) fn hours(millis: i64) -> f64 {
    let seconds = u64::try_from(millis / 1_000).unwrap_or_default();
    float(seconds) / 3_600.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(about: &str, hours: f64) -> Finding {
        Finding {
            about: about.into(),
            hours,
            attacks: BTreeSet::new(),
            truth: Truth::False,
        }
    }

    #[test]
    fn alerts_of_a_day_count_once_and_messages_as_long_as_they_follow_each_other() {
        let found = [
            finding("hana", 0.0),
            finding("hana", 20.0),
            finding("taro", 30.0),
            finding("hana", 40.0),
            finding("hana", 100.0),
            finding("hana", 180.0),
        ];
        assert_eq!(count(found.iter(), 24.0, false), 5);
        assert_eq!(count(found.iter(), 72.0, true), 3);
    }
}
