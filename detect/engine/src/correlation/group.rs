//! The events of one group, in order of time.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use sekisho_model::Time;
use serde::{Deserialize, Serialize};

use super::event::{Carried, Uid};
use super::windows::Point;

/// The most events of a group that are kept, beyond what a high threshold itself needs. What
/// cannot change a judgement is dropped long before.
pub(crate) const EVENTS_MAX: usize = 4_096;

/// The most events of a group whatever the threshold.
const EVENTS_MAX_HIGH: usize = 65_536;

/// In how many cells of time an overfull group of an ordered correlation keeps events of each kind.
const CELLS: i64 = 1_024;

/// How long an overfull group must be kept in mind: the allowed lateness and as much again.
const MEMORY_MICROS: i64 = 48 * 3_600 * 1_000_000;

/// What is kept of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "t")]
    pub(super) time: Time,
    #[serde(rename = "u")]
    pub(super) uid: Uid,
    #[serde(rename = "p", default, skip_serializing_if = "is_default")]
    pub(super) position: u16,
    #[serde(rename = "w", default = "one", skip_serializing_if = "is_one")]
    pub(super) weight: u64,
    /// The value that is counted, where values are.
    #[serde(rename = "v", default, skip_serializing_if = "is_default")]
    pub(super) value: Uid,
    /// The number that is averaged, where numbers are.
    #[serde(rename = "n", default, skip_serializing_if = "is_default")]
    pub(super) number: f64,
    /// How many it asks for, where that depends on how many people are active.
    #[serde(rename = "m", default, skip_serializing_if = "is_default")]
    pub(super) need: u64,
    /// Whether it was told of, or decided not to be.
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub(super) told: bool,
    /// For whom it was told of, where that may be several.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) told_for: Vec<Arc<str>>,
    /// What is needed to tell of it, until that is done.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(super) carried: Option<Box<Carried>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_one(weight: &u64) -> bool {
    *weight == 1
}

fn one() -> u64 {
    1
}

impl Entry {
    pub(super) fn point(&self) -> Point {
        Point {
            time: self.time.0,
            uid: self.uid.0,
            position: self.position,
            weight: self.weight,
            value: self.value.0,
        }
    }

    /// Whether an update says nothing new.
    fn covers(&self, update: &Self) -> bool {
        self.time <= update.time
            && update.weight <= self.weight
            && update.number <= self.number
            && self.need <= update.need
    }

    fn order(&self) -> (Time, u16, Uid, Uid) {
        (self.time, self.position, self.uid, self.value)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.carried.as_ref().map_or(0, |carried| carried.bytes())
    }
}

/// The events of one group.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) tenant: Arc<str>,
    /// The values it is grouped by.
    pub(super) values: Vec<Arc<str>>,
    pub(super) entries: Vec<Entry>,
    /// When it was last added to, by the count of such occasions.
    pub(super) touched: u64,
    /// What [`bytes`](Self::bytes) gave when it was last changed.
    #[serde(skip)]
    pub(super) held: usize,
}

/// How an overfull group may be thinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinning {
    /// Windows are measured by weight.
    Weights,
    /// Windows are measured by different values.
    Values,
    /// Chains have an order.
    Order,
    /// Nothing can be dropped without a trace.
    Whole,
}

