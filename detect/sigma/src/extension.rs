//! What Sigma has no word for: the keys under `x-sekisho`, which other tools pass over.

use std::time::Duration;

use crate::correlation::timespan;
use crate::detection::{Search, search};
use crate::meta::{Level, level, probability};
use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Entry, Node, Yaml};

/// The most `escalate` entries of a rule.
const ESCALATIONS_MAX: usize = 8;
/// The longest memory of `first_seen`, in days.
const FIRST_SEEN_DAYS_MAX: i64 = 366;
/// What `first_seen` remembers if it does not say, in days.
const FIRST_SEEN_DAYS: u16 = 90;
/// How many earlier events `first_seen` asks for if it does not say.
const FIRST_SEEN_EVENTS: u32 = 10;
/// The most earlier events that `first_seen` may ask for.
const FIRST_SEEN_EVENTS_MAX: i64 = 1_000;

/// Keys for the meaning of a rule, beyond those that only describe it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extension {
    /// A threshold that grows with the firm.
    pub threshold_rel: Option<ThresholdRel>,
    /// What must not follow.
    pub absent: Option<Absent>,
    /// Only values that were not seen before.
    pub first_seen: Option<FirstSeen>,
    /// What makes a detection weigh more.
    pub escalate: Vec<Escalation>,
    /// How late events of the rule may come, where that is waited for.
    pub lateness: Option<Duration>,
}

/// A threshold that grows with the firm: the share of the active people, but no less than the floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdRel {
    /// Of all active people, 0 to 1.
    pub share: f64,
    /// The least.
    pub floor: u64,
}

/// What must not follow an event, in the same group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The id or name of the rule whose match must not follow.
    pub rule: String,
    /// Within which time.
    pub within: Duration,
}

/// Only events with a value that none of the group had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstSeen {
    /// The fields whose values, together, must be new.
    pub fields: Vec<String>,
    /// The fields that part the groups.
    pub by: Vec<String>,
    /// For how many days a value is remembered.
    pub days: u16,
    /// How many earlier events a group needs before anything of it is new.
    pub min_events: u32,
}

/// What makes a detection weigh more.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    /// How an event must look.
    pub when: Search,
    /// The level it has then, at least.
    pub level: Option<Level>,
    /// The probability it has then, at least.
    pub probability: Option<f64>,
    /// The line it stands at.
    pub line: u32,
}

/// What a document is, as far as keys are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Rule,
    Correlation,
    Other,
}

