//! What is simulated.

use std::ops::RangeInclusive;

/// Seeds on which detectors may be tuned.
pub const TUNING_SEEDS: RangeInclusive<u64> = 1..=99;
/// Seeds on which results are reported. Nobody tunes on them.
pub const REPORT_SEEDS: RangeInclusive<u64> = 401..=499;
/// How long everybody is watched in peace before the first attack, and before anything counts.
pub const LEARNING_DAYS: i64 = 30;

/// The share of fixed lines that a geo database places in another country.
const WRONG_COUNTRY: f64 = 0.003;
/// The same, ten times worse: how much two databases differ in Japan.
pub const WRONG_COUNTRY_STRESS: f64 = 0.029;

/// What happens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Accounts are taken over, now and then.
    Takeovers,
    /// Thirty days of peace after learning, then every scripted attack several times.
    Scripted,
    /// Nobody attacks; the weather goes on.
    Peace,
    /// People with a second base abroad, and attackers in that country.
    TwoBases,
}

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// With what the numbers begin.
    pub seed: u64,
    /// What happens.
    pub scenario: Scenario,
    /// How many people the firm has.
    pub people: usize,
    /// For how many days.
    pub days: i64,
    /// How many takeovers there are, or how many attacks of each scripted class.
    pub attacks: usize,
    /// The share of fixed lines that the geo database places in another country.
    pub wrong_country: f64,
}

impl Settings {
    /// The usual run of a scenario.
    pub fn usual(scenario: Scenario, people: usize, seed: u64) -> Self {
        let (days, attacks) = match scenario {
            // Forty in a firm of a hundred is far more than happens, so that there is something to count.
            Scenario::Takeovers => (120, (people * 2 / 5).max(10)),
            Scenario::Scripted => (90, 4),
            Scenario::Peace => (120, 0),
            Scenario::TwoBases => (120, 30),
        };
        Self {
            seed,
            scenario,
            people,
            days,
            attacks,
            wrong_country: WRONG_COUNTRY,
        }
    }

    /// From which day on attacks happen.
    pub fn first_attack_day(&self) -> i64 {
        match self.scenario {
            Scenario::Scripted => LEARNING_DAYS + 30,
            _ => LEARNING_DAYS,
        }
    }
}
