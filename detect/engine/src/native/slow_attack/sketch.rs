//! A set of fixed size that may hold more than was put in, and never less.

use serde::{Deserialize, Serialize};

/// Bits of the set: with 5,000 members one in 200 others seems to be in it. To seem to be in it makes an
/// address quiet, so an attacker gains nothing by filling it who does not succeed 5,000 times.
const BITS: u64 = 65_536;
const WORDS: usize = 1_024;

/// How many bits stand for a member.
const HASHES: u64 = 4;

/// A Bloom filter over 64-bit hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, u64)>", into = "Vec<(usize, u64)>")]
pub(super) struct Sketch(Vec<u64>);

/// As it is saved: the words that are not empty.
impl From<Sketch> for Vec<(usize, u64)> {
    fn from(sketch: Sketch) -> Self {
        let words = sketch.0.into_iter().enumerate();
        words.filter(|(_, word)| *word != 0).collect()
    }
}

impl From<Vec<(usize, u64)>> for Sketch {
    fn from(words: Vec<(usize, u64)>) -> Self {
        let mut sketch = Self::default();
        for (place, word) in words {
            if let Some(known) = sketch.0.get_mut(place) {
                *known = word;
            }
        }
        sketch
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![0; WORDS])
    }
}

impl Sketch {
    pub(super) fn insert(&mut self, hash: u64) {
        for (word, bit) in places(hash) {
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(super) fn contains(&self, hash: u64) -> bool {
        places(hash).all(|(word, bit)| self.0.get(word).is_some_and(|word| word & bit != 0))
    }
}

/// The places of a member: its two halves, added up in different ways.
fn places(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let (low, high) = (hash & u64::from(u32::MAX), hash >> 32);
    (0..HASHES).map(move |number| {
        let place = low.wrapping_add(number.wrapping_mul(high | 1)) % BITS;
        let word = usize::try_from(place / 64).unwrap_or_default();
        (word, 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::short_hash;

    #[test]
    fn it_holds_what_was_put_in_and_hardly_anything_else() {
        let mut sketch = Sketch::default();
        let hash = |number: u32| short_hash(&number.to_string());
        for number in 0..5_000 {
            sketch.insert(hash(number));
        }

        assert!((0..5_000).all(|number| sketch.contains(hash(number))));
        let others = (5_000..15_000).filter(|number| sketch.contains(hash(*number))).count();
        assert!(others < 100, "{others} of 10,000");
        let saved = serde_json::to_string(&sketch).unwrap();
        assert_eq!(serde_json::from_str::<Sketch>(&saved).unwrap(), sketch);
    }
}
