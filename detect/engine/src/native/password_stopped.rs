//! A right password from an unfamiliar place, stopped by the second factor or by a policy: somebody
//! else knows it.
//!
//! A sign-in that was stopped *after* the password was accepted (`mfa_required`, `mfa_denied`,
//! `mfa_failed`, `policy_blocked`, `password_expired`) is told if its place is unfamiliar to the person
//! and the person did not succeed from the same address, device or session within ten minutes, before
//! or after: who mistypes a code tries again.
//!
//! That nothing followed is decided when every record of those ten minutes has come, by the lateness of
//! the source. A success that comes later than that excuses nothing.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `unfamiliarity_min` | 3 | how unlike the person's habits it is, in nats |
//! | `excuse_minutes` | 10 | how near a success excuses it |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Detection, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::looks::Detail;
use super::people::People;
use super::ring::{Measured, Ring};
use super::{ParameterError, SETTLED_AFTER, Surroundings, UNFAMILIAR_FROM, facts, is_service, parameters, part};
use super::{person_entity, person_of, short_hash, succeeded, within};
use crate::Detector;
use crate::detector::LATENESS_MAX;

pub(super) const NAME: &str = "password_stopped";

/// The most sign-ins of a person that are remembered.
const SIGN_INS_MAX: usize = 1_024;

/// Attempts no further apart than this are one episode.
const GAP: Duration = Duration::from_hours(24);

/// The form of the state in snapshots.
const FORM: u32 = 1;

/// Why a sign-in is stopped after its password was accepted.
const STOPPED: [&str; 5] = [
    "mfa_denied",
    "mfa_failed",
    "mfa_required",
    "password_expired",
    "policy_blocked",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    unfamiliarity_min: f64,
    excuse_minutes: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            unfamiliarity_min: UNFAMILIAR_FROM,
            excuse_minutes: 10,
        }
    }
}

/// Whose sign-ins they are: tenant and person.
type Whose = (Arc<str>, Arc<str>);

#[derive(Debug)]
struct PasswordStopped {
    rule: Arc<RuleInfo>,
    unfamiliarity_min: f64,
    excuse: Duration,
    /// How late records of each source come.
    lateness: BTreeMap<String, Duration>,
    people: People<SignIns>,
    /// When something of whom is to be decided; made again from the people after a restart.
    due: BTreeSet<(Time, Whose)>,
}

/// The sign-ins of a person.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SignIns(Ring<SignIn>);

/// A sign-in. Places are hashes; 0 is an unknown one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct SignIn {
    ip: u64,
    session: u64,
    device: u64,
    /// When it is decided, if it was stopped at an unfamiliar place and is not decided.
    due: Option<Time>,
    reason: usize,
    succeeded: bool,
}

impl Measured for SignIn {
    const DETAIL: Detail = Detail::Place;

    /// What was told first of a sign-in holds, unless it turns out to have succeeded.
    fn update(&mut self, update: Self) {
        self.succeeded |= update.succeeded;
        if self.succeeded {
            self.due = None;
        }
    }
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    Ok(Box::new(PasswordStopped {
        rule,
        unfamiliarity_min: within(NAME, "unfamiliarity_min", limits.unfamiliarity_min, 0.0, 100.0)?,
        excuse: Duration::from_mins(within(NAME, "excuse_minutes", limits.excuse_minutes, 1, 24 * 60)?),
        lateness: surroundings.lateness.clone(),
        people: People::default(),
        due: BTreeSet::new(),
    }))
}

impl PasswordStopped {
    /// What a row is of all this, if anything.
    fn sign_in(&self, batch: &EventBatch, row: usize) -> Option<SignIn> {
        let hash = |column| batch.text(column, row).map_or(0, short_hash);
        let succeeded = succeeded(batch, row);
        let why = batch.text(Column::StatusReason, row).unwrap_or_default();
        let reason = STOPPED.iter().position(|stopped| *stopped == why);
        let unfamiliar = batch.float(Column::Unfamiliarity, row);
        let is_odd = unfamiliar.is_some_and(|nats| self.unfamiliarity_min <= nats);
        let stopped = reason.filter(|_| !succeeded && is_odd);
        if !succeeded && stopped.is_none() || is_service(batch, row) {
            return None;
        }
        let source = batch.text(Column::Source, row).unwrap_or_default();
        let late = self
            .lateness
            .get(source)
            .map_or(SETTLED_AFTER, |late| (*late).min(LATENESS_MAX));
        let due = batch.believed_time(row).plus(self.excuse).plus(late);
        Some(SignIn {
            ip: hash(Column::SrcIp),
            session: hash(Column::SessionUid),
            device: hash(Column::DeviceUid),
            due: stopped.map(|_| due),
            reason: stopped.unwrap_or_default(),
            succeeded,
        })
    }
}

