//! On which days people did what: what first-seen detectors ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Snapshot, Time};
use serde::{Deserialize, Serialize};

use super::days::Days;
use super::people::People;
use super::{local_day, person_of};
use crate::detector::SETTLED_AFTER;

/// The most things that are remembered of a person, some 80 bytes each.
const THINGS_MAX: usize = 64;

/// How many of the last days are remembered on which a person did anything, however long ago.
const LATEST_MAX: usize = 8;

/// What is this unfamiliar is not learnt: it was told at once, and an intruder must not become usual.
const STRANGE_NATS: f64 = 8.0;

/// On which days each person did which things.
///
/// What is asked is what was usual *before* a row, of which every row has come; so answers do not
/// depend on the order of rows, and a day is learnt when it is two days old.
#[derive(Debug)]
pub(super) struct Usual {
    zone: TimeZone,
    /// For how many days back things are remembered.
    back: i64,
    people: People<Things>,
    /// The first day of each tenant of which anything is known.
    first: BTreeMap<Arc<str>, i64>,
}

/// The things of a person.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Things {
    any: Days,
    /// The last days, in order.
    latest: Vec<i64>,
    by_name: Vec<(String, Days)>,
}

impl Usual {
    /// Remembers things for so many days.
    pub(super) fn new(zone: TimeZone, back: i64) -> Self {
        Self {
            zone,
            back,
            people: People::default(),
            first: BTreeMap::new(),
        }
    }

    /// Learns that the person of a row did these things, unless the row is too strange to learn from.
    pub(super) fn learn<'a>(&mut self, batch: &EventBatch, row: usize, things: impl IntoIterator<Item = &'a str>) {
        let strange = batch
            .float(Column::Unfamiliarity, row)
            .is_some_and(|nats| STRANGE_NATS <= nats);
        let (Some(tenant), Some(person)) = (batch.text(Column::Tenant, row), person_of(batch, row)) else {
            return;
        };
        let time = batch.believed_time(row);
        let day = local_day(&self.zone, time);
        if let Some(first) = self.first.get_mut(tenant) {
            *first = (*first).min(day);
        } else {
            self.first.insert(Arc::from(tenant), day);
        }
        if strange {
            return;
        }
        let Some(known) = self.people.meet(tenant, person, time) else {
            return;
        };
        known.was_active(day);
        for thing in things {
            known.note(thing, day);
        }
    }

    /// What was usual for the person of a row before it.
    pub(super) fn before<'a>(&'a self, batch: &EventBatch, row: usize) -> Before<'a> {
        let time = batch.believed_time(row);
        let tenant = batch.text(Column::Tenant, row);
        let things = tenant.and_then(|tenant| self.people.get(tenant, person_of(batch, row)?));
        let settled = local_day(&self.zone, time.minus(SETTLED_AFTER));
        Before {
            things,
            settled,
            day: local_day(&self.zone, time),
            back: self.back,
            first: tenant.and_then(|tenant| self.first.get(tenant)).copied(),
        }
    }

    /// How many other people did a thing before a row.
    pub(super) fn others(&self, batch: &EventBatch, row: usize, thing: &str) -> usize {
        let before = self.before(batch, row);
        let Some(tenant) = batch.text(Column::Tenant, row) else {
            return 0;
        };
        let person = person_of(batch, row);
        let others = self.people.of_tenant(tenant).filter(|(name, _)| Some(*name) != person);
        others
            .filter(|(_, things)| {
                0 < things
                    .days(thing)
                    .map_or(0, |days| days.count_before(before.settled, self.back))
            })
            .count()
    }

    /// No row from before `horizon` will come.
    pub(super) fn forget_before(&mut self, horizon: Time) {
        let oldest = local_day(&self.zone, horizon.minus(SETTLED_AFTER)).saturating_sub(self.back + 1);
        self.people.retain(|things, _| {
            things.by_name.retain(|(_, days)| oldest <= days.latest());
            !things.by_name.is_empty() || oldest <= things.any.latest()
        });
    }

    pub(super) fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(part, into)?;
        into.put(&format!("{part}/first"), "", &self.first)
    }

    pub(super) fn restore(&mut self, part: &str, from: &Snapshot) {
        self.people.restore(part, from);
        self.first = match from.part(&format!("{part}/first")) {
            [(_, first)] => serde_json::from_str(first).unwrap_or_default(),
            _ => BTreeMap::new(),
        };
    }
}

impl Things {
    fn days(&self, thing: &str) -> Option<&Days> {
        self.by_name
            .iter()
            .find(|(known, _)| known == thing)
            .map(|(_, days)| days)
    }

    fn was_active(&mut self, day: i64) {
        self.any.insert(day);
        if let Err(at) = self.latest.binary_search(&day) {
            self.latest.insert(at, day);
            if LATEST_MAX < self.latest.len() {
                self.latest.remove(0);
            }
        }
    }

    fn note(&mut self, thing: &str, day: i64) {
        if let Some((_, days)) = self.by_name.iter_mut().find(|(known, _)| known == thing) {
            days.insert(day);
            return;
        }
        if THINGS_MAX <= self.by_name.len() {
            let latest = |at: &usize| self.by_name.get(*at).map(|(_, days)| days.latest());
            let oldest = (0..self.by_name.len()).min_by_key(latest);
            oldest.map(|at| self.by_name.remove(at));
        }
        let mut days = Days::default();
        days.insert(day);
        self.by_name.push((thing.to_owned(), days));
    }
}

/// What was usual for somebody before a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before<'a> {
    things: Option<&'a Things>,
    settled: i64,
    day: i64,
    back: i64,
    first: Option<i64>,
}

impl Before<'_> {
    /// On how many days a thing was done.
    pub(super) fn days(&self, thing: &str) -> u32 {
        let days = self.things.and_then(|things| things.days(thing));
        days.map_or(0, |days| days.count_before(self.settled, self.back))
    }

    /// On how many days anything was.
    pub(super) fn days_of_any(&self) -> u32 {
        self.things
            .map_or(0, |things| things.any.count_before(self.settled, self.back))
    }

    /// The last day on which anything was.
    pub(super) fn last_day(&self) -> Option<i64> {
        let days = self.things?.latest.iter().rev();
        days.copied().find(|day| *day < self.settled)
    }

    /// The day of the row.
    pub(super) fn day(&self) -> i64 {
        self.day
    }

    /// For how many days anything is known of the firm.
    pub(super) fn days_watched(&self) -> i64 {
        self.first.map_or(0, |first| self.day.saturating_sub(first).max(0))
    }
}
