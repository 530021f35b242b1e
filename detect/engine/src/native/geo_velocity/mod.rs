//! Sign-ins so far apart that nobody can have travelled between them.
//!
//! Two successful sign-ins of a person, in two countries, *collide* if the least time that the journey
//! takes is longer than the time between them. Each is judged against all others within
//! 21.6 hours on both sides in event time, for half the Earth takes no longer; so a record that comes
//! late is judged against what happened before and after it, and moves nobody.
//!
//! What is weighed, because a place from a geo database is a guess:
//! * An address behind a company or provider exit, a VPN, Tor, a relay, in a data centre or in the air
//!   stands for no place. A mobile gateway stands for a country at best, and while roaming not even
//!   for that. Neither collides with anything.
//! * Each end is as uncertain as its accuracy radius says, and at least by a floor; a place known by
//!   its country only is as uncertain as the country is wide. Both uncertainties are taken off the
//!   distance. Nothing is concluded within one country.
//! * Two sources have two clocks: their sign-ins are taken to be `skew_minutes` further apart, and by
//!   as much as one source was further ahead of us than the other on the fourteen days before.
//! * The IPv4 and the IPv6 address of one line may stand in two countries: two addresses of one
//!   autonomous system and of different families do not collide.
//! * One end is *odd*, and never an own office: the one that is less like the person, as the profile
//!   says, or the one whose country the person was in on fewer days if the profile does not know both;
//!   if that does not tell, either may be. The odd end must be of a person (not
//!   `is_interactive = false`); at the other end a sign-in without a person counts only with a named
//!   device.
//! * A collision is told with the weight of the rule if it was `ratio_min` times too fast and the odd
//!   end is not on a managed or compliant device: who travels with the company's laptop while a
//!   computer at home stays signed in is no attacker. Any other weighs less, and is worth something
//!   only in an incident with other findings.
//! * A pair of (country, network) that collided on `learned_days` earlier days is how this person
//!   works, and is not told.
//!
//! # Why late records change nothing
//! A collision is a property of two rows. The last two points depend on history, and would make a
//! finding depend on which rows had come; so "earlier" begins at the day before the later row's
//! [`LATENESS_MAX`](crate::detector::LATENESS_MAX), of which every row has come. The price is a day more of learning. For the same
//! reason sign-ins are not merged into visits, and no rule counts how often two addresses alternate.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `ratio_min` | 2 | how many times faster than possible it must be to be told alone |
//! | `distance_km_min` | 100 | the least distance after uncertainty |
//! | `skew_minutes` | 2 | how much two sources' clocks may differ |
//! | `learned_days` | 2 | on how many earlier days a pair must have collided to be usual |

mod clocks;
mod collision;
mod person;
mod place;
mod travel;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Detection, EventBatch, RuleInfo, Severity, Snapshot, Time, Weight};
use serde::Deserialize;
use serde_json::Value;

use self::clocks::{Clocks, Fast, SOURCES_MAX};
use self::person::Person;
pub(super) use self::place::{Journey, Line, Place};
use self::travel::JOURNEY_MAX;
use self::visit::Strength;
use super::people::People;
use super::{
    ParameterError, SETTLED_AFTER, Surroundings, is_service, local_day, parameters, part, person_entity, person_of,
};
use super::{succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "geo_velocity";

/// The form of the state in snapshots.
const FORM: u32 = 2;

/// Collisions no further apart than this are one episode. It is longer than any journey, so that both
/// ends of a collision are in one.
const GAP: Duration = Duration::from_hours(24);

/// How many times faster than possible a journey must be to be worth anything.
const RATIO_MIN: f64 = 1.0;

/// How likely a finding is real that is worth something only beside others, as a share of how likely
/// one is that is told alone.
const SUPPORTS_SHARE: f64 = 0.3;

/// For how many days back collisions and countries are remembered.
const HISTORY_DAYS: i64 = 90;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    ratio_min: f64,
    distance_km_min: f64,
    skew_minutes: u64,
    learned_days: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            ratio_min: 2.0,
            distance_km_min: 100.0,
            skew_minutes: 2,
            learned_days: 2,
        }
    }
}

