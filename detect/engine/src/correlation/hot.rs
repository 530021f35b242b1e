//! Events that have become hot, and the detections they make.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use sekisho_model::{Detection, Entity, Facts, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::event::{Carried, Uid};
use super::group::Entry;
use super::rule::{GroupOf, Told};
use super::spec::{CorrelationSpec, Goal, Wanted};
use crate::episode::waves;

/// Events that have become hot, of one group and one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hot {
    /// Whose events they are.
    pub tenant: Arc<str>,
    pub(super) values: Vec<Arc<str>>,
    pub(super) entity: Entity,
    pub(super) measured: Measured,
    /// The events, in order of time.
    pub events: Vec<(Time, Uid, Carried)>,
}

/// What was measured, and what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The fullest window.
    pub(super) most: u64,
    /// The highest average.
    pub(super) average: Option<f64>,
    /// How many were asked for, where that depends on the number of people.
    pub(super) need: u64,
}

impl Hot {
    /// Each event by itself.
    pub(super) fn apart(self) -> impl Iterator<Item = Self> {
        let Self {
            tenant,
            values,
            entity,
            measured,
            events,
        } = self;
        events.into_iter().map(move |event| Self {
            tenant: Arc::clone(&tenant),
            values: values.clone(),
            entity: entity.clone(),
            measured,
            events: vec![event],
        })
    }

    /// Puts those of the same group and entity together, in an order of their own.
    pub(super) fn together(all: Vec<Self>) -> Vec<Self> {
        let mut by: BTreeMap<(GroupOf, Entity), Self> = BTreeMap::new();
        for hot in all {
            let key = ((Arc::clone(&hot.tenant), hot.values.clone()), hot.entity.clone());
            match by.entry(key) {
                btree_map::Entry::Vacant(place) => drop(place.insert(hot)),
                btree_map::Entry::Occupied(mut place) => place.get_mut().join(hot),
            }
        }
        let mut all: Vec<Self> = by.into_values().collect();
        for hot in &mut all {
            hot.events.sort_by_key(|(time, uid, _)| (*time, *uid));
            hot.events.dedup_by_key(|(_, uid, _)| *uid);
        }
        all
    }

    fn join(&mut self, other: Self) {
        self.measured.most = self.measured.most.max(other.measured.most);
        self.measured.need = self.measured.need.max(other.measured.need);
        self.measured.average = self.measured.average.max_of(other.measured.average);
        self.events.extend(other.events);
    }
}

/// The greater of two numbers that may lack.
trait MaxOf {
    fn max_of(self, other: Self) -> Self;
}

impl MaxOf for Option<f64> {
    fn max_of(self, other: Self) -> Self {
        self.into_iter().chain(other).max_by(f64::total_cmp)
    }
}

impl CorrelationSpec {
    /// The detections that hot events make.
    pub fn detections(&self, hot: Hot) -> impl Iterator<Item = Detection> + '_ {
        let facts = self.facts(&hot);
        let Hot {
            tenant, entity, events, ..
        } = hot;
        waves(events, self.span, |(time, ..)| *time)
            .into_iter()
            .map(move |wave| {
                let mut facts = facts.clone();
                facts.insert("events".to_owned(), json!(wave.len()));
                Detection {
                    rule: Arc::clone(&self.info),
                    weight: self.weight(&wave),
                    tenant: Arc::clone(&tenant),
                    entity: entity.clone(),
                    evidence: wave
                        .into_iter()
                        .map(|(_, _, carried)| Arc::unwrap_or_clone(carried.evidence))
                        .collect(),
                    facts,
                    gap: self.span,
                }
            })
    }

    /// What events make a detection weigh.
    fn weight(&self, events: &[(Time, Uid, Carried)]) -> Weight {
        let kinds = |(_, _, carried): &(Time, Uid, Carried)| -> Option<u32> {
            carried.slots.get(self.raise_slot())?.as_deref()?.parse().ok()
        };
        let kinds = events.iter().filter_map(kinds).fold(0, |all, kinds| all | kinds);
        let raises = self.raises.iter().enumerate();
        raises
            .filter(|(place, _)| {
                kinds
                    .checked_shr(u32::try_from(*place).unwrap_or(u32::MAX))
                    .unwrap_or(0)
                    & 1
                    == 1
            })
            .fold(Weight::of(&self.info), |weight, (_, raise)| raise.raise(weight))
    }

    fn facts(&self, hot: &Hot) -> Facts {
        let mut facts = Facts::new();
        let group: serde_json::Map<_, _> = self
            .group_by
            .iter()
            .zip(&hot.values)
            .map(|(field, value)| (field.clone(), json!(&**value)))
            .collect();
        facts.insert("window_secs".to_owned(), json!(self.span.as_secs()));
        let threshold = match &self.wanted {
            Wanted::AtLeast(least) => json!(least),
            Wanted::Relative(_) => json!(hot.measured.need),
            Wanted::Settled(bounds) => json!(bounds.0.first().map(|(_, bound)| *bound)),
        };
        facts.insert("threshold".to_owned(), threshold);
        facts.insert("group".to_owned(), group.into());
        if let Some(within) = self.absent {
            facts.insert("not_followed_secs".to_owned(), json!(within.as_secs()));
        }
        let most = hot.measured.most;
        match self.goal {
            Goal::Values => facts.insert("distinct".to_owned(), json!(most)),
            Goal::Sum => facts.insert("sum".to_owned(), json!(most)),
            Goal::Events => facts.insert("count".to_owned(), json!(most)),
            Goal::Average | Goal::Percentile(_) => facts.insert("average".to_owned(), json!(hot.measured.average)),
            Goal::Rules | Goal::Order => facts.insert("rules".to_owned(), json!(self.titles)),
        };
        if let Some(field) = &self.field {
            facts.insert("field".to_owned(), json!(field));
        }
        facts
    }
}

/// Tells of an event for an entity, if that was not done.
pub(super) fn tell_for(name: &Arc<str>, entry: &mut Entry) -> Option<Told> {
    if entry.told_for.contains(name) {
        return None;
    }
    entry.told = true;
    entry.told_for.push(Arc::clone(name));
    let carried = Carried::clone(entry.carried.as_ref()?);
    let entity = Some(Arc::clone(name)).filter(|name| !name.is_empty());
    Some((entity, entry.time, entry.uid, carried))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "what is counted is small"
)]
pub(super) fn approximate(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what is less than nothing is nothing"
)]
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}

/// The values of a group, for an entity of which nothing else is known.
pub(super) fn group_name(values: &[Arc<str>]) -> Arc<str> {
    if values.is_empty() {
        Arc::from(crate::entity::UNKNOWN)
    } else {
        values.join(" ").into()
    }
}