impl Extension {
    /// Takes in an entry of `x-sekisho`; whether it is one of these.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<bool, Fault> {
        let value = &entry.value;
        match entry.key.as_str() {
            "threshold_rel" => self.threshold_rel = Some(ThresholdRel::parse(value)?),
            "absent" => self.absent = Some(Absent::parse(value)?),
            "first_seen" => self.first_seen = Some(FirstSeen::parse(value)?),
            "lateness" => self.lateness = Some(timespan(value, "lateness")?),
            "escalate" => {
                let entries = value.items();
                if entries.len() > ESCALATIONS_MAX {
                    let message = format!(
                        "`escalate` has {} entries, expected at most {ESCALATIONS_MAX}",
                        entries.len()
                    );
                    return Err(Fault::new(value.line, ProblemKind::Limit, message));
                }
                self.escalate = entries.iter().map(Escalation::parse).collect::<Result<_, _>>()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses keys that mean nothing in a document of that kind.
    pub(crate) fn check(&self, place: Place, line: u32) -> Result<(), Fault> {
        let given = [
            ("threshold_rel", self.threshold_rel.is_some(), &[Place::Correlation][..]),
            ("absent", self.absent.is_some(), &[Place::Correlation]),
            ("first_seen", self.first_seen.is_some(), &[Place::Rule]),
            ("lateness", self.lateness.is_some(), &[Place::Correlation]),
            (
                "escalate",
                !self.escalate.is_empty(),
                &[Place::Rule, Place::Correlation],
            ),
        ];
        match given
            .iter()
            .find(|(_, given, places)| *given && !places.contains(&place))
        {
            None => Ok(()),
            Some((key, _, places)) => {
                let expected = match places {
                    [Place::Rule] => "a rule about single events",
                    [Place::Correlation] => "a correlation",
                    _ => "a rule or a correlation",
                };
                let message = format!("`x-sekisho.{key}` means nothing here, expected it in {expected}");
                Err(Fault::new(line, ProblemKind::Value, message))
            }
        }
    }
}

impl ThresholdRel {
    fn parse(node: &Node) -> Result<Self, Fault> {
        only(node, "threshold_rel", &["share", "floor"])?;
        Ok(Self {
            share: probability(node.need("share", "a share of the people, such as 0.04")?, "share")?,
            floor: node
                .need("floor", "the least threshold")?
                .whole("floor", 1, i64::MAX)?
                .unsigned_abs(),
        })
    }

    /// The threshold where that many people are active.
    pub fn threshold(&self, people: Option<u64>) -> u64 {
        let relative = people.map_or(0, |people| self.of(people));
        self.floor.max(relative)
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of people, which is small and not negative"
    )]
    fn of(self, people: u64) -> u64 {
        // A share such as 0.07 of 100 people is a hair over 7 in binary: that is no eighth person.
        (self.share * people as f64 - 1e-9).ceil().max(0.0) as u64
    }
}

impl Absent {
    fn parse(node: &Node) -> Result<Self, Fault> {
        only(node, "absent", &["rule", "within"])?;
        Ok(Self {
            rule: node.need("rule", "the rule that must not follow")?.text("rule")?,
            within: timespan(node.need("within", "such as `10m`")?, "within")?,
        })
    }
}

impl FirstSeen {
    fn parse(node: &Node) -> Result<Self, Fault> {
        only(node, "first_seen", &["fields", "by", "days", "min_events"])?;
        let fields = node.texts("fields")?;
        if fields.is_empty() {
            let message = "`first_seen.fields` is missing, expected the fields whose values must be new";
            return Err(Fault::new(node.line, ProblemKind::Missing, message));
        }
        let days = node.get("days").map(|days| days.whole("days", 2, FIRST_SEEN_DAYS_MAX));
        let events = node
            .get("min_events")
            .map(|events| events.whole("min_events", 0, FIRST_SEEN_EVENTS_MAX));
        Ok(Self {
            fields,
            by: node.texts("by")?,
            days: days
                .transpose()?
                .map_or(FIRST_SEEN_DAYS, |days| u16::try_from(days).unwrap_or(u16::MAX)),
            min_events: events
                .transpose()?
                .map_or(FIRST_SEEN_EVENTS, |events| u32::try_from(events).unwrap_or(u32::MAX)),
        })
    }
}

impl Escalation {
    fn parse(node: &Node) -> Result<Self, Fault> {
        only(node, "escalate", &["when", "level", "probability"])?;
        let escalation = Self {
            when: search(node.need("when", "how an event must look, as in a search")?)?,
            level: node.get("level").map(level).transpose()?,
            probability: node
                .get("probability")
                .map(|value| probability(value, "probability"))
                .transpose()?,
            line: node.line,
        };
        if escalation.level.is_none() && escalation.probability.is_none() {
            let message = "`escalate` raises nothing, expected `level` or `probability`";
            return Err(Fault::new(node.line, ProblemKind::Missing, message));
        }
        Ok(escalation)
    }
}

/// Refuses keys that do not exist.
fn only(node: &Node, what: &str, keys: &[&str]) -> Result<(), Fault> {
    match node.map(what)?.iter().find(|entry| !keys.contains(&entry.key.as_str())) {
        None => Ok(()),
        Some(entry) => {
            let message = format!("`{what}` has `{}`, expected {}", entry.key, keys.join(", "));
            Err(Fault::new(entry.line, ProblemKind::UnknownKey, message))
        }
    }
}

impl Node {
    /// A whole number from `least` to `most`.
    fn whole(&self, what: &str, least: i64, most: i64) -> Result<i64, Fault> {
        match self.value {
            Yaml::Int(number) if (least..=most).contains(&number) => Ok(number),
            Yaml::Int(number) => {
                let expected = if most == i64::MAX {
                    format!("{least} or more")
                } else {
                    format!("{least} to {most}")
                };
                let message = format!("`{what}` is {number}, expected {expected}");
                Err(Fault::new(self.line, ProblemKind::Value, message))
            }
            _ => Err(self.expected(what, "a whole number")),
        }
    }
}
