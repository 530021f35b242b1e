//! How weak signals add up.
//!
//! Each family of signals counts once, by its strongest signal: two rules that see the same thing
//! prove no more than one. A signal fades, by half each half-life of its family, until the last event
//! of the incident. Families are taken as independent, so the risk is that not all of them err
//! (noisy-OR).

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_model::{Severity, Time};
use serde::{Deserialize, Serialize};

/// How long a sign-in, an attack or a second factor stays telling.
const HALF_LIFE: Duration = Duration::from_hours(24);
/// How long a new right or a changed mailbox stays telling: attackers come back for it.
const HALF_LIFE_STANDING: Duration = Duration::from_hours(7 * 24);
/// How long the use of an account that should be dead stays telling.
const HALF_LIFE_LIFECYCLE: Duration = Duration::from_hours(30 * 24);

/// The families of signals, and how long a signal of each stays telling. Closed, as a misspelt family
/// would count beside the one that was meant; `other` is what a rule is of that names none.
const FAMILIES: [(&str, Duration); 13] = [
    ("attack", HALF_LIFE),
    ("data", HALF_LIFE),
    ("lifecycle", HALF_LIFE_LIFECYCLE),
    ("mailbox", HALF_LIFE_STANDING),
    ("mfa", HALF_LIFE),
    ("network", HALF_LIFE),
    ("novelty", HALF_LIFE),
    ("other", HALF_LIFE),
    ("platform", HALF_LIFE),
    ("privilege", HALF_LIFE_STANDING),
    ("session", HALF_LIFE),
    ("travel", HALF_LIFE),
    ("web", HALF_LIFE),
];

/// How much more the account of an administrator or an executive is worth to an attacker.
const CRITICALITY_PRIVILEGED: f64 = 1.15;

/// Risk from which an incident is critical.
const CRITICAL_FROM: f64 = 85.0;
/// Risk from which it is high.
const HIGH_FROM: f64 = 60.0;
/// Risk from which it is medium.
const MEDIUM_FROM: f64 = 35.0;

/// A signal: how likely it is real, and when it was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Signal {
    probability: f64,
    time: Time,
}

impl Signal {
    /// What is left of it at a time.
    fn at(self, time: Time, half_life: Duration) -> f64 {
        let age = if self.time < time {
            self.time.distance(time)
        } else {
            Duration::ZERO
        };
        self.probability * (-age.as_secs_f64() / half_life.as_secs_f64()).exp2()
    }
}

/// The strongest signal of each family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Signals(BTreeMap<String, Signal>);

impl Signals {
    /// Takes in a signal.
    pub(super) fn add(&mut self, family: &str, probability: f64, time: Time) {
        let probability = if probability.is_finite() {
            probability.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.keep(family, Signal { probability, time });
    }

    /// Takes in the signals of another incident.
    pub(super) fn merge(&mut self, other: Self) {
        for (family, signal) in other.0 {
            self.keep(&family, signal);
        }
    }

    fn keep(&mut self, family: &str, signal: Signal) {
        let half_life = half_life(family);
        match self.0.get_mut(family) {
            None => {
                self.0.insert(family.to_owned(), signal);
            }
            // Compared at the later of the two, where neither is from the future; which of them is
            // stronger is the same at any time after.
            Some(known) => {
                let time = known.time.max(signal.time);
                if known.at(time, half_life) < signal.at(time, half_life) {
                    *known = signal;
                }
            }
        }
    }

    /// The families, sorted.
    pub(super) fn families(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// The risk at a time, 0 to 100, to a hundredth.
    pub(super) fn risk(&self, time: Time, is_privileged: bool) -> f64 {
        let err: f64 = self
            .0
            .iter()
            .map(|(family, signal)| 1.0 - signal.at(time, half_life(family)))
            .product();
        let criticality = if is_privileged { CRITICALITY_PRIVILEGED } else { 1.0 };
        let risk = ((1.0 - err) * criticality).min(1.0);
        (risk * 10_000.0).round() / 100.0
    }
}

/// What a risk amounts to.
pub(super) fn band(risk: f64) -> Severity {
    if CRITICAL_FROM <= risk {
        Severity::Critical
    } else if HIGH_FROM <= risk {
        Severity::High
    } else if MEDIUM_FROM <= risk {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// The names of the families, sorted.
pub(crate) fn families() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|(name, _)| *name)
}

fn half_life(family: &str) -> Duration {
    let known = FAMILIES.iter().find(|(name, _)| *name == family);
    known.map_or(HALF_LIFE, |(_, half_life)| *half_life)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;

    fn risk(signals: &[(&str, f64, i64)], at: i64) -> f64 {
        let mut found = Signals::default();
        for (family, probability, day) in signals {
            found.add(family, *probability, Time::from_secs(day * DAY));
        }
        found.risk(Time::from_secs(at * DAY), false)
    }

    #[test]
    fn families_add_up_and_signals_of_one_family_do_not() {
        for (signals, at, expected) in [
            (vec![], 0, 0.0),
            (
                vec![("novelty", 0.4, 0), ("mailbox", 0.6, 0), ("time", 0.08, 0)],
                0,
                77.92,
            ),
            (
                vec![("novelty", 0.4, 0), ("novelty", 0.3, 0), ("novelty", 0.4, 0)],
                0,
                40.0,
            ),
            (vec![("novelty", 0.4, 0)], 1, 20.0),
            (vec![("mailbox", 0.6, 0)], 7, 30.0),
            (vec![("lifecycle", 0.9, 0)], 30, 45.0),
            (vec![("novelty", 0.8, 0), ("novelty", 0.3, 1)], 1, 40.0),
            (vec![("novelty", 0.8, 0), ("novelty", 0.3, 2)], 2, 30.0),
            (vec![("novelty", f64::NAN, 0), ("mfa", 7.0, 0)], 0, 100.0),
        ] {
            assert!(
                (risk(&signals, at) - expected).abs() < 0.01,
                "{signals:?}: {}",
                risk(&signals, at)
            );
        }
    }

    #[test]
    fn bands_begin_where_they_are_said_to() {
        for (risk, expected) in [
            (0.0, Severity::Low),
            (34.99, Severity::Low),
            (35.0, Severity::Medium),
            (59.99, Severity::Medium),
            (60.0, Severity::High),
            (84.99, Severity::High),
            (85.0, Severity::Critical),
        ] {
            assert_eq!(band(risk), expected, "{risk}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_signals_makes_no_difference(
            signals in prop::collection::vec((0_usize..3, 0.0..1.0, 0_i64..20), 0..12),
        ) {
            let mut signals: Vec<(&str, f64, i64)> = signals
                .into_iter()
                .map(|(family, probability, day)| (["novelty", "mailbox", "lifecycle"][family], probability, day))
                .collect();
            let forward = risk(&signals, 20).to_bits();
            signals.reverse();
            prop_assert_eq!(forward, risk(&signals, 20).to_bits());
        }
    }
}
