//! A correlation at work.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use sekisho_model::{Entity, EntityKind, Snapshot, Time, ids};
use sekisho_sigma::Bounds;

use super::absence::Absence;
use super::event::{Carried, Occurrence, Uid};
use super::group::{Entry, Group, Thinning};
use super::groups::{Dropped, Groups};
use super::hot::{Hot, Measured, approximate, group_name, tell_for, whole};
use super::spec::{CorrelationSpec, Goal, Wanted};
use super::windows::{self, Point};

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

/// An event that has become hot, for an entity.
pub(super) type Told = (Option<Arc<str>>, Time, Uid, Carried);

/// A tenant and the values of a group.
pub(super) type GroupOf = (Arc<str>, Vec<Arc<str>>);

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
