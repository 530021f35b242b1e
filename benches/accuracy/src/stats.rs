//! Shares and rates, with their intervals.

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) hits: u64,
    pub(crate) of: u64,
}

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.96;

impl Share {
    pub(crate) fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hits += u64::from(hit);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.of += other.of;
    }

    pub(crate) fn value(self) -> f64 {
        float(self.hits) / float(self.of.max(1))
    }

    /// Wilson's interval.
    pub(crate) fn interval(self) -> (f64, f64) {
        let (n, p) = (float(self.of.max(1)), self.value());
        let middle = p + Z * Z / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        (((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0))
    }

    /// `.979 (.95–.99)`, or a dash where there was nothing to find.
    pub(crate) fn cell(self) -> String {
        if self.of == 0 {
            return "–".to_owned();
        }
        let (low, high) = self.interval();
        format!("{:.3} ({low:.2}–{high:.2})", self.value())
    }
}

/// So many events in so much time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) events: u64,
    pub(crate) user_days: u64,
}

impl Rate {
    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.user_days += other.user_days;
    }

    /// Of a thousand user-days.
    pub(crate) fn value(self) -> f64 {
        1_000.0 * float(self.events) / float(self.user_days.max(1))
    }

    /// Byar's approximation of the exact Poisson interval.
    pub(crate) fn interval(self) -> (f64, f64) {
        let bound = |n: f64, sign: f64| n * (1.0 - 1.0 / (9.0 * n) + sign * Z / (3.0 * n.sqrt())).powi(3);
        let n = float(self.events);
        let low = if self.events == 0 { 0.0 } else { bound(n, -1.0) };
        let per = 1_000.0 / float(self.user_days.max(1));
        (low * per, bound(n + 1.0, 1.0) * per)
    }

    /// `2.0 (1.6–2.4)`.
    pub(crate) fn cell(self) -> String {
        let (low, high) = self.interval();
        format!("{:.2} ({low:.1}–{high:.1})", self.value())
    }
}

/// The value below which this share of the values lie.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let place = (float(u64::try_from(last).unwrap_or_default()) * share).round();
    let place = values
        .iter()
        .enumerate()
        .find(|(index, _)| place <= float(u64::try_from(*index).unwrap_or_default()));
    place.map_or(f64::NAN, |(_, value)| *value)
}

/// A count as a number to reckon with.
pub(crate) fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_books() {
        let (low, high) = Share { hits: 188, of: 192 }.interval();
        assert!(
            (low - 0.948).abs() < 0.002 && (high - 0.992).abs() < 0.002,
            "{low} {high}"
        );
        let (low, high) = Rate {
            events: 10,
            user_days: 1_000,
        }
        .interval();
        assert!((low - 4.8).abs() < 0.1 && (high - 18.4).abs() < 0.1, "{low} {high}");
        let (low, high) = Rate {
            events: 0,
            user_days: 1_000,
        }
        .interval();
        assert!(low.abs() < 1e-9 && (high - 3.69).abs() < 0.15, "{low} {high}");
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let mut values = [5.0, 1.0, 3.0, 2.0, 4.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 3.0), (0.9, 5.0), (1.0, 5.0)] {
            let found = quantile(&mut values, share);
            assert!((found - expected).abs() < 1e-9, "{share}: {found}");
        }
    }
}
