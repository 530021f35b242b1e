//! Whose a record is, asked of all maps at once: the keys of a record are read a single time.

use std::collections::HashMap;

use memchr::memmem::Finder;

use super::condition::Glob;
use super::map::Map;
use crate::json::{keys, string_after};

/// How much of a line is searched for the words of a map, in bytes. They stand in its header.
const LINE_BYTES_MAX: usize = 2048;

/// Knows the records of many maps.
#[derive(Debug, Default)]
pub(crate) struct Sniffer {
    /// The signs that a key may be, by the key in lower case.
    signs: HashMap<Vec<u8>, Vec<(usize, Option<Glob>)>>,
    /// How many different signs there are.
    count: usize,
    /// Groups of signs that must all be there, and whose record it is then; in the order of the maps.
    groups: Vec<(Vec<usize>, usize)>,
    /// Groups of words that a line must have, and whose line it is then.
    words: Vec<(Vec<Finder<'static>>, usize)>,
}

impl Sniffer {
    /// Of maps with the place that stands for each.
    pub(crate) fn new<'m>(maps: impl IntoIterator<Item = (usize, &'m Map)>) -> Self {
        let mut sniffer = Self::default();
        for (place, map) in maps {
            for group in &map.record.keys {
                let signs = group.iter().map(|sign| sniffer.sign(sign)).collect();
                sniffer.groups.push((signs, place));
            }
            for group in &map.record.contains {
                let finders = group.iter().map(|word| Finder::new(word).into_owned()).collect();
                sniffer.words.push((finders, place));
            }
        }
        sniffer
    }

    /// A sign: `key`, or `key=value` with a text in which `*` stands for any.
    fn sign(&mut self, sign: &str) -> usize {
        let (key, value) = sign
            .split_once('=')
            .map_or((sign, None), |(key, value)| (key, Some(value)));
        let number = self.count;
        self.count += 1;
        let signs = self.signs.entry(key.to_ascii_lowercase().into_bytes()).or_default();
        signs.push((number, value.map(Glob::new)));
        number
    }

    /// Whose record of JSON it is.
    pub(crate) fn json(&self, record: &[u8]) -> Option<usize> {
        let mut seen = vec![false; self.count];
        let mut key = Vec::new();
        for (written, value) in keys(record) {
            key.clear();
            key.extend(written.iter().map(u8::to_ascii_lowercase));
            let signs = self.signs.get(&key).into_iter().flatten();
            for (number, _) in signs.filter(|(_, glob)| glob.as_ref().is_none_or(|glob| begins_with_one(value, glob))) {
                seen.get_mut(*number).into_iter().for_each(|seen| *seen = true);
            }
        }
        let whole = |signs: &[usize]| signs.iter().all(|sign| seen.get(*sign) == Some(&true));
        self.groups
            .iter()
            .find(|(signs, _)| whole(signs))
            .map(|(_, place)| *place)
    }

    /// Whose line of text it is.
    pub(crate) fn line(&self, line: &[u8]) -> Option<usize> {
        let line = line.get(..LINE_BYTES_MAX).unwrap_or(line);
        let whole = |words: &[Finder<'_>]| words.iter().all(|word| word.find(line).is_some());
        self.words
            .iter()
            .find(|(words, _)| whole(words))
            .map(|(_, place)| *place)
    }
}

/// Whether what follows a colon begins with a string that fits.
fn begins_with_one(value: &[u8], glob: &Glob) -> bool {
    let text = string_after(value).and_then(|text| std::str::from_utf8(text).ok());
    text.is_some_and(|text| glob.matches(text))
}
