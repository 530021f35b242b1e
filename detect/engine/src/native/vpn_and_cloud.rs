//! A person inside the company's VPN, and in the cloud from another country at the same time.
//!
//! The log of the VPN has the public address that the person really came from; the log of the cloud
//! often has the company's exit. From a connection to the end of a connection from one address, no
//! more than a day apart, the person is taken to be *there*. What the person does in the cloud
//! meanwhile, in another country, is told with both ends of the tunnel. It takes all three rows, and no
//! further row can excuse them, so the order in which they come makes no difference.
//!
//! What is left out: addresses that say nothing about a place (company exits, for the cloud sees these
//! of a tunnel that takes everything; mobile networks, SASE, relays, data centres, anonymisers),
//! addresses of one network, managed or compliant devices, and what is done without a person. Whoever
//! did the same between the same two countries on `learned_days` earlier days works like that.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `learned_days` | 2 | on how many earlier days a pair of countries must have met to be usual |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Detection, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::days::Days;
use super::looks::Detail;
use super::people::People;
use super::ring::{Event, Measured, Ring};
use super::{ParameterError, SETTLED_AFTER, Surroundings, facts, is_service, local_day, parameters, part};
use super::{person_entity, person_of, short_hash, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "vpn_and_cloud";

/// The longest that a tunnel stands, and how far apart its ends are looked for.
const TUNNEL_MAX: Duration = Duration::from_hours(24);

/// Uses no further apart than this are one episode: both ends of a tunnel are in one with what
/// happened in between.
const GAP: Duration = TUNNEL_MAX;

/// The most uses of a person that are remembered.
const USES_MAX: usize = 2_048;

/// The most pairs of countries of a person, and for how many days back they are remembered.
const PAIRS_MAX: usize = 32;
const HISTORY_DAYS: i64 = 90;

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    learned_days: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { learned_days: 2 }
    }
}

#[derive(Debug)]
struct VpnAndCloud {
    rule: Arc<RuleInfo>,
    limits: Limits,
    people: People<Person>,
}

/// The parameters, checked.
#[derive(Debug)]
struct Limits {
    learned_days: u32,
    zone: TimeZone,
}

impl Limits {
    fn day(&self, time: Time) -> i64 {
        local_day(&self.zone, time)
    }
}

/// What a person did, and between which countries before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Person {
    uses: Ring<Use>,
    pairs: Vec<([Country; 2], Days)>,
}

