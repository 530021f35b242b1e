//! When a rule of a map fits.

use std::collections::BTreeMap;

use super::MapError;
use super::file::OneOrMany;
use super::path::Path;
use super::source::Fields;
use sekisho_model::EventBuilder;

/// Fields that must all be as said.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
struct Test {
    path: Path,
    any_of: Vec<Glob>,
    /// Whether none of them may fit.
    not: bool,
    /// Whether a field without a value fits too.
    absent: bool,
}

impl Condition {
    pub(super) fn of(when: &BTreeMap<String, OneOrMany>) -> Result<Self, MapError> {
        let tests = when.iter().map(|(path, values)| Test::of(path, &values.0));
        Ok(Self {
            tests: tests.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn fits(&self, fields: &Fields<'_>) -> bool {
        self.tests.iter().all(|test| test.fits(fields))
    }
}

impl Test {
    fn of(path: &str, values: &[String]) -> Result<Self, MapError> {
        let not = values.iter().all(|value| value.starts_with('!')) && !values.is_empty();
        if !not && values.iter().any(|value| value.starts_with('!')) {
            return Err(MapError::value(path, "either all or none of its values begin with `!`"));
        }
        let texts: Vec<&str> = values
            .iter()
            .map(|value| value.strip_prefix('!').unwrap_or(value))
            .collect();
        Ok(Self {
            path: Path::parse(path)?,
            any_of: texts
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| Glob::new(text))
                .collect(),
            not,
            absent: texts.contains(&""),
        })
    }

    fn fits(&self, fields: &Fields<'_>) -> bool {
        let mut present = false;
        let found = fields.texts(&self.path, &mut |text| {
            if EventBuilder::means_nothing(text) {
                return false;
            }
            present = true;
            let text = text.trim().to_lowercase();
            self.any_of.iter().any(|glob| glob.matches_lower(&text))
        });
        (found || (self.absent && !present)) != self.not
    }
}

/// A text in which `*` stands for any text; case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    parts: Vec<String>,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        Self {
            parts: text.split('*').map(str::to_lowercase).collect(),
        }
    }

    /// Whether it is no text with `*` in it.
    pub(super) fn is_exact(&self) -> bool {
        self.parts.len() == 1
    }

    /// How much of a text it fixes, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.parts.iter().map(String::len).sum()
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.matches_lower(&text.trim().to_lowercase())
    }

    /// Whether it matches a text that is in lower case and without space around it.
    fn matches_lower(&self, text: &str) -> bool {
        let Some((first, others)) = self.parts.split_first() else {
            return false;
        };
        let Some((last, middle)) = others.split_last() else {
            return text == *first;
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else {
                return false;
            };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, text, expected) in [
            ("login", "LOGIN ", true),
            ("login", "logins", false),
            ("user.*", "user.session.start", true),
            ("*.start", "user.session.start", true),
            ("user.*.start", "user.session.start", true),
            ("user*user", "user", false),
            ("*", "anything", true),
            ("あ*", "あい", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }
}
