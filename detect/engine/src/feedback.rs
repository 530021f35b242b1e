//! What people answered, and what follows from it: exceptions that end, and how far a rule is believed.
//!
//! # Invariants
//! * An exception is about one rule, one entity and what was odd then: the same person from another
//!   country is told again.
//! * It ends by itself.
//! * Each event is taken away or left by itself, so that what is left does not depend on how rows came
//!   together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sekisho_model::{Alert, Detection, Entity, Evidence, Time, Weight, ids};
use serde::{Deserialize, Serialize};

/// How many answers the probability of a rule is worth: with as many of one kind, it is half of what
/// the rule says and half of what people said.
pub const PRIOR_ANSWERS: f64 = 20.0;

/// The most different values of a field that are what was odd. A field with more, such as the files of a
/// mass download, is no mark by which to know the same thing again.
const VALUES_MAX: usize = 4;

/// What people answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// What is not to be told.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// What was answered of each rule.
    #[serde(default)]
    pub answers: BTreeMap<Arc<str>, Answers>,
}

/// How often alerts of a rule were right and wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// How many were real.
    pub confirmed: u32,
    /// How many were harmless.
    pub benign: u32,
}

/// What is not to be told until it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// Whose records.
    pub tenant: Arc<str>,
    /// The rule.
    pub rule_id: Arc<str>,
    /// Of whom.
    pub entity: Entity,
    /// What was odd: field and values.
    pub odd: BTreeMap<String, BTreeSet<String>>,
    /// Events that happen later are told again.
    pub until: Time,
}

impl Answers {
    /// What a probability becomes: Beta(a + confirmed, b + benign), beginning with the probability and the
    /// weight of [`PRIOR_ANSWERS`].
    pub fn adjust(self, probability: f64) -> f64 {
        let (confirmed, benign) = (f64::from(self.confirmed), f64::from(self.benign));
        (probability * PRIOR_ANSWERS + confirmed) / (PRIOR_ANSWERS + confirmed + benign)
    }
}

impl Exception {
    /// That an alert was harmless.
    pub fn of(alert: &Alert, evidence: &[Evidence], until: Time) -> Self {
        let place = [("src_country", Field::Country), ("src_as_org", Field::Network)];
        let mut odd = marks(evidence, &place);
        // Without a geo database the address is all that tells a place.
        if odd.values().flatten().all(String::is_empty) {
            odd = marks(evidence, &[("src_ip", Field::Address)]);
        }
        odd.extend(marks(
            evidence,
            &[("target", Field::Target), ("resource", Field::Resource)],
        ));
        Self {
            tenant: Arc::clone(&alert.tenant),
            rule_id: Arc::clone(&alert.rule.id),
            entity: alert.entity.clone(),
            odd,
            until,
        }
    }

    fn is_about(&self, detection: &Detection) -> bool {
        self.rule_id == detection.rule.id && self.entity == detection.entity && self.tenant == detection.tenant
    }

    fn covers(&self, evidence: &Evidence) -> bool {
        let known = |(name, values): (&String, &BTreeSet<String>)| {
            Field::named(name).is_some_and(|field| values.contains(field.of(evidence)))
        };
        ids::believed_time(evidence.time, evidence.observed) <= self.until && self.odd.iter().all(known)
    }
}

/// A field by which the same thing is known again.
#[derive(Clone, Copy)]
enum Field {
    Country,
    Network,
    Address,
    Target,
    Resource,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "src_country" => Self::Country,
            "src_as_org" => Self::Network,
            "src_ip" => Self::Address,
            "target" => Self::Target,
            "resource" => Self::Resource,
            _ => return None,
        })
    }

    /// Its value, empty where there is none: that something is not known is a mark too.
    fn of(self, evidence: &Evidence) -> &str {
        let value = match self {
            Self::Country => &evidence.src_country,
            Self::Network => &evidence.src_as_org,
            Self::Address => &evidence.src_ip,
            Self::Target => &evidence.target,
            Self::Resource => &evidence.resource,
        };
        value.as_deref().unwrap_or_default()
    }
}

fn marks(evidence: &[Evidence], fields: &[(&str, Field)]) -> BTreeMap<String, BTreeSet<String>> {
    let values =
        |field: Field| -> BTreeSet<String> { evidence.iter().map(|event| field.of(event).to_owned()).collect() };
    fields
        .iter()
        .map(|(name, field)| ((*name).to_owned(), values(*field)))
        .filter(|(_, values)| values.len() <= VALUES_MAX)
        .collect()
}

impl Feedback {
    /// Takes away what is not to be told, and weighs the rest by what was answered.
    pub fn apply(&self, found: Vec<Detection>) -> Vec<Detection> {
        if self == &Self::default() {
            return found;
        }
        found
            .into_iter()
            .filter_map(|detection| self.judge(detection))
            .collect()
    }