/// A country code, as it is written: two letters.
type Country = [u8; 2];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Use {
    what: What,
    country: Country,
    asn: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum What {
    /// A tunnel begins, from the address of that hash through that gateway.
    Connect(u64),
    /// It ends.
    Disconnect(u64),
    /// Something in the cloud.
    Cloud,
}

impl Measured for Use {
    const DETAIL: Detail = Detail::Place;

    /// The first look at a use holds.
    fn update(&mut self, _: Self) {}
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters { learned_days } = parameters(NAME, value)?;
    Ok(Box::new(VpnAndCloud {
        rule,
        limits: Limits {
            learned_days: within(NAME, "learned_days", learned_days, 1, 90)?,
            zone: surroundings.zone.clone(),
        },
        people: People::default(),
    }))
}

impl Use {
    /// What a row is of all this, if anything.
    fn of(batch: &EventBatch, row: usize, activity: &str) -> Option<Self> {
        let is_vpn = matches!(activity, "vpn_connect" | "vpn_disconnect");
        let is_cloud = matches!(
            activity,
            "logon"
                | "token_grant"
                | "session_refresh"
                | "mail_access"
                | "file_access"
                | "file_download"
                | "file_share"
        );
        if !is_vpn && !is_cloud || is_service(batch, row) {
            return None;
        }
        // Many gateways do not say how the end of a tunnel went.
        if activity != "vpn_disconnect" && !succeeded(batch, row) {
            return None;
        }
        let is_place = match batch.text(Column::SrcNetKind, row) {
            Some("fixed" | "unknown") | None => true,
            Some("office") => is_vpn,
            Some(_) => false,
        };
        let managed = matches!(batch.text(Column::DeviceTrust, row), Some("managed" | "compliant"));
        let alone = batch.flag(Column::IsInteractive, row) == Some(false);
        if !is_place || is_cloud && (managed || alone) {
            return None;
        }
        let country = batch.text(Column::SrcCountry, row)?.as_bytes().try_into().ok()?;
        let tunnel = || {
            let text = |column| batch.text(column, row).unwrap_or_default();
            short_hash(&format!("{}\n{}", text(Column::Source), text(Column::SrcIp)))
        };
        Some(Self {
            what: match activity {
                "vpn_connect" => What::Connect(tunnel()),
                "vpn_disconnect" => What::Disconnect(tunnel()),
                _ => What::Cloud,
            },
            country,
            asn: batch.int(Column::SrcAsn, row),
        })
    }

    /// Whether it is a use of the cloud where nobody can be who is at the other end.
    fn is_cloud_apart(self, tunnel: Self) -> bool {
        let one_network = self.asn.is_some() && self.asn == tunnel.asn;
        self.what == What::Cloud && self.country != tunnel.country && !one_network
    }
}

impl Detector for VpnAndCloud {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        let activity = batch.texts(Column::Activity);
        for row in 0..batch.len() {
            let Some(use_) = Use::of(batch, row, activity.get(row).unwrap_or_default()) else {
                continue;
            };
            let (Some(tenant), Some(name)) = (batch.text(Column::Tenant, row), person_of(batch, row)) else {
                continue;
            };
            let Some(person) = self.people.meet(tenant, name, batch.believed_time(row)) else {
                continue;
            };
            if let Some((evidence, facts)) = person.used(batch, row, use_, &self.limits) {
                found.push(Detection {
                    rule: Arc::clone(&self.rule),
                    weight: Weight::of(&self.rule),
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
        let oldest = horizon.minus(TUNNEL_MAX);
        let oldest_day = self
            .limits
            .day(horizon.minus(SETTLED_AFTER))
            .saturating_sub(HISTORY_DAYS);
        self.people.retain(|person, _| {
            person.uses.forget_before(oldest);
            person.pairs.retain(|(_, days)| oldest_day <= days.latest());
            !person.uses.is_empty() || !person.pairs.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.people.restore(&part(NAME, FORM, &self.rule), from);
    }
}

impl Person {
    /// Takes in a use. Gives what it completes and was not told, and what there is to say of it.
    fn used(&mut self, batch: &EventBatch, row: usize, use_: Use, limits: &Limits) -> Option<(Vec<Evidence>, Facts)> {
        let inserted = self.uses.insert(batch, row, use_)?;
        self.uses.shrink(USES_MAX);
        if inserted.before.is_some() {
            return None;
        }
        let met = self.met(batch.text(Column::EventUid, row)?, inserted.time);
        let mut told: Vec<usize> = Vec::new();
        let mut clearest = None;
        for (connect, cloud, disconnect) in met {
            let events = self.uses.events();
            let (Some(tunnel), Some(other)) = (events.get(connect), events.get(cloud)) else {
                continue;
            };
            let pair = pair(tunnel.value.country, other.value.country);
            let time = other.time;
            let settled = limits.day(time.minus(SETTLED_AFTER));
            let known = self.pairs.iter().find(|(known, _)| *known == pair);
            let days = known.map_or(0, |(_, days)| days.count_before(settled, HISTORY_DAYS));
            self.note(pair, limits.day(time));
            if days < limits.learned_days {
                told.extend([connect, cloud, disconnect]);
                clearest = clearest.max(Some((connect, cloud)));
            }
        }
        let facts = clearest.map(|(connect, cloud)| self.facts(connect, cloud))?;
        let wave = self.uses.untold(told, GAP).concat();
        let evidence: Vec<Evidence> = wave.into_iter().filter_map(|index| self.uses.tell(index)).collect();
        (!evidence.is_empty()).then_some((evidence, facts))
    }

    /// Beginnings of a tunnel, uses of the cloud elsewhere and ends of the tunnel that a new event completes: each that
    /// is in any such three is in one of these, with each pair of countries. All of them would be as many as the cube
    /// of the events, and a tunnel may flap all day.
    fn met(&self, uid: &str, time: Time) -> Vec<Met> {
        let near = self.uses.between(time.minus(TUNNEL_MAX), time.plus(TUNNEL_MAX));
        let events = self.uses.events();
        let near: Vec<Indexed<'_>> = near.filter_map(|index| Some((index, events.get(index)?))).collect();
        let Some(at) = near.iter().position(|(_, event)| event.uid == uid) else {
            return Vec::new();
        };
        let (before, after) = near.split_at(at);
        let Some((new, after)) = after.split_first() else {
            return Vec::new();
        };
        match new.1.value.what {
            What::Connect(tunnel) => met_by_begin(new, after, tunnel),
            What::Disconnect(tunnel) => met_by_end(before, new, tunnel),
            What::Cloud => met_by_cloud(before, new, after),
        }
    }

    /// Notes on which day a pair of countries met.
    fn note(&mut self, pair: [Country; 2], day: i64) {
        if let Some((_, days)) = self.pairs.iter_mut().find(|(known, _)| *known == pair) {
            days.insert(day);
        } else if self.pairs.len() < PAIRS_MAX {
            let mut days = Days::default();
            days.insert(day);
            self.pairs.push((pair, days));
        }
    }

    fn facts(&self, connect: usize, cloud: usize) -> Facts {
        let mut facts = Facts::new();
        if let (Some(tunnel), Some(other)) = (self.uses.evidence(connect), self.uses.evidence(cloud)) {
            facts::end(&mut facts, "from", &tunnel);
            facts::end(&mut facts, "to", &other);
            facts.insert("activity".to_owned(), json!(other.activity));
        }
        facts
    }
}

/// A beginning, a use of the cloud and an end, by their indices.
type Met = (usize, usize, usize);

/// An event with its index.
type Indexed<'a> = (usize, &'a Event<Use>);

fn is_one_tunnel(begin: &Indexed<'_>, end: &Indexed<'_>) -> bool {
    begin.1.time.distance(end.1.time) <= TUNNEL_MAX
}

/// The uses of the cloud where nobody can be who is at the other end of a tunnel, by their country.
fn clouds_apart<'a>(events: &[Indexed<'a>], tunnel: Use) -> BTreeMap<Country, Vec<Indexed<'a>>> {
    let mut clouds: BTreeMap<Country, Vec<Indexed<'a>>> = BTreeMap::new();
    for event in events.iter().filter(|(_, event)| event.value.is_cloud_apart(tunnel)) {
        clouds.entry(event.1.value.country).or_default().push(*event);
    }
    clouds
}

/// Every use before the last end, and every end after the first use.
fn met_by_begin(begin: &Indexed<'_>, after: &[Indexed<'_>], tunnel: u64) -> Vec<Met> {
    let is_end = |end: &&Indexed<'_>| end.1.value.what == What::Disconnect(tunnel) && is_one_tunnel(begin, end);
    let ends: Vec<usize> = after.iter().filter(is_end).map(|(index, _)| *index).collect();
    let Some(last) = ends.last() else { return Vec::new() };
    let mut met = Vec::new();
    for clouds in clouds_apart(after, begin.1.value).into_values() {
        let clouds = clouds.into_iter().map(|(index, _)| index).filter(|index| index < last);
        let first = clouds.clone().next();
        met.extend(clouds.map(|cloud| (begin.0, cloud, *last)));
        let later = ends
            .iter()
            .filter_map(|end| Some((begin.0, first.filter(|first| first < end)?, *end)));
        met.extend(later);
    }
    met
}

/// Every use after the first beginning of its kind, and every beginning before the last use.
fn met_by_end(before: &[Indexed<'_>], end: &Indexed<'_>, tunnel: u64) -> Vec<Met> {
    let mut kinds: BTreeMap<(Country, Option<i64>), Vec<Indexed<'_>>> = BTreeMap::new();
    let is_begin = |begin: &&Indexed<'_>| begin.1.value.what == What::Connect(tunnel) && is_one_tunnel(begin, end);
    for begin in before.iter().filter(is_begin) {
        let kind = (begin.1.value.country, begin.1.value.asn);
        kinds.entry(kind).or_default().push(*begin);
    }
    let mut met = Vec::new();
    for begins in kinds.into_values() {
        let Some((first, event)) = begins.first() else { continue };
        for clouds in clouds_apart(before, event.value).into_values() {
            let clouds = clouds.into_iter().map(|(index, _)| index).filter(|index| first < index);
            let last = clouds.clone().next_back();
            met.extend(clouds.map(|cloud| (*first, cloud, end.0)));
            let earlier = begins
                .iter()
                .filter_map(|(begin, _)| Some((*begin, last.filter(|last| begin < last)?, end.0)));
            met.extend(earlier);
        }
    }
    met
}

/// Every beginning with the first end that follows, and every end with the last beginning of each kind.
fn met_by_cloud(before: &[Indexed<'_>], cloud: &Indexed<'_>, after: &[Indexed<'_>]) -> Vec<Met> {
    let mut ends: BTreeMap<u64, Vec<Indexed<'_>>> = BTreeMap::new();
    for end in after {
        if let What::Disconnect(tunnel) = end.1.value.what {
            ends.entry(tunnel).or_default().push(*end);
        }
    }
    let mut met = Vec::new();
    let mut last: BTreeMap<(u64, Country, Option<i64>), Indexed<'_>> = BTreeMap::new();
    for begin in before
        .iter()
        .filter(|(_, begin)| cloud.1.value.is_cloud_apart(begin.value))
    {
        let What::Connect(tunnel) = begin.1.value.what else {
            continue;
        };
        last.insert((tunnel, begin.1.value.country, begin.1.value.asn), *begin);
        let end = ends.get(&tunnel).and_then(|ends| ends.first());
        met.extend(
            end.filter(|end| is_one_tunnel(begin, end))
                .map(|end| (begin.0, cloud.0, end.0)),
        );
    }
    for ((tunnel, ..), begin) in &last {
        let ends = ends.get(tunnel).into_iter().flatten();
        met.extend(
            ends.filter(|end| is_one_tunnel(begin, end))
                .map(|end| (begin.0, cloud.0, end.0)),
        );
    }
    met
}

/// Two countries, the smaller first.
fn pair(a: Country, b: Country) -> [Country; 2] {
    [a.min(b), a.max(b)]
}
