//! A web site that answers with errors, minute after minute.
//!
//! Errors of the server (5xx) and refusals (401, 403) of a site are counted by minute, each kind by
//! itself. A minute is *bad* if it has more than `errors_min` of them and more than is usual: the mean
//! and six standard deviations of a minute of the same hour of the week, over the last four weeks, each
//! of which counts half of the one after it. `minutes_min` bad minutes in a row are a burst, and every
//! error in them is evidence.
//!
//! Counts only grow, and what is usual is taken from hours of which all records have come; so the order
//! of the records makes no difference. A burst in which the server's own errors are more than half of
//! all answers is told one level higher.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `errors_min` | 20 | errors in a minute |
//! | `minutes_min` | 3 | bad minutes in a row |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Detection, Entity, EntityKind, EventBatch, Evidence, Facts, RuleInfo, Severity, Snapshot};
use sekisho_model::{Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hours::{Hours, hour};
use super::looks::Detail;
use super::people::People;
use super::ring::{Measured, Ring};
use super::{ParameterError, SETTLED_AFTER, parameters, part, within};
use crate::Detector;

pub(super) const NAME: &str = "error_burst";

/// The most sites that are remembered, and the most errors of a site. Beyond it the oldest are
/// forgotten: a burst is told long before.
const SITES_MAX: usize = 256;
const ERRORS_MAX: usize = 8_192;

/// Bursts no further apart than this are one episode.
const GAP: Duration = Duration::from_mins(30);

/// How many standard deviations above the mean are not usual.
const SIGMAS: f64 = 6.0;

/// Of how many weeks before the same hour is asked.
const WEEKS: i64 = 4;
const HOURS_PER_WEEK: i64 = 7 * 24;
const MINUTES_PER_HOUR: f64 = 60.0;
const SECS_PER_MINUTE: i64 = 60;

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    errors_min: u64,
    minutes_min: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            errors_min: 20,
            minutes_min: 3,
        }
    }
}

#[derive(Debug)]
struct ErrorBurst {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    sites: People<Site>,
}

/// The answers of a site.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Site {
    errors: Ring<Failure>,
    /// How many there were in each hour, by kind.
    server: Hours,
    refused: Hours,
    /// How many answers there were in each minute of late.
    answers: BTreeMap<i64, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Failure {
    Server,
    Refused,
}

impl Measured for Failure {
    const DETAIL: Detail = Detail::Full;

    fn update(&mut self, _: Self) {}
}

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "errors_min", limits.errors_min, 1, 1_000_000)?;
    within(NAME, "minutes_min", limits.minutes_min, 1, 60)?;
    Ok(Box::new(ErrorBurst {
        rule,
        limits,
        sites: People::bounded(SITES_MAX),
    }))
}

