//! Where the value of a column comes from.

use std::borrow::Cow;

use super::MapError;
use super::path::Path;
use crate::json::Json;
use jiff::tz::TimeZone;
use sekisho_model::{EventBuilder, Time};

/// The fields of a record: objects that are asked in this order.
pub(super) struct Fields<'r> {
    pub(super) roots: Vec<&'r Json<'r>>,
    /// When the header of a line was written, and in which zone.
    pub(super) header: Option<(Time, TimeZone)>,
}

impl Fields<'_> {
    /// Calls `found` with the text of each value at the path, until it returns true.
    pub(super) fn texts(&self, path: &Path, found: &mut dyn FnMut(&str) -> bool) -> bool {
        self.roots.iter().any(|root| {
            path.visit(root, &mut |value| match value.text() {
                Some(text) => found(&text),
                // A rule may look into an object or ask whether it is there.
                None => found(&value.to_string()),
            })
        })
    }

    /// Every text at the path, with commas between.
    pub(super) fn all(&self, path: &Path) -> String {
        let mut all: Vec<String> = Vec::new();
        self.texts(path, &mut |text| {
            all.push(text.to_owned());
            false
        });
        all.join(",")
    }

    /// The first text at the path that means something.
    pub(super) fn first(&self, path: &Path) -> Option<String> {
        let mut first = None;
        self.texts(path, &mut |text| {
            let meant = !EventBuilder::means_nothing(text);
            if meant {
                first = Some(text.to_owned());
            }
            meant
        });
        first
    }
}

/// A path, a text, or a text with paths in it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Path(Path),
    Text(String),
    Template(Vec<Piece>),
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Text(String),
    Path(Path),
}

impl Source {
    /// Of a column's own list: a path, or a template.
    pub(super) fn of_column(text: &str) -> Result<Self, MapError> {
        if text.contains('{') {
            Ok(Self::Template(template(text)?))
        } else {
            Ok(Self::Path(Path::parse(text)?))
        }
    }

    /// Of a rule: a text, or a template.
    pub(super) fn of_rule(text: &str) -> Result<Self, MapError> {
        if text.contains('{') {
            let mut pieces = template(text)?;
            if pieces.len() == 1
                && let Some(Piece::Path(path)) = pieces.pop()
            {
                return Ok(Self::Path(path));
            }
            Ok(Self::Template(template(text)?))
        } else {
            Ok(Self::Text(text.to_owned()))
        }
    }

    /// Calls `found` with each value, until it returns true.
    pub(super) fn values(&self, fields: &Fields<'_>, found: &mut dyn FnMut(&str) -> bool) -> bool {
        match self {
            Self::Path(path) => fields.texts(path, found),
            Self::Text(text) => found(text),
            Self::Template(pieces) => fill(pieces, fields).is_some_and(|text| found(&text)),
        }
    }
}

/// The text of a template; none if one of its paths leads to nothing.
fn fill(pieces: &[Piece], fields: &Fields<'_>) -> Option<String> {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Some(Cow::Borrowed(text.as_str())),
        Piece::Path(path) => fields.first(path).map(Cow::Owned),
    });
    texts.collect()
}

fn template(text: &str) -> Result<Vec<Piece>, MapError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let (path, after) = after
            .split_once('}')
            .ok_or_else(|| MapError::value(text, "a brace is not closed, expected `{path}`"))?;
        pieces.push(Piece::Path(Path::parse(path)?));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}
