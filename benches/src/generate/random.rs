//! Numbers that look random and are the same on every machine.

/// The generator `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers that begin with this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to less than `end`; 0 if there is none.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or_default()
    }

    /// One of some things, of which there is at least one.
    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let place = self.below(u64::try_from(from.len()).unwrap_or(u64::MAX));
        usize::try_from(place)
            .ok()
            .and_then(|place| from.get(place))
            .copied()
            .unwrap_or_default()
    }
}
