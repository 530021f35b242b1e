//! The detectors that Sigma cannot express, made by name from the file of a rule.
//!
//! | name | fires on |
//! |---|---|
//! | `admin_panel` | somebody from outside who signed in to the administration of a web site |
//! | `anonymiser` | a sign-in from Tor, a public VPN or a rented server |
//! | `dormant` | an account that is used again after a long time |
//! | `error_burst` | a web site that answers with errors for minutes |
//! | `exploit_success` | an attack on a web server that it answered with success |
//! | `geo_velocity` | sign-ins so far apart that nobody can have travelled between them |
//! | `leaver` | any use of an account after its owner's last day |
//! | `mass_download` | more files within an hour or a day than a person works with |
//! | `mass_send` | more mail within an hour than a person writes |
//! | `new_country` | a sign-in from a country that is new for the person or the firm |
//! | `new_for_administrator` | an administrator on a new device or network, or in a new country |
//! | `no_second_factor` | a sign-in without a second factor |
//! | `odd_records` | a source whose records come from the future, or cannot be read |
//! | `password_stopped` | a right password from an unfamiliar place, stopped by the second factor |
//! | `privileged_off_hours` | an administrator at work while the office is closed |
//! | `service_account` | a service account that a person uses, or from a new network |
//! | `session_reuse` | a session that goes on in another country, network or program |
//! | `shared_account` | an account that several people seem to share |
//! | `slow_attack` | passwords that are tried slowly, from many addresses |
//! | `source_silent` | a source of logs that fell silent while it should be busy |
//! | `unfamiliar_sign_in` | a sign-in that is unlike the person's own past |
//! | `vpn_and_cloud` | somebody in the VPN from one country and in the cloud from another |
//!
//! # Invariants
//! * What a detector finds is a function of the set of rows it was shown, by event time: it says of
//!   an event that the event is part of a finding, and never has to take that back when a row comes
//!   late. Where a finding depends on something *not* having happened, only rows from so long ago
//!   are asked that none of them can still be on its way.
//! * An event that was told is not told again; a repeated `event_uid` can only add to what is known.
//! * State is bounded per person and in the number of people, by named constants. What is dropped
//!   at a bound is the oldest, and only there may a finding depend on the order of rows.

mod admin_panel;
mod anonymiser;
mod days;
mod dormant;
mod error_burst;
mod exploit_success;
mod facts;
mod geo_velocity;
mod hours;
mod leaver;
mod looks;
mod mass_download;
mod mass_send;
mod new_country;
mod new_for_administrator;
mod no_second_factor;
mod odd_records;
mod password_stopped;
mod people;
mod privileged_off_hours;
mod ring;
mod rows;
mod service_account;
mod session_reuse;
mod shared_account;
mod slow_attack;
mod source_silent;
#[cfg(test)]
mod tests;
mod unfamiliar_sign_in;
mod usual;
mod vpn_and_cloud;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Entity, EntityKind, EventBatch, RuleInfo, Time, ids};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::days::Days;
pub(crate) use self::people::People;
use crate::Detector;
use crate::detector::SETTLED_AFTER;
pub(crate) use people::PEOPLE_MAX;

/// The names that [`make`] knows, sorted.
pub const DETECTORS: [&str; 22] = [
    admin_panel::NAME,
    anonymiser::NAME,
    dormant::NAME,
    error_burst::NAME,
    exploit_success::NAME,
    geo_velocity::NAME,
    leaver::NAME,
    mass_download::NAME,
    mass_send::NAME,
    new_country::NAME,
    new_for_administrator::NAME,
    no_second_factor::NAME,
    odd_records::NAME,
    password_stopped::NAME,
    privileged_off_hours::NAME,
    service_account::NAME,
    session_reuse::NAME,
    shared_account::NAME,
    slow_attack::NAME,
    source_silent::NAME,
    unfamiliar_sign_in::NAME,
    vpn_and_cloud::NAME,
];

/// What a detector must know beyond its rule.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The zone in which a day begins and ends.
    pub zone: TimeZone,
    /// How late records of each source may come, by parser id.
    pub lateness: BTreeMap<String, Duration>,
    /// Lists of values that rules may name: what `%admins%` stands for.
    pub lists: BTreeMap<String, Vec<String>>,
}

impl Surroundings {
    /// Of a zone, where nothing more is known.
    pub fn of(zone: TimeZone) -> Self {
        Self {
            zone,
            lateness: BTreeMap::new(),
            lists: BTreeMap::new(),
        }
    }
}

/// A rule that names a detector wrongly or sets it wrongly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// There is no detector of that name.
    #[error("unknown detector `{name}`, expected one of {}", DETECTORS.join(", "))]
    UnknownDetector {
        /// The name in the rule.
        name: String,
    },
    /// A parameter is unknown, of another type or out of its range.
    #[error("parameters of `{detector}`: {reason}")]
    Parameter {
        /// The detector.
        detector: &'static str,
        /// What was found and what was expected.
        reason: String,
    },
}

