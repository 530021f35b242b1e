//! Rules about several events: how many, how many different, in which order.

use std::time::Duration;

use crate::meta::Meta;
use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Entry, Node, Yaml};

/// The longest time span. Longer memories are the business of native detectors.
const TIMESPAN_MAX: Duration = Duration::from_hours(30 * 24);

/// Other names for fields: `(alias, [(rule, field)])`.
pub type Aliases = Vec<(String, Vec<(String, String)>)>;

/// A rule about several events.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// What it says about itself.
    pub meta: Meta,
    /// What it looks for.
    pub kind: CorrelationKind,
    /// Ids or names of the rules whose matches it looks at.
    pub rules: Vec<String>,
    /// Fields whose values the events must share.
    pub group_by: Vec<String>,
    /// Within which time.
    pub timespan: Duration,
    /// How many there must be, or how much.
    pub bounds: Bounds,
    /// The field whose values are counted, added up or averaged.
    pub field: Option<String>,
    /// Which percentile, where one is asked for.
    pub percentile: Option<f64>,
    /// Other names for fields.
    pub aliases: Aliases,
    /// Whether the rules it looks at also speak for themselves.
    pub generate: bool,
}

/// What a correlation looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrelationKind {
    /// So many events.
    EventCount,
    /// So many different values of a field.
    ValueCount,
    /// A field that adds up to so much.
    ValueSum,
    /// A field whose average is so much.
    ValueAvg,
    /// A field whose middle value is so much.
    ValueMedian,
    /// A field of which so many of a hundred values are no more than so much.
    ValuePercentile,
    /// An event of each rule.
    Temporal,
    /// An event of each rule, in the order of the rules.
    TemporalOrdered,
}

/// The kinds, for messages.
const KINDS: &str = "event_count, value_count, value_sum, value_avg, value_median, value_percentile, temporal or \
                     temporal_ordered";

/// The percentile of a condition that names none.
const PERCENTILE: f64 = 95.0;

impl CorrelationKind {
    const ALL: [Self; 8] = [
        Self::EventCount,
        Self::ValueCount,
        Self::ValueSum,
        Self::ValueAvg,
        Self::ValueMedian,
        Self::ValuePercentile,
        Self::Temporal,
        Self::TemporalOrdered,
    ];

    /// Its name in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::ValueSum => "value_sum",
            Self::ValueAvg => "value_avg",
            Self::ValueMedian => "value_median",
            Self::ValuePercentile => "value_percentile",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }

    /// Whether it looks for an event of each rule.
    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Temporal | Self::TemporalOrdered)
    }

    /// Whether it looks at the values of a field.
    pub fn needs_field(self) -> bool {
        !self.is_temporal() && self != Self::EventCount
    }

    /// Whether more events can make what it measures less.
    pub fn is_average(self) -> bool {
        matches!(self, Self::ValueAvg | Self::ValueMedian | Self::ValuePercentile)
    }
}

/// On which side of a bound the measure must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Less than.
    Lt,
    /// Less than or equal.
    Lte,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Gte,
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
}

/// What the measure of a correlation must be: every bound must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds(pub Vec<(Operator, f64)>);

impl Bounds {
    /// At least that many.
    pub fn at_least(least: u64) -> Self {
        Self(vec![(Operator::Gte, approximate(least))])
    }

    /// Whether a measure is within all bounds.
    pub fn hold(&self, measure: f64) -> bool {
        self.0.iter().all(|(operator, bound)| match operator {
            Operator::Lt => measure < *bound,
            Operator::Lte => measure <= *bound,
            Operator::Gt => measure > *bound,
            Operator::Gte => measure >= *bound,
            Operator::Eq => measure.total_cmp(bound).is_eq(),
            Operator::Neq => measure.total_cmp(bound).is_ne(),
        })
    }

