//! A correlation at work.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use sekisho_model::{Bilingual, Detection, Entity, EntityKind, Facts, RuleInfo, Severity, Snapshot, Time, Weight, ids};
use sekisho_sigma::{Bounds, ThresholdRel};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::absence::Absence;
use super::event::{Carried, Occurrence, Uid};
use super::group::{Entry, Group, Thinning};
use super::groups::{Dropped, Groups};
use super::windows::{self, Point};
use crate::episode::waves;

/// What a correlation looks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// So many events, by the items that each stands for.
    Events,
    /// A field that adds up to so much.
    Sum,
    /// A field whose average is so much.
    Average,
    /// A field of which so many of a hundred values are no more than so much.
    Percentile(f64),
    /// So many different values of a field.
    Values,
    /// Events of so many of the rules.
    Rules,
    /// An event of each rule, in their order.
    Order,
}

/// How many there must be, or how much.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// At least so many: known as soon as they are there.
    AtLeast(u64),
    /// At least a share of the active people.
    Relative(ThresholdRel),
    /// Within bounds that more events could leave again: known when no more can come.
    Settled(Bounds),
}

/// How much a detection weighs whose events are of a certain kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raise {
    /// How bad it is, at least.
    pub severity: Severity,
    /// How likely it is real, at least.
    pub probability: f64,
}

impl Raise {
    /// The weight, raised.
    pub fn raise(self, weight: Weight) -> Weight {
        weight.max(Weight {
            severity: self.severity,
            probability: self.probability,
        })
    }
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
    /// How many there must be, or how much.
    pub wanted: Wanted,
    /// Within which time what the events wait for must not follow.
    pub absent: Option<Duration>,
    /// How late an event may come, where that is waited for.
    pub lateness: Duration,
    /// What events of a certain kind make a detection weigh.
    pub raises: Vec<Raise>,
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

    /// Which slot holds the number of active people, if that is asked for.
    pub fn people_slot(&self) -> usize {
        self.entity_slot() + 1
    }

    /// Which slot tells of what kinds an event is, if that is asked for: a bit for each raise.
    pub fn raise_slot(&self) -> usize {
        self.people_slot() + usize::from(matches!(self.wanted, Wanted::Relative(_)))
    }

    /// The position of events that must not follow.
    pub fn answer_position(&self) -> u16 {
        self.positions
    }
}

/// A correlation with its state.
#[derive(Debug)]
pub struct CorrelationRule {
    /// The correlation.
    pub spec: CorrelationSpec,
    groups: Groups,
    /// When the first event can be settled, where that is waited for.
    due: Option<Time>,
    absence: Option<Absence>,
}

/// Events that have become hot, of one group and one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hot {
    /// Whose events they are.
    pub tenant: Arc<str>,
    pub(super) values: Vec<Arc<str>>,
    entity: Entity,
    measured: Measured,
    /// The events, in order of time.
    pub events: Vec<(Time, Uid, Carried)>,
}

/// What was measured, and what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Measured {
    /// The fullest window.
    most: u64,
    /// The highest average.
    average: Option<f64>,
    /// How many were asked for, where that depends on the number of people.
    need: u64,
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

/// An event that has become hot, for an entity.
type Told = (Option<Arc<str>>, Time, Uid, Carried);

/// A tenant and the values of a group.
type GroupOf = (Arc<str>, Vec<Arc<str>>);

impl CorrelationRule {
    /// With no state.
    pub fn new(spec: CorrelationSpec) -> Self {
        Self {
            absence: spec.absent.map(Absence::new),
            spec,
            groups: Groups::default(),
            due: None,
        }
    }

    fn span_micros(&self) -> i64 {
        i64::try_from(self.spec.span.as_micros()).unwrap_or(i64::MAX)
    }

    /// Takes in events and gives those that are hot now and were not before.
    pub fn observe(&mut self, events: Vec<Occurrence>) -> Vec<Hot> {
        let mut arrivals: HashMap<GroupOf, Vec<Entry>> = HashMap::new();
        for event in events {
            if event.position == self.spec.answer_position() {
                self.answer(&event);
            } else if let Some((group, entry)) = self.entry(event) {
                arrivals.entry(group).or_default().push(entry);
            }
        }
        let mut arrivals: Vec<_> = arrivals.into_iter().collect();
        arrivals.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut groups = std::mem::take(&mut self.groups);
        let mut hot = Vec::new();
        for ((tenant, values), entries) in arrivals {
            let settled = entries.iter().map(|entry| self.settled_at(entry.time)).min();
            groups.change(&tenant, &values, |group| self.judge(group, entries, &mut hot));
            self.due = self.due.into_iter().chain(settled).min();
        }
        self.groups = groups;
        self.hold(hot)
    }

