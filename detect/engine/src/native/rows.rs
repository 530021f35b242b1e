//! Detectors that judge each row by itself, and by what was learnt long before.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Detection, Entity, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight};

use super::{part, person_entity, person_of};
use crate::Detector;

/// The most events that are remembered as told. Beyond it the oldest are forgotten, and would be told
/// again if they were repeated; a case knows its evidence and is not misled.
const TOLD_MAX: usize = 100_000;

/// The form of the state in snapshots.
const FORM: u32 = 1;

/// What is asked of a row.
pub(super) trait RowTest: Debug + Send {
    /// The name of the detector.
    const NAME: &'static str;
    /// Firings no further apart than this are one episode.
    const GAP: Duration;

    /// Whether the row is a finding.
    fn fires(&self, batch: &EventBatch, row: usize) -> bool;

    /// What there is to say of a row that is one.
    fn facts(&self, batch: &EventBatch, row: usize) -> Facts;

    /// Who is suspected of a row that is one: the person, if nothing else is said.
    fn entity(&self, batch: &EventBatch, row: usize) -> Option<Entity> {
        Some(person_entity(&Arc::from(person_of(batch, row)?)))
    }

    /// How much a row weighs that is one.
    fn weight(&self, rule: &RuleInfo, _batch: &EventBatch, _row: usize) -> Weight {
        Weight::of(rule)
    }

    /// Learns from the rows of a batch before they are judged. What is learnt may only be asked of rows
    /// that happened when all of it had come.
    fn learn(&mut self, _batch: &EventBatch) {}

    /// Forgets what no row can ask any more.
    fn forget_before(&mut self, _horizon: Time) {}

    /// Saves what was learnt.
    fn snapshot(&self, _part: &str, _into: &mut Snapshot) -> Result<(), serde_json::Error> {
        Ok(())
    }

    /// Goes on from what was saved.
    fn restore(&mut self, _part: &str, _from: &Snapshot) {}
}

/// The time, identity and index of each row that fired.
type Firings<'a> = Vec<(Time, &'a str, usize)>;

/// Fires for each row that the test fires for, once.
#[derive(Debug)]
pub(super) struct RowDetector<T> {
    rule: Arc<RuleInfo>,
    test: T,
    told: BTreeSet<(Time, String)>,
}

impl<T: RowTest> RowDetector<T> {
    pub(super) fn new(rule: Arc<RuleInfo>, test: T) -> Self {
        Self {
            rule,
            test,
            told: BTreeSet::new(),
        }
    }

    /// Whether the event is told for the first time.
    fn tell(&mut self, time: Time, uid: &str) -> bool {
        let first = self.told.insert((time, uid.to_owned()));
        if TOLD_MAX < self.told.len() {
            self.told.pop_first();
        }
        first
    }

    fn part(&self) -> String {
        part(T::NAME, FORM, &self.rule)
    }

    fn learnt(&self) -> String {
        format!("{}/learnt", self.part())
    }
}

fn by_weight(left: Weight, right: Weight) -> Ordering {
    let severity = left.severity.cmp(&right.severity);
    severity.then(left.probability.total_cmp(&right.probability))
}

impl<T: RowTest> Detector for RowDetector<T> {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        self.test.learn(batch);
        let mut fired: BTreeMap<(&str, Entity), Firings<'_>> = BTreeMap::new();
        for row in 0..batch.len() {
            if !self.test.fires(batch, row) {
                continue;
            }
            let (Some(tenant), Some(entity), Some(uid)) = (
                batch.text(Column::Tenant, row),
                self.test.entity(batch, row),
                batch.text(Column::EventUid, row),
            ) else {
                continue;
            };
            let time = batch.believed_time(row);
            if self.tell(time, uid) {
                fired.entry((tenant, entity)).or_default().push((time, uid, row));
            }
        }
        for ((tenant, entity), mut rows) in fired {
            rows.sort_unstable();
            let weights = rows.iter().map(|(_, _, row)| self.test.weight(&self.rule, batch, *row));
            // What there is to say is said of the heaviest row; of several, of the last.
            let heaviest = rows
                .iter()
                .zip(weights)
                .max_by(|(_, left), (_, right)| by_weight(*left, *right));
            let Some((&(_, _, row), weight)) = heaviest else {
                continue;
            };
            found.push(Detection {
                rule: Arc::clone(&self.rule),
                weight,
                tenant: Arc::from(tenant),
                entity,
                evidence: rows.iter().map(|(_, _, row)| Evidence::of(batch, *row)).collect(),
                facts: self.test.facts(batch, row),
                gap: T::GAP,
            });
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        self.told = self.told.split_off(&(horizon, String::new()));
        self.test.forget_before(horizon);
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        into.put(&self.part(), "told", &self.told)?;
        self.test.snapshot(&self.learnt(), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.told = match from.part(&self.part()) {
            [(_, told)] => serde_json::from_str(told).unwrap_or_default(),
            _ => BTreeSet::new(),
        };
        let part = self.learnt();
        self.test.restore(&part, from);
    }
}
