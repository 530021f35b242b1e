//! The state of a component, in a form that can be kept beside the tables.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Named parts; each part is a list of `(key, state)`, the state as JSON.
///
/// A component reads only the parts it knows, and starts empty where a part is missing or of another
/// `form`: state that is lost can be learnt again from the stored events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    parts: BTreeMap<String, Vec<(String, String)>>,
}

impl Snapshot {
    /// Adds an entry to a part.
    pub fn put<T: Serialize>(
        &mut self,
        part: &str,
        key: impl Into<String>,
        state: &T,
    ) -> Result<(), serde_json::Error> {
        let state = serde_json::to_string(state)?;
        self.put_json(part, key, state);
        Ok(())
    }

    /// Adds an entry whose state is JSON already.
    pub fn put_json(&mut self, part: &str, key: impl Into<String>, state: String) {
        self.parts.entry(part.to_owned()).or_default().push((key.into(), state));
    }

    /// The entries of a part.
    pub fn part(&self, part: &str) -> &[(String, String)] {
        self.parts.get(part).map_or(&[], Vec::as_slice)
    }

    /// Every `(part, key, state)`.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.parts.iter().flat_map(|(part, entries)| {
            entries
                .iter()
                .map(|(key, state)| (part.as_str(), key.as_str(), state.as_str()))
        })
    }

    /// Takes over every entry of another snapshot.
    pub fn merge(&mut self, other: Self) {
        for (part, entries) in other.parts {
            self.parts.entry(part).or_default().extend(entries);
        }
    }
}