    /// The least whole number within them, if any greater one is within them, too.
    pub fn least(&self) -> Option<u64> {
        let mut least = 0;
        for (operator, bound) in &self.0 {
            let above = match operator {
                Operator::Gte => bound.ceil(),
                Operator::Gt => bound.floor() + 1.0,
                Operator::Lt | Operator::Lte | Operator::Eq | Operator::Neq => return None,
            };
            least = least.max(whole(above));
        }
        Some(least)
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "bounds of rules are small"
)]
fn approximate(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what is less than nothing is nothing"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

impl Correlation {
    pub(crate) fn parse(meta: Meta, document: &Node, node: &Node) -> Result<Self, Fault> {
        node.map("correlation")?;
        let kind = kind(node.need("type", KINDS)?)?;
        let rules = node.need("rules", "the rules to look at")?;
        let rules_count = rules.items().len();
        let relative = meta.extension.threshold_rel;
        let condition = match node.get("condition") {
            None if kind.is_temporal() => Condition::default(),
            None if relative.is_some() && kind == CorrelationKind::EventCount => Condition::default(),
            _ => Condition::parse(node.need("condition", "such as `gte: 10`")?, kind, relative.is_some())?,
        };
        let bounds = match (condition.bounds, relative) {
            (bounds, _) if !bounds.0.is_empty() => bounds,
            (_, Some(relative)) => Bounds::at_least(relative.floor),
            (_, None) => Bounds::at_least(u64::try_from(rules_count).unwrap_or(u64::MAX)),
        };
        let correlation = Self {
            meta,
            kind,
            rules: node.texts("rules")?,
            group_by: node.texts("group-by")?,
            timespan: timespan(node.need("timespan", "such as `10m`")?, "timespan")?,
            bounds,
            field: condition.field,
            percentile: condition.percentile,
            aliases: aliases(node)?,
            generate: generate(document)? || generate(node)?,
        };
        correlation.check(rules, rules_count)?;
        Ok(correlation)
    }

    fn check(&self, rules: &Node, rules_count: usize) -> Result<(), Fault> {
        let name = self.kind.name();
        let all = u64::try_from(rules_count).unwrap_or(u64::MAX);
        let counted = matches!(self.kind, CorrelationKind::EventCount | CorrelationKind::ValueCount);
        let (kind, message) = if rules_count == 0 {
            (
                ProblemKind::Missing,
                "`rules` is empty, expected at least one rule".to_owned(),
            )
        } else if self.kind.is_temporal() && rules_count < 2 {
            (
                ProblemKind::Value,
                format!("`{name}` looks at one rule, expected two or more"),
            )
        } else if self.kind.needs_field() && self.field.is_none() {
            (
                ProblemKind::Missing,
                format!("`condition.field` is missing, expected the field that `{name}` looks at"),
            )
        } else if self.kind == CorrelationKind::TemporalOrdered && self.bounds.least() != Some(all) {
            (
                ProblemKind::Unsupported,
                "a part of an order cannot be run, expected no condition".to_owned(),
            )
        } else if self.kind.is_temporal() && self.bounds.least().is_some_and(|least| least > all) {
            (
                ProblemKind::Value,
                format!(
                    "the condition asks for {} of {all} rules",
                    self.bounds.least().unwrap_or_default()
                ),
            )
        } else if self.meta.extension.threshold_rel.is_some() && !(counted && self.bounds.least().is_some()) {
            (
                ProblemKind::Value,
                "`threshold_rel` goes with event_count and value_count and a condition `gte`".to_owned(),
            )
        } else {
            return Ok(());
        };
        Err(Fault::new(rules.line, kind, message))
    }
}

fn kind(node: &Node) -> Result<CorrelationKind, Fault> {
    let text = node.text("type")?;
    let known = CorrelationKind::ALL.into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| {
        let message = format!("the correlation is of type `{text}`, expected {KINDS}");
        Fault::new(node.line, ProblemKind::Value, message)
    })
}

/// `number` and one of `s`, `m`, `h`, `d`.
pub(crate) fn timespan(node: &Node, what: &str) -> Result<Duration, Fault> {
    let text = node.text(what)?;
    let seconds = ["s", "m", "h", "d"]
        .into_iter()
        .zip([1_u64, 60, 3_600, 86_400])
        .find_map(|(unit, seconds)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds));
    match seconds.map(Duration::from_secs) {
        Some(timespan) if !timespan.is_zero() && timespan <= TIMESPAN_MAX => Ok(timespan),
        Some(_) => {
            let message = format!("the {what} `{text}` is out of range, expected 1s to 30d");
            Err(Fault::new(node.line, ProblemKind::Limit, message))
        }
        None => {
            let message = format!("the {what} is `{text}`, expected a number and s, m, h or d, such as `10m`");
            Err(Fault::new(node.line, ProblemKind::Value, message))
        }
    }
}

/// What stands under `condition`.
#[derive(Default)]
struct Condition {
    bounds: Bounds,
    field: Option<String>,
    percentile: Option<f64>,
}

