//! A correlation at work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use sekisho_model::{Bilingual, Detection, Entity, EntityKind, Facts, RuleInfo, Snapshot, Time, Weight, ids};
use serde_json::json;

use super::event::{Carried, Occurrence, Uid};
use super::group::{Entry, Group, Thinning};
use super::groups::{Dropped, Groups};
use super::windows::{self, Point};
use crate::episode::waves;

/// What a correlation looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// So many events, by the items that each stands for.
    Events,
    /// A field that adds up to so much.
    Sum,
    /// So many different values of a field.
    Values,
    /// Events of so many of the rules.
    Rules,
    /// An event of each rule, in their order.
    Order,
}

/// A correlation, compiled.
#[derive(Clone, Debug)]
pub struct CorrelationSpec {
    /// What a message needs to know of it.
    pub info: Arc<RuleInfo>,
    /// Whether it speaks for itself.
    pub alerts: bool,
    /// What the rules it refers to are called, in its order.
    pub titles: Vec<Bilingual>,
    /// What it looks for.
    pub goal: Goal,
    /// Within which time.
    pub span: Duration,
    /// How many there must be.
    pub threshold: u64,
    /// How many rules it refers to.
    pub positions: u16,
    /// The fields it groups by, which fill the first slots of an event.
    pub group_by: Vec<String>,
    /// The field that is counted or added up, which fills the next slot.
    pub field: Option<String>,
    /// What kind of entity fills the slot after that.
    pub entity_kind: EntityKind,
    /// Whether all events of a group are of the same entity.
    pub entity_by_group: bool,
    /// How far back from a late event its judgement may reach.
    pub reach: Duration,
    /// What fills the slots, in words: state with other slots cannot be gone on with.
    pub slots: String,
}

impl CorrelationSpec {
    /// Which slot of an event holds the name of its entity.
    pub fn entity_slot(&self) -> usize {
        self.group_by.len() + usize::from(self.field.is_some())
    }
}

/// A correlation with its state.
#[derive(Debug)]
pub struct CorrelationRule {
    /// The correlation.
    pub spec: CorrelationSpec,
    groups: Groups,
}

/// Events that have become hot, of one group and one entity.
#[derive(Debug)]
pub struct Hot {
    /// Whose events they are.
    pub tenant: Arc<str>,
    values: Vec<Arc<str>>,
    entity: Entity,
    most: u64,
    /// The events, in order of time.
    pub events: Vec<(Time, Uid, Carried)>,
}

/// An event that has become hot, for an entity.
type Told = (Option<Arc<str>>, Time, Uid, Carried);

/// A tenant and the values of a group.
type GroupOf = (Arc<str>, Vec<Arc<str>>);

impl CorrelationRule {
    /// With no state.
    pub fn new(spec: CorrelationSpec) -> Self {
        Self {
            spec,
            groups: Groups::default(),
        }
    }

    fn span_micros(&self) -> i64 {
        i64::try_from(self.spec.span.as_micros()).unwrap_or(i64::MAX)
    }

    /// Takes in events and gives those that are hot now and were not before.
    pub fn observe(&mut self, events: Vec<Occurrence>) -> Vec<Hot> {
        let mut arrivals: HashMap<GroupOf, Vec<Entry>> = HashMap::new();
        for event in events {
            if let Some((group, entry)) = self.entry(event) {
                arrivals.entry(group).or_default().push(entry);
            }
        }
        let mut arrivals: Vec<_> = arrivals.into_iter().collect();
        arrivals.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut groups = std::mem::take(&mut self.groups);
        let mut hot = Vec::new();
        for ((tenant, values), entries) in arrivals {
            groups.change(&tenant, &values, |group| self.judge(group, entries, &mut hot));
        }
        self.groups = groups;
        hot
    }

    /// The group of an event and what is kept of it; `None` if it takes no part.
    fn entry(&self, event: Occurrence) -> Option<(GroupOf, Entry)> {
        let slots = &event.carried.slots;
        let values = slots
            .get(..self.spec.group_by.len())?
            .iter()
            .cloned()
            .collect::<Option<Vec<_>>>()?;
        let field = self
            .spec
            .field
            .is_some()
            .then(|| slots.get(self.spec.group_by.len()).cloned().flatten());
        let items = event
            .carried
            .evidence
            .item_count
            .and_then(|items| u64::try_from(items).ok())
            .unwrap_or(1)
            .max(1);
        let (weight, value) = match self.spec.goal {
            Goal::Events => (items, Uid::default()),
            Goal::Sum => (
                field??.trim().parse().ok().filter(|weight| 0 < *weight)?,
                Uid::default(),
            ),
            Goal::Values => (1, Uid::of_value(&field??)),
            Goal::Rules => (1, Uid(event.position.into())),
            // So that a thinned group keeps the last events of each entity.
            Goal::Order if self.is_last(event.position) => (
                1,
                slots
                    .get(self.spec.entity_slot())
                    .cloned()
                    .flatten()
                    .map_or(Uid::default(), |name| Uid::of_value(&name)),
            ),
            Goal::Order => (1, Uid::default()),
        };
        let entry = Entry {
            time: event.time,
            uid: event.uid,
            position: event.position,
            weight,
            value,
            told: false,
            told_for: Vec::new(),
            carried: Some(Box::new(event.carried)),
        };
        Some(((event.tenant, values), entry))
    }

