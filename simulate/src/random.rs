//! Numbers that look random and are the same for the same seed.

/// The generator `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of a purpose: of one seed, each path has numbers of its own, so that more of one
    /// thing does not change another.
    pub(crate) fn of(seed: u64, path: &[u64]) -> Self {
        let mut random = Self(seed ^ 0x5eed_5eed_5eed_5eed);
        for step in path {
            random.0 = random.next() ^ step.wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to less than 1.
    pub(crate) fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).unwrap_or_default();
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// From 0 to less than `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.next().checked_rem(end).unwrap_or_default()).unwrap_or_default()
    }

    /// A number between two.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low).saturating_add(1)).unwrap_or(1);
        low.saturating_add(i64::try_from(self.next() % span.max(1)).unwrap_or_default())
    }

    /// A number around a mean.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A waiting time with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// How often something happens that happens `mean` times.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// One of some things.
    #[expect(clippy::expect_used, reason = "the tables of the generator are not empty")]
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len()))
            .copied()
            .expect("something to pick from")
    }

    /// One of some things, each as likely as its weight.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(T, f64)]) -> T {
        let mut left = self.unit() * from.iter().map(|(_, weight)| weight).sum::<f64>();
        let chosen = from.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        chosen.copied().unwrap_or_else(|| self.pick(from)).0
    }

    /// An identifier in the form of a GUID.
    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff,
        )
    }
}

/// A number without its fraction.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what is made up here is far from the ends of the range"
)]
pub(crate) fn cut(number: f64) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distributions_have_their_means() {
        let mut random = Random::of(1, &[2, 3]);
        let mut mean = |each: &mut dyn FnMut(&mut Random) -> f64| -> f64 {
            (0..20_000).map(|_| each(&mut random)).sum::<f64>() / 20_000.0
        };
        assert!((mean(&mut |random| random.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut |random| random.normal(9.0, 0.6)) - 9.0).abs() < 0.03);
        assert!((mean(&mut |random| random.exponential(5.0)) - 5.0).abs() < 0.2);
        let count = |random: &mut Random| f64::from(u32::try_from(random.poisson(7.5)).unwrap());
        assert!((mean(&mut |random| count(random)) - 7.5).abs() < 0.1);
        assert!((mean(&mut |random| random.weighted(&[(1.0, 3.0), (0.0, 1.0)])) - 0.75).abs() < 0.02);
    }

    #[test]
    fn each_purpose_has_numbers_of_its_own() {
        let first = |seed, path: &[u64]| Random::of(seed, path).next();
        assert_eq!(first(1, &[2, 3]), first(1, &[2, 3]));
        assert_ne!(first(1, &[2, 3]), first(1, &[3, 2]));
        assert_ne!(first(1, &[2, 3]), first(2, &[2, 3]));
    }

    #[test]
    fn an_identifier_is_a_guid() {
        let guid = Random::of(1, &[]).guid();
        let lengths: Vec<usize> = guid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