    fn answer(&mut self, event: &Occurrence) {
        let group_by = self.spec.group_by.len();
        if let Some(absence) = &mut self.absence {
            absence.answer(event, group_by);
        }
    }

    /// Lets hot events wait for what must not follow, if there is such a thing.
    fn hold(&mut self, hot: Vec<Hot>) -> Vec<Hot> {
        match &mut self.absence {
            None => hot,
            Some(absence) => {
                absence.hold(hot);
                Vec::new()
            }
        }
    }

    /// Whatever was observed before `now` was shown: gives what is hot because no more can come.
    pub fn tick(&mut self, now: Time) -> Vec<Hot> {
        let passed = now.minus(self.spec.lateness);
        let settled = self.settle(passed);
        let hot = self.hold(settled);
        match &mut self.absence {
            None => hot,
            Some(absence) => absence.decide(passed),
        }
    }

    /// When the measure of an event that happened at `time` can change no more.
    fn settled_at(&self, time: Time) -> Time {
        match self.spec.goal {
            Goal::Average | Goal::Percentile(_) => time,
            _ => time.plus(self.spec.span),
        }
    }

    fn settle(&mut self, passed: Time) -> Vec<Hot> {
        let Wanted::Settled(bounds) = self.spec.wanted.clone() else {
            return Vec::new();
        };
        if self.due.is_none_or(|due| due > passed) {
            return Vec::new();
        }
        let mut groups = std::mem::take(&mut self.groups);
        let mut hot = Vec::new();
        let mut due = None;
        groups.each(|group| {
            self.settle_group(group, &bounds, passed, &mut hot);
            let open = group.entries.iter().find(|entry| !entry.told);
            due = due
                .into_iter()
                .chain(open.map(|entry| self.settled_at(entry.time)))
                .min();
        });
        self.groups = groups;
        self.due = due;
        Hot::together(hot)
    }

    /// Settles the events of a group whose measure can change no more.
    fn settle_group(&self, group: &mut Group, bounds: &Bounds, passed: Time, hot: &mut Vec<Hot>) {
        let measures = self.measures(&group.entries);
        let mut told = Vec::new();
        for (entry, measure) in group.entries.iter_mut().zip(measures) {
            if entry.told || passed < self.settled_at(entry.time) {
                continue;
            }
            entry.told = true;
            let Some(carried) = entry.carried.take().filter(|_| bounds.hold(measure)) else {
                continue;
            };
            let entity = carried.slots.get(self.spec.entity_slot()).cloned().flatten();
            told.push((measure, (entity, entry.time, entry.uid, *carried)));
        }
        for (measure, told) in told {
            let measured = Measured {
                most: whole(measure),
                average: Some(measure),
                need: 0,
            };
            self.gather(group, vec![told], measured, hot);
        }
    }

    /// What counts for each event of a group.
    fn measures(&self, entries: &[Entry]) -> Vec<f64> {
        let span = self.span_micros();
        let trailing = |measure| {
            let points: Vec<(i64, f64)> = entries.iter().map(|entry| (entry.time.0, entry.number)).collect();
            windows::trailing(&points, span, measure)
        };
        match self.spec.goal {
            Goal::Average => trailing(windows::Measure::Average),
            Goal::Percentile(percent) => trailing(windows::Measure::Percentile(percent)),
            _ => {
                let points: Vec<Point> = entries.iter().map(Entry::point).collect();
                self.fullest(&points).into_iter().map(approximate).collect()
            }
        }
    }

