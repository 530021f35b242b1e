//! What each address tried, and from which nobody failed only.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_model::{Column, EntityKind, EventBatch, Evidence, Time};
use serde::{Deserialize, Serialize};

use super::WINDOW_DAYS;
use super::sketch::Sketch;
use crate::native::short_hash;

/// The most addresses that are remembered; beyond it those that were quiet longest are forgotten.
const ADDRESSES_MAX: usize = 16_384;

/// The most tries of a sparse address, and one more, by which it is known to be none.
const TRIES_MAX: usize = 2;

/// The longest make of a try, in characters: what a client says of itself has any length.
const MAKE_CHARS_MAX: usize = 100;

/// A try by time and identity.
pub(super) type Key = (Time, String);

/// A failed sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Try {
    key: Key,
    pub(super) person: String,
    /// With what it was made.
    pub(super) make: String,
    pub(super) active_people: i64,
    pub(super) evidence: Evidence,
    /// As what it was told.
    told: BTreeSet<EntityKind>,
}

impl Try {
    pub(super) fn of(batch: &EventBatch, row: usize, person: &str, make: &str) -> Option<Self> {
        Some(Self {
            key: (batch.believed_time(row), batch.text(Column::EventUid, row)?.to_owned()),
            person: person.to_owned(),
            make: make.chars().take(MAKE_CHARS_MAX).collect(),
            active_people: batch.int(Column::ActivePeople, row).unwrap_or(0),
            evidence: Evidence::of(batch, row),
            told: BTreeSet::new(),
        })
    }
}

/// The tries of an address by day, of each day the first three.
type Days = BTreeMap<i64, Vec<Try>>;

/// Who tried, by day.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Addresses {
    tries: BTreeMap<String, Days>,
    /// From where somebody succeeded, by day: a set of fixed size each.
    good: BTreeMap<i64, Sketch>,
    /// The last day that was judged.
    judged: Option<i64>,
}

impl Addresses {
    /// Somebody succeeded from an address.
    pub(super) fn succeed(&mut self, address: &str, day: i64) {
        self.good.entry(day).or_default().insert(short_hash(address));
    }

    /// Somebody failed from an address.
    pub(super) fn fail(&mut self, address: &str, day: i64, try_: Try) {
        if !self.tries.contains_key(address) {
            self.make_room();
            self.tries.insert(address.to_owned(), Days::new());
        }
        let Some(days) = self.tries.get_mut(address) else {
            return;
        };
        let tries = days.entry(day).or_default();
        let place = tries.partition_point(|known| known.key < try_.key);
        if tries.get(place).is_none_or(|known| known.key != try_.key) {
            tries.insert(place, try_);
            tries.truncate(TRIES_MAX + 1);
        }
    }

    /// Forgets a sixteenth of the addresses if there are too many, so that it is not done for each.
    fn make_room(&mut self) {
        if self.tries.len() < ADDRESSES_MAX {
            return;
        }
        let latest = |days: &Days| days.keys().next_back().copied().unwrap_or(i64::MIN);
        let mut all: Vec<i64> = self.tries.values().map(latest).collect();
        let surplus = all.len() / 16;
        let (_, newest_gone, _) = all.select_nth_unstable(surplus);
        let (newest_gone, mut left) = (*newest_gone, surplus + 1);
        self.tries.retain(|_, days| {
            let goes = latest(days) <= newest_gone && left > 0;
            left -= usize::from(goes);
            !goes
        });
    }

    /// The next day with tries that was not judged and lies before `complete`.
    pub(super) fn next_day(&mut self, complete: i64) -> Option<i64> {
        let after = self.judged.map_or(i64::MIN, |judged| judged.saturating_add(1));
        if complete <= after {
            return None;
        }
        let days = self
            .tries
            .values()
            .filter_map(|days| days.range(after..complete).next());
        let next = days.map(|(day, _)| *day).min()?;
        self.judged = Some(next);
        Some(next)
    }

    /// The tries of addresses that are sparse in the days to `day`, with their addresses.
    pub(super) fn sparse(&self, day: i64) -> Vec<(Key, &str, &Try)> {
        let window = day.saturating_sub(WINDOW_DAYS - 1)..=day;
        let mut sparse = Vec::new();
        for (address, days) in &self.tries {
            let tries: Vec<&Try> = days.range(window.clone()).flat_map(|(_, tries)| tries).collect();
            if tries.is_empty() || TRIES_MAX < tries.len() || self.is_good(address, &window) {
                continue;
            }
            sparse.extend(tries.into_iter().map(|try_| (try_.key.clone(), address.as_str(), try_)));
        }
        sparse
    }

    fn is_good(&self, address: &str, window: &std::ops::RangeInclusive<i64>) -> bool {
        let hash = short_hash(address);
        self.good.range(window.clone()).any(|(_, sketch)| sketch.contains(hash))
    }

    /// What there is to tell of tries that were not told as such.
    pub(super) fn tell(&mut self, members: &BTreeSet<Key>, kind: EntityKind) -> Vec<Evidence> {
        let tries = self.tries.values_mut().flat_map(BTreeMap::values_mut).flatten();
        let fresh = tries.filter(|try_| members.contains(&try_.key) && !try_.told.contains(&kind));
        fresh
            .map(|try_| {
                try_.told.insert(kind);
                try_.evidence.clone()
            })
            .collect()
    }

    pub(super) fn forget_before(&mut self, oldest: i64) {
        self.good = self.good.split_off(&oldest);
        self.tries.retain(|_, days| {
            *days = days.split_off(&oldest);
            !days.is_empty()
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tries.is_empty() && self.good.is_empty()
    }
}
