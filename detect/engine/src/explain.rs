//! Why a rule fires for an event, or why it does not.

use std::fmt::Write as _;
use std::sync::Arc;

use sekisho_model::{EventBatch, RuleInfo};
use sekisho_sigma::{Bound, Comparison, Detection, FieldTest, Filter, Number, Pattern, Rule, Search, Test, Token};

use jiff::tz::TimeZone;

use crate::predicate::{Evaluation, Leaves};
use crate::rules::Scope;
use crate::sigma_match::SigmaDetector;

/// The most expected values of a field that are listed.
const LISTED_MAX: usize = 8;

/// What a rule about single events asks of an event, and what it finds.
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
#[derive(Clone, Debug, PartialEq)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Whether the event is of a source that the rule is about. If not, nothing else was looked at.
    pub applies: bool,
    /// Whether the event matches. What `first_seen` and correlations ask for beyond that depends on
    /// other events.
    pub matched: bool,
    /// Whether the rule speaks for itself, or only through correlations.
    pub alerts: bool,
    /// Whether only events with a value that is new are told.
    pub only_new: bool,
    /// The condition, as the rule writes it.
    pub condition: String,
    /// Its searches, in the order of the rule; those of filters after them.
    pub searches: Vec<SearchExplanation>,
    /// The correlations that it is a step of.
    pub feeds: Vec<Arc<RuleInfo>>,
}

/// What a search asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchExplanation {
    /// Its name; of the search of a filter, `filter / search`.
    pub name: String,
    /// Whether it matches.
    pub matched: bool,
    /// What it lists, of which one must hold.
    pub alternatives: Vec<Alternative>,
}

/// Fields that must all be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Whether all are.
    pub matched: bool,
    /// The fields.
    pub items: Vec<ItemExplanation>,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemExplanation {
    /// Its name in the rule; `None` means the whole record.
    pub field: Option<String>,
    /// The line it stands at.
    pub line: u32,
    /// What it should be, in words such as `one of *foo*, bar`.
    pub expected: String,
    /// What it is; `None` if there is no value.
    pub found: Option<String>,
    /// Whether that is as it should be.
    pub matched: bool,
}

/// A rule as it was written.
#[derive(Clone, Debug)]
pub struct Written {
    detection: Detection,
    filters: Vec<(String, Detection)>,
    scope: Scope,
}

impl Written {
    /// Of a rule with its filters, over the sources of a scope.
    pub(crate) fn new(rule: &Rule, filters: &[Filter], scope: Scope) -> Self {
        let filters = filters.iter();
        Self {
            detection: rule.detection.clone(),
            filters: filters
                .map(|filter| (filter.meta.key().to_owned(), filter.detection.clone()))
                .collect(),
            scope,
        }
    }

    fn condition(&self) -> String {
        let filters = self.filters.iter();
        filters.fold(self.detection.written.clone(), |condition, (name, filter)| {
            format!("({condition}) and {name}: ({})", filter.written)
        })
    }

    fn searches(&self, zone: &TimeZone, row: &EventBatch) -> Vec<SearchExplanation> {
        let by = Judging {
            scope: &self.scope,
            zone,
            row,
        };
        let own = self
            .detection
            .searches
            .iter()
            .map(|(name, search)| (name.clone(), search));
        let filters = self.filters.iter().flat_map(|(filter, detection)| {
            let searches = detection.searches.iter();
            searches.map(move |(name, search)| (format!("{filter} / {name}"), search))
        });
        own.chain(filters)
            .map(|(name, search)| {
                let alternatives = alternatives(search, &by);
                SearchExplanation {
                    name,
                    matched: alternatives.iter().any(|alternative| alternative.matched),
                    alternatives,
                }
            })
            .collect()
    }
}

impl SigmaDetector {
    /// For a row, what each rule about single events asks of it and what it finds.
    pub fn explain(&self, batch: &EventBatch, row: usize) -> Vec<RuleExplanation> {
        let row = batch.slice(row, 1);
        let zone = self.leaves.zone();
        let mut evaluation = Evaluation::new(&self.leaves, &row);
        let source = row.text(sekisho_model::Column::Source, 0).unwrap_or_default();
        let of = |rule: &crate::sigma_match::MatchRule, matched: bool| {
            let sources = rule.written.scope.sources();
            let applies = sources.is_none_or(|sources| sources.iter().any(|one| one == source));
            let feeds = rule
                .feeds
                .iter()
                .filter_map(|feed| self.correlations.get(feed.correlation));
            RuleExplanation {
                rule: Arc::clone(&rule.info),
                applies,
                matched,
                alerts: rule.alerts,
                only_new: rule.first_seen.is_some(),
                condition: rule.written.condition(),
                searches: if applies {
                    rule.written.searches(&zone, &row)
                } else {
                    Vec::new()
                },
                feeds: feeds
                    .map(|(correlation, _)| Arc::clone(&correlation.spec.info))
                    .collect(),
            }
        };
        self.rules
            .iter()
            .map(|rule| of(rule, evaluation.select(&rule.node).value(0)))
            .collect()
    }
}

