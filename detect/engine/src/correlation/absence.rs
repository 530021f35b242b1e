//! Events that another did not follow.
//!
//! An event waits until nothing can come any more that would have followed it in time. What follows
//! is kept as long as an event may come late that it follows.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use sekisho_model::{Snapshot, Time};
use serde::{Deserialize, Serialize};

use super::event::{Occurrence, Uid};
use super::groups::{Dropped, key};
use super::hot::Hot;

/// The most groups in which something waits or may be answered.
const GROUPS_MAX: usize = 50_000;
/// The most events of a group that wait.
const WAITING_MAX: usize = 1_024;
/// After so many answers of a group those that make no difference are dropped.
const ANSWERS_MANY: usize = 64;
/// The most answers of a group.
const ANSWERS_MAX: usize = 4_096;

/// Events that wait for what must not follow, by group.
#[derive(Debug)]
pub(super) struct Absence {
    within: Duration,
    groups: HashMap<Box<str>, Waits>,
    /// When the first of them is to be decided; nothing waits without it.
    due: Option<Time>,
    clock: u64,
    dropped: Dropped,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waits {
    waiting: Vec<Hot>,
    /// What may follow, in order of time.
    answers: Vec<(Time, Uid)>,
    touched: u64,
}

impl Absence {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            within,
            groups: HashMap::new(),
            due: None,
            clock: 0,
            dropped: Dropped::default(),
        }
    }

    fn group(&mut self, tenant: &str, values: &[Arc<str>]) -> &mut Waits {
        self.clock += 1;
        let clock = self.clock;
        let group = self.groups.entry(key(tenant, values)).or_insert_with(|| Waits {
            waiting: Vec::new(),
            answers: Vec::new(),
            touched: clock,
        });
        group.touched = clock;
        group
    }

    /// Takes in an event that may follow others.
    pub(super) fn answer(&mut self, event: &Occurrence, group_by: usize) {
        let values = event.carried.slots.get(..group_by).unwrap_or_default();
        let Some(values) = values.iter().cloned().collect::<Option<Vec<_>>>() else {
            return;
        };
        let within = self.within;
        let answer = (event.time, event.uid);
        let group = self.group(&event.tenant, &values);
        if let Err(place) = group.answers.binary_search(&answer) {
            group.answers.insert(place, answer);
        }
        let many = group.answers.len().is_multiple_of(ANSWERS_MANY);
        let dropped = if many { group.thin(within) } else { 0 };
        self.dropped.events += dropped;
        self.keep_bounds();
    }

    /// Lets hot events wait.
    pub(super) fn hold(&mut self, hot: Vec<Hot>) {
        for hot in hot {
            for single in hot.apart() {
                let due = single.events.first().map(|(time, ..)| time.plus(self.within));
                self.due = self.due.into_iter().chain(due).min();
                let group = self.group(&single.tenant, &single.values);
                group.waiting.push(single);
                let surplus = group.waiting.len().saturating_sub(WAITING_MAX);
                group.waiting.drain(..surplus);
                self.dropped.events += u64::try_from(surplus).unwrap_or(u64::MAX);
            }
        }
        self.keep_bounds();
    }

    /// What nothing followed, of all that cannot be followed in time any more: no event from before
    /// `passed` will come.
    pub(super) fn decide(&mut self, passed: Time) -> Vec<Hot> {
        if self.due.is_none_or(|due| due > passed) {
            return Vec::new();
        }
        let within = self.within;
        let mut alone = Vec::new();
        let groups = self.groups.values_mut();
        self.due = groups
            .filter_map(|group| group.decide(passed, within, &mut alone))
            .min();
        Hot::together(alone)
    }

    /// Forgets answers that are older.
    pub(super) fn forget_before(&mut self, oldest: Time) {
        self.groups.retain(|_, group| {
            let gone = group.answers.partition_point(|(time, _)| *time < oldest);
            group.answers.drain(..gone);
            !(group.answers.is_empty() && group.waiting.is_empty())
        });
    }

    fn keep_bounds(&mut self) {
        if self.groups.len() <= GROUPS_MAX {
            return;
        }
        let mut ages: Vec<u64> = self.groups.values().map(|group| group.touched).collect();
        ages.sort_unstable();
        // A sixteenth more than needed, so that the search is rare.
        let oldest_kept = ages.get(GROUPS_MAX / 16).copied().unwrap_or_default();
        let before = self.groups.len();
        self.groups.retain(|_, group| oldest_kept <= group.touched);
        self.dropped.groups += u64::try_from(before - self.groups.len()).unwrap_or(u64::MAX);
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }

    pub(super) fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        let mut keys: Vec<&str> = self.groups.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        for key in keys {
            if let Some(group) = self.groups.get(key) {
                into.put(part, key, group)?;
            }
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, part: &str, from: &Snapshot) {
        self.groups = from
            .part(part)
            .iter()
            .filter_map(|(key, state)| Some((Box::from(key.as_str()), serde_json::from_str(state).ok()?)))
            .collect();
        self.clock = self
            .groups
            .values()
            .map(|group| group.touched)
            .max()
            .unwrap_or_default();
        // Whatever waits is looked at with the next tick.
        self.due = Some(Time(i64::MIN));
    }
}

