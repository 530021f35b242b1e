//! The events of one key, in order of time, each with what there is to tell of it until it was told.

use std::ops::Range;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Evidence, Time};
use serde::{Deserialize, Serialize};

use super::looks::{Detail, Looks};

/// Events in order of time and, at one time, of their ids.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ring<T> {
    events: Vec<Event<T>>,
    looks: Looks,
}

/// An event, as far as a detector looks at it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Event<T> {
    /// The time it is judged by.
    pub(super) time: Time,
    pub(super) uid: String,
    /// What the detector measures.
    pub(super) value: T,
    /// The time it says itself.
    stated: Time,
    observed: Time,
    look: usize,
    told: bool,
}

/// What a detector measures of an event.
pub(super) trait Measured: Copy {
    /// How much of the event is told.
    const DETAIL: Detail;

    /// Takes in an update. What speaks more for a finding holds, whichever came first.
    fn update(&mut self, update: Self);
}

/// An event that was taken in.
#[derive(Debug)]
pub(super) struct Inserted<T> {
    /// The time it is judged by.
    pub(super) time: Time,
    /// What was known of it before, if it is an update.
    pub(super) before: Option<T>,
}

/// What events add up to.
pub(super) trait Tally<T>: Default {
    /// Adds an event.
    fn add(&mut self, value: &T);
    /// Takes away an event that was added.
    fn remove(&mut self, value: &T);
    /// What they add up to.
    fn total(&self) -> i64;
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            looks: Looks::default(),
        }
    }
}

impl<T> Ring<T> {
    /// Takes in the event of a row. An update of a known event is merged into it, and keeps its time.
    pub(super) fn insert(&mut self, batch: &EventBatch, row: usize, value: T) -> Option<Inserted<T>>
    where
        T: Measured,
    {
        let uid = batch.text(Column::EventUid, row)?;
        let time = batch.believed_time(row);
        let place = self.place(time, uid);
        let is_same = |event: &Event<T>| event.uid == uid;
        let known = if self.events.get(place).is_some_and(is_same) {
            Some(place)
        } else if batch.flag(Column::HasNativeId, row) == Some(false) {
            // Only a vendor's own id is ever used again with another time.
            None
        } else {
            self.events.iter().position(is_same)
        };
        if let Some(event) = known.and_then(|index| self.events.get_mut(index)) {
            let before = event.value;
            event.value.update(value);
            return Some(Inserted {
                time: event.time,
                before: Some(before),
            });
        }
        let event = Event {
            time,
            uid: uid.to_owned(),
            value,
            stated: batch.time(row),
            observed: batch.observed(row),
            look: self.looks.note(batch, row, T::DETAIL),
            told: false,
        };
        self.events.insert(place, event);
        Some(Inserted { time, before: None })
    }

    fn place(&self, time: Time, uid: &str) -> usize {
        self.events
            .partition_point(|event| (event.time, event.uid.as_str()) < (time, uid))
    }

    /// Every event.
    pub(super) fn events(&self) -> &[Event<T>] {
        &self.events
    }

    /// What was measured of every event.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.events.iter_mut().map(|event| &mut event.value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The indices of the events from `first` to `last`, both included.
    pub(super) fn between(&self, first: Time, last: Time) -> Range<usize> {
        let start = self.events.partition_point(|event| event.time < first);
        let end = self.events.partition_point(|event| event.time <= last);
        start..end
    }

    /// What there is to tell of an event, unless it was told.
    pub(super) fn tell(&mut self, index: usize) -> Option<Evidence> {
        let event = self.events.get_mut(index).filter(|event| !event.told)?;
        event.told = true;
        self.evidence(index)
    }

    /// What there is to tell of an event.
    pub(super) fn evidence(&self, index: usize) -> Option<Evidence> {
        let event = self.events.get(index)?;
        Some(Evidence {
            event_uid: event.uid.clone(),
            time: event.stated,
            observed: event.observed,
            ..self.looks.get(event.look)?.clone()
        })
    }

