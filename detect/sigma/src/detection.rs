//! What an event must look like: the searches of a rule and their condition.

use crate::condition::Condition;
use crate::encode;
use crate::expand::placeholder;
use crate::modifier::{Base64, Meaning, Modifiers};
use crate::pattern::Pattern;
use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Entry, Node, Yaml};

/// The most values of one field, after `windash` and `base64offset`. The longest public list has
/// about 700.
const VALUES_MAX: usize = 10_000;

/// The `detection` of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// The searches by name, in the order of the rule.
    pub searches: Vec<(String, Search)>,
    /// How the searches are joined.
    pub condition: Condition,
    /// The same, as the rule writes it.
    pub written: String,
}

/// What one search asks of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// Every part must hold: a map.
    All(Vec<Self>),
    /// One part must hold: a list.
    Any(Vec<Self>),
    /// A field must be so.
    Field(FieldTest),
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTest {
    /// The field as the rule names it; `None` means the whole record.
    pub field: Option<String>,
    /// The line it stands at.
    pub line: u32,
    /// Whether every test must hold, instead of one.
    pub all: bool,
    /// Whether the field must have a value for which the tests do not hold.
    pub negated: bool,
    /// What the value is tested for.
    pub tests: Vec<Test>,
}

/// What a value is tested for.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// There is no value.
    Null,
    /// The value is a text of this form. The empty text also matches where there is no value.
    Text(Pattern),
    /// The value is this number.
    Number(Number),
    /// The value is this truth value.
    Bool(bool),
    /// The value contains a match of this regular expression.
    Regex {
        /// The expression.
        pattern: String,
        /// Whether case is ignored.
        ignore_case: bool,
        /// Whether `^` and `$` match at lines.
        multi_line: bool,
        /// Whether `.` matches a line break.
        dot_all: bool,
    },
    /// The value is an address of this range.
    Cidr(String),
    /// The value is on one side of a bound.
    Compare(Comparison, Bound),
    /// A part of the value, which is a time, is this number, or on one side of it.
    Moment(Moment, Option<Comparison>, i64),
    /// Whether there is a value.
    Exists(bool),
    /// The value relates to that of another field.
    Field {
        /// The other field.
        name: String,
        /// Where in the value that of the other field must stand.
        anchor: Anchor,
        /// Whether case matters.
        cased: bool,
    },
}

/// A number as a rule writes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// Any other.
    Float(f64),
}

/// Where in a value a text must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// It is the whole value.
    Whole,
    /// At its start.
    Start,
    /// At its end.
    End,
    /// Anywhere in it.
    Anywhere,
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Of the month, 1 to 31.
    Day,
    /// Of the year, by ISO 8601: 1 to 53.
    Week,
    /// 1 to 12.
    Month,
    /// With four digits.
    Year,
}

/// On which side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Less than.
    Lt,
    /// Less than or equal.
    Lte,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Gte,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A number.
    Number(Number),
    /// A text, for times and dates.
    Text(String),
}

impl Detection {
    /// Reads the searches and the condition among `entries`; keys in `skip` belong to others.
    pub(crate) fn parse(node: &Node, skip: &[&str]) -> Result<Self, Fault> {
        let mut searches = Vec::new();
        for entry in node.map("detection")? {
            if entry.key != "condition" && entry.key != "timeframe" && !skip.contains(&entry.key.as_str()) {
                searches.push((entry.key.clone(), search(&entry.value)?));
            }
        }
        if searches.is_empty() {
            let message = "there is no search, expected at least one beside the condition";
            return Err(Fault::new(node.line, ProblemKind::Missing, message));
        }
        let names: Vec<&str> = searches.iter().map(|(name, _)| name.as_str()).collect();
        let written = node.need("condition", "how the searches are joined")?;
        Ok(Self {
            condition: Condition::parse_node(written, &names)?,
            written: node.texts("condition")?.join(" or "),
            searches,
        })
    }
}

