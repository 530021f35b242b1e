//! One field against all the values that a rule lists for it.

use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use hashbrown::HashSet;
use ipnet::IpNet;
use jiff::tz::TimeZone;
use regex::{RegexSet, RegexSetBuilder};
use sekisho_model::projection::VALUES_SEPARATOR;
use sekisho_model::{Kind, Time};
use sekisho_sigma::{Bound, Comparison, Number, Pattern, ProblemKind, Test, Token};

use super::field::Value;
use super::glob::{Glob, fold, fold_text};
use super::moment::Moments;

/// The most bytes that the compiled regular expressions of one field may take. The largest public
/// rule needs about 200 KB.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// Tests of a value of which one must hold.
#[derive(Debug, Default)]
pub struct Matcher {
    /// Whether a missing value matches.
    absent: bool,
    /// Whether any value matches.
    present: bool,
    equal: HashSet<String>,
    equal_cased: HashSet<String>,
    starts: Vec<String>,
    ends: Vec<String>,
    contains: Option<AhoCorasick>,
    contains_cased: Option<AhoCorasick>,
    globs: Vec<Glob>,
    regexes: Option<RegexSet>,
    ranges: Vec<IpNet>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    bools: Vec<bool>,
    bounds: Vec<(Comparison, Number)>,
    moments: Option<Moments>,
}

/// Why tests cannot be compiled.
pub type MatcherError = (ProblemKind, String);

/// What is collected before the automata are built.
#[derive(Default)]
struct Parts {
    contains: Vec<String>,
    contains_cased: Vec<String>,
    regexes: Vec<String>,
}

impl Matcher {
    /// Compiles tests of a field, whose values are of `kind` if they are not text.
    /// Parts of a time are read in `zone`.
    pub fn new<'t>(
        tests: impl IntoIterator<Item = &'t Test> + Copy,
        kind: Option<Kind>,
        zone: &TimeZone,
    ) -> Result<Self, MatcherError> {
        let mut matcher = Self {
            moments: Moments::new(tests, zone),
            ..Self::default()
        };
        let mut parts = Parts::default();
        for test in tests {
            matcher.add(test, kind, &mut parts)?;
        }
        let automaton = |needles: &[String], ignore_case| {
            if needles.is_empty() {
                return Ok(None);
            }
            AhoCorasick::builder()
                .ascii_case_insensitive(ignore_case)
                .build(needles)
                .map(Some)
                .map_err(|error| {
                    (
                        ProblemKind::Limit,
                        format!("the list of texts cannot be compiled: {error}"),
                    )
                })
        };
        matcher.contains = automaton(&parts.contains, true)?;
        matcher.contains_cased = automaton(&parts.contains_cased, false)?;
        if !parts.regexes.is_empty() {
            let set = RegexSetBuilder::new(&parts.regexes).size_limit(REGEX_BYTES_MAX).build();
            matcher.regexes = Some(set.map_err(|error| {
                let reason = error.to_string().replace('\n', " ");
                (
                    ProblemKind::Regex,
                    format!("the regular expression cannot be compiled: {reason}"),
                )
            })?);
        }
        Ok(matcher)
    }

    fn add(&mut self, test: &Test, kind: Option<Kind>, parts: &mut Parts) -> Result<(), MatcherError> {
        match test {
            Test::Null | Test::Exists(false) => self.absent = true,
            Test::Exists(true) => self.present = true,
            Test::Text(pattern) => self.add_pattern(pattern, parts),
            Test::Bool(truth) => {
                self.bools.push(*truth);
                self.equal.insert(truth.to_string());
            }
            Test::Number(Number::Int(number)) => {
                self.ints.push(*number);
                self.equal.insert(number.to_string());
            }
            Test::Number(Number::Float(number)) => {
                self.floats.push(*number);
                self.equal.insert(number.to_string());
            }
            Test::Regex {
                pattern,
                ignore_case,
                multi_line,
                dot_all,
            } => {
                let flags: String = [(*ignore_case, 'i'), (*multi_line, 'm'), (*dot_all, 's')]
                    .into_iter()
                    .filter_map(|(set, flag)| set.then_some(flag))
                    .collect();
                let flags = if flags.is_empty() {
                    String::new()
                } else {
                    format!("(?{flags})")
                };
                parts.regexes.push(format!("{flags}{pattern}"));
            }
            Test::Cidr(range) => self.ranges.push(network(range)?),
            Test::Compare(comparison, bound) => self.bounds.push((*comparison, number(bound, kind)?)),
            // The one is compared row by row, see `Leaf::Related`; the other with its zone.
            Test::Field { .. } | Test::Moment(..) => {}
        }
        Ok(())
    }

    fn add_pattern(&mut self, pattern: &Pattern, parts: &mut Parts) {
        let ascii = |text: &str| text.is_ascii();
        match (pattern.tokens.as_slice(), pattern.cased) {
            ([], _) => {
                // The normal form does not tell an empty value from a missing one.
                self.absent = true;
                self.equal_cased.insert(String::new());
            }
            ([Token::Any], _) => self.present = true,
            ([Token::Literal(text)], false) => {
                self.equal.insert(fold_text(text));
            }
            ([Token::Literal(text)], true) => {
                self.equal_cased.insert(text.clone());
            }
            ([Token::Any, Token::Literal(text), Token::Any], true) => parts.contains_cased.push(text.clone()),
            ([Token::Any, Token::Literal(text), Token::Any], false) if ascii(text) => parts.contains.push(text.clone()),
            ([Token::Literal(text), Token::Any], false) if ascii(text) => self.starts.push(text.clone()),
            ([Token::Any, Token::Literal(text)], false) if ascii(text) => self.ends.push(text.clone()),
            _ => self.globs.push(Glob::new(pattern)),
        }
    }

    /// Whether the value, or its absence, matches.
    pub fn matches(&self, value: Option<&Value<'_>>) -> bool {
        let Some(value) = value else { return self.absent };
        if self.present || self.moments.as_ref().is_some_and(|moments| moments.match_value(value)) {
            return true;
        }
        match value {
            Value::Text(text) => self.text(text) || self.number_in(text),
            Value::Several(texts) => texts
                .split(VALUES_SEPARATOR)
                .any(|text| self.text(text) || self.number_in(text)),
            Value::Int(number) | Value::When(number, _) => self.int(*number) || self.shown(value),
            Value::Float(number) => self.float(*number) || self.shown(value),
            Value::Bool(truth) => self.bools.contains(truth) || self.int((*truth).into()) || self.shown(value),
        }
    }

    /// Whether the value matches as a text; for values that are no text.
    fn shown(&self, value: &Value<'_>) -> bool {
        self.has_texts() && self.text(&value.clone().into_text())
    }

    fn has_texts(&self) -> bool {
        !(self.equal.is_empty() && self.equal_cased.is_empty() && self.starts.is_empty() && self.ends.is_empty())
            || self.contains.is_some()
            || self.contains_cased.is_some()
            || self.regexes.is_some()
            || !self.globs.is_empty()
    }

    fn text(&self, text: &str) -> bool {
        self.equals(text)
            || self.starts.iter().any(|start| starts_ignoring_case(text, start))
            || self.ends.iter().any(|end| ends_ignoring_case(text, end))
            || self.contains.as_ref().is_some_and(|automaton| automaton.is_match(text))
            || self
                .contains_cased
                .as_ref()
                .is_some_and(|automaton| automaton.is_match(text))
            || self.globs.iter().any(|glob| glob.matches(text))
            || self.regexes.as_ref().is_some_and(|set| set.is_match(text))
            || (!self.ranges.is_empty() && self.address(text))
    }

    fn equals(&self, text: &str) -> bool {
        if self.equal_cased.contains(text) {
            return true;
        }
        if self.equal.is_empty() {
            return false;
        }
        if text.chars().all(|character| fold(character) == character) {
            self.equal.contains(text)
        } else {
            self.equal.contains(fold_text(text).as_str())
        }
    }

    fn address(&self, text: &str) -> bool {
        text.parse::<IpAddr>()
            .is_ok_and(|address| self.ranges.iter().any(|range| range.contains(&address)))
    }

    /// Whether the text is a number that matches.
    fn number_in(&self, text: &str) -> bool {
        if self.ints.is_empty() && self.floats.is_empty() && self.bounds.is_empty() {
            return false;
        }
        let text = text.trim();
        match text.parse::<i64>() {
            Ok(number) => self.int(number),
            Err(_) => text.parse::<f64>().is_ok_and(|number| self.float(number)),
        }
    }

    fn int(&self, value: i64) -> bool {
        self.ints.contains(&value)
            || self.bounds.iter().any(|(comparison, bound)| match bound {
                Number::Int(bound) => holds(*comparison, &value, bound),
                Number::Float(bound) => holds(*comparison, &approximate(value), bound),
            })
            || (!self.floats.is_empty() && self.floats.contains(&approximate(value)))
    }

    fn float(&self, value: f64) -> bool {
        self.floats.contains(&value)
            || self
                .ints
                .iter()
                .any(|number| approximate(*number).total_cmp(&value).is_eq())
            || self.bounds.iter().any(|(comparison, bound)| match bound {
                Number::Int(bound) => holds(*comparison, &value, &approximate(*bound)),
                Number::Float(bound) => holds(*comparison, &value, bound),
            })
    }
}