/// What the parts of a search are judged by.
struct Judging<'a> {
    scope: &'a Scope,
    zone: &'a TimeZone,
    row: &'a EventBatch,
}

/// What a search lists, of which one must hold.
fn alternatives(search: &Search, by: &Judging<'_>) -> Vec<Alternative> {
    match search {
        Search::Any(parts) => parts.iter().flat_map(|part| alternatives(part, by)).collect(),
        Search::All(_) | Search::Field(_) => {
            let mut items = Vec::new();
            collect(search, by, &mut items);
            vec![Alternative {
                matched: holds(search, by),
                items,
            }]
        }
    }
}

fn collect(search: &Search, by: &Judging<'_>, items: &mut Vec<ItemExplanation>) {
    match search {
        Search::All(parts) | Search::Any(parts) => parts.iter().for_each(|part| collect(part, by, items)),
        Search::Field(test) => items.push(ItemExplanation {
            field: test.field.clone(),
            line: test.line,
            expected: expected(test),
            found: found(test, by),
            matched: holds(search, by),
        }),
    }
}

fn holds(search: &Search, by: &Judging<'_>) -> bool {
    let mut leaves = Leaves::in_zone(by.zone.clone());
    let Ok(node) = leaves.compile_search(search, by.scope) else {
        return false;
    };
    Evaluation::new(&leaves, by.row).select(&node).value(0)
}

fn found(test: &FieldTest, by: &Judging<'_>) -> Option<String> {
    let field = by.scope.field(test.field.as_deref()?).ok()?;
    let value = field.reader(by.row).text(0)?;
    Some(value.replace(sekisho_model::projection::VALUES_SEPARATOR, ", "))
}

/// What a field should be, in words.
fn expected(test: &FieldTest) -> String {
    let mut text = match (test.negated, test.tests.len()) {
        (true, _) => "none of ",
        (false, 1) => "",
        (false, _) if test.all => "all of ",
        (false, _) => "one of ",
    }
    .to_owned();
    let listed: Vec<String> = test.tests.iter().take(LISTED_MAX).map(words).collect();
    text.push_str(&listed.join(", "));
    if test.tests.len() > LISTED_MAX {
        // Writing to a `String` cannot fail.
        let _written = write!(text, " and {} more", test.tests.len() - LISTED_MAX);
    }
    text
}

fn words(test: &Test) -> String {
    match test {
        Test::Text(pattern) if pattern.is_empty() => "an empty text".to_owned(),
        Test::Text(pattern) => spelled(pattern),
        Test::Number(number) => number_of(*number),
        Test::Bool(truth) => truth.to_string(),
        Test::Regex { pattern, .. } => format!("/{pattern}/"),
        Test::Cidr(range) => format!("an address of {range}"),
        Test::Compare(comparison, Bound::Number(number)) => format!("{} {}", sign(*comparison), number_of(*number)),
        Test::Compare(comparison, Bound::Text(text)) => format!("{} {text}", sign(*comparison)),
        Test::Moment(moment, None, number) => format!("{moment:?} {number}").to_lowercase(),
        Test::Moment(moment, Some(comparison), number) => {
            format!("{moment:?} {} {number}", sign(*comparison)).to_lowercase()
        }
        Test::Exists(true) => "any value".to_owned(),
        Test::Null | Test::Exists(false) => "no value".to_owned(),
        Test::Field { name, .. } => format!("as `{name}` is"),
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Lt => "<",
        Comparison::Lte => "<=",
        Comparison::Gt => ">",
        Comparison::Gte => ">=",
    }
}

fn number_of(number: Number) -> String {
    match number {
        Number::Int(number) => number.to_string(),
        Number::Float(number) => number.to_string(),
    }
}

fn spelled(pattern: &Pattern) -> String {
    pattern
        .tokens
        .iter()
        .map(|token| match token {
            Token::Literal(text) => text.as_str(),
            Token::Any => "*",
            Token::One => "?",
        })
        .collect()
}
