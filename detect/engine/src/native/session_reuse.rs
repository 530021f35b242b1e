//! A session that goes on elsewhere than where it began: its token was taken.
//!
//! Two uses of one session, no further apart than the window, *part* if
//!
//! * they came through two networks of which one is a data centre or Tor, or
//! * they came from two countries, through two networks neither of which moves people about: mobile
//!   networks, VPNs, SASE and relays come out wherever they like, or
//! * they came from two addresses with two browsers, versions apart, or
//! * one was made by a script and the other by a browser.
//!
//! Two networks or countries that are both the person's own do not part, or a laptop that goes home to a line
//! that the lists take for a data centre would be told every evening.
//!
//! Both ends of every such pair are told. Each is a property of two rows, so the order in which they
//! come makes no difference. What is left out, because it parts by design:
//!
//! * two uses of one managed or compliant device: whoever took the token has not taken the computer;
//! * what applications do in the background (`background_apps`), and what the provider's own servers do
//!   (`service_networks`), unless it is a script;
//! * sources whose session numbers are a machine's own, and mean nothing elsewhere.
//!
//! A detection is more likely real if network and client both changed.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `window_hours` | 24 | how far apart two uses may be |
//! | `background_apps` | Teams, OneDrive, Edge, sign-in broker | `app_uid` of what works without a person |
//! | `service_networks` | 8075 | networks from which the provider's servers act for a person |

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Detection, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::looks::{self, Detail};
use super::people::People;
use super::ring::{Measured, Ring};
use super::{ParameterError, facts, is_service, parameters, part, person_entity, person_of, succeeded, within};
use crate::Detector;
use crate::client::Client;

pub(super) const NAME: &str = "session_reuse";

/// The most sessions that are remembered; a session of one computer takes about 10 kB.
const SESSIONS_MAX: usize = 50_000;

/// The most uses of a session that are remembered.
const USES_MAX: usize = 512;

/// The most different ends of a session. A telephone changes its address often, and is no finding.
const ENDS_MAX: usize = 64;

/// The form of the state in snapshots.
const FORM: u32 = 1;

/// How likely a detection is real if the client changed together with the network.
const PROBABILITY_BOTH: f64 = 0.85;

/// Below this a use is like the person, in nats. Where nothing is known yet it is about nought, and a
/// session is watched from the first day on.
const FAMILIAR_BELOW: f64 = -1.5;

/// Sources whose session numbers are counted by each machine.
const LOCAL_SOURCES: [&str; 5] = [
    "linux.sshd",
    "linux.sudo",
    "mail.dovecot",
    "mail.postfix",
    "windows.security",
];

/// Microsoft Teams, `OneDrive`, Edge, and the broker that renews tokens for all of them: Microsoft's
/// published ids of first-party applications.
const BACKGROUND_APPS: [&str; 4] = [
    "1fec8e78-bce4-4aaf-ab1b-5451cc387264",
    "29d9ed98-a469-4536-ade2-f981bc1d605e",
    "ab9b8c07-8f02-4f72-87fa-80105867a763",
    "ecd6b820-32c2-49b6-98a6-444530e5a77a",
];

/// Microsoft's network, from which its servers open mail and files for a person.
const SERVICE_NETWORKS: [i64; 1] = [8075];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    window_hours: u64,
    background_apps: BTreeSet<String>,
    service_networks: BTreeSet<i64>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            window_hours: 24,
            background_apps: BACKGROUND_APPS.map(str::to_owned).into(),
            service_networks: SERVICE_NETWORKS.into(),
        }
    }
}

#[derive(Debug)]
struct SessionReuse {
    rule: Arc<RuleInfo>,
    parameters: Parameters,
    window: Duration,
    sessions: People<Session>,
}

/// The uses of a session.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Session {
    ends: Vec<End>,
    uses: Ring<Use>,
}

/// A use, by the index of its end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Use(usize);

impl Measured for Use {
    const DETAIL: Detail = Detail::Place;

    /// The first look at a use holds: the ends of a revised event are those it had.
    fn update(&mut self, _: Self) {}
}

/// From where and with what a session was used.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    ip: Option<IpAddr>,
    asn: Option<i64>,
    country: Option<String>,
    kind: Option<String>,
    client: Client,
    /// The device, if it is managed or compliant.
    managed: Option<String>,
    /// Whether the person was often seen like that before.
    #[serde(default)]
    familiar: bool,
}

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let parameters: Parameters = parameters(NAME, value)?;
    let hours = within(NAME, "window_hours", parameters.window_hours, 1, 7 * 24)?;
    Ok(Box::new(SessionReuse {
        rule,
        parameters,
        window: Duration::from_hours(hours),
        sessions: People::bounded(SESSIONS_MAX),
    }))
}

