//! An account that several people seem to share.
//!
//! On a *shared day* an account is in use within one half of an hour in two places, `needed` to get from
//! one to the other being longer than that, and at that moment `devices_min` devices are in use: a
//! device is, from its first to its last use of the day. One person with a computer that stays on at
//! the office has one such place, and a traveller has them one after the other. `days_min` shared days
//! within 30 days are told, and from then on each further one.
//!
//! What counts is who is there: what is done without a person (`is_interactive = false`) is left out.
//! So are accounts that the people list calls `service` or `shared`, of which the firm knows. An address
//! that stands for no place ([`Line`]) says nothing but that a device with an id is in use. A device
//! without an id is its system at its place, so that two browsers are one, and so are two computers of
//! one office. Within a country an IPv4 and an IPv6 address are not compared: of one line, that is
//! often tunnelled in Japan, they stand in different cities.
//!
//! A day is judged when all its records have come, by the allowed lateness; it is hygiene and can wait.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `devices_min` | 3 | devices in use at a time |
//! | `days_min` | 5 | shared days within 30 days |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Detection, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::days::Days;
use super::geo_velocity::{Journey, Line, Place};
use super::people::People;
use super::{ParameterError, SETTLED_AFTER, Surroundings, facts, is_service, local_day, parameters, part};
use super::{person_entity, person_of, short_hash, succeeded, within};
use crate::Detector;
use crate::client::family_of;

pub(super) const NAME: &str = "shared_account";

/// Within how many days shared days add up.
const WINDOW_DAYS: i64 = 30;

/// Shared days no further apart than this are one episode: shared accounts are used every week.
const GAP: Duration = Duration::from_hours(7 * 24);

/// How long a half hour is, by which uses are together.
const SLOT_SECS: i64 = 30 * 60;

/// Two places are apart if it takes longer than half an hour from one to the other, by the fastest
/// train: 160 km.
const APART_KM_MIN: f64 = 160.0;

/// The most accounts that are remembered: each has a handful of looks a day, for some three days.
const ACCOUNTS_MAX: usize = 20_000;

/// The most devices, and the most places, of an account on a day.
const USES_MAX: usize = 16;

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    devices_min: usize,
    days_min: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            devices_min: 3,
            days_min: 5,
        }
    }
}

#[derive(Debug)]
struct SharedAccount {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    zone: TimeZone,
    accounts: People<Account>,
}

/// How an account was used on the days that are not judged yet, and which of the others were shared.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    days: BTreeMap<i64, Day>,
    shared: Days,
}

/// The uses of a day, by a hash of the device and by a hash of the place.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Day {
    devices: BTreeMap<u64, Use>,
    places: BTreeMap<u64, (Place, Use)>,
}

/// When something was in use, with the first event of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Use {
    /// Bit *n* stands for the half hour *n* of the day.
    slots: u64,
    time: Time,
    first: Evidence,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "devices_min", limits.devices_min, 2, USES_MAX)?;
    within(NAME, "days_min", limits.days_min, 1, 30)?;
    Ok(Box::new(SharedAccount {
        rule,
        limits,
        zone: surroundings.zone.clone(),
        accounts: People::bounded(ACCOUNTS_MAX),
    }))
}

/// Whether a row is a use of an account by somebody who is there.
fn is_use(batch: &EventBatch, row: usize, activity: &str) -> bool {
    let is_known = is_service(batch, row) || batch.text(Column::PersonKind, row) == Some("shared");
    matches!(
        activity,
        "logon" | "vpn_connect" | "token_grant" | "session_refresh" | "mail_access" | "file_access" | "file_download"
    ) && succeeded(batch, row)
        && batch.flag(Column::IsInteractive, row) != Some(false)
        && !is_known
}

impl Detector for SharedAccount {
    fn observe(&mut self, batch: &EventBatch, _: &mut Vec<Detection>) {
        let activity = batch.texts(Column::Activity);
        for row in 0..batch.len() {
            if !is_use(batch, row, activity.get(row).unwrap_or_default()) {
                continue;
            }
            let (Some(tenant), Some(name)) = (batch.text(Column::Tenant, row), person_of(batch, row)) else {
                continue;
            };
            let time = batch.believed_time(row);
            let day = local_day(&self.zone, time);
            let offset = self.zone.to_offset(time.to_jiff()).seconds();
            let second = time.secs().saturating_add(offset.into()).rem_euclid(86_400);
            let slot = 1_u64 << (second / SLOT_SECS).clamp(0, 47);
            if let Some(account) = self.accounts.meet(tenant, name, time) {
                account.days.entry(day).or_default().used(batch, row, slot);
            }
        }
    }

