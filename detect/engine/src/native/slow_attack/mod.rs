//! Passwords that are tried slowly, from many addresses.
//!
//! An address is *sparse* in the seven days to a day if it tried a password and failed once or twice in
//! them, and nobody succeeded from it: a person who mistypes at home gets in from there too. Told are
//! the tries of sparse addresses
//!
//! * of one make (client, application and protocol), if at least `addresses_min` addresses tried
//!   `people_min` people, or `people_share` of those who are active, whichever is more;
//! * of one person, if at least `person_addresses_min` addresses in `person_countries_min` countries
//!   tried.
//!
//! Whether an address stays sparse is known when a day has passed entirely, so a day is judged when all
//! its records have come, by the allowed lateness: the attack takes its time, and so may the finding.
//! Mobile networks are left out, for a carrier changes addresses by itself; so are own offices and
//! exits.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `addresses_min` | 10 | sparse addresses of one make |
//! | `people_min` | 5 | people whom they tried |
//! | `people_share` | 0.06 | the same, as a share of the people who were active in 30 days |
//! | `person_addresses_min` | 8 | sparse addresses that tried one person |
//! | `person_countries_min` | 3 | countries they are in |

mod addresses;
mod sketch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{
    Column, Detection, Entity, EntityKind, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::addresses::{Addresses, Try};
use super::{ParameterError, SETTLED_AFTER, Surroundings, local_day, parameters, part, person_entity, person_of};
use super::{share_of, succeeded, within};
use crate::Detector;
use crate::client::Client;

pub(super) const NAME: &str = "slow_attack";

/// For how many days tries add up.
const WINDOW_DAYS: i64 = 7;

/// Tries no further apart than this are one episode.
const GAP: Duration = Duration::from_hours(7 * 24);

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    addresses_min: usize,
    people_min: i64,
    people_share: f64,
    person_addresses_min: usize,
    person_countries_min: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            addresses_min: 10,
            people_min: 5,
            people_share: 0.06,
            person_addresses_min: 8,
            person_countries_min: 3,
        }
    }
}

#[derive(Debug)]
struct SlowAttack {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    zone: TimeZone,
    tenants: BTreeMap<Arc<str>, Addresses>,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "addresses_min", limits.addresses_min, 2, 10_000)?;
    within(NAME, "people_min", limits.people_min, 1, 100_000)?;
    within(NAME, "people_share", limits.people_share, 0.0, 1.0)?;
    within(NAME, "person_addresses_min", limits.person_addresses_min, 2, 10_000)?;
    within(NAME, "person_countries_min", limits.person_countries_min, 1, 200)?;
    Ok(Box::new(SlowAttack {
        rule,
        limits,
        zone: surroundings.zone.clone(),
        tenants: BTreeMap::new(),
    }))
}

impl Detector for SlowAttack {
    fn observe(&mut self, batch: &EventBatch, _: &mut Vec<Detection>) {
        let activity = batch.texts(Column::Activity);
        for row in 0..batch.len() {
            if !matches!(activity.get(row), Some("logon" | "vpn_connect")) {
                continue;
            }
            let (Some(tenant), Some(address)) = (batch.text(Column::Tenant, row), batch.text(Column::SrcIp, row))
            else {
                continue;
            };
            let day = local_day(&self.zone, batch.believed_time(row));
            if !self.tenants.contains_key(tenant) {
                self.tenants.insert(Arc::from(tenant), Addresses::default());
            }
            let Some(addresses) = self.tenants.get_mut(tenant) else {
                continue;
            };
            if succeeded(batch, row) {
                addresses.succeed(address, day);
            } else if let Some(try_) = try_of(batch, row) {
                addresses.fail(address, day, try_);
            }
        }
    }

