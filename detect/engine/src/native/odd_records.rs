//! Records of a source that cannot be right: from the future, or unreadable.
//!
//! A source of which many records are odd has a wrong clock, writes in another form since its last
//! update, or is being tampered with; and what rules find in it is less than what is there. Told are the
//! odd records of an hour if they are at least `rows_min`, and at least `share` of what the source
//! usually sends in an hour.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `what` | – | `future`: the time lies more than two minutes after the receipt; `unreadable`: `parse_status` is not `ok` |
//! | `rows_min` | 20 | odd records within an hour |
//! | `share` | 0.01 | the same, as a share of a usual hour |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::Weight;
use sekisho_model::{Column, Detection, Entity, EntityKind, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hours::{Hours, Share};
use super::looks::Detail;
use super::people::People;
use super::ring::{Measured, Ring, Tally};
use super::{ParameterError, parameters, part, share_of, within};
use crate::Detector;

pub(super) const NAME: &str = "odd_records";

/// The most sources that are remembered: there are about fifty formats.
const SOURCES_MAX: usize = 1_024;

/// The most odd records of a source that are remembered.
const ROWS_MAX: usize = 4_096;

/// How far ahead of its receipt a record may be: clocks that are set by the network differ by less.
const AHEAD_MAX: Duration = Duration::from_mins(2);

const HOUR: Duration = Duration::from_hours(1);

/// A usual hour: half of the hours in which the source sent anything have no more.
const USUAL: Share = Share(50);

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    #[default]
    Future,
    Unreadable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    what: What,
    rows_min: i64,
    share: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            what: What::default(),
            rows_min: 20,
            share: 0.01,
        }
    }
}

#[derive(Debug)]
struct OddRecords {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    sources: People<Source>,
}

/// What a source sent.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Source {
    odd: Ring<Odd>,
    /// How many records of any kind each hour had.
    all: Hours,
}

/// How many seconds a record is ahead of its receipt.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Odd(i64);

impl Measured for Odd {
    const DETAIL: Detail = Detail::Place;

    fn update(&mut self, update: Self) {
        self.0 = self.0.max(update.0);
    }
}

/// How many records there are.
#[derive(Debug, Default)]
struct Count(i64);

impl Tally<Odd> for Count {
    fn add(&mut self, _: &Odd) {
        self.0 += 1;
    }

    fn remove(&mut self, _: &Odd) {
        self.0 -= 1;
    }

    fn total(&self) -> i64 {
        self.0
    }
}

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "rows_min", limits.rows_min, 1, 1_000_000)?;
    within(NAME, "share", limits.share, 0.0, 1.0)?;
    Ok(Box::new(OddRecords {
        rule,
        limits,
        sources: People::bounded(SOURCES_MAX),
    }))
}

impl What {
    /// Whether a row is odd, and how far ahead it is.
    fn of(self, batch: &EventBatch, row: usize) -> Option<Odd> {
        let (time, observed) = (batch.time(row), batch.observed(row));
        let ahead = time.0.saturating_sub(observed.0) / 1_000_000;
        let is_odd = match self {
            Self::Future => observed.plus(AHEAD_MAX) < time,
            Self::Unreadable => batch.text(Column::ParseStatus, row) != Some("ok"),
        };
        is_odd.then_some(Odd(ahead))
    }
}

impl Detector for OddRecords {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        let mut sources: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for row in 0..batch.len() {
            let names = batch.text(Column::Tenant, row).zip(batch.text(Column::Source, row));
            if let Some(names) = names {
                sources.entry(names).or_default().push(row);
            }
        }
        for ((tenant, name), rows) in sources {
            let last = rows.iter().map(|row| batch.believed_time(*row)).max();
            let Some(source) = self.sources.meet(tenant, name, last.unwrap_or_default()) else {
                continue;
            };
            let Some(touched) = source.add(batch, &rows, self.limits.what) else {
                continue;
            };
            for (evidence, facts) in source.waves(touched, &self.limits) {
                found.push(Detection {
                    rule: Arc::clone(&self.rule),
                    weight: Weight::of(&self.rule),
                    tenant: Arc::from(tenant),
                    entity: Entity {
                        kind: EntityKind::Other,
                        name: Arc::from(name),
                    },
                    evidence,
                    facts,
                    gap: HOUR,
                });
            }
            source.odd.shrink(ROWS_MAX);
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(HOUR);
        self.sources.retain(|source, _| {
            source.odd.forget_before(oldest);
            source.all.forget_before(horizon);
            !source.odd.is_empty() || !source.all.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.sources.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.sources.restore(&part(NAME, FORM, &self.rule), from);
    }
}

impl Source {
    /// Takes in records, and says from when to when odd ones are among them.
    fn add(&mut self, batch: &EventBatch, rows: &[usize], what: What) -> Option<(Time, Time)> {
        let mut touched: Option<(Time, Time)> = None;
        for &row in rows {
            self.all.add(batch.believed_time(row), 1);
            let odd = what.of(batch, row);
            let Some(inserted) = odd.and_then(|odd| self.odd.insert(batch, row, odd)) else {
                continue;
            };
            let time = inserted.time;
            touched = Some(touched.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        touched
    }

    /// The odd records that are too many and were not told.
    fn waves(&mut self, touched: (Time, Time), limits: &Parameters) -> Vec<(Vec<Evidence>, Facts)> {
        let least = |time: Time| {
            let usual = self.all.usual_hour(time, USUAL, i64::MAX);
            limits.rows_min.max(share_of(limits.share, usual.unwrap_or(0)))
        };
        let hot = self.odd.hot::<Count>(touched, HOUR, |row, count| {
            limits.rows_min <= count && least(row.time) <= count
        });
        let mut waves = Vec::new();
        for wave in self.odd.untold(hot, HOUR) {
            let mut facts = Facts::from([("window_minutes".to_owned(), json!(60))]);
            if let Some((slice, count)) = self.odd.heaviest::<Count>(&wave, HOUR) {
                let rows = self.odd.events().get(slice).unwrap_or_default();
                let ahead = rows.iter().map(|row| row.value.0).max();
                let ahead = ahead.filter(|_| limits.what == What::Future);
                facts.insert("count".to_owned(), json!(count));
                facts.insert("threshold".to_owned(), json!(limits.rows_min));
                facts.extend(ahead.map(|ahead| ("secs_ahead".to_owned(), json!(ahead))));
            }
            let evidence = wave.into_iter().filter_map(|index| self.odd.tell(index)).collect();
            waves.push((evidence, facts));
        }
        waves
    }
}