impl SessionReuse {
    /// Whether a row is a use that says something of who has the session.
    fn is_use(&self, batch: &EventBatch, row: usize, client: &Client) -> bool {
        let source = batch.text(Column::Source, row).unwrap_or_default();
        if !succeeded(batch, row) || is_service(batch, row) || LOCAL_SOURCES.contains(&source) {
            return false;
        }
        if !matches!(batch.text(Column::SrcIpType, row), Some("public") | None) {
            return false;
        }
        if matches!(client, Client::Script(_)) {
            return true;
        }
        let is_background = batch.flag(Column::IsInteractive, row) != Some(true)
            && batch
                .text(Column::AppUid, row)
                .is_some_and(|app| self.parameters.background_apps.contains(app));
        let is_provider = batch
            .int(Column::SrcAsn, row)
            .is_some_and(|asn| self.parameters.service_networks.contains(&asn));
        !is_background && !is_provider
    }
}

impl Detector for SessionReuse {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        let sessions = batch.texts(Column::SessionUid);
        for row in 0..batch.len() {
            let (Some(session), Some(tenant), Some(person)) = (
                sessions.get(row),
                batch.text(Column::Tenant, row),
                person_of(batch, row),
            ) else {
                continue;
            };
            let client = Client::of(batch, row);
            if !self.is_use(batch, row, &client) {
                continue;
            }
            // A line break is in no name: the two parts cannot be confused.
            let key = format!("{person}\n{session}");
            let Some(session) = self.sessions.meet(tenant, &key, batch.believed_time(row)) else {
                continue;
            };
            let Some((evidence, facts, both)) = session.used(batch, row, client, self.window) else {
                continue;
            };
            let mut weight = Weight::of(&self.rule);
            if both {
                weight.probability = weight.probability.max(PROBABILITY_BOTH);
            }
            found.push(Detection {
                rule: Arc::clone(&self.rule),
                weight,
                tenant: Arc::from(tenant),
                entity: person_entity(&Arc::from(person)),
                evidence,
                facts,
                gap: self.window,
            });
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(self.window);
        self.sessions.retain(|session, _| {
            session.forget_before(oldest);
            !session.uses.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.sessions.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.sessions.restore(&part(NAME, FORM, &self.rule), from);
    }
}

impl Session {
    /// Takes in a use. Gives what parts from it and was not told, what there is to say of the clearest
    /// pair, and whether network and client both changed in it.
    fn used(
        &mut self,
        batch: &EventBatch,
        row: usize,
        client: Client,
        window: Duration,
    ) -> Option<(Vec<Evidence>, Facts, bool)> {
        let here = self.end(End::of(batch, row, client))?;
        let time = self.uses.insert(batch, row, Use(here))?.time;
        self.uses.shrink(USES_MAX);
        let end = self.ends.get(here)?;
        let apart: Vec<Parting> = self.ends.iter().map(|other| end.parting(other)).collect();
        if apart.iter().all(|parting| parting.is_none()) {
            return None;
        }
        let (mut told, mut clearest): (Vec<usize>, Option<(Parting, usize)>) = (Vec::new(), None);
        for index in self.uses.between(time.minus(window), time.plus(window)) {
            let Some(use_) = self.uses.events().get(index) else {
                continue;
            };
            let parting = apart.get(use_.value.0).copied().unwrap_or_default();
            if parting.is_none() {
                continue;
            }
            told.push(index);
            if clearest.is_none_or(|(known, _)| known < parting) {
                clearest = Some((parting, index));
            }
        }
        let (parting, other) = clearest?;
        let uid = batch.text(Column::EventUid, row)?;
        let this = self.uses.events().iter().position(|use_| use_.uid == uid)?;
        told.push(this);
        let facts = self.facts(this.min(other), this.max(other), parting);
        let wave = self.uses.untold(told, window).concat();
        let evidence: Vec<Evidence> = wave.into_iter().filter_map(|index| self.uses.tell(index)).collect();
        (!evidence.is_empty()).then_some((evidence, facts, parting.is_both()))
    }

    /// The index of an end; none if there are too many.
    fn end(&mut self, end: End) -> Option<usize> {
        if let Some(index) = self.ends.iter().position(|known| *known == end) {
            return Some(index);
        }
        (self.ends.len() < ENDS_MAX).then(|| {
            self.ends.push(end);
            self.ends.len() - 1
        })
    }

    fn forget_before(&mut self, oldest: Time) {
        self.uses.forget_before(oldest);
        looks::keep(&mut self.ends, self.uses.values_mut().map(|use_| &mut use_.0));
    }

    fn facts(&self, earlier: usize, later: usize, parting: Parting) -> Facts {
        let mut facts = Facts::new();
        for (prefix, index) in [("from", earlier), ("to", later)] {
            if let Some(evidence) = self.uses.evidence(index) {
                facts::end(&mut facts, prefix, &evidence);
            }
            let end = self
                .uses
                .events()
                .get(index)
                .and_then(|use_| self.ends.get(use_.value.0));
            if let Some(name) = end.and_then(|end| end.client.name()) {
                facts.insert(format!("{prefix}_client"), json!(name));
            }
        }
        let time = |index: usize| self.uses.events().get(index).map(|use_| use_.time);
        if let (Some(from), Some(to)) = (time(earlier), time(later)) {
            facts.insert("minutes_taken".to_owned(), json!(from.distance(to).as_secs() / 60));
        }
        facts.insert("changed".to_owned(), json!(parting.words()));
        facts
    }
}

impl End {
    fn of(batch: &EventBatch, row: usize, client: Client) -> Self {
        let text = |column| batch.text(column, row).map(str::to_owned);
        let managed = matches!(batch.text(Column::DeviceTrust, row), Some("managed" | "compliant"));
        Self {
            ip: batch.text(Column::SrcIp, row).and_then(|ip| ip.parse().ok()).map(line),
            asn: batch.int(Column::SrcAsn, row),
            country: text(Column::SrcCountry),
            kind: text(Column::SrcNetKind),
            client,
            managed: text(Column::DeviceUid).filter(|_| managed),
            familiar: batch
                .float(Column::Unfamiliarity, row)
                .is_some_and(|nats| nats < FAMILIAR_BELOW),
        }
    }

    /// In what two ends of a session part.
    fn parting(&self, other: &Self) -> Parting {
        if self.managed.is_some() && self.managed == other.managed {
            return Parting::default();
        }
        let networks = matches!((self.asn, other.asn), (Some(a), Some(b)) if a != b);
        let countries = matches!((&self.country, &other.country), (Some(a), Some(b)) if a != b);
        let unfamiliar = !self.familiar || !other.familiar;
        let one_network = self.asn.is_some() && self.asn == other.asn;
        let addresses = matches!((self.ip, other.ip), (Some(a), Some(b)) if a != b);
        let clients = (&self.client, &other.client);
        Parting([
            matches!(
                clients,
                (Client::Script(_), Client::Browser(_)) | (Client::Browser(_), Client::Script(_))
            ),
            unfamiliar && networks && (self.is_anonymous() || other.is_anonymous()),
            unfamiliar && countries && !one_network && !self.moves() && !other.moves(),
            addresses && matches!(clients, (Client::Browser(a), Client::Browser(b)) if a != b),
        ])
    }

    /// Whether it hides where a person is, or is where no person is.
    fn is_anonymous(&self) -> bool {
        matches!(self.kind.as_deref(), Some("hosting" | "tor"))
    }

    /// Whether its country says little of where a person is.
    fn moves(&self) -> bool {
        matches!(
            self.kind.as_deref(),
            Some("mobile" | "sase" | "relay" | "inflight" | "egress" | "vpn")
        )
    }
}

/// The line that an address belongs to: of IPv6 the first 64 bits, for the rest changes by the day.
fn line(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// In what two uses part, in the order of [`WAYS`]; the more telling the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Parting([bool; 4]);

/// How two uses may part, the most telling first.
const WAYS: [&str; 4] = [
    "changed_script",
    "changed_anonymous",
    "changed_country",
    "changed_client",
];

impl Parting {
    fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Whether both the network and the client changed.
    fn is_both(self) -> bool {
        let Self([script, anonymous, country, client]) = self;
        (script || client) && (anonymous || country)
    }

    fn words(self) -> Vec<&'static str> {
        let ways = WAYS.into_iter().zip(self.0);
        ways.filter(|(_, is)| *is).map(|(way, _)| way).collect()
    }
}