    /// Those of the events that were not told, sorted and once each, parted where the next is further
    /// off than `gap`: each part is told apart.
    pub(super) fn untold(&self, mut indices: Vec<usize>, gap: Duration) -> Vec<Vec<usize>> {
        indices.sort_unstable();
        indices.dedup();
        indices.retain(|index| self.events.get(*index).is_some_and(|event| !event.told));
        let time = |index: &usize| self.events.get(*index).map(|event| event.time).unwrap_or_default();
        indices
            .chunk_by(|a, b| time(a).distance(time(b)) <= gap)
            .map(<[usize]>::to_vec)
            .collect()
    }

    /// Keeps the latest `most` events.
    pub(super) fn shrink(&mut self, most: usize) {
        if most < self.events.len() {
            // A sixteenth more than needed, so that it is not done for each event.
            self.drop_first(self.events.len() - most + most / 16);
        }
    }

    /// Forgets the events from before `oldest`.
    pub(super) fn forget_before(&mut self, oldest: Time) {
        self.drop_first(self.events.partition_point(|event| event.time < oldest));
    }

    fn drop_first(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.events.drain(..count.min(self.events.len()));
        self.looks.keep(self.events.iter_mut().map(|event| &mut event.look));
    }

    /// The events that are *hot*: some window that contains them adds up to what `is_enough` of its last
    /// event and its total. Only windows are looked at that an event between two times may be in.
    pub(super) fn hot<A: Tally<T>>(
        &self,
        (first, last): (Time, Time),
        window: Duration,
        is_enough: impl Fn(&Event<T>, i64) -> bool,
    ) -> Vec<usize> {
        let range = self.between(first.minus(window), last.plus(window));
        let mut hot = Vec::new();
        let mut hot_to = range.start;
        for (slice, total) in Windows::<T, A>::new(&self.events, range, window) {
            let newest = slice.end.checked_sub(1).and_then(|index| self.events.get(index));
            if newest.is_some_and(|newest| is_enough(newest, total)) {
                hot.extend(slice.start.max(hot_to)..slice.end);
                hot_to = slice.end;
            }
        }
        hot
    }

    /// The heaviest window among a wave of events that are about to be told and the told events that
    /// are no further from them than `window`: from which event to which, and its total.
    pub(super) fn heaviest<A: Tally<T>>(&self, wave: &[usize], window: Duration) -> Option<(Range<usize>, i64)> {
        let (&first, &last) = (wave.first()?, wave.last()?);
        let joins = |a: &Event<T>, b: &Event<T>| b.told && a.time.distance(b.time) <= window;
        let (mut start, mut end) = (first, last + 1);
        while let Some([before, after]) = start.checked_sub(1).and_then(|at| self.events.get(at..=start)) {
            if !joins(after, before) {
                break;
            }
            start -= 1;
        }
        while let Some([before, after]) = self.events.get(end - 1..=end) {
            if !joins(before, after) {
                break;
            }
            end += 1;
        }
        Windows::<T, A>::new(&self.events, start..end, window).max_by_key(|(_, total)| *total)
    }
}

/// For each event of a range, the longest window of the range that ends with it, and what the events in
/// that window add up to.
#[derive(Debug)]
struct Windows<'a, T, A> {
    events: &'a [Event<T>],
    window: Duration,
    slice: Range<usize>,
    end: usize,
    tally: A,
}

impl<'a, T, A: Tally<T>> Windows<'a, T, A> {
    fn new(events: &'a [Event<T>], range: Range<usize>, window: Duration) -> Self {
        Self {
            events,
            window,
            slice: range.start..range.start,
            end: range.end,
            tally: A::default(),
        }
    }
}

impl<T, A: Tally<T>> Iterator for Windows<'_, T, A> {
    type Item = (Range<usize>, i64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.end <= self.slice.end {
            return None;
        }
        let newest = self.events.get(self.slice.end)?;
        self.slice.end += 1;
        self.tally.add(&newest.value);
        while let Some(oldest) = self.events.get(self.slice.start) {
            if oldest.time.distance(newest.time) <= self.window {
                break;
            }
            self.tally.remove(&oldest.value);
            self.slice.start += 1;
        }
        Some((self.slice.clone(), self.tally.total()))
    }
}