impl Detector for ErrorBurst {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        let activity = batch.texts(Column::Activity);
        let mut touched: BTreeMap<(&str, &str), Vec<Time>> = BTreeMap::new();
        for row in (0..batch.len()).filter(|row| activity.get(*row) == Some("web_request")) {
            // A log that does not name the site is of one site.
            let site = batch
                .text(Column::DstHost, row)
                .or_else(|| batch.text(Column::Source, row));
            let names = batch.text(Column::Tenant, row).zip(site);
            let Some(((tenant, name), status)) = names.zip(batch.int(Column::HttpStatus, row)) else {
                continue;
            };
            let Some(site) = self.sites.meet(tenant, name, batch.believed_time(row)) else {
                continue;
            };
            if let Some(time) = site.answer(batch, row, status) {
                touched.entry((tenant, name)).or_default().push(time);
            }
        }
        for ((tenant, name), times) in touched {
            let Some(site) = self.sites.get_mut(tenant, name) else {
                continue;
            };
            for (evidence, facts, is_down) in site.bursts(&times, &self.limits) {
                found.push(Detection {
                    rule: Arc::clone(&self.rule),
                    weight: weight(&self.rule, is_down),
                    tenant: Arc::from(tenant),
                    entity: Entity {
                        kind: EntityKind::Other,
                        name: Arc::from(name),
                    },
                    evidence,
                    facts,
                    gap: GAP,
                });
            }
            site.errors.shrink(ERRORS_MAX);
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(GAP.saturating_mul(4));
        self.sites.retain(|site, _| {
            site.errors.forget_before(oldest);
            site.server.forget_before(horizon);
            site.refused.forget_before(horizon);
            site.answers = site.answers.split_off(&minute(oldest));
            !site.errors.is_empty() || !site.server.is_empty() || !site.refused.is_empty() || !site.answers.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.sites.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.sites.restore(&part(NAME, FORM, &self.rule), from);
    }
}

fn weight(rule: &RuleInfo, is_down: bool) -> Weight {
    let mut weight = Weight::of(rule);
    if is_down {
        weight.severity = weight.severity.max(Severity::High);
    }
    weight
}

fn minute(time: Time) -> i64 {
    time.secs().div_euclid(SECS_PER_MINUTE)
}

/// What is told: the errors, what was measured, and whether most answers were errors.
type Burst = (Vec<Evidence>, Facts, bool);

impl Site {
    /// Takes in an answer, and says when it was if it is an error.
    fn answer(&mut self, batch: &EventBatch, row: usize, status: i64) -> Option<Time> {
        *self.answers.entry(minute(batch.believed_time(row))).or_default() += 1;
        let kind = match status {
            500..=599 => Failure::Server,
            401 | 403 => Failure::Refused,
            _ => return None,
        };
        let inserted = self.errors.insert(batch, row, kind)?;
        if inserted.before.is_none() {
            self.hours_mut(kind).add(inserted.time, 1);
        }
        Some(inserted.time)
    }

    fn hours_mut(&mut self, kind: Failure) -> &mut Hours {
        match kind {
            Failure::Server => &mut self.server,
            Failure::Refused => &mut self.refused,
        }
    }

    /// The bursts near these times that were not told.
    fn bursts(&mut self, times: &[Time], limits: &Parameters) -> Vec<Burst> {
        let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
            return Vec::new();
        };
        // Whole minutes, so that none is counted in part.
        let reach = i64::try_from(limits.minutes_min).unwrap_or(i64::MAX);
        let start = |minute: i64| Time::from_secs(minute.saturating_mul(SECS_PER_MINUTE));
        let end = start(minute(*last).saturating_add(reach + 1));
        let range = self.errors.between(
            start(minute(*first).saturating_sub(reach)),
            Time(end.0.saturating_sub(1)),
        );
        let mut bursts = Vec::new();
        for kind in [Failure::Server, Failure::Refused] {
            let mut minutes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
            let events = self.errors.events();
            let near = range.clone().filter_map(|index| Some((index, events.get(index)?)));
            for (index, event) in near.filter(|(_, event)| event.value == kind) {
                minutes.entry(minute(event.time)).or_default().push(index);
            }
            minutes.retain(|minute, errors| self.is_bad(kind, *minute, errors.len(), limits));
            let bad: Vec<i64> = minutes.keys().copied().collect();
            let runs = bad
                .chunk_by(|a, b| a + 1 == *b)
                .filter(|run| limits.minutes_min <= run.len());
            let hot: Vec<usize> = runs
                .flatten()
                .filter_map(|minute| minutes.get(minute))
                .flatten()
                .copied()
                .collect();
            for wave in self.errors.untold(hot, GAP) {
                bursts.extend(self.tell(kind, &wave, limits));
            }
        }
        bursts
    }

    fn is_bad(&self, kind: Failure, minute: i64, errors: usize, limits: &Parameters) -> bool {
        let errors = u32::try_from(errors).unwrap_or(u32::MAX);
        limits.errors_min < errors.into() && self.usual(kind, minute) < f64::from(errors)
    }

    /// The most errors that are usual in a minute: of the same hour of the last four weeks.
    fn usual(&self, kind: Failure, minute: i64) -> f64 {
        let hours = match kind {
            Failure::Server => &self.server,
            Failure::Refused => &self.refused,
        };
        let time = Time::from_secs(minute.saturating_mul(SECS_PER_MINUTE));
        // An hour without errors is not kept, and counts as none if the site was known by then.
        let known: BTreeMap<i64, i64> = hours.settled(time).collect();
        let settled = hour(time.minus(SETTLED_AFTER));
        let Some(first) = known.keys().next() else { return 0.0 };
        let (mut weight, mut weights, mut sum) = (1.0, 0.0, 0.0);
        for week in 1..=WEEKS {
            let then = hour(time).saturating_sub(week * HOURS_PER_WEEK);
            if *first <= then && then < settled {
                let count = known.get(&then).copied().unwrap_or(0);
                sum += weight * f64::from(u32::try_from(count).unwrap_or(u32::MAX));
                weights += weight;
            }
            weight /= 2.0;
        }
        if weights == 0.0 {
            return 0.0;
        }
        // Errors that come by chance deviate by the square root of their mean.
        let mean = sum / weights / MINUTES_PER_HOUR;
        mean + SIGMAS * mean.sqrt()
    }

    fn tell(&mut self, kind: Failure, wave: &[usize], limits: &Parameters) -> Option<Burst> {
        let times: Vec<Time> = wave
            .iter()
            .filter_map(|index| Some(self.errors.events().get(*index)?.time))
            .collect();
        let (first, last) = (minute(*times.first()?), minute(*times.last()?));
        let answers: u64 = self.answers.range(first..=last).map(|(_, count)| count).sum();
        let evidence: Vec<Evidence> = wave.iter().filter_map(|index| self.errors.tell(*index)).collect();
        let errors = u64::try_from(evidence.len()).unwrap_or(u64::MAX);
        let is_down = kind == Failure::Server && answers < errors.saturating_mul(2);
        let facts = Facts::from([
            ("errors".to_owned(), json!(errors)),
            ("answers".to_owned(), json!(answers)),
            (
                "minutes".to_owned(),
                json!(last.saturating_sub(first).saturating_add(1)),
            ),
            ("threshold".to_owned(), json!(limits.errors_min)),
            (
                "failure".to_owned(),
                json!(match kind {
                    Failure::Server => "failure_server",
                    Failure::Refused => "failure_refused",
                }),
            ),
        ]);
        Some((evidence, facts, is_down))
    }
}
