//! What is usual for a person.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decay::{LEAST, exact, left, weight};
use super::feature::Feature;
use super::model::Seen;
use crate::native::Days;

/// The most values of a feature that are remembered of a person, some 32 bytes each; a traveller with
/// a tablet has a dozen networks.
const VALUES_MAX: usize = 64;

/// The most days and values that are kept apart of a person, before the oldest are added up: far more
/// than come within the lateness, and enough for a month of old records.
const RECENT_MAX: usize = 1_024;

/// The most sources in quarantine that are remembered of a person.
const QUARANTINE_MAX: usize = 8;

/// On how many earlier days a source must have been seen before it leaves quarantine.
const QUARANTINE_DAYS: u32 = 3;

/// How far back those days may lie.
const QUARANTINE_DAYS_BACK: i64 = 30;

/// The habits of a person.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Person {
    /// On which days the person was active.
    active: Days,
    known: Vec<Known>,
    /// What was seen on recent days, in order of the day.
    recent: Vec<Recent>,
    /// Sources too strange to learn from, and the days on which they gave a second factor.
    quarantine: Vec<(String, Days)>,
}

/// A value that was seen.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    value: Arc<str>,
    feature: Feature,
    /// How often before the recent days, by the weights of those days.
    #[serde(with = "exact")]
    folded: f64,
}

/// In which hours of a day a value was seen. An hour counts once, so that a client that refreshes its
/// session every minute does not buy familiarity, and a record that comes twice changes nothing.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Recent {
    day: i32,
    /// The place in `known`.
    known: u16,
    hours: u32,
}

impl Person {
    /// Notes that the person was active, and whether that is news.
    pub(super) fn was_active(&mut self, day: i64) -> bool {
        self.active.insert(day)
    }

    /// Whether the person was active within `count` days before a day.
    pub(super) fn active_before(&self, day: i64, count: i64) -> bool {
        0 < self.active.count_before(day, count)
    }

    /// Learns a value, and says whether it was not yet known of that hour. `text` gives it for keeping.
    pub(super) fn learn(
        &mut self,
        feature: Feature,
        value: &str,
        (day, hour): (i64, u32),
        text: impl FnOnce() -> Arc<str>,
    ) -> bool {
        let place = self
            .known
            .iter()
            .position(|known| known.feature == feature && *known.value == *value);
        let place = place.unwrap_or_else(|| {
            self.make_room(feature, day);
            self.known.reserve_exact(1);
            self.known.push(Known {
                value: text(),
                feature,
                folded: 0.0,
            });
            self.known.len() - 1
        });
        let (Ok(known), Ok(day)) = (u16::try_from(place), i32::try_from(day)) else {
            return false;
        };
        let bit = 1_u32.checked_shl(hour).unwrap_or_default();
        let after = self
            .recent
            .partition_point(|recent| (recent.day, recent.known) < (day, known));
        match self.recent.get_mut(after) {
            Some(recent) if (recent.day, recent.known) == (day, known) => {
                let new = recent.hours & bit == 0;
                recent.hours |= bit;
                new
            }
            _ => {
                self.recent.insert(after, Recent { day, known, hours: bit });
                self.shrink();
                true
            }
        }
    }

    /// How often each value was seen before `settled`, as it counts on `day`: as many as are known.
    pub(super) fn counts(&self, settled: i64, day: i64) -> Vec<f64> {
        let decayed = weight(day);
        let mut counts: Vec<f64> = self.known.iter().map(|known| known.folded / decayed).collect();
        for recent in self.recent.iter().take_while(|recent| i64::from(recent.day) < settled) {
            if let Some(count) = counts.get_mut(usize::from(recent.known)) {
                *count += f64::from(recent.hours.count_ones()) * left(recent.day.into(), day);
            }
        }
        counts
    }

    /// How often a value was seen, of such counts.
    pub(super) fn seen(&self, feature: Feature, value: &str, counts: &[f64]) -> Seen {
        let of_feature = self
            .known
            .iter()
            .zip(counts)
            .filter(|(known, _)| known.feature == feature);
        of_feature.fold(Seen::default(), |seen, (known, count)| Seen {
            value: seen.value + if *known.value == *value { *count } else { 0.0 },
            all: seen.all + count,
        })
    }