    fn judge(&self, mut detection: Detection) -> Option<Detection> {
        let about: Vec<&Exception> = self
            .exceptions
            .iter()
            .filter(|exception| exception.is_about(&detection))
            .collect();
        if !about.is_empty() && !detection.evidence.is_empty() {
            detection
                .evidence
                .retain(|event| !about.iter().any(|exception| exception.covers(event)));
            if detection.evidence.is_empty() {
                return None;
            }
        }
        if let Some(answers) = self.answers.get(&detection.rule.id) {
            detection.weight = Weight {
                probability: answers.adjust(detection.weight.probability),
                ..detection.weight
            };
        }
        Some(detection)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sekisho_model::{EntityKind, Facts, Severity};

    use super::*;
    use crate::Casebook;
    use crate::testing::rig::rule;

    const NOW: Time = Time::from_secs(1_790_035_200);

    fn event(uid: &str, country: &str, resource: Option<&str>) -> Evidence {
        Evidence {
            event_uid: uid.to_owned(),
            time: NOW,
            observed: NOW,
            src_country: Some(country.to_owned()),
            src_as_org: Some("Example Telecom".to_owned()),
            resource: resource.map(str::to_owned),
            ..Evidence::default()
        }
    }

    fn detection(rule_id: &str, who: &str, evidence: Vec<Evidence>) -> Detection {
        let rule = rule(rule_id, "travel", Severity::High, 0.4);
        Detection {
            weight: Weight::of(&rule),
            rule,
            tenant: "default".into(),
            entity: Entity {
                kind: EntityKind::Person,
                name: who.into(),
            },
            evidence,
            facts: Facts::new(),
            gap: Duration::from_hours(1),
        }
    }

    /// Somebody said that an alert of these events was harmless, for a month.
    fn benign(evidence: Vec<Evidence>) -> Feedback {
        let mut findings = Casebook::default().add(vec![detection("SK-202", "hana", evidence)]);
        let update = findings.alerts.remove(0);
        Feedback {
            exceptions: vec![Exception::of(
                &update.alert,
                &update.evidence,
                NOW.plus(Duration::from_hours(720)),
            )],
            answers: BTreeMap::new(),
        }
    }

    fn left(feedback: &Feedback, detection: Detection) -> Vec<String> {
        let found = feedback.apply(vec![detection]);
        found
            .into_iter()
            .flat_map(|found| found.evidence)
            .map(|event| event.event_uid)
            .collect()
    }

    #[test]
    fn the_same_thing_is_not_told_again_and_anything_else_is() {
        let feedback = benign(vec![event("a", "JP", None), event("b", "NL", None)]);

        assert_eq!(
            left(&feedback, detection("SK-202", "hana", vec![event("c", "NL", None)])),
            [""; 0]
        );
        for (found, expected) in [
            (detection("SK-202", "hana", vec![event("c", "US", None)]), "c"),
            (
                detection("SK-202", "hana", vec![event("c", "NL", None), event("d", "US", None)]),
                "d",
            ),
            (detection("SK-202", "taro", vec![event("c", "NL", None)]), "c"),
            (detection("SK-301", "hana", vec![event("c", "NL", None)]), "c"),
        ] {
            assert_eq!(left(&feedback, found), [expected]);
        }
    }

    #[test]
    fn an_exception_ends_by_itself() {
        let feedback = benign(vec![event("a", "NL", None)]);
        let at = |days: u64| {
            let mut later = event("b", "NL", None);
            later.time = NOW.plus(Duration::from_hours(24 * days));
            later.observed = later.time;
            left(&feedback, detection("SK-202", "hana", vec![later]))
        };
        assert_eq!(at(30), [""; 0]);
        assert_eq!(at(31), ["b"]);
    }

    #[test]
    fn what_was_done_is_part_of_what_was_odd_unless_it_was_many_things() {
        let one = benign(vec![event("a", "JP", Some("Global Administrator"))]);
        let other = detection("SK-202", "hana", vec![event("b", "JP", Some("Exchange Administrator"))]);
        assert_eq!(left(&one, other), ["b"]);

        let files: Vec<Evidence> = (0..9)
            .map(|index| event(&format!("a{index}"), "JP", Some(&format!("{index}.dwg"))))
            .collect();
        let many = benign(files);
        let next = detection("SK-202", "hana", vec![event("b", "JP", Some("77.dwg"))]);
        assert_eq!(left(&many, next), [""; 0]);
    }

    #[test]
    fn answers_move_a_probability_and_never_to_an_end() {
        let adjust = |confirmed, benign| Answers { confirmed, benign }.adjust(0.4);
        for (found, expected) in [
            (adjust(0, 0), 0.4),
            (adjust(20, 0), 0.7),
            (adjust(0, 20), 0.2),
            (adjust(0, 1), 8.0 / 21.0),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found}");
        }
        assert!(0.0 < adjust(0, u32::MAX) && adjust(u32::MAX, 0) < 1.0);
    }
}