impl Waits {
    /// Adds what nothing followed to `alone`; says when the first of the rest is to be decided.
    fn decide(&mut self, passed: Time, within: Duration, alone: &mut Vec<Hot>) -> Option<Time> {
        let mut due = None;
        for hot in std::mem::take(&mut self.waiting) {
            let Some((start, uid, _)) = hot.events.first() else {
                continue;
            };
            let (start, end, uid) = (*start, start.plus(within), *uid);
            if passed < end {
                due = due.into_iter().chain([end]).min();
                self.waiting.push(hot);
            } else if !is_answered(&self.answers, start, end, uid) {
                alone.push(hot);
            }
        }
        due
    }

    /// Drops answers that no question can tell from their neighbours; then, if there are too many, the
    /// oldest. Says how many of the latter.
    ///
    /// A span as long as a cell holds a start of a cell, an end of one, or all of one: so what matters
    /// of a cell are its edges, two on each side, since one may be the event that asks.
    fn thin(&mut self, within: Duration) -> u64 {
        let span = i64::try_from(within.as_micros()).unwrap_or(i64::MAX).max(1);
        let cell = |answer: &(Time, Uid)| answer.0.0.div_euclid(span);
        self.answers = self
            .answers
            .chunk_by(|left, right| cell(left) == cell(right))
            .flat_map(|run| {
                let middle = 2..run.len().saturating_sub(2);
                let edges = run.iter().enumerate().filter(move |(place, _)| !middle.contains(place));
                edges.map(|(_, answer)| *answer)
            })
            .collect();
        let surplus = self.answers.len().saturating_sub(ANSWERS_MAX);
        self.answers.drain(..surplus);
        u64::try_from(surplus).unwrap_or(u64::MAX)
    }
}

/// Whether another event than `uid` follows from `start` to `end`.
fn is_answered(answers: &[(Time, Uid)], start: Time, end: Time, uid: Uid) -> bool {
    let from = answers.partition_point(|(time, _)| *time < start);
    answers
        .get(from..)
        .unwrap_or_default()
        .iter()
        .take_while(|(time, _)| *time <= end)
        .any(|(_, answer)| *answer != uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thinned_answers_answer_the_same(
            mut answers in proptest::collection::vec((0..600_i64, 0..40_u128), ANSWERS_MANY..300),
            start in 0..600_i64,
            uid in 0..40_u128,
        ) {
            answers.sort_unstable();
            answers.dedup_by_key(|(_, uid)| *uid);
            let answers: Vec<(Time, Uid)> = answers.into_iter().map(|(time, uid)| (Time(time), Uid(uid))).collect();
            let mut thinned = Waits { waiting: Vec::new(), answers: answers.clone(), touched: 0 };
            thinned.thin(Duration::from_micros(10));
            let ask = |answers: &[(Time, Uid)]| is_answered(answers, Time(start), Time(start + 10), Uid(uid));
            prop_assert_eq!(ask(&answers), ask(&thinned.answers));
        }
    }
}
