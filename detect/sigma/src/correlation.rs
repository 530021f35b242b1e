//! Rules about several events: how many, how many different, in which order.

use std::time::Duration;

use crate::meta::Meta;
use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Node, Yaml};

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
    /// How many there must be, at least.
    pub threshold: u64,
    /// The field whose values are counted or added up.
    pub field: Option<String>,
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
    /// An event of each rule.
    Temporal,
    /// An event of each rule, in the order of the rules.
    TemporalOrdered,
}

impl CorrelationKind {
    /// Its name in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::ValueSum => "value_sum",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }
}

impl Correlation {
    pub(crate) fn parse(meta: Meta, document: &Node, node: &Node) -> Result<Self, Fault> {
        node.map("correlation")?;
        let kind = kind(node.need(
            "type",
            "event_count, value_count, value_sum, temporal or temporal_ordered",
        )?)?;
        let rules = node.need("rules", "the rules to look at")?;
        let counts = matches!(kind, CorrelationKind::ValueCount | CorrelationKind::ValueSum);
        let (threshold, field) = match (node.get("condition"), kind) {
            (None, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered) => (None, None),
            (_, _) => threshold(node.need("condition", "such as `gte: 10`")?)?,
        };
        let rules_count = rules.items().len();
        let correlation = Self {
            meta,
            kind,
            rules: node.texts("rules")?,
            group_by: node.texts("group-by")?,
            timespan: timespan(node.need("timespan", "such as `10m`")?)?,
            threshold: threshold.unwrap_or(u64::try_from(rules_count).unwrap_or(u64::MAX)),
            field,
            aliases: aliases(node)?,
            generate: generate(document)? || generate(node)?,
        };
        correlation.check(rules, rules_count, counts)?;
        Ok(correlation)
    }

    fn check(&self, rules: &Node, rules_count: usize, counts: bool) -> Result<(), Fault> {
        let name = self.kind.name();
        let temporal = matches!(self.kind, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered);
        let all = u64::try_from(rules_count).unwrap_or(u64::MAX);
        let (kind, message) = if rules_count == 0 {
            (
                ProblemKind::Missing,
                "`rules` is empty, expected at least one rule".to_owned(),
            )
        } else if temporal && rules_count < 2 {
            (
                ProblemKind::Value,
                format!("`{name}` looks at one rule, expected two or more"),
            )
        } else if counts && self.field.is_none() {
            (
                ProblemKind::Missing,
                format!("`condition.field` is missing, expected the field that `{name}` looks at"),
            )
        } else if self.kind == CorrelationKind::TemporalOrdered && self.threshold != all {
            (
                ProblemKind::Unsupported,
                "a part of an order cannot be run, expected no condition".to_owned(),
            )
        } else if temporal && self.threshold > all {
            (
                ProblemKind::Value,
                format!("the condition asks for {} of {all} rules", self.threshold),
            )
        } else {
            return Ok(());
        };
        Err(Fault::new(rules.line, kind, message))
    }
}

fn kind(node: &Node) -> Result<CorrelationKind, Fault> {
    let text = node.text("type")?;
    Ok(match text.as_str() {
        "event_count" => CorrelationKind::EventCount,
        "value_count" => CorrelationKind::ValueCount,
        "value_sum" => CorrelationKind::ValueSum,
        "temporal" => CorrelationKind::Temporal,
        "temporal_ordered" => CorrelationKind::TemporalOrdered,
        "value_avg" | "value_percentile" => {
            let message = format!("a correlation of type `{text}` cannot be run");
            return Err(Fault::new(node.line, ProblemKind::Unsupported, message));
        }
        _ => {
            let message = format!(
                "the correlation is of type `{text}`, expected event_count, value_count, value_sum, temporal or \
                 temporal_ordered"
            );
            return Err(Fault::new(node.line, ProblemKind::Value, message));
        }
    })
}

/// `number` and one of `s`, `m`, `h`, `d`.
fn timespan(node: &Node) -> Result<Duration, Fault> {
    let text = node.text("timespan")?;
    let seconds = ["s", "m", "h", "d"]
        .into_iter()
        .zip([1_u64, 60, 3_600, 86_400])
        .find_map(|(unit, seconds)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds));
    match seconds.map(Duration::from_secs) {
        Some(timespan) if !timespan.is_zero() && timespan <= TIMESPAN_MAX => Ok(timespan),
        Some(_) => {
            let message = format!("the timespan `{text}` is out of range, expected 1s to 30d");
            Err(Fault::new(node.line, ProblemKind::Limit, message))
        }
        None => {
            let message = format!("the timespan is `{text}`, expected a number and s, m, h or d, such as `10m`");
            Err(Fault::new(node.line, ProblemKind::Value, message))
        }
    }
}

/// The lower bound and the field of a condition.
fn threshold(node: &Node) -> Result<(Option<u64>, Option<String>), Fault> {
    let mut least = None;
    let mut field = None;
    for entry in node.map("condition")? {
        let number = || match entry.value.value {
            Yaml::Int(number) if number >= 0 => Ok(number.unsigned_abs()),
            _ => Err(entry.value.expected(&entry.key, "a whole number from 0")),
        };
        match entry.key.as_str() {
            "field" => {
                let [one] = entry.value.items() else {
                    let message = "`condition.field` is a list of fields, expected one";
                    return Err(Fault::new(entry.line, ProblemKind::Unsupported, message));
                };
                field = Some(one.text("field")?);
            }
            "gte" => least = Some(number()?),
            "gt" => least = Some(number()?.saturating_add(1)),
            "lt" | "lte" | "eq" | "neq" => {
                let message = format!("the condition `{}` cannot be run, expected `gte` or `gt`", entry.key);
                return Err(Fault::new(entry.line, ProblemKind::Unsupported, message));
            }
            other => {
                let message = format!("the condition has `{other}`, expected field, gte or gt");
                return Err(Fault::new(entry.line, ProblemKind::Value, message));
            }
        }
    }
    match least {
        Some(1..) => Ok((least, field)),
        Some(0) => Err(Fault::new(
            node.line,
            ProblemKind::Value,
            "the condition always holds, expected `gte: 1` or more",
        )),
        None => Err(Fault::new(
            node.line,
            ProblemKind::Missing,
            "the condition lacks a bound, expected `gte` or `gt`",
        )),
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
