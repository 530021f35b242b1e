//! A source of logs that fell silent while it should be busy.
//!
//! Of each source it is remembered in which steps of five minutes anything was received. An hour is
//! *expected to be busy* if the same hour was busy in at least three of the last four weeks (or in both,
//! if there were but two). A source is silent if as many steps of expected hours have passed without a
//! record as `factor` times the longest such pause that it usually makes (one in two hundred is longer),
//! and at least `minutes_min`. Nights and weekends on which nothing is expected do not count, nor do
//! days of which other sources say that they are holidays.
//!
//! It is about receipt, not about what happened: sources that send old records are left out. The last
//! record before the silence is its evidence. It is told with the level of the rule while another source
//! says that the office is open, and one level lower else.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `minutes_min` | 30 | the least silence that is told |
//! | `factor` | 3 | how many times its usual pauses a silence is |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Detection, Entity, EntityKind, EventBatch, Evidence, Facts, RuleInfo, Severity, Snapshot};
use sekisho_model::{Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ParameterError, Surroundings, local_day, parameters, part, within};
use crate::Detector;

pub(super) const NAME: &str = "source_silent";

/// The length of a step, in seconds.
const STEP_SECS: i64 = 300;
const STEPS_PER_HOUR: i64 = 12;
const HOURS_PER_WEEK: i64 = 7 * 24;

/// How many weeks are remembered, at 168 entries a week.
const WEEKS: i64 = 4;

/// The most sources that are remembered: there are about fifty formats, and each tenant has its own.
const SOURCES_MAX: usize = 1_024;

/// For how long a source's word that the office is open holds.
const OPEN_FOR: Duration = Duration::from_hours(1);

/// Silences no further apart than this are one episode.
const GAP: Duration = Duration::from_hours(1);

/// One pause in so many is longer than usual.
const LONGER: usize = 200;

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    minutes_min: i64,
    factor: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            minutes_min: 30,
            factor: 3,
        }
    }
}

#[derive(Debug)]
struct SourceSilent {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    zone: TimeZone,
    state: State,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    sources: BTreeMap<String, BTreeMap<String, Source>>,
    /// The step of the last tick, and the latest receipt of any record.
    ticked: i64,
    latest: Time,
    offices: BTreeMap<String, Office>,
}

/// What is known of the days of a tenant.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Office {
    /// When a record last said that it is open.
    open: Option<Time>,
    /// The holidays of the last weeks, as far as a record came on them.
    holidays: BTreeSet<i64>,
}

/// When a source sent anything.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Source {
    /// Of each hour, a bit for each of its steps.
    hours: BTreeMap<i64, u16>,
    /// The last record: when it was received, and what there is to tell of it.
    last: Option<(Time, Evidence)>,
    /// Whether its silence was told.
    told: bool,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "minutes_min", limits.minutes_min, 5, 24 * 60)?;
    within(NAME, "factor", limits.factor, 1, 100)?;
    Ok(Box::new(SourceSilent {
        rule,
        limits,
        zone: surroundings.zone.clone(),
        state: State::default(),
    }))
}

fn step(time: Time) -> i64 {
    time.secs().div_euclid(STEP_SECS)
}

/// The hour of a step, and its bit in that hour.
fn bit(step: i64) -> (i64, u16) {
    let bit = u32::try_from(step.rem_euclid(STEPS_PER_HOUR)).unwrap_or_default();
    (step.div_euclid(STEPS_PER_HOUR), 1 << bit)
}

impl Detector for SourceSilent {
    fn observe(&mut self, batch: &EventBatch, _: &mut Vec<Detection>) {
        for row in 0..batch.len() {
            if batch.flag(Column::Backfill, row) == Some(true) {
                continue;
            }
            let (Some(tenant), Some(source)) = (batch.text(Column::Tenant, row), batch.text(Column::Source, row))
            else {
                continue;
            };
            let received = batch.observed(row);
            self.state.latest = self.state.latest.max(received);
            self.learn_office(batch, row, tenant, received);
            let sources = self.state.sources.entry(tenant.to_owned()).or_default();
            if SOURCES_MAX <= sources.len() && !sources.contains_key(source) {
                continue;
            }
            sources
                .entry(source.to_owned())
                .or_default()
                .receive(batch, row, received);
        }
    }

    fn tick(&mut self, now: Time, found: &mut Vec<Detection>) {
        // At the end of old records the clock stands where the last record was received.
        let now = if now == Time(i64::MAX) { self.state.latest } else { now };
        if step(now) <= self.state.ticked {
            return;
        }
        self.state.ticked = step(now);
        let today = local_day(&self.zone, now);
        for (tenant, sources) in &mut self.state.sources {
            let office = self.state.offices.get(tenant);
            if office.is_some_and(|office| office.holidays.contains(&today)) {
                continue;
            }
            let weight = weight(&self.rule, office, now);
            let silent = sources
                .iter_mut()
                .filter_map(|(name, source)| Some((name, source.silent(now, &self.limits)?)));
            found.extend(silent.map(|(name, (evidence, facts))| Detection {
                rule: Arc::clone(&self.rule),
                weight,
                tenant: Arc::from(tenant.as_str()),
                entity: Entity {
                    kind: EntityKind::Other,
                    name: Arc::from(name.as_str()),
                },
                evidence: vec![evidence],
                facts,
                gap: GAP,
            }));
        }
    }