    /// The value that was seen most, of such counts.
    pub(super) fn usual(&self, feature: Feature, counts: &[f64]) -> Option<&str> {
        let of_feature = self
            .known
            .iter()
            .zip(counts)
            .filter(|(known, count)| known.feature == feature && 0.0 < **count);
        let most = of_feature.max_by(|(x, a), (y, b)| a.total_cmp(b).then_with(|| y.value.cmp(&x.value)));
        most.map(|(known, _)| &*known.value)
    }

    /// Whether a value was ever seen.
    pub(super) fn knows(&self, feature: Feature, value: &str) -> bool {
        self.known
            .iter()
            .any(|known| known.feature == feature && *known.value == *value)
    }

    /// Whether a strange source has been seen, and has given a second factor, on enough days before
    /// `settled` to be learnt after all.
    pub(super) fn is_released(&self, source: &str, settled: i64) -> bool {
        let days = self
            .quarantine
            .iter()
            .find(|(known, _)| known == source)
            .map(|(_, days)| days);
        days.is_some_and(|days| QUARANTINE_DAYS <= days.count_before(settled, QUARANTINE_DAYS_BACK))
    }

    /// Notes a strange source that gave a second factor.
    pub(super) fn quarantine(&mut self, source: &str, day: i64) {
        if let Some((_, days)) = self.quarantine.iter_mut().find(|(known, _)| known == source) {
            days.insert(day);
            return;
        }
        if QUARANTINE_MAX <= self.quarantine.len() {
            let oldest =
                (0..self.quarantine.len()).min_by_key(|at| self.quarantine.get(*at).map(|(_, days)| days.latest()));
            oldest.map(|at| self.quarantine.remove(at));
        }
        let mut days = Days::default();
        days.insert(day);
        self.quarantine.push((source.to_owned(), days));
    }

    /// Adds up what was seen before `settled`, and forgets what faded.
    pub(super) fn fold(&mut self, settled: i64) {
        let count = self.recent.partition_point(|recent| i64::from(recent.day) < settled);
        for recent in self.recent.drain(..count) {
            if let Some(known) = self.known.get_mut(usize::from(recent.known)) {
                known.folded += f64::from(recent.hours.count_ones()) * weight(recent.day.into());
            }
        }
        self.recent.shrink_to_fit();
        let recent = &self.recent;
        let faded: Vec<usize> = self
            .known
            .iter()
            .enumerate()
            .filter(|(place, known)| {
                known.folded < LEAST * weight(settled)
                    && !recent.iter().any(|recent| usize::from(recent.known) == *place)
            })
            .map(|(place, _)| place)
            .collect();
        for place in faded.into_iter().rev() {
            self.forget(place);
        }
        self.quarantine
            .retain(|(_, days)| settled.saturating_sub(QUARANTINE_DAYS_BACK) <= days.latest());
    }

    /// Whether nothing is known any more.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.quarantine.is_empty()
    }

    /// Forgets the rarest value of a feature that has too many.
    fn make_room(&mut self, feature: Feature, day: i64) {
        let places = || {
            (0..self.known.len()).filter(|place| self.known.get(*place).is_some_and(|known| known.feature == feature))
        };
        if places().count() < VALUES_MAX {
            return;
        }
        let counts = self.counts(i64::MAX, day);
        let rarest = places().min_by(|a, b| counts.get(*a).unwrap_or(&0.0).total_cmp(counts.get(*b).unwrap_or(&0.0)));
        if let Some(rarest) = rarest {
            self.forget(rarest);
        }
    }

    fn forget(&mut self, place: usize) {
        self.known.remove(place);
        self.recent.retain(|recent| usize::from(recent.known) != place);
        for recent in &mut self.recent {
            recent.known -= u16::from(place < usize::from(recent.known));
        }
    }

    /// Adds up the older half of what is kept apart, if that is too much.
    fn shrink(&mut self) {
        if RECENT_MAX < self.recent.len() {
            let middle = self
                .recent
                .get(RECENT_MAX / 2)
                .map_or(i64::MIN, |recent| recent.day.into());
            self.fold(middle);
        }
    }

    /// How many bytes it takes, without what it shares with the firm.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.known.capacity() * size_of::<Known>()
            + self.recent.capacity() * size_of::<Recent>()
            + self
                .quarantine
                .iter()
                .map(|(source, _)| source.capacity() + size_of::<(String, Days)>())
                .sum::<usize>()
    }
}