    fn is_last(&self, position: u16) -> bool {
        position.saturating_add(1) == self.spec.positions
    }

    /// Adds events to a group, and what becomes hot to `hot`; says how many events were dropped.
    fn judge(&self, group: &mut Group, entries: Vec<Entry>, hot: &mut Vec<Hot>) -> ((), usize) {
        let Some((first, last)) = group.insert(entries) else {
            return ((), 0);
        };
        let range = group.range(first.minus(self.spec.span), last.plus(self.spec.span));
        let Some(window) = group.entries.get_mut(range) else {
            return ((), 0);
        };
        let points: Vec<Point> = window.iter().map(Entry::point).collect();
        let span = self.span_micros();
        let mut most = 0;
        let mut told = Vec::new();
        match self.spec.goal {
            Goal::Events | Goal::Sum | Goal::Values | Goal::Rules => {
                let heat = match self.spec.goal {
                    Goal::Events | Goal::Sum => windows::heavy(&points, span, self.spec.threshold),
                    _ => windows::diverse(&points, span, self.spec.threshold),
                };
                most = heat.most;
                told = self.tell(window, &heat.hot);
            }
            Goal::Order if self.spec.entity_by_group => {
                told = self.tell(window, &windows::ordered(&points, span, self.spec.positions));
            }
            Goal::Order => self.tell_each(window, &points, &mut told),
        }
        self.gather(group, told, most, hot);
        let thinning = match self.spec.goal {
            Goal::Events | Goal::Sum => Thinning::Weights,
            Goal::Values | Goal::Rules => Thinning::Values,
            Goal::Order => Thinning::Order,
        };
        ((), group.thin(thinning, span, self.spec.threshold))
    }

    /// What is hot and was not told, each with the entity of its own row.
    fn tell(&self, window: &mut [Entry], hot: &[bool]) -> Vec<Told> {
        window
            .iter_mut()
            .zip(hot)
            .filter(|(entry, hot)| **hot && !entry.told)
            .filter_map(|(entry, _)| {
                entry.told = true;
                let carried = *entry.carried.take()?;
                let entity = carried.slots.get(self.spec.entity_slot()).cloned().flatten();
                Some((entity, entry.time, entry.uid, carried))
            })
            .collect()
    }

    /// In a chain the last event says who is suspected: what leads to it is told for that entity.
    fn tell_each(&self, window: &mut [Entry], points: &[Point], told: &mut Vec<Told>) {
        let reached = |position| points.iter().any(|point| point.position == position);
        if !(0..self.spec.positions).all(reached) {
            return;
        }
        let entity = |entry: &Entry| {
            let slots = &entry.carried.as_ref()?.slots;
            Some(
                slots
                    .get(self.spec.entity_slot())
                    .cloned()
                    .flatten()
                    .unwrap_or_else(|| Arc::from("")),
            )
        };
        let mut ends: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        for (place, entry) in window
            .iter()
            .enumerate()
            .filter(|(_, entry)| self.is_last(entry.position))
        {
            if let Some(entity) = entity(entry) {
                ends.entry(entity).or_default().push(place);
            }
        }
        let is_end = |point: &Point| self.is_last(point.position);
        for (name, ends) in ends {
            let places: Vec<usize> = (0..points.len())
                .filter(|place| {
                    points.get(*place).is_some_and(|point| !is_end(point)) || ends.binary_search(place).is_ok()
                })
                .collect();
            let chain: Vec<Point> = places.iter().filter_map(|place| points.get(*place).copied()).collect();
            let hot = windows::ordered(&chain, self.span_micros(), self.spec.positions);
            let places = places
                .into_iter()
                .zip(hot)
                .filter_map(|(place, hot)| hot.then_some(place));
            told.extend(places.filter_map(|place| tell_for(&name, window.get_mut(place)?)));
        }
    }