pub(super) fn holds<T: PartialOrd>(comparison: Comparison, value: &T, bound: &T) -> bool {
    match comparison {
        Comparison::Lt => value < bound,
        Comparison::Lte => value <= bound,
        Comparison::Gt => bound < value,
        Comparison::Gte => bound <= value,
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "compared with a number that is not whole"
)]
fn approximate(value: i64) -> f64 {
    value as f64
}

fn starts_ignoring_case(text: &str, start: &str) -> bool {
    text.as_bytes()
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn ends_ignoring_case(text: &str, end: &str) -> bool {
    let from = text.len().checked_sub(end.len());
    from.and_then(|from| text.as_bytes().get(from..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

/// A range, or an address alone.
fn network(text: &str) -> Result<IpNet, MatcherError> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            (
                ProblemKind::Cidr,
                format!("`{text}` is not an address range, expected one such as 192.0.2.0/24"),
            )
        })
}

/// A bound in the unit of the column.
fn number(bound: &Bound, kind: Option<Kind>) -> Result<Number, MatcherError> {
    let text = match (bound, kind) {
        (Bound::Number(number), _) => return Ok(*number),
        (Bound::Text(text), _) => text,
    };
    let (value, expected) = match kind {
        Some(Kind::Time) => (
            text.parse::<jiff::Timestamp>().ok().map(|time| Time::from(time).0),
            "a time such as 2026-03-31T08:00:00+09:00",
        ),
        Some(Kind::Date) => (
            format!("{text}T00:00:00Z")
                .parse::<jiff::Timestamp>()
                .ok()
                .map(|time| Time::from(time).date().into()),
            "a date such as 2026-03-31",
        ),
        _ => (None, "a number"),
    };
    value.map(Number::Int).ok_or_else(|| {
        (
            ProblemKind::Value,
            format!("the bound is `{text}`, expected {expected}"),
        )
    })
}