/// The parameters, checked.
#[derive(Debug)]
struct Limits {
    ratio_min: f64,
    distance_km_min: f64,
    skew: Duration,
    learned_days: u32,
    zone: TimeZone,
}

impl Limits {
    fn day(&self, time: Time) -> i64 {
        local_day(&self.zone, time)
    }

    /// How much a journey says at most that was so many times too fast.
    fn strength(&self, ratio: f64) -> Strength {
        if ratio < self.ratio_min {
            return Strength::Supports;
        }
        Strength::Alone
    }
}

#[derive(Debug)]
struct GeoVelocity {
    rule: Arc<RuleInfo>,
    limits: Limits,
    people: People<Person>,
    sources: People<Fast>,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters {
        ratio_min,
        distance_km_min,
        skew_minutes,
        learned_days,
    } = parameters(NAME, value)?;
    let limits = Limits {
        ratio_min: within(NAME, "ratio_min", ratio_min, 1.0, 100.0)?,
        distance_km_min: within(NAME, "distance_km_min", distance_km_min, 10.0, 20_000.0)?,
        skew: Duration::from_mins(within(NAME, "skew_minutes", skew_minutes, 0, 60)?),
        learned_days: within(NAME, "learned_days", learned_days, 1, 90)?,
        zone: surroundings.zone.clone(),
    };
    Ok(Box::new(GeoVelocity {
        rule,
        limits,
        people: People::default(),
        sources: People::bounded(SOURCES_MAX),
    }))
}

/// Whether a row is a sign-in of a human being.
fn is_sign_in(batch: &EventBatch, row: usize, activity: &str) -> bool {
    matches!(activity, "logon" | "vpn_connect" | "token_grant" | "session_refresh")
        && succeeded(batch, row)
        && !is_service(batch, row)
}

/// How much a collision weighs.
fn weight(rule: &RuleInfo, strength: Strength) -> Weight {
    let alone = Weight::of(rule);
    match strength {
        Strength::Alone => alone,
        Strength::Supports => Weight {
            severity: alone.severity.min(Severity::Medium),
            probability: alone.probability * SUPPORTS_SHARE,
        },
    }
}

impl Detector for GeoVelocity {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        clocks::learn(&mut self.sources, batch, &self.limits);
        let activity = batch.texts(Column::Activity);
        for row in 0..batch.len() {
            if !is_sign_in(batch, row, activity.get(row).unwrap_or_default()) {
                continue;
            }
            let (Some(tenant), Some(name)) = (batch.text(Column::Tenant, row), person_of(batch, row)) else {
                continue;
            };
            let Some(person) = self.people.meet(tenant, name, batch.believed_time(row)) else {
                continue;
            };
            let clocks = Clocks {
                sources: &self.sources,
                tenant,
                limits: &self.limits,
            };
            if let Some((evidence, facts, strength)) = person.sign_in(batch, row, &clocks) {
                found.push(Detection {
                    rule: Arc::clone(&self.rule),
                    weight: weight(&self.rule, strength),
                    tenant: Arc::from(tenant),
                    entity: person_entity(&Arc::from(name)),
                    evidence,
                    facts,
                    gap: GAP,
                });
            }
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(JOURNEY_MAX);
        let oldest_day = self
            .limits
            .day(horizon.minus(SETTLED_AFTER))
            .saturating_sub(HISTORY_DAYS + 1);
        self.people.retain(|person, _| {
            person.forget_before(oldest, oldest_day);
            !person.is_empty()
        });
        self.sources.retain(|fast, _| {
            fast.forget_before(oldest_day.saturating_add(HISTORY_DAYS));
            !fast.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        let part = part(NAME, FORM, &self.rule);
        self.people.snapshot(&part, into)?;
        self.sources.snapshot(&format!("{part}/clocks"), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        let part = part(NAME, FORM, &self.rule);
        self.people.restore(&part, from);
        self.sources.restore(&format!("{part}/clocks"), from);
    }
}
