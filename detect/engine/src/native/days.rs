//! On which days something was seen.

use serde::{Deserialize, Serialize};

/// How many days back are remembered: as many as a mask has bits.
pub(crate) const DAYS_MAX: i64 = 128;

/// A set of days, of which the latest and the 127 before it are kept. The same days in any order make
/// the same set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Days {
    latest: i64,
    /// Bit *n* stands for the day *n* days before the latest.
    mask: u128,
}

impl Days {
    /// Adds a day, and says whether that is news.
    pub(crate) fn insert(&mut self, day: i64) -> bool {
        let before = *self;
        if self.mask == 0 {
            self.latest = day;
        }
        let forward = day.saturating_sub(self.latest);
        if 0 < forward {
            self.mask = shift(forward).map_or(0, |bits| self.mask << bits);
            self.latest = day;
        }
        if let Some(bits) = shift(self.latest.saturating_sub(day)) {
            self.mask |= 1 << bits;
        }
        *self != before
    }

    /// How many of its days are among the `count` days before `day`.
    pub(crate) fn count_before(&self, day: i64, count: i64) -> u32 {
        let newer = self.latest.saturating_sub(day).saturating_add(1).max(0);
        let older = self
            .latest
            .saturating_sub(day.saturating_sub(count))
            .saturating_add(1)
            .max(0);
        let from = |bit| shift(bit).map_or(0, |bits| self.mask & (u128::MAX << bits));
        (from(newer) & !from(older)).count_ones()
    }

    /// The latest day.
    pub(crate) fn latest(&self) -> i64 {
        self.latest
    }
}

fn shift(days: i64) -> Option<u32> {
    u32::try_from(days).ok().filter(|bits| i64::from(*bits) < DAYS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_counts_as_a_set_of_days_does(
            days in prop::collection::vec(0_i64..200, 0..40), day in -10_i64..250, count in 0_i64..150,
        ) {
            let mut found = Days::default();
            for day in &days {
                found.insert(*day);
            }

            let latest = days.iter().max().copied().unwrap_or_default();
            let kept: BTreeSet<i64> = days.into_iter().filter(|day| latest - day < DAYS_MAX).collect();
            let expected = kept.range((day - count)..day).count();

            prop_assert_eq!(found.count_before(day, count), u32::try_from(expected).unwrap());
        }

        #[test]
        fn the_order_of_insertion_makes_no_difference(days in prop::collection::vec(0_i64..400, 0..40)) {
            let (mut forward, mut backward) = (Days::default(), Days::default());
            for (a, b) in days.iter().zip(days.iter().rev()) {
                forward.insert(*a);
                backward.insert(*b);
            }
            prop_assert_eq!(forward, backward);
        }
    }
}