impl Condition {
    /// `bound_may_lack` if the bound is given elsewhere.
    fn parse(node: &Node, kind: CorrelationKind, bound_may_lack: bool) -> Result<Self, Fault> {
        let mut condition = Self::default();
        if let Yaml::Text(text) = &node.value {
            let message = format!("the condition `{text}` cannot be run, expected bounds such as `gte: 2`");
            return Err(Fault::new(node.line, ProblemKind::Unsupported, message));
        }
        for entry in node.map("condition")? {
            let operator = match entry.key.as_str() {
                "field" => {
                    condition.field = Some(one_field(&entry.value)?);
                    continue;
                }
                "percentile" if kind == CorrelationKind::ValuePercentile => {
                    condition.percentile = Some(percentile(&entry.value)?);
                    continue;
                }
                "gte" => Operator::Gte,
                "gt" => Operator::Gt,
                "lt" => Operator::Lt,
                "lte" => Operator::Lte,
                "eq" => Operator::Eq,
                "neq" => Operator::Neq,
                other => {
                    let message = format!("the condition has `{other}`, expected field, gte, gt, lte, lt, eq or neq");
                    return Err(Fault::new(entry.line, ProblemKind::Value, message));
                }
            };
            condition.bounds.0.push((operator, bound(entry, kind)?));
        }
        if kind == CorrelationKind::ValuePercentile {
            condition.percentile = condition.percentile.or(Some(PERCENTILE));
        }
        condition.check(node, kind, bound_may_lack)?;
        Ok(condition)
    }

    fn check(&self, node: &Node, kind: CorrelationKind, bound_may_lack: bool) -> Result<(), Fault> {
        let fault = |kind, message: &str| Err(Fault::new(node.line, kind, message));
        if self.bounds.0.is_empty() {
            if bound_may_lack {
                return Ok(());
            }
            return fault(
                ProblemKind::Missing,
                "the condition lacks a bound, expected `gte` or another comparison",
            );
        }
        // No event is without a window, and no window without an event.
        if !kind.is_average() && self.bounds.least() == Some(0) {
            return fault(
                ProblemKind::Value,
                "the condition always holds, expected `gte: 1` or more",
            );
        }
        Ok(())
    }
}

fn one_field(node: &Node) -> Result<String, Fault> {
    let [one] = node.items() else {
        let message = "`condition.field` is a list of fields, expected one";
        return Err(Fault::new(node.line, ProblemKind::Unsupported, message));
    };
    one.text("field")
}

fn percentile(node: &Node) -> Result<f64, Fault> {
    let value = match node.value {
        Yaml::Int(number) => f64::from(i32::try_from(number).unwrap_or(-1)),
        Yaml::Float(number) => number,
        _ => -1.0,
    };
    if (0.0..=100.0).contains(&value) {
        Ok(value)
    } else {
        Err(node.expected("percentile", "a number from 0 to 100"))
    }
}

fn bound(entry: &Entry, kind: CorrelationKind) -> Result<f64, Fault> {
    match entry.value.value {
        Yaml::Int(number) if number >= 0 => Ok(approximate(number.unsigned_abs())),
        Yaml::Int(number) if kind.is_average() => Ok(-approximate(number.unsigned_abs())),
        Yaml::Float(number) if kind.is_average() && number.is_finite() => Ok(number),
        _ if kind.is_average() => Err(entry.value.expected(&entry.key, "a number")),
        _ => Err(entry.value.expected(&entry.key, "a whole number from 0")),
    }
}

fn aliases(node: &Node) -> Result<Aliases, Fault> {
    let Some(aliases) = node.get("aliases") else {
        return Ok(Vec::new());
    };
    aliases
        .map("aliases")?
        .iter()
        .map(|alias| {
            let fields = alias.value.map("aliases")?.iter();
            let fields = fields.map(|field| Ok((field.key.clone(), field.value.text("aliases")?)));
            Ok((alias.key.clone(), fields.collect::<Result<_, Fault>>()?))
        })
        .collect()
}

fn generate(node: &Node) -> Result<bool, Fault> {
    match node.get("generate").map(|value| (&value.value, value)) {
        None => Ok(false),
        Some((Yaml::Bool(generate), _)) => Ok(*generate),
        Some((_, value)) => Err(value.expected("generate", "true or false")),
    }
}
