//! How unlike a person's own past a sign-in is: the columns `unfamiliarity` and `active_people`, which
//! the engine adds to a batch before the detectors see it.
//!
//! # What is scored
//! Whatever a person does with an account (never a service account) and succeeds in, and sign-ins that
//! were stopped although the password was right. Six features are compared with what the person and
//! the firm did before: country, kind of network, network, client, working day and quarter of the day,
//! managed device. [`model`] has the formula. A feature that the record does not tell is left out, and
//! what changes together on every journey or weekend counts together no more than so much.
//! Through a line of the firm's own (`office`, `egress`, `sase`) everybody looks alike: then the
//! features of the network are left out, and the score is lowered so far that it never alarms.
//!
//! # What is learnt
//! Successes alone, each value at most once an hour. What scores [`QUARANTINE_NATS`] or more is not
//! learnt, or an intruder would be familiar tomorrow; it is learnt after all when it came on three
//! earlier days, each time with a second factor and never so strange that it was told at once. Names
//! that only fail have no profile, so who invents names takes no room. Until a firm was watched for
//! [`LEARNING_DAYS`], scores are shown and called learning.
//!
//! # What is exact
//! A row is judged by what happened before the day of its [`SETTLED_AFTER`], of which every row has
//! come; so the score is a function of the set of rows, and rows in any order, any split and any number
//! of copies get the same, but for rounding in the last digits. The price is that what is new today is
//! familiar two days later. Inexact are: rows that are later than allowed, which count with what is
//! known by then; and what is dropped at a bound.
//!
//! A value that a row brings already is kept: so tests say how unfamiliar a row is.

mod decay;
mod feature;
mod firm;
mod model;
mod person;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int32Builder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Snapshot, Time};
use serde_json::{Value, json};

pub(crate) use self::feature::hours;
use self::feature::{Feature, Sighting};
use self::firm::Firm;
use self::person::Person;
use crate::detector::SETTLED_AFTER;
use crate::native::{People, local_day};

/// What is this unfamiliar is not learnt, in nats.
const QUARANTINE_NATS: f64 = 6.0;

/// What is this unfamiliar is told at once, and never leaves quarantine by itself, in nats.
const TOLD_NATS: f64 = 8.0;

/// For how many days a firm is learnt before its scores are taken at their word.
const LEARNING_DAYS: i64 = 14;

/// Within how many days of the first one somebody is new in the company.
const NEWCOMER_DAYS: i64 = 30;

/// Over how many days people count as active.
const ACTIVE_DAYS: i64 = 30;

/// From this unfamiliarity on, in nats, a row carries why.
const EXPLAINED_NATS: f64 = 3.0;

/// How many features are named in the reason.
const EXPLAINED_MAX: usize = 3;

/// The side column of the reasons: JSON, for rows that are unfamiliar enough to be asked about.
pub(crate) const REASONS: &str = "sekisho.unfamiliarity";

/// The part of a snapshot for people and for firms. The number is raised when the state is written
/// differently.
const PEOPLE_PART: &str = "profile/people/1";
const FIRMS_PART: &str = "profile/firms/1";

/// The habits of all people and firms.
#[derive(Debug)]
pub(crate) struct Profiles {
    zone: TimeZone,
    people: People<Person>,
    firms: BTreeMap<Arc<str>, Firm>,
}

/// What is added to a row.
#[derive(Clone, Debug, Default)]
struct Score {
    nats: f64,
    reason: Option<Value>,
}