    fn tick(&mut self, now: Time, found: &mut Vec<Detection>) {
        let complete = local_day(&self.zone, now.minus(SETTLED_AFTER));
        for (tenant, addresses) in &mut self.tenants {
            let told = self.limits.judge(addresses, complete).into_iter();
            found.extend(told.map(|(entity, evidence, facts)| Detection {
                rule: Arc::clone(&self.rule),
                weight: Weight::of(&self.rule),
                tenant: Arc::clone(tenant),
                entity,
                evidence,
                facts,
                gap: GAP,
            }));
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = local_day(&self.zone, horizon.minus(SETTLED_AFTER)).saturating_sub(WINDOW_DAYS);
        self.tenants.retain(|_, addresses| {
            addresses.forget_before(oldest);
            !addresses.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        let part = part(NAME, FORM, &self.rule);
        for (tenant, addresses) in &self.tenants {
            into.put(&part, &**tenant, addresses)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &Snapshot) {
        let saved = from.part(&part(NAME, FORM, &self.rule));
        let read = saved.iter().filter_map(|(tenant, addresses)| {
            Some((Arc::from(tenant.as_str()), serde_json::from_str(addresses).ok()?))
        });
        self.tenants = read.collect();
    }
}

/// The failed sign-in of a row, if it says something of an attack.
fn try_of(batch: &EventBatch, row: usize) -> Option<Try> {
    let is_own = matches!(
        batch.text(Column::SrcNetKind, row),
        Some("office" | "egress" | "mobile" | "sase")
    );
    let is_public = matches!(batch.text(Column::SrcIpType, row), Some("public") | None);
    if batch.int(Column::StatusId, row) != Some(2) || is_own || !is_public {
        return None;
    }
    let client = Client::of(batch, row);
    let text = |column| batch.text(column, row);
    let parts = [
        client.name().or_else(|| text(Column::ClientFamily)),
        text(Column::AppName),
        text(Column::AuthProtocol).or_else(|| text(Column::Source)),
    ];
    let make: Vec<&str> = parts.into_iter().flatten().collect();
    Try::of(batch, row, person_of(batch, row)?, &make.join(" · "))
}

/// An entity, the tries that speak of it, and what there is to say.
type Told = (Entity, BTreeSet<addresses::Key>, Facts);

/// What is collected of tries that belong together.
#[derive(Debug, Default)]
struct Group<'a> {
    members: BTreeSet<addresses::Key>,
    addresses: BTreeSet<&'a str>,
    people: BTreeSet<&'a str>,
    countries: BTreeSet<&'a str>,
    active_people: i64,
}

/// Collects tries by a name of each.
fn groups<'a>(sparse: &[(addresses::Key, &'a str, &'a Try)], name: fn(&Try) -> &str) -> BTreeMap<&'a str, Group<'a>> {
    let mut groups: BTreeMap<&str, Group<'a>> = BTreeMap::new();
    for (key, address, try_) in sparse {
        let group = groups.entry(name(try_)).or_default();
        group.members.insert(key.clone());
        group.addresses.insert(address);
        group.people.insert(&try_.person);
        group.countries.extend(try_.evidence.src_country.as_deref());
        group.active_people = group.active_people.max(try_.active_people);
    }
    groups
}

impl Parameters {
    /// Judges the days before `complete` that were not judged.
    fn judge(&self, addresses: &mut Addresses, complete: i64) -> Vec<(Entity, Vec<Evidence>, Facts)> {
        let mut judged = Vec::new();
        while let Some(day) = addresses.next_day(complete) {
            let sparse = addresses.sparse(day);
            let mut told = self.campaigns(&sparse);
            told.extend(self.persons(&sparse));
            judged.extend(told.into_iter().map(|(entity, members, facts)| {
                let evidence = addresses.tell(&members, entity.kind);
                (entity, evidence, facts)
            }));
        }
        judged.retain(|(_, evidence, _)| !evidence.is_empty());
        judged
    }

    /// Makes of which many addresses tried many people.
    fn campaigns(&self, sparse: &[(addresses::Key, &str, &Try)]) -> Vec<Told> {
        let groups = groups(sparse, |try_| &try_.make).into_iter();
        let told = groups.filter_map(|(make, group)| {
            let people_min = self.people_min.max(share_of(self.people_share, group.active_people));
            let people = i64::try_from(group.people.len()).unwrap_or(i64::MAX);
            let is_enough = self.addresses_min <= group.addresses.len() && people_min <= people;
            is_enough.then(|| {
                let entity = Entity {
                    kind: EntityKind::Other,
                    name: Arc::from(make),
                };
                let facts = Facts::from([
                    ("days".to_owned(), json!(WINDOW_DAYS)),
                    ("addresses".to_owned(), json!(group.addresses.len())),
                    ("users".to_owned(), json!(people)),
                    ("threshold".to_owned(), json!(people_min)),
                ]);
                (entity, group.members, facts)
            })
        });
        told.collect()
    }

    /// People whom many addresses in several countries tried.
    fn persons(&self, sparse: &[(addresses::Key, &str, &Try)]) -> Vec<Told> {
        let groups = groups(sparse, |try_| &try_.person).into_iter();
        let told = groups.filter_map(|(person, group)| {
            let is_enough = self.person_addresses_min <= group.addresses.len()
                && self.person_countries_min <= group.countries.len();
            is_enough.then(|| {
                let facts = Facts::from([
                    ("days".to_owned(), json!(WINDOW_DAYS)),
                    ("addresses".to_owned(), json!(group.addresses.len())),
                    ("countries".to_owned(), json!(group.countries.len())),
                ]);
                (person_entity(&Arc::from(person)), group.members, facts)
            })
        });
        told.collect()
    }
}