/// What one search asks of an event.
pub(crate) fn search(node: &Node) -> Result<Search, Fault> {
    match &node.value {
        Yaml::Map(entries) => entries
            .iter()
            .map(field_test)
            .collect::<Result<_, _>>()
            .map(Search::All),
        Yaml::List(items) => {
            let (maps, words): (Vec<&Node>, Vec<&Node>) = items
                .iter()
                .partition(|item| matches!(item.value, Yaml::Map(_) | Yaml::List(_)));
            let mut parts = maps.into_iter().map(search).collect::<Result<Vec<_>, _>>()?;
            if !words.is_empty() {
                parts.push(keywords(&words, node.line)?);
            }
            Ok(Search::Any(parts))
        }
        Yaml::Text(_) | Yaml::Int(_) | Yaml::Float(_) => keywords(&[node], node.line),
        Yaml::Null | Yaml::Bool(_) => Err(node.expected("search", "a map of fields or a list")),
    }
}

fn keywords(words: &[&Node], line: u32) -> Result<Search, Fault> {
    let tests = words
        .iter()
        .map(|word| {
            Ok(Test::Text(
                Pattern::parse(&word.text("keyword")?).open_start().open_end(),
            ))
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    Ok(Search::Field(FieldTest {
        field: None,
        line,
        all: false,
        negated: false,
        tests,
    }))
}

fn field_test(entry: &Entry) -> Result<Search, Fault> {
    let mut parts = entry.key.split('|');
    let field = parts.next().map(str::trim).filter(|field| !field.is_empty());
    let mut modifiers = Modifiers::parse(parts, entry.line)?;
    if field.is_none() && modifiers.meaning == Meaning::Text {
        modifiers.anchor = Anchor::Anywhere;
    }
    let mut tests = Vec::new();
    for value in entry.value.items() {
        tests_of(value, &modifiers, &mut tests)?;
        if tests.len() > VALUES_MAX {
            let message = format!("`{}` has more than {VALUES_MAX} values", entry.key);
            return Err(Fault::new(value.line, ProblemKind::Limit, message));
        }
    }
    let all = modifiers.all;
    let test = FieldTest {
        field: field.map(str::to_owned),
        line: entry.line,
        all: all && (entry.value.items().len() == tests.len()),
        negated: modifiers.negated,
        tests,
    };
    if test.all == all {
        return Ok(Search::Field(test));
    }
    // Under `all`, each value must be found in one of its variants.
    let parts = entry
        .value
        .items()
        .iter()
        .map(|value| {
            let mut tests = Vec::new();
            tests_of(value, &modifiers, &mut tests)?;
            Ok(Search::Field(FieldTest { tests, ..test.clone() }))
        })
        .collect::<Result<_, Fault>>()?;
    Ok(Search::All(parts))
}

/// Adds what a value asks for under the modifiers.
fn tests_of(value: &Node, modifiers: &Modifiers, tests: &mut Vec<Test>) -> Result<(), Fault> {
    if let Some(moment) = modifiers.moment {
        let comparison = match modifiers.meaning {
            Meaning::Compare(comparison) => Some(comparison),
            _ => None,
        };
        let Yaml::Int(number) = value.value else {
            return Err(value.expected("part of a time", "a whole number"));
        };
        tests.push(Test::Moment(moment, comparison, number));
        return Ok(());
    }
    match modifiers.meaning {
        Meaning::Text => text_tests(value, modifiers, tests)?,
        Meaning::Regex => tests.push(Test::Regex {
            pattern: value.text("re")?,
            ignore_case: modifiers.ignore_case,
            multi_line: modifiers.multi_line,
            dot_all: modifiers.dot_all,
        }),
        Meaning::Cidr => {
            let range = value.text("cidr")?;
            no_placeholder(&range, value.line, modifiers)?;
            tests.push(Test::Cidr(range));
        }
        Meaning::Compare(comparison) => tests.push(Test::Compare(comparison, bound(value)?)),
        Meaning::Exists => match (&value.value, value.text("exists")?.to_ascii_lowercase().as_str()) {
            (Yaml::Bool(exists), _) => tests.push(Test::Exists(*exists)),
            (_, "true" | "yes") => tests.push(Test::Exists(true)),
            (_, "false" | "no") => tests.push(Test::Exists(false)),
            _ => return Err(value.expected("exists", "true or false")),
        },
        Meaning::Field => {
            let test = Test::Field {
                name: value.text("fieldref")?,
                anchor: modifiers.anchor,
                cased: modifiers.cased,
            };
            tests.push(test);
        }
    }
    Ok(())
}

fn bound(value: &Node) -> Result<Bound, Fault> {
    Ok(match &value.value {
        Yaml::Int(number) => Bound::Number(Number::Int(*number)),
        Yaml::Float(number) => Bound::Number(Number::Float(*number)),
        Yaml::Text(text) => match (text.trim().parse::<i64>(), text.trim().parse::<f64>()) {
            (Ok(number), _) => Bound::Number(Number::Int(number)),
            (_, Ok(number)) => Bound::Number(Number::Float(number)),
            _ => Bound::Text(text.clone()),
        },
        Yaml::Null | Yaml::Bool(_) | Yaml::List(_) | Yaml::Map(_) => {
            return Err(value.expected("bound", "a number, a time or a date"));
        }
    })
}

fn text_tests(value: &Node, modifiers: &Modifiers, tests: &mut Vec<Test>) -> Result<(), Fault> {
    let plain = modifiers.anchor == Anchor::Whole && modifiers.base64.is_none();
    match &value.value {
        Yaml::Null if plain => tests.push(Test::Null),
        Yaml::Int(number) if plain => tests.push(Test::Number(Number::Int(*number))),
        Yaml::Float(number) if plain => tests.push(Test::Number(Number::Float(*number))),
        Yaml::Bool(truth) if plain => tests.push(Test::Bool(*truth)),
        _ => {
            let text = value.text("value")?;
            for pattern in patterns(&text, value.line, modifiers)? {
                let mut pattern = pattern;
                pattern.cased = modifiers.cased || modifiers.base64.is_some();
                tests.push(Test::Text(anchored(pattern, modifiers.anchor)));
            }
        }
    }
    Ok(())
}

fn anchored(pattern: Pattern, anchor: Anchor) -> Pattern {
    match anchor {
        Anchor::Whole => pattern,
        Anchor::Start => pattern.open_end(),
        Anchor::End => pattern.open_start(),
        Anchor::Anywhere => pattern.open_start().open_end(),
    }
}

/// A placeholder that is still there has no list.
fn no_placeholder(text: &str, line: u32, modifiers: &Modifiers) -> Result<(), Fault> {
    match placeholder(text).filter(|_| modifiers.expand) {
        None => Ok(()),
        Some((_, name, _)) => {
            let message =
                format!("the placeholder `%{name}%` has no list of values, expected a file `lists/{name}.txt`");
            Err(Fault::new(line, ProblemKind::Placeholder, message))
        }
    }
}

fn patterns(text: &str, line: u32, modifiers: &Modifiers) -> Result<Vec<Pattern>, Fault> {
    no_placeholder(text, line, modifiers)?;
    let pattern = Pattern::parse(text);
    let spelled = if modifiers.windash {
        encode::windash(&pattern).ok_or_else(|| {
            let message = format!(
                "`windash` makes more than {} variants of `{text}`",
                encode::VARIANTS_MAX
            );
            Fault::new(line, ProblemKind::Limit, message)
        })?
    } else {
        vec![pattern]
    };
    let Some(form) = modifiers.base64 else {
        return Ok(spelled);
    };
    let mut encoded = Vec::new();
    for pattern in spelled {
        let Some(text) = pattern.as_literal() else {
            let message = format!("`{text}` has wildcards, which Base64 cannot express");
            return Err(Fault::new(line, ProblemKind::Value, message));
        };
        let bytes = encode::bytes(text, modifiers.wide);
        match form {
            Base64::Whole => encoded.push(Pattern::literal(&encode::base64(&bytes))),
            Base64::Offset => encoded.extend(encode::base64_offsets(&bytes).iter().map(|text| Pattern::literal(text))),
        }
    }
    Ok(encoded)
}
