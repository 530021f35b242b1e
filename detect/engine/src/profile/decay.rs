//! What was seen long ago counts less.

use serde::{Deserialize, Serialize};

/// After how many days an observation counts half. A month keeps what people do every week and forgets
/// last quarter's project; 14 and 90 days gave more false alarms in simulation.
const HALF_LIFE_DAYS: f64 = 30.0;

/// The day from which weights are reckoned. What was seen later weighs more, so that sums need not be
/// decayed again and again: they are divided once, when they are asked for. So they are the same to the
/// last bit whenever days are added up.
const EPOCH_DAY: i64 = 20_000;

/// What an observation on `day` weighs in a sum.
pub(super) fn weight(day: i64) -> f64 {
    power(day.saturating_sub(EPOCH_DAY))
}

/// What is left on `day` of something seen on `seen`.
pub(super) fn left(seen: i64, day: i64) -> f64 {
    power(seen.saturating_sub(day).min(0))
}

fn power(days: i64) -> f64 {
    let days = i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX });
    (f64::from(days) / HALF_LIFE_DAYS)
        .exp2()
        .clamp(f64::MIN_POSITIVE, f64::MAX)
}

/// A count of observations: those of recent days by day, because a row that comes late asks what was
/// known *before* its day, and those of earlier days as one sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    /// The sum of earlier days, by their weights.
    #[serde(with = "exact")]
    folded: f64,
    /// Day and number of observations, in order.
    recent: Vec<(i64, u32)>,
}

/// The most days that are kept apart. Rows come within a day or two, so that more are kept only while
/// old records are read.
const RECENT_DAYS_MAX: usize = 64;

impl Count {
    /// Counts an observation.
    pub(super) fn add(&mut self, day: i64) {
        match self.recent.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(at) => {
                if let Some((_, count)) = self.recent.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            }
            Err(at) => self.recent.insert(at, (day, 1)),
        }
        if RECENT_DAYS_MAX < self.recent.len() {
            let (oldest, count) = self.recent.remove(0);
            self.folded += f64::from(count) * weight(oldest);
        }
    }

    /// What is left on `day` of what was seen before `settled`.
    pub(super) fn before(&self, settled: i64, day: i64) -> f64 {
        let recent = self.recent.iter().take_while(|(seen, _)| *seen < settled);
        let recent: f64 = recent.map(|(seen, count)| f64::from(*count) * left(*seen, day)).sum();
        self.folded / weight(day) + recent
    }

    /// Adds up what was seen before `settled`.
    pub(super) fn fold(&mut self, settled: i64) {
        let count = self.recent.partition_point(|(seen, _)| *seen < settled);
        for (seen, count) in self.recent.drain(..count) {
            self.folded += f64::from(count) * weight(seen);
        }
    }

    /// Whether hardly anything is left of it on a day.
    pub(super) fn is_forgotten(&self, day: i64) -> bool {
        self.recent.is_empty() && self.folded < LEAST * weight(day)
    }
}

/// What is less than this is forgotten: a single observation, after seven months.
pub(super) const LEAST: f64 = 1.0 / 128.0;

/// A number that is saved so that it is read back to the last bit, which its decimal form is not.
pub(super) mod exact {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_halves() {
        assert!((left(0, 30) - 0.5).abs() < 1e-12);
        assert!((left(0, 90) - 0.125).abs() < 1e-12);
        assert!((left(5, 4) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn folding_changes_nothing_that_is_asked_later() {
        let mut count = Count::default();
        for day in [21_100, 21_101, 21_101, 21_103, 21_110] {
            count.add(day);
        }
        let (mut once, mut often) = (count.clone(), count.clone());
        once.fold(21_105);
        for settled in 21_095..=21_105 {
            often.fold(settled);
        }

        assert_eq!(once, often);
        for settled in [21_105, 21_110, 21_111, 21_120] {
            let (a, b) = (count.before(settled, 21_120), once.before(settled, 21_120));
            assert!((a - b).abs() < 1e-12, "{settled}: {a} {b}");
        }
        assert!((count.before(21_103, 21_101) - 2.977).abs() < 0.001);
    }
}