/// The detector of that name, which fires for `rule`. Parameters that are left out have the default
/// that the detector documents; `null` leaves out all.
pub fn make(
    name: &str,
    rule: Arc<RuleInfo>,
    parameters: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    match name {
        admin_panel::NAME => admin_panel::make(rule, parameters, surroundings),
        anonymiser::NAME => anonymiser::make(rule, parameters, surroundings),
        dormant::NAME => dormant::make(rule, parameters, surroundings),
        error_burst::NAME => error_burst::make(rule, parameters),
        exploit_success::NAME => exploit_success::make(rule, parameters),
        geo_velocity::NAME => geo_velocity::make(rule, parameters, surroundings),
        leaver::NAME => leaver::make(rule, parameters, surroundings),
        mass_download::NAME => mass_download::make(rule, parameters, surroundings),
        mass_send::NAME => mass_send::make(rule, parameters),
        new_country::NAME => new_country::make(rule, parameters, surroundings),
        new_for_administrator::NAME => new_for_administrator::make(rule, parameters, surroundings),
        no_second_factor::NAME => no_second_factor::make(rule, parameters),
        odd_records::NAME => odd_records::make(rule, parameters),
        password_stopped::NAME => password_stopped::make(rule, parameters, surroundings),
        privileged_off_hours::NAME => privileged_off_hours::make(rule, parameters, surroundings),
        service_account::NAME => service_account::make(rule, parameters, surroundings),
        session_reuse::NAME => session_reuse::make(rule, parameters),
        shared_account::NAME => shared_account::make(rule, parameters, surroundings),
        slow_attack::NAME => slow_attack::make(rule, parameters, surroundings),
        source_silent::NAME => source_silent::make(rule, parameters, surroundings),
        unfamiliar_sign_in::NAME => unfamiliar_sign_in::make(rule, parameters),
        vpn_and_cloud::NAME => vpn_and_cloud::make(rule, parameters, surroundings),
        _ => Err(ParameterError::UnknownDetector { name: name.to_owned() }),
    }
}

/// Reads the parameters of a detector.
fn parameters<T: DeserializeOwned + Default>(detector: &'static str, value: &Value) -> Result<T, ParameterError> {
    if value.is_null() {
        return Ok(T::default());
    }
    if !value.is_object() {
        let reason = format!("found {value}, expected a mapping");
        return Err(ParameterError::Parameter { detector, reason });
    }
    T::deserialize(value).map_err(|error| ParameterError::Parameter {
        detector,
        reason: error.to_string(),
    })
}

/// Checks that a parameter is within its range.
fn within<T: PartialOrd + Copy + std::fmt::Display>(
    detector: &'static str,
    name: &str,
    value: T,
    least: T,
    most: T,
) -> Result<T, ParameterError> {
    if least <= value && value <= most {
        return Ok(value);
    }
    let reason = format!("`{name}` is {value}, expected {least} to {most}");
    Err(ParameterError::Parameter { detector, reason })
}

/// Whose event a row is: the person behind the account, or the account where nobody is known.
pub(crate) fn person_of(batch: &EventBatch, row: usize) -> Option<&str> {
    batch
        .text(Column::Person, row)
        .or_else(|| batch.text(Column::UserName, row))
}

/// The day of a time in a zone, as days since the epoch.
pub(crate) fn local_day(zone: &TimeZone, time: Time) -> i64 {
    let offset = zone.to_offset(time.to_jiff()).seconds();
    time.secs().saturating_add(offset.into()).div_euclid(86_400)
}

/// From how many nats on a place is unfamiliar to a person: one surprising feature, such as a country
/// never seen, is worth three to five.
const UNFAMILIAR_FROM: f64 = 3.0;

/// A share of so many people, rounded up.
fn share_of(share: f64, people: i64) -> i64 {
    let people = u32::try_from(people).unwrap_or(0);
    // There is no lossless cast from a float; through text it is exact or none.
    format!("{:.0}", (share * f64::from(people)).ceil())
        .parse()
        .unwrap_or(i64::MAX)
}

/// Whether the row is of an account that no human being uses.
pub(crate) fn is_service(batch: &EventBatch, row: usize) -> bool {
    batch.text(Column::PersonKind, row) == Some("service") || batch.text(Column::UserType, row) == Some("service")
}

/// Whether the row tells of something that was done, not merely tried.
pub(crate) fn succeeded(batch: &EventBatch, row: usize) -> bool {
    batch.int(Column::StatusId, row) == Some(1)
}

/// The first 64 bits of a hash.
fn short_hash(text: &str) -> u64 {
    let hash = ids::content_id(&[text.as_bytes()]);
    hash.get(..16)
        .and_then(|hash| u64::from_str_radix(hash, 16).ok())
        .unwrap_or_default()
}

fn person_entity(name: &Arc<str>) -> Entity {
    Entity {
        kind: EntityKind::Person,
        name: Arc::clone(name),
    }
}

/// The part of a snapshot in which a detector keeps its state. `form` is raised when the state is
/// written differently, so that an older one is not misread.
fn part(name: &str, form: u32, rule: &RuleInfo) -> String {
    format!("native/{name}/{form}/{}", rule.id)
}
