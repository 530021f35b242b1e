//! How much there was in each hour: what is usual.
//!
//! What is usual is asked of hours from so long ago that every row of them has come, so the answer does
//! not depend on the order of rows.

use std::cell::Cell;
use std::collections::BTreeMap;

use sekisho_model::Time;
use serde::{Deserialize, Serialize};

use super::SETTLED_AFTER;

/// For how many days back hours are remembered, at 24 entries a day.
pub(super) const HISTORY_DAYS: i64 = 30;

/// On how many days there must have been any, before anything is called usual.
const DAYS_MIN: usize = 5;

const SECS_PER_HOUR: i64 = 3_600;
const HOURS_PER_DAY: i64 = 24;

/// Amounts by hour since the epoch. Hours without any are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hours(BTreeMap<i64, i64>);

/// The hour of a time, since the epoch.
pub(super) fn hour(time: Time) -> i64 {
    time.secs().div_euclid(SECS_PER_HOUR)
}

impl Hours {
    /// Adds an amount to the hour of `time`.
    pub(super) fn add(&mut self, time: Time, amount: i64) {
        if amount != 0 {
            let sum = self.0.entry(hour(time)).or_default();
            *sum = sum.saturating_add(amount);
        }
    }

    /// The amounts of the hours of the last 30 days, as far as they had settled when `time` was.
    pub(super) fn settled(&self, time: Time) -> impl Iterator<Item = (i64, i64)> {
        let end = hour(time.minus(SETTLED_AFTER));
        let hours = self.0.range(end.saturating_sub(HISTORY_DAYS * HOURS_PER_DAY)..end);
        hours.map(|(hour, amount)| (*hour, *amount))
    }

    /// The amount that `share` of the settled hours in which there was any stay within; none before
    /// [`DAYS_MIN`] days with any are known. An hour counts for no more than `most`: so that who did too
    /// much once, or a little more each day, does not make it usual.
    pub(super) fn usual_hour(&self, time: Time, share: Share, most: i64) -> Option<i64> {
        let hours: Vec<(i64, i64)> = self.settled(time).collect();
        let days = hours.chunk_by(|(a, _), (b, _)| day(*a) == day(*b)).count();
        let amounts = hours.into_iter().map(|(_, amount)| amount.min(most));
        (DAYS_MIN <= days).then(|| share.of(amounts.collect())).flatten()
    }

    /// The same for days.
    pub(super) fn usual_day(&self, time: Time, share: Share, most: i64) -> Option<i64> {
        let hours: Vec<(i64, i64)> = self.settled(time).collect();
        let days = hours.chunk_by(|(a, _), (b, _)| day(*a) == day(*b));
        let amounts: Vec<i64> = days
            .map(|day| day.iter().map(|(_, amount)| amount).sum::<i64>().min(most))
            .collect();
        (DAYS_MIN <= amounts.len()).then(|| share.of(amounts)).flatten()
    }

    /// Forgets the hours that are no part of what is usual from `horizon` on.
    pub(super) fn forget_before(&mut self, horizon: Time) {
        let oldest = hour(horizon.minus(SETTLED_AFTER)).saturating_sub(HISTORY_DAYS * HOURS_PER_DAY);
        self.0 = self.0.split_off(&oldest);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is usual, asked once for each hour: events that follow each other mostly ask the same.
pub(super) struct Asked<F> {
    last: Cell<Option<(i64, Option<i64>)>>,
    usual: F,
}

impl<F: Fn(Time) -> Option<i64>> Asked<F> {
    /// Of [`Hours::usual_hour`] or [`Hours::usual_day`], which change by the hour.
    pub(super) fn new(usual: F) -> Self {
        Self {
            last: Cell::default(),
            usual,
        }
    }

    /// What was usual when `time` was.
    pub(super) fn at(&self, time: Time) -> Option<i64> {
        let end = hour(time.minus(SETTLED_AFTER));
        if let Some((known, usual)) = self.last.get()
            && known == end
        {
            return usual;
        }
        let usual = (self.usual)(time);
        self.last.set(Some((end, usual)));
        usual
    }
}

fn day(hour: i64) -> i64 {
    hour.div_euclid(HOURS_PER_DAY)
}

/// A share, in hundredths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share(pub(super) usize);

impl Share {
    /// The least amount that this share of the amounts stay within.
    fn of(self, mut amounts: Vec<i64>) -> Option<i64> {
        amounts.sort_unstable();
        let rank = (amounts.len() * self.0).div_ceil(100).max(1);
        amounts.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = SECS_PER_HOUR;

    fn hours(amounts: impl Iterator<Item = (i64, i64)>) -> Hours {
        let mut hours = Hours::default();
        for (hour, amount) in amounts {
            hours.add(Time::from_secs(hour * HOUR), amount);
        }
        hours
    }

    #[test]
    fn what_is_usual_is_of_the_hours_that_had_any() {
        let hours = hours((0..100).map(|hour| (hour * 6, hour + 1)));
        let now = Time::from_secs(28 * 24 * HOUR);

        assert_eq!(hours.usual_hour(now, Share(95), i64::MAX), Some(95));
        assert_eq!(hours.usual_hour(now, Share(99), i64::MAX), Some(99));
        assert_eq!(hours.usual_hour(now, Share(99), 40), Some(40));
        assert_eq!(hours.usual_day(now, Share(99), 1_000), Some(97 + 98 + 99 + 100));
        assert_eq!(hours.usual_day(now, Share(99), 200), Some(200));
    }

    #[test]
    fn few_days_are_not_enough_and_what_may_still_change_is_not_asked() {
        let hours = hours((0..6).map(|day| (day * 24, day + 1)));

        for (hour, usual) in [(120, None), (122, Some(5)), (146, Some(6)), (60 * 24, None)] {
            let now = Time::from_secs(hour * HOUR);
            assert_eq!(hours.usual_hour(now, Share(99), 9), usual, "{hour}");
        }
    }
}