    /// Puts together what was told for the same entity.
    fn gather(&self, group: &Group, told: Vec<Told>, most: u64, hot: &mut Vec<Hot>) {
        let mut entities: BTreeMap<Entity, Vec<(Time, Uid, Carried)>> = BTreeMap::new();
        for (name, time, uid, carried) in told {
            let entity = match name {
                Some(name) => Entity {
                    kind: self.spec.entity_kind,
                    name,
                },
                None => Entity {
                    kind: EntityKind::Other,
                    name: group_name(&group.values),
                },
            };
            entities.entry(entity).or_default().push((time, uid, carried));
        }
        hot.extend(entities.into_iter().map(|(entity, mut events)| {
            events.sort_by_key(|(time, uid, _)| (*time, *uid));
            events.dedup_by_key(|(_, uid, _)| *uid);
            Hot {
                tenant: Arc::clone(&group.tenant),
                values: group.values.clone(),
                entity,
                most,
                events,
            }
        }));
    }

    /// The detections that hot events make.
    pub fn detections(&self, hot: Hot) -> impl Iterator<Item = Detection> + '_ {
        let facts = self.facts(&hot);
        let Hot {
            tenant, entity, events, ..
        } = hot;
        waves(events, self.spec.span, |(time, ..)| *time)
            .into_iter()
            .map(move |wave| {
                let mut facts = facts.clone();
                facts.insert("events".to_owned(), json!(wave.len()));
                Detection {
                    rule: Arc::clone(&self.spec.info),
                    weight: Weight::of(&self.spec.info),
                    tenant: Arc::clone(&tenant),
                    entity: entity.clone(),
                    evidence: wave
                        .into_iter()
                        .map(|(_, _, carried)| Arc::unwrap_or_clone(carried.evidence))
                        .collect(),
                    facts,
                    gap: self.spec.span,
                }
            })
    }

    fn facts(&self, hot: &Hot) -> Facts {
        let mut facts = Facts::new();
        let group: serde_json::Map<_, _> = self
            .spec
            .group_by
            .iter()
            .zip(&hot.values)
            .map(|(field, value)| (field.clone(), json!(&**value)))
            .collect();
        facts.insert("window_secs".to_owned(), json!(self.spec.span.as_secs()));
        facts.insert("threshold".to_owned(), json!(self.spec.threshold));
        facts.insert("group".to_owned(), group.into());
        match self.spec.goal {
            Goal::Values => facts.insert("distinct".to_owned(), json!(hot.most)),
            Goal::Sum => facts.insert("sum".to_owned(), json!(hot.most)),
            Goal::Events => facts.insert("count".to_owned(), json!(hot.most)),
            Goal::Rules | Goal::Order => facts.insert("rules".to_owned(), json!(self.spec.titles)),
        };
        if let Some(field) = &self.spec.field {
            facts.insert("field".to_owned(), json!(field));
        }
        facts
    }

    /// Forgets what no event from `horizon` on can touch.
    pub fn forget_before(&mut self, horizon: Time) {
        self.groups.forget_before(horizon.minus(self.spec.reach));
    }

    /// What was dropped at a bound.
    pub fn dropped(&self) -> Dropped {
        self.groups.dropped
    }

    /// The part of a snapshot that holds its state, which means nothing to a rule of another form.
    fn part(&self) -> String {
        let CorrelationSpec {
            info,
            goal,
            span,
            positions,
            slots,
            ..
        } = &self.spec;
        let form = format!("{goal:?} {span:?} {positions} {slots}");
        let form: String = ids::content_id(&[form.as_bytes()]).chars().take(8).collect();
        format!("rule/{}/{}/{form}/groups", info.id, info.major)
    }

    /// Saves its state.
    pub fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.groups.snapshot(&self.part(), into)
    }

    /// Goes on from a snapshot.
    pub fn restore(&mut self, from: &Snapshot) {
        self.groups.restore(&self.part(), from);
    }
}

/// Tells of an event for an entity, if that was not done.
fn tell_for(name: &Arc<str>, entry: &mut Entry) -> Option<Told> {
    if entry.told_for.contains(name) {
        return None;
    }
    entry.told = true;
    entry.told_for.push(Arc::clone(name));
    let carried = Carried::clone(entry.carried.as_ref()?);
    let entity = Some(Arc::clone(name)).filter(|name| !name.is_empty());
    Some((entity, entry.time, entry.uid, carried))
}

/// The values of a group, for an entity of which nothing else is known.
fn group_name(values: &[Arc<str>]) -> Arc<str> {
    if values.is_empty() {
        Arc::from(crate::entity::UNKNOWN)
    } else {
        values.join(" ").into()
    }
}