    fn tick(&mut self, now: Time, found: &mut Vec<Detection>) {
        let complete = local_day(&self.zone, now.minus(SETTLED_AFTER));
        let (rule, limits) = (&self.rule, &self.limits);
        for (tenant, name, account) in self.accounts.iter_mut() {
            for (evidence, facts) in account.judge(complete, limits) {
                found.push(Detection {
                    rule: Arc::clone(rule),
                    weight: Weight::of(rule),
                    tenant: Arc::clone(tenant),
                    entity: person_entity(name),
                    evidence,
                    facts,
                    gap: GAP,
                });
            }
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = local_day(&self.zone, horizon.minus(SETTLED_AFTER)).saturating_sub(WINDOW_DAYS);
        self.accounts
            .retain(|account, _| !account.days.is_empty() || oldest <= account.shared.latest());
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.accounts.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.accounts.restore(&part(NAME, FORM, &self.rule), from);
    }
}

impl Account {
    /// Judges the days before `complete`, and forgets how they went. Gives what is to be told of each.
    fn judge(&mut self, complete: i64, limits: &Parameters) -> Vec<(Vec<Evidence>, Facts)> {
        let open = self.days.split_off(&complete);
        let judged = std::mem::replace(&mut self.days, open);
        let mut told = Vec::new();
        for (number, day) in judged {
            let Some((evidence, mut facts)) = day.shared(limits.devices_min) else {
                continue;
            };
            self.shared.insert(number);
            let days = self.shared.count_before(number + 1, WINDOW_DAYS);
            if limits.days_min <= days {
                facts.insert("days".to_owned(), json!(days));
                facts.insert("back_days".to_owned(), json!(WINDOW_DAYS));
                told.push((evidence, facts));
            }
        }
        told
    }
}

impl Day {
    /// Notes a use of the account in a half hour.
    fn used(&mut self, batch: &EventBatch, row: usize, slot: u64) {
        let Some(use_) = Use::of(batch, row, slot) else { return };
        let line = Line::of(batch, row);
        let country = batch.text(Column::SrcCountry, row);
        let place = line
            .filter(|line| *line != Line::Mobile)
            .and_then(|line| Place::of(batch, row, line, country?));
        let spot = place.as_ref().map(Place::spot);
        let is_mobile = line == Some(Line::Mobile);
        if let Some(device) = device(batch, row, spot.as_deref().or(is_mobile.then_some("mobile"))) {
            note(&mut self.devices, device, use_.clone());
        }
        if let Some((place, spot)) = place.zip(spot) {
            note(&mut self.places, short_hash(&spot), (place, use_));
        }
    }

    /// The events that show that the account was shared, and what there is to say, if it was.
    fn shared(&self, devices_min: usize) -> Option<(Vec<Evidence>, Facts)> {
        let apart = self.places_apart().flat_map(|(a, b)| {
            let together = a.slots & b.slots;
            let slots = (0..48).map(|bit| 1_u64 << bit);
            slots
                .filter(move |slot| together & slot != 0)
                .map(move |slot| (a, b, self.in_use(slot)))
        });
        let mut shown: BTreeMap<&str, &Evidence> = BTreeMap::new();
        let (mut most, mut ends) = (0, None);
        for (a, b, devices) in apart.filter(|(_, _, devices)| devices_min <= devices.len()) {
            if most < devices.len() {
                (most, ends) = (devices.len(), Some((a, b)));
            }
            let uses = devices.into_iter().chain([a, b]);
            shown.extend(uses.map(|use_| (use_.first.event_uid.as_str(), &use_.first)));
        }
        let (a, b) = ends?;
        let (from, to) = if (a.time, &a.first.event_uid) <= (b.time, &b.first.event_uid) {
            (a, b)
        } else {
            (b, a)
        };
        let mut facts = Facts::from([("devices".to_owned(), json!(most))]);
        facts::end(&mut facts, "from", &from.first);
        facts::end(&mut facts, "to", &to.first);
        Some((shown.into_values().cloned().collect(), facts))
    }

    /// The devices that are in use in a half hour.
    fn in_use(&self, slot: u64) -> Vec<&Use> {
        let devices = self.devices.values();
        devices.filter(|device| device.span() & slot != 0).collect()
    }

    /// The pairs of places that are too far apart for one half hour.
    fn places_apart(&self) -> impl Iterator<Item = (&Use, &Use)> {
        let places: Vec<&(Place, Use)> = self.places.values().collect();
        let pairs = places.clone().into_iter().enumerate();
        pairs.flat_map(move |(index, (place, use_))| {
            let others: Vec<&(Place, Use)> = places.iter().skip(index + 1).copied().collect();
            let apart = others
                .into_iter()
                .filter(|(other, _)| Journey::across(place, other, APART_KM_MIN).is_some());
            apart.map(move |(_, other)| (use_, other))
        })
    }
}

impl Use {
    fn of(batch: &EventBatch, row: usize, slot: u64) -> Option<Self> {
        batch.text(Column::EventUid, row)?;
        Some(Self {
            slots: slot,
            time: batch.believed_time(row),
            first: Evidence::of(batch, row),
        })
    }

    /// The half hours from the first to the last.
    fn span(&self) -> u64 {
        let from_first = u64::MAX << self.slots.trailing_zeros().min(63);
        let to_last = u64::MAX >> self.slots.leading_zeros().min(63);
        from_first & to_last
    }
}

/// What is noted by key, and adds up.
trait Noted {
    fn merge(&mut self, other: Self);
}

impl Noted for Use {
    fn merge(&mut self, other: Self) {
        self.slots |= other.slots;
        if (other.time, &other.first.event_uid) < (self.time, &self.first.event_uid) {
            (self.time, self.first) = (other.time, other.first);
        }
    }
}

impl Noted for (Place, Use) {
    fn merge(&mut self, other: Self) {
        self.1.merge(other.1);
    }
}

/// Notes a use, unless too much is known of the day.
fn note<T: Noted>(known: &mut BTreeMap<u64, T>, key: u64, use_: T) {
    if let Some(known) = known.get_mut(&key) {
        known.merge(use_);
    } else if known.len() < USES_MAX {
        known.insert(key, use_);
    }
}

/// The device of a row: by its id, else by its system and where it is, if that is anywhere.
fn device(batch: &EventBatch, row: usize, at: Option<&str>) -> Option<u64> {
    if let Some(uid) = batch.text(Column::DeviceUid, row) {
        return Some(short_hash(&format!("id\n{uid}")));
    }
    let client = family_of(batch, row).unwrap_or_default();
    let system = client.rsplit_once('/').map_or("", |(_, system)| system);
    Some(short_hash(&format!("{system}\n{}", at?)))
}
