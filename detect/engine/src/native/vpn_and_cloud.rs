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
                clearest = Some((connect, cloud));
            }
        }
        let facts = clearest.map(|(connect, cloud)| self.facts(connect, cloud))?;
        let wave = self.uses.untold(told, GAP).concat();
        let evidence: Vec<Evidence> = wave.into_iter().filter_map(|index| self.uses.tell(index)).collect();
        (!evidence.is_empty()).then_some((evidence, facts))
    }

    /// Each beginning of a tunnel, use of the cloud elsewhere and end of the tunnel that a new event
    /// completes.
    fn met(&self, uid: &str, time: Time) -> Vec<(usize, usize, usize)> {
        let near = self.uses.between(time.minus(TUNNEL_MAX), time.plus(TUNNEL_MAX));
        let events = self.uses.events();
        let indexed: Vec<(usize, &Event<Use>)> = near.filter_map(|index| Some((index, events.get(index)?))).collect();
        let mut met = Vec::new();
        for (at, (connect, begin)) in indexed.iter().enumerate() {
            let What::Connect(tunnel) = begin.value.what else {
                continue;
            };
            let later = indexed.get(at..).unwrap_or_default();
            let within = later
                .iter()
                .filter(|(_, event)| begin.time.distance(event.time) <= TUNNEL_MAX);
            let ends = within
                .clone()
                .filter(|(_, event)| event.value.what == What::Disconnect(tunnel));
            for (disconnect, end) in ends {
                let is_new = |event: &Event<Use>| event.uid == uid;
                let clouds = within
                    .clone()
                    .filter(|(index, event)| index < disconnect && event.value.is_cloud_apart(begin.value));
                let new = clouds.filter(|(_, cloud)| is_new(begin) || is_new(cloud) || is_new(end));
                met.extend(new.map(|(cloud, _)| (*connect, *cloud, *disconnect)));
            }
        }
        met
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

/// Two countries, the smaller first.
fn pair(a: Country, b: Country) -> [Country; 2] {
    [a.min(b), a.max(b)]
}