    /// What is kept is counted in weeks of receipt, whatever may still come.
    fn forget_before(&mut self, horizon: Time) {
        let oldest = step(horizon).div_euclid(STEPS_PER_HOUR) - (WEEKS + 1) * HOURS_PER_WEEK;
        for sources in self.state.sources.values_mut() {
            sources.retain(|_, source| {
                source.hours = source.hours.split_off(&oldest);
                !source.hours.is_empty()
            });
        }
        self.state.sources.retain(|_, sources| !sources.is_empty());
        let day = local_day(&self.zone, horizon);
        for office in self.state.offices.values_mut() {
            office.holidays = office.holidays.split_off(&day);
        }
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        into.put(&part(NAME, FORM, &self.rule), "state", &self.state)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.state = match from.part(&part(NAME, FORM, &self.rule)) {
            [(_, state)] => serde_json::from_str(state).unwrap_or_default(),
            _ => State::default(),
        };
    }
}

/// What a silence weighs: less than the rule says unless the office is open.
fn weight(rule: &RuleInfo, office: Option<&Office>, now: Time) -> Weight {
    let mut weight = Weight::of(rule);
    let open = office.and_then(|office| office.open);
    if open.is_none_or(|open| open < now.minus(OPEN_FOR)) {
        weight.severity = weight.severity.min(Severity::Medium);
    }
    weight
}

impl SourceSilent {
    fn learn_office(&mut self, batch: &EventBatch, row: usize, tenant: &str, received: Time) {
        let state = batch.text(Column::OfficeState, row);
        if !matches!(state, Some("open" | "holiday")) {
            return;
        }
        let office = self.state.offices.entry(tenant.to_owned()).or_default();
        if state == Some("open") {
            office.open = office.open.max(Some(received));
        } else {
            office.holidays.insert(local_day(&self.zone, batch.believed_time(row)));
        }
    }
}

impl Source {
    fn receive(&mut self, batch: &EventBatch, row: usize, received: Time) {
        let (hour, bit) = bit(step(received));
        *self.hours.entry(hour).or_default() |= bit;
        let last = self
            .last
            .as_ref()
            .map(|(last, evidence)| (*last, evidence.event_uid.as_str()));
        let uid = batch.text(Column::EventUid, row).unwrap_or_default();
        if last.is_none_or(|last| last < (received, uid)) {
            self.last = Some((received, Evidence::of(batch, row)));
            self.told = false;
        }
    }

    /// The last record, and what there is to say, if the source fell silent and that was not told.
    fn silent(&mut self, now: Time, limits: &Parameters) -> Option<(Evidence, Facts)> {
        let (last, evidence) = self.last.as_ref().filter(|_| !self.told)?;
        let first = *self.hours.keys().next()?;
        let passed = (step(*last) + 1..step(now)).filter(|step| self.is_expected(first, bit(*step).0));
        let passed = i64::try_from(passed.count()).unwrap_or(i64::MAX);
        let least = (limits.minutes_min * 60 + STEP_SECS - 1) / STEP_SECS;
        if passed < least {
            return None;
        }
        let pause = self.usual_pause(*last);
        if passed < pause.saturating_mul(limits.factor) {
            return None;
        }
        let facts = Facts::from([
            ("silent_secs".to_owned(), json!(last.distance(now).as_secs())),
            ("expected_minutes".to_owned(), json!(passed * STEP_SECS / 60)),
            ("usual_minutes".to_owned(), json!(pause.max(1) * STEP_SECS / 60)),
            ("last_time".to_owned(), json!(last.to_string())),
        ]);
        let evidence = evidence.clone();
        self.told = true;
        Some((evidence, facts))
    }

    /// Whether an hour is expected to be busy.
    fn is_expected(&self, first: i64, hour: i64) -> bool {
        let weeks = (1..=WEEKS).map(|week| hour - week * HOURS_PER_WEEK);
        let known: Vec<bool> = weeks
            .filter(|then| first <= *then)
            .map(|then| self.hours.contains_key(&then))
            .collect();
        let busy = known.iter().filter(|is_busy| **is_busy).count();
        2 <= known.len() && (known.len() * 3).div_ceil(4) <= busy
    }

    /// The longest pause that is usual, in steps: between two receipts, counting the steps of hours in
    /// which anything was received.
    fn usual_pause(&self, before: Time) -> i64 {
        let last = step(before);
        let steps = self.hours.iter().flat_map(|(&hour, &bits)| {
            let steps = (0..STEPS_PER_HOUR).map(move |number| hour * STEPS_PER_HOUR + number);
            steps.map(move |step| (step, bits & bit(step).1 != 0))
        });
        let (mut pauses, mut pause) = (Vec::new(), 0);
        for (_, is_busy) in steps.take_while(|(step, _)| *step <= last) {
            if is_busy {
                pauses.push(std::mem::take(&mut pause));
            } else {
                pause += 1;
            }
        }
        pauses.sort_unstable();
        // The longest is never usual: it may be the last time that the source fell silent.
        let place = pauses.len().saturating_sub(1 + (pauses.len() / LONGER).max(1));
        pauses.get(place).copied().unwrap_or(0)
    }
}
