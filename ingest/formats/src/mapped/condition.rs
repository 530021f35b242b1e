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

/// A text in which `*` stands for any text, and case does not matter; or a range of numbers, `70..`, `40..69`, `..39`,
/// which has its ends in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glob {
    parts: Vec<String>,
    range: Option<(f64, f64)>,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        Self {
            parts: text.split('*').map(str::to_lowercase).collect(),
            range: range(text),
        }
    }

    /// Whether one text alone fits.
    pub(super) fn is_exact(&self) -> bool {
        self.parts.len() == 1 && self.range.is_none()
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
        if let Some((low, high)) = self.range {
            return text.parse::<f64>().is_ok_and(|number| low <= number && number <= high);
        }
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

/// Both ends of a range, of which one may be left out.
fn range(text: &str) -> Option<(f64, f64)> {
    let (low, high) = text.trim().split_once("..")?;
    let end = |end: &str, open: f64| match end {
        "" => Some(open),
        end => end.parse::<f64>().ok().filter(|end| end.is_finite()),
    };
    let ends = (end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?);
    let is_bound = ends.0.is_finite() || ends.1.is_finite();
    is_bound.then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_its_ends_in_it() {
        for (range, value, expected) in [
            ("70..", "70", true),
            ("70..", "69.9", false),
            ("40..69", "69", true),
            ("40..69", "70", false),
            ("..0.5", "-3", true),
            ("..0.5", "high", false),
            ("..0.5", "", false),
            ("70..", "NaN", false),
            ("..", "..", true),
            ("a..b", "A..B", true),
        ] {
            assert_eq!(Glob::new(range).matches(value), expected, "{range} {value}");
        }
    }

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