impl Detector for PasswordStopped {
    fn observe(&mut self, batch: &EventBatch, _: &mut Vec<Detection>) {
        let activity = batch.texts(Column::Activity);
        for row in 0..batch.len() {
            if !matches!(
                activity.get(row),
                Some("logon" | "vpn_connect" | "mfa_challenge" | "token_grant" | "session_refresh")
            ) {
                continue;
            }
            let Some(sign_in) = self.sign_in(batch, row) else {
                continue;
            };
            let (Some(tenant), Some(name)) = (batch.text(Column::Tenant, row), person_of(batch, row)) else {
                continue;
            };
            let Some(person) = self.people.meet(tenant, name, batch.believed_time(row)) else {
                continue;
            };
            let inserted = person.0.insert(batch, row, sign_in);
            person.0.shrink(SIGN_INS_MAX);
            if let (Some(due), Some(_)) = (sign_in.due, inserted) {
                self.due.insert((due, (Arc::from(tenant), Arc::from(name))));
            }
        }
    }

    fn tick(&mut self, now: Time, found: &mut Vec<Detection>) {
        while self.due.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, (tenant, name))) = self.due.pop_first() else {
                break;
            };
            let Some(person) = self.people.get_mut(&tenant, &name) else {
                continue;
            };
            found.extend(person.decide(now, self.excuse).map(|(evidence, facts)| Detection {
                rule: Arc::clone(&self.rule),
                weight: Weight::of(&self.rule),
                tenant: Arc::clone(&tenant),
                entity: person_entity(&name),
                evidence,
                facts,
                gap: GAP,
            }));
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(self.excuse.saturating_mul(2));
        self.people.retain(|person, _| {
            person.0.forget_before(oldest);
            !person.0.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.people.restore(&part(NAME, FORM, &self.rule), from);
        self.due.clear();
        for (tenant, name, person) in self.people.iter() {
            let due = person.0.events().iter().filter_map(|event| event.value.due);
            self.due
                .extend(due.map(|due| (due, (Arc::clone(tenant), Arc::clone(name)))));
        }
    }
}

impl SignIns {
    /// Decides what is due. Gives the attempts that nothing excuses, and what there is to say of the
    /// last.
    fn decide(&mut self, now: Time, excuse: Duration) -> Option<(Vec<Evidence>, Facts)> {
        let (mut told, mut decided) = (Vec::new(), BTreeSet::new());
        for (index, event) in self.0.events().iter().enumerate() {
            if event.value.due.is_none_or(|due| now < due) {
                continue;
            }
            decided.insert(index);
            let near = self.0.between(event.time.minus(excuse), event.time.plus(excuse));
            let near = self.0.events().get(near).unwrap_or_default();
            if !near.iter().any(|other| other.value.excuses(event.value)) {
                told.push(index);
            }
        }
        for (index, value) in self.0.values_mut().enumerate() {
            if decided.contains(&index) {
                value.due = None;
            }
        }
        let facts = self.facts(*told.last()?, excuse);
        let evidence: Vec<Evidence> = told.into_iter().filter_map(|index| self.0.tell(index)).collect();
        (!evidence.is_empty()).then_some((evidence, facts))
    }

    fn facts(&self, stopped: usize, excuse: Duration) -> Facts {
        let mut facts = Facts::new();
        let events = self.0.events().get(..stopped).unwrap_or_default();
        let before = events.iter().rposition(|event| event.value.succeeded);
        if let Some(evidence) = before.and_then(|index| self.0.evidence(index)) {
            facts::end(&mut facts, "from", &evidence);
        }
        if let Some(evidence) = self.0.evidence(stopped) {
            facts::end(&mut facts, "to", &evidence);
        }
        let event = self.0.events().get(stopped);
        let reason = event.and_then(|event| STOPPED.get(event.value.reason));
        facts.insert("stopped_by".to_owned(), json!(reason));
        facts.insert("window_minutes".to_owned(), json!(excuse.as_secs() / 60));
        facts
    }
}

impl SignIn {
    /// Whether it shows that another was the person's own.
    fn excuses(self, other: Self) -> bool {
        let same = |a: u64, b: u64| a != 0 && a == b;
        self.succeeded
            && (same(self.ip, other.ip) || same(self.session, other.session) || same(self.device, other.device))
    }
}