impl Group {
    /// Takes in events, sorted or not, and says from when to when something changed.
    ///
    /// An event that is known is an update: it keeps its earliest time, its greatest weight and number,
    /// and asks for the least.
    pub(super) fn insert(&mut self, events: Vec<Entry>) -> Option<(Time, Time)> {
        let key = |entry: &Entry| (entry.uid, entry.position, entry.value);
        let mut places: HashMap<_, usize> = self
            .entries
            .iter()
            .enumerate()
            .map(|(place, entry)| (key(entry), place))
            .collect();
        let mut touched: Option<(Time, Time)> = None;
        for event in events {
            let time = event.time;
            match places.get(&key(&event)).and_then(|place| self.entries.get_mut(*place)) {
                Some(known) if known.covers(&event) => continue,
                Some(known) => {
                    known.time = known.time.min(event.time);
                    known.weight = known.weight.max(event.weight);
                    known.number = known.number.max(event.number);
                    known.need = known.need.min(event.need);
                }
                None => {
                    places.insert(key(&event), self.entries.len());
                    self.entries.push(event);
                }
            }
            touched = Some(touched.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        if touched.is_some() {
            self.entries.sort_by_key(Entry::order);
        }
        touched
    }

    /// The places of the events from `first` to `last`.
    pub(super) fn range(&self, first: Time, last: Time) -> Range<usize> {
        let start = self.entries.partition_point(|entry| entry.time < first);
        let end = self.entries.partition_point(|entry| entry.time <= last);
        start..end.max(start)
    }

    /// Forgets what is older.
    pub(super) fn forget_before(&mut self, oldest: Time) {
        let gone = self.entries.partition_point(|entry| entry.time < oldest);
        if 0 < gone {
            self.entries.drain(..gone);
            self.held = self.bytes();
        }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.entries.iter().map(Entry::bytes).sum::<usize>()
    }

    /// Drops events that cannot change a judgement, if there are many; then those that can, if there
    /// are too many. Says how many of the latter.
    pub(super) fn thin(&mut self, thinning: Thinning, span: i64, threshold: u64) -> usize {
        let needed = usize::try_from(threshold).unwrap_or(usize::MAX).saturating_mul(4);
        let most = EVENTS_MAX.max(needed.min(EVENTS_MAX_HIGH));
        if self.entries.len() < most / 4 {
            return 0;
        }
        match thinning {
            Thinning::Weights => self.keep(|entries| edges_by_weight(entries, span, threshold), false),
            Thinning::Values => self.keep(|entries| edges_by_value(entries, span, threshold), false),
            Thinning::Order | Thinning::Whole => {}
        }
        if self.entries.len() <= most {
            return 0;
        }
        let before = self.entries.len();
        match thinning {
            Thinning::Weights | Thinning::Whole => {}
            Thinning::Values => self.keep(|entries| edges_by_value(entries, span, u64::MAX), true),
            Thinning::Order => self.keep(|entries| edges_by_kind(entries, span), true),
        }
        let surplus = self.entries.len().saturating_sub(most * 3 / 4);
        if most < self.entries.len() {
            self.entries.drain(..surplus);
        }
        before - self.entries.len()
    }

    /// Drops the events whose place is not in the set that `choose` gives; those that were not told
    /// of only if `untold`.
    fn keep(&mut self, choose: impl FnOnce(&[Entry]) -> HashSet<usize>, untold: bool) {
        let kept = choose(&self.entries);
        let mut place = 0;
        self.entries.retain(|entry| {
            let keep = kept.contains(&place) || (!untold && !entry.told);
            place += 1;
            keep
        });
    }
}

/// Runs of events in the same cell of time. A window as long as a cell holds a start of a cell, an
/// end of one, or all of one; never a middle alone. So what matters of a cell are its edges.
fn cells(entries: &[Entry], span: i64) -> impl Iterator<Item = Range<usize>> {
    let span = span.max(1);
    let mut start = 0;
    entries
        .chunk_by(move |left, right| left.time.0.div_euclid(span) == right.time.0.div_euclid(span))
        .map(move |run| {
            let range = start..start + run.len();
            start = range.end;
            range
        })
}

/// The first and the last events of each cell, up to the threshold on either side.
fn edges_by_weight(entries: &[Entry], span: i64, threshold: u64) -> HashSet<usize> {
    let mut kept = HashSet::new();
    for cell in cells(entries, span) {
        let enough = |places: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
            let mut weight = 0_u64;
            places
                .take_while(|place| {
                    let wanted = weight < threshold;
                    weight = weight.saturating_add(entries.get(*place).map_or(0, |entry| entry.weight));
                    wanted
                })
                .collect()
        };
        kept.extend(enough(&mut cell.clone()));
        kept.extend(enough(&mut cell.rev()));
    }
    kept
}

/// The first and the last event of each value in each cell, for the first and the last values up to
/// the threshold.
fn edges_by_value(entries: &[Entry], span: i64, threshold: u64) -> HashSet<usize> {
    let mut kept = HashSet::new();
    let most = usize::try_from(threshold).unwrap_or(usize::MAX);
    for cell in cells(entries, span) {
        let firsts = |places: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
            let mut seen = HashSet::new();
            places
                .filter(|place| entries.get(*place).is_some_and(|entry| seen.insert(entry.value)))
                .take(most)
                .collect()
        };
        kept.extend(firsts(&mut cell.clone()));
        kept.extend(firsts(&mut cell.rev()));
    }
    kept
}

/// The first and the last event of each kind in each small cell.
fn edges_by_kind(entries: &[Entry], span: i64) -> HashSet<usize> {
    let mut kept = HashSet::new();
    for cell in cells(entries, span.saturating_add(MEMORY_MICROS) / CELLS) {
        let firsts = |places: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
            let mut seen = HashSet::new();
            places
                .filter(|place| {
                    entries
                        .get(*place)
                        .is_some_and(|entry| seen.insert((entry.position, entry.value)))
                })
                .collect()
        };
        kept.extend(firsts(&mut cell.clone()));
        kept.extend(firsts(&mut cell.rev()));
    }
    kept
}
