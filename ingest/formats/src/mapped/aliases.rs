//! What a map calls a field, by the other names that it may have.

use std::borrow::Cow;
use std::collections::HashMap;

use super::file::{RecordFile, ShapeFile};
use crate::json::Json;
use crate::names;

/// Other names of fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Aliases {
    /// Ours, by theirs.
    exact: HashMap<String, String>,
    /// Beginnings of names: theirs, and ours in its place.
    beginnings: Vec<(String, String)>,
}

impl Aliases {
    pub(super) fn of(record: &RecordFile) -> Self {
        let mut aliases = Self::default();
        let pairs = record.aliases.iter();
        for (ours, theirs) in pairs.flat_map(|(ours, theirs)| theirs.0.iter().map(move |theirs| (ours, theirs))) {
            if let (Some(theirs), Some(ours)) = (theirs.strip_suffix('*'), ours.strip_suffix('*')) {
                aliases.beginnings.push((theirs.to_owned(), ours.to_owned()));
                continue;
            }
            // People write the headers of tables in many ways, programs their keys in one.
            let theirs = match record.shape {
                ShapeFile::Csv => names::normalise(theirs).into_owned(),
                ShapeFile::Json | ShapeFile::KeyValue | ShapeFile::Text | ShapeFile::Table => theirs.clone(),
            };
            aliases.exact.insert(theirs, ours.clone());
        }
        aliases
    }

    /// What the map calls a field. What is left of a name without its beginning may be an alias again.
    pub(super) fn name<'n>(&'n self, theirs: &'n str) -> Cow<'n, str> {
        let beginning = self
            .beginnings
            .iter()
            .find_map(|(beginning, ours)| Some((theirs.strip_prefix(beginning.as_str())?, ours)));
        match beginning {
            Some((rest, ours)) => {
                let name = format!("{ours}{rest}");
                Cow::Owned(self.exact.get(&name).cloned().unwrap_or(name))
            }
            None => self
                .exact
                .get(theirs)
                .map_or(Cow::Borrowed(theirs), |ours| Cow::Borrowed(ours.as_str())),
        }
    }

    /// Gives fields the names that the map has for them.
    pub(super) fn apply(&self, members: &mut [(Cow<'_, str>, Json<'_>)]) {
        if self.exact.is_empty() && self.beginnings.is_empty() {
            return;
        }
        for (name, _) in members {
            let ours = self.name(name);
            if ours != *name {
                *name = Cow::Owned(ours.into_owned());
            }
        }
    }

    /// The same for an object, if any of its fields has another name.
    pub(super) fn renamed<'j>(&self, json: &Json<'j>) -> Option<Json<'j>> {
        let Json::Object(members) = json else { return None };
        let has_other = members.iter().any(|(name, _)| self.name(name) != *name);
        if !has_other {
            return None;
        }
        let mut members = members.clone();
        self.apply(&mut members);
        Some(Json::Object(members))
    }
}