    /// For each event what the fullest window around it adds up to.
    fn fullest(&self, points: &[Point]) -> Vec<u64> {
        match self.spec.goal {
            Goal::Events | Goal::Sum => windows::heaviest(points, self.span_micros()),
            _ => windows::most_diverse(points, self.span_micros()),
        }
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
        let number = self.number(field.as_ref())?;
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
            Goal::Order | Goal::Average | Goal::Percentile(_) => (1, Uid::default()),
        };
        let entry = Entry {
            time: event.time,
            uid: event.uid,
            position: event.position,
            weight,
            value,
            number,
            need: self.need(slots),
            told: false,
            told_for: Vec::new(),
            carried: Some(Box::new(event.carried)),
        };
        Some(((event.tenant, values), entry))
    }

    /// The number of an event whose field is averaged; `None` if it has none.
    fn number(&self, field: Option<&Option<Arc<str>>>) -> Option<f64> {
        if !matches!(self.spec.goal, Goal::Average | Goal::Percentile(_)) {
            return Some(0.0);
        }
        let number: f64 = field?.as_ref()?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// How many an event asks for.
    fn need(&self, slots: &[Option<Arc<str>>]) -> u64 {
        match &self.spec.wanted {
            Wanted::AtLeast(least) => *least,
            Wanted::Relative(relative) => {
                let people = slots.get(self.spec.people_slot()).and_then(Option::as_deref);
                relative.threshold(people.and_then(|people| people.parse().ok()))
            }
            Wanted::Settled(_) => 0,
        }
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
        let need = window.iter().map(|entry| entry.need).max().unwrap_or_default();
        if !matches!(self.spec.wanted, Wanted::Settled(_)) {
            let (told, most) = self.judge_window(window);
            let measured = Measured {
                most,
                average: None,
                need,
            };
            self.gather(group, told, measured, hot);
        }
        ((), group.thin(self.thinning(), self.span_micros(), need))
    }

    /// What is hot in a window and was not told, and the fullest window.
    fn judge_window(&self, window: &mut [Entry]) -> (Vec<Told>, u64) {
        let points: Vec<Point> = window.iter().map(Entry::point).collect();
        match self.spec.goal {
            Goal::Events | Goal::Sum | Goal::Values | Goal::Rules | Goal::Average | Goal::Percentile(_) => {
                let fullest = self.fullest(&points);
                let is_hot = |(entry, fullest): (&Entry, &u64)| entry.need <= *fullest;
                let hot: Vec<bool> = window.iter().zip(&fullest).map(is_hot).collect();
                let most = fullest.into_iter().max().unwrap_or_default();
                (self.tell(window, &hot), most)
            }
            Goal::Order if self.spec.entity_by_group => {
                let hot = windows::ordered(&points, self.span_micros(), self.spec.positions);
                (self.tell(window, &hot), 0)
            }
            Goal::Order => {
                let mut told = Vec::new();
                self.tell_each(window, &points, &mut told);
                (told, 0)
            }
        }
    }

    fn thinning(&self) -> Thinning {
        match (&self.spec.wanted, self.spec.goal) {
            (Wanted::Settled(_), _) | (_, Goal::Average | Goal::Percentile(_)) => Thinning::Whole,
            (_, Goal::Events | Goal::Sum) => Thinning::Weights,
            (_, Goal::Values | Goal::Rules) => Thinning::Values,
            (_, Goal::Order) => Thinning::Order,
        }
    }

    /// What is hot and was not told, each with the entity of its own row. An event that is of several
    /// rules is told once.
    fn tell(&self, window: &mut [Entry], hot: &[bool]) -> Vec<Told> {
        let is_new = |(entry, hot): (&Entry, &bool)| *hot && !entry.told;
        if !window.iter().zip(hot).any(is_new) {
            return Vec::new();
        }
        let known: HashSet<Uid> = window
            .iter()
            .filter(|entry| entry.told)
            .map(|entry| entry.uid)
            .collect();
        window
            .iter_mut()
            .zip(hot)
            .filter(|(entry, hot)| **hot && !entry.told)
            .filter_map(|(entry, _)| {
                entry.told = true;
                let carried = *entry.carried.take()?;
                let entity = carried.slots.get(self.spec.entity_slot()).cloned().flatten();
                (!known.contains(&entry.uid)).then_some((entity, entry.time, entry.uid, carried))
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
    fn gather(&self, group: &Group, told: Vec<Told>, measured: Measured, hot: &mut Vec<Hot>) {
        let all = told.into_iter().map(|(name, time, uid, carried)| {
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
            Hot {
                tenant: Arc::clone(&group.tenant),
                values: group.values.clone(),
                entity,
                measured,
                events: vec![(time, uid, carried)],
            }
        });
        hot.extend(Hot::together(all.collect()));
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
                    weight: self.weight(&wave),
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

    /// What events make a detection weigh.
    fn weight(&self, events: &[(Time, Uid, Carried)]) -> Weight {
        let kinds = |(_, _, carried): &(Time, Uid, Carried)| -> Option<u32> {
            carried.slots.get(self.spec.raise_slot())?.as_deref()?.parse().ok()
        };
        let kinds = events.iter().filter_map(kinds).fold(0, |all, kinds| all | kinds);
        let raises = self.spec.raises.iter().enumerate();
        raises
            .filter(|(place, _)| {
                kinds
                    .checked_shr(u32::try_from(*place).unwrap_or(u32::MAX))
                    .unwrap_or(0)
                    & 1
                    == 1
            })
            .fold(Weight::of(&self.spec.info), |weight, (_, raise)| raise.raise(weight))
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
        let threshold = match &self.spec.wanted {
            Wanted::AtLeast(least) => json!(least),
            Wanted::Relative(_) => json!(hot.measured.need),
            Wanted::Settled(bounds) => json!(bounds.0.first().map(|(_, bound)| *bound)),
        };
        facts.insert("threshold".to_owned(), threshold);
        facts.insert("group".to_owned(), group.into());
        if let Some(within) = self.spec.absent {
            facts.insert("not_followed_secs".to_owned(), json!(within.as_secs()));
        }
        let most = hot.measured.most;
        match self.spec.goal {
            Goal::Values => facts.insert("distinct".to_owned(), json!(most)),
            Goal::Sum => facts.insert("sum".to_owned(), json!(most)),
            Goal::Events => facts.insert("count".to_owned(), json!(most)),
            Goal::Average | Goal::Percentile(_) => facts.insert("average".to_owned(), json!(hot.measured.average)),
            Goal::Rules | Goal::Order => facts.insert("rules".to_owned(), json!(self.spec.titles)),
        };
        if let Some(field) = &self.spec.field {
            facts.insert("field".to_owned(), json!(field));
        }
        facts
    }

    /// Forgets what no event from `horizon` on can touch.
    pub fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(self.spec.reach);
        self.groups.forget_before(oldest);
        if let Some(absence) = &mut self.absence {
            absence.forget_before(oldest);
        }
    }

    /// What was dropped at a bound.
    pub fn dropped(&self) -> Dropped {
        let waiting = self.absence.as_ref().map(Absence::dropped).unwrap_or_default();
        Dropped {
            groups: self.groups.dropped.groups.saturating_add(waiting.groups),
            events: self.groups.dropped.events.saturating_add(waiting.events),
        }
    }

    /// The part of a snapshot that holds its state, which means nothing to a rule of another form.
    fn part(&self, what: &str) -> String {
        let CorrelationSpec {
            info,
            goal,
            span,
            positions,
            slots,
            absent,
            ..
        } = &self.spec;
        let form = match absent {
            None => format!("{goal:?} {span:?} {positions} {slots}"),
            Some(within) => format!("{goal:?} {span:?} {positions} {slots} {within:?}"),
        };
        let form: String = ids::content_id(&[form.as_bytes()]).chars().take(8).collect();
        format!("rule/{}/{}/{form}/{what}", info.id, info.major)
    }

    /// Saves its state.
    pub fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.groups.snapshot(&self.part("groups"), into)?;
        match &self.absence {
            None => Ok(()),
            Some(absence) => absence.snapshot(&self.part("waiting"), into),
        }
    }

    /// Goes on from a snapshot.
    pub fn restore(&mut self, from: &Snapshot) {
        self.groups.restore(&self.part("groups"), from);
        // Whatever is open is looked at with the next tick.
        self.due = Some(Time(i64::MIN));
        let part = self.part("waiting");
        if let Some(absence) = &mut self.absence {
            absence.restore(&part, from);
        }
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

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "what is counted is small"
)]
fn approximate(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what is less than nothing is nothing"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

/// The values of a group, for an entity of which nothing else is known.
fn group_name(values: &[Arc<str>]) -> Arc<str> {
    if values.is_empty() {
        Arc::from(crate::entity::UNKNOWN)
    } else {
        values.join(" ").into()
    }
}