impl Profiles {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            people: People::default(),
            firms: BTreeMap::new(),
        }
    }

    /// The batch with its two columns, and what was learnt from it.
    pub(crate) fn judge(&mut self, batch: &EventBatch) -> EventBatch {
        let mut sightings: Vec<Sighting<'_>> = (0..batch.len())
            .filter_map(|row| Sighting::of(batch, row, &self.zone))
            .collect();
        // Day by day, because what happened two days before may be in the same batch.
        sightings.sort_by_key(|sighting| sighting.day);
        let mut scores: BTreeMap<usize, Score> = BTreeMap::new();
        for day in sightings.chunk_by(|a, b| a.day == b.day) {
            let judged: Vec<Score> = day.iter().map(|sighting| self.score(sighting)).collect();
            for (sighting, score) in day.iter().zip(judged) {
                self.learn(sighting, score.nats);
                scores.insert(sighting.row, score);
            }
        }
        self.with_columns(batch, &scores).unwrap_or_else(|_| batch.clone())
    }

    /// The day before which everything has come that a row at `time` may ask for.
    fn settled(&self, time: Time) -> i64 {
        local_day(&self.zone, time.minus(SETTLED_AFTER))
    }

    fn score(&self, sighting: &Sighting<'_>) -> Score {
        let nobody = Firm::default();
        let firm = self.firms.get(sighting.tenant).unwrap_or(&nobody);
        let (settled, day) = (self.settled(sighting.time), sighting.day);
        let stranger = Person::default();
        let person = self.people.get(sighting.tenant, sighting.person).unwrap_or(&stranger);
        let counts = person.counts(settled, day);
        let home = firm.home(settled, day);
        let is_newcomer = sighting
            .joined
            .is_some_and(|joined| day.saturating_sub(joined).abs() <= NEWCOMER_DAYS);
        let mut parts: Vec<(Feature, &str, f64)> = Vec::new();
        for feature in Feature::ALL {
            let Some(value) = sighting.value(feature) else { continue };
            if sighting.own_line && feature.is_of_network() {
                continue;
            }
            let is_home = home.as_deref() == Some(value);
            let seen = (
                person.seen(feature, value, &counts),
                firm.seen(feature, value, settled, day),
            );
            let most = if is_newcomer {
                model::newcomer_max(feature)
            } else {
                f64::INFINITY
            };
            parts.push((
                feature,
                value,
                model::nats(feature, value, is_home, seen.0, seen.1).min(most),
            ));
        }
        model::cap(&mut parts, home.as_deref() == sighting.value(Feature::Country));
        let own_line = if sighting.own_line { model::OWN_LINE_NATS } else { 0.0 };
        let nats = parts.iter().map(|(_, _, nats)| nats).sum::<f64>() + own_line;
        let reason = (EXPLAINED_NATS <= nats).then(|| {
            let features: Vec<Value> = self.explain(sighting, parts, person, &counts);
            json!({"features": features, "learning": firm.days_known(day) < LEARNING_DAYS})
        });
        Score { nats, reason }
    }

    /// What is most unlike the person: value, what is usual instead, and how many others have it.
    fn explain(
        &self,
        sighting: &Sighting<'_>,
        mut parts: Vec<(Feature, &str, f64)>,
        person: &Person,
        counts: &[f64],
    ) -> Vec<Value> {
        parts.sort_by(|(_, _, a), (_, _, b)| b.total_cmp(a));
        let strange = parts
            .into_iter()
            .filter(|(_, _, nats)| 0.5 <= *nats)
            .take(EXPLAINED_MAX);
        let others = || {
            self.people
                .of_tenant(sighting.tenant)
                .filter(|(name, _)| *name != sighting.person)
        };
        strange
            .map(|(feature, value, nats)| {
                json!({
                    "feature": feature.name(),
                    "value": value,
                    "name": sighting.operator.filter(|_| feature == Feature::Network),
                    "nats": (nats * 10.0).round() / 10.0,
                    "usual": person.usual(feature, counts),
                    "colleagues": others().filter(|(_, other)| other.knows(feature, value)).count(),
                })
            })
            .collect()
    }

    fn learn(&mut self, sighting: &Sighting<'_>, nats: f64) {
        let settled = self.settled(sighting.time);
        let day = sighting.day;
        let Some(person) = sighting
            .success
            .then(|| self.people.meet(sighting.tenant, sighting.person, sighting.time))
            .flatten()
        else {
            return;
        };
        if !self.firms.contains_key(sighting.tenant) {
            self.firms.insert(Arc::from(sighting.tenant), Firm::default());
        }
        let Some(firm) = self.firms.get_mut(sighting.tenant) else {
            return;
        };
        firm.note(day);
        if person.was_active(day) {
            firm.was_active(day);
        }
        if QUARANTINE_NATS <= nats {
            let source = source_of(sighting);
            if sighting.second_factor && nats < TOLD_NATS {
                person.quarantine(&source, day);
            }
            if !person.is_released(&source, settled) {
                return;
            }
        }
        for feature in Feature::ALL {
            let Some(value) = sighting.value(feature) else { continue };
            let text = || firm.text(feature, value);
            if person.learn(feature, value, (day, sighting.hour), text) {
                firm.add(feature, value, day);
            }
        }
    }

    fn with_columns(
        &mut self,
        batch: &EventBatch,
        scores: &BTreeMap<usize, Score>,
    ) -> Result<EventBatch, arrow_schema::ArrowError> {
        let mut nats = Float64Builder::with_capacity(batch.len());
        let mut active = Int32Builder::with_capacity(batch.len());
        let mut reasons = StringDictionaryBuilder::<Int32Type>::new();
        for row in 0..batch.len() {
            let score = scores.get(&row);
            let given = batch.float(Column::Unfamiliarity, row);
            nats.append_option(given.or(score.map(|score| score.nats)));
            active.append_option(self.active_before(batch, row));
            reasons.append_option(score.and_then(|score| score.reason.as_ref()).map(Value::to_string));
        }
        batch
            .clone()
            .with_column(Column::Unfamiliarity, Arc::new(nats.finish()))?
            .with_column(Column::ActivePeople, Arc::new(active.finish()))?
            .with_side(REASONS, Arc::new(reasons.finish()))
    }

    /// How many people were active in the days before a row.
    fn active_before(&mut self, batch: &EventBatch, row: usize) -> Option<i32> {
        if let Some(given) = batch.int(Column::ActivePeople, row) {
            return i32::try_from(given).ok();
        }
        let settled = self.settled(batch.believed_time(row));
        let tenant = batch.text(Column::Tenant, row)?;
        let Some(firm) = self.firms.get_mut(tenant) else {
            return Some(0);
        };
        let people = &self.people;
        Some(firm.active(settled, || {
            let active = people
                .of_tenant(tenant)
                .filter(|(_, person)| person.active_before(settled, ACTIVE_DAYS));
            i32::try_from(active.count()).unwrap_or(i32::MAX)
        }))
    }

    /// No row from before `horizon` will come: what only such rows ask for is added up, and what faded
    /// is forgotten.
    pub(crate) fn forget_before(&mut self, horizon: Time) {
        let settled = self.settled(horizon);
        for firm in self.firms.values_mut() {
            firm.fold(settled);
        }
        self.people.retain(|person, last| {
            person.fold(settled);
            !person.is_empty() || horizon <= last
        });
    }

    /// Saves everyone.
    pub(crate) fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(PEOPLE_PART, into)?;
        for (tenant, firm) in &self.firms {
            into.put(FIRMS_PART, &**tenant, firm)?;
        }
        Ok(())
    }

    /// Goes on from a snapshot. Who cannot be read is met anew.
    pub(crate) fn restore(&mut self, from: &Snapshot) {
        self.people.restore(PEOPLE_PART, from);
        let firms = from.part(FIRMS_PART).iter();
        self.firms = firms
            .filter_map(|(tenant, firm)| Some((Arc::from(tenant.as_str()), serde_json::from_str(firm).ok()?)))
            .collect();
    }
}

/// What a strange sign-in is known by.
fn source_of(sighting: &Sighting<'_>) -> String {
    let parts = [Feature::Country, Feature::Network, Feature::Client, Feature::Device];
    parts
        .map(|feature| sighting.value(feature).unwrap_or_default())
        .join("\u{1f}")
}
