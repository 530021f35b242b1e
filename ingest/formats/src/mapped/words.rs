//! From the words of a source to ours.

use std::collections::{BTreeMap, HashMap};

use super::condition::Glob;
use super::file::OneOrMany;

/// The words of one column.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    exact: HashMap<String, String>,
    /// The one that fixes most comes first.
    globs: Vec<(Glob, String)>,
}

impl Words {
    pub(super) fn of(table: &BTreeMap<String, OneOrMany>) -> Self {
        let pairs = table
            .iter()
            .flat_map(|(ours, theirs)| theirs.0.iter().map(move |theirs| (theirs, ours)));
        let (exact, globs): (Vec<_>, Vec<_>) = pairs.partition(|(theirs, _)| Glob::new(theirs).is_exact());
        let mut globs: Vec<(Glob, String)> = globs
            .into_iter()
            .map(|(theirs, ours)| (Glob::new(theirs), ours.clone()))
            .collect();
        globs.sort_by_key(|(glob, _)| std::cmp::Reverse(glob.weight()));
        let exact = exact
            .into_iter()
            .map(|(theirs, ours)| (theirs.trim().to_lowercase(), ours.clone()));
        Self {
            exact: exact.collect(),
            globs,
        }
    }

    /// Our words, each once.
    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        self.exact
            .values()
            .chain(self.globs.iter().map(|(_, ours)| ours))
            .map(String::as_str)
    }

    /// Our word for a value.
    pub(super) fn word(&self, value: &str) -> Option<&str> {
        let value = value.trim();
        if let Some(ours) = self.exact.get(&value.to_lowercase()) {
            return Some(ours);
        }
        let found = self.globs.iter().find(|(glob, _)| glob.matches(value));
        found.map(|(_, ours)| ours.as_str())
    }
}
