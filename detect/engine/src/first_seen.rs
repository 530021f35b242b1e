//! Values that were not seen before.
//!
//! An event is *new* if its group had no event with the same value in the days before, and enough
//! events at all. Only days are asked from which no event can still come, the day before yesterday and
//! earlier, so it makes no difference in which order events come; a value is new for up to two days,
//! which is one episode.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use hashbrown::HashMap;
use sekisho_model::{Column, EventBatch, RuleInfo, Snapshot, Time, ids};
use serde::{Deserialize, Serialize};

use crate::correlation::{Dropped, Uid, key};
use crate::predicate::{Field, Reader};

/// For how long a value is new.
pub(crate) const NEW_FOR: Duration = Duration::from_hours(48);

/// How many days back the youngest day lies that is asked: an event may be a day late.
const SETTLED_DAYS: i32 = 2;
/// The most groups.
const GROUPS_MAX: usize = 20_000;
/// The most values of a group. An attacker may choose them.
const VALUES_MAX: usize = 4_096;
/// The most values of all groups.
const VALUES_ALL_MAX: usize = 400_000;
/// The most days of a value that are kept: old records may come for a year before any is forgotten.
const DAYS_MAX: usize = 400;

/// What is new.
#[derive(Clone, Debug)]
pub(crate) struct FirstSeenSpec {
    /// The fields whose values, together, must be new.
    pub fields: Vec<Field>,
    /// The fields that part the groups.
    pub by: Vec<Field>,
    /// For how many days a value is remembered.
    pub days: u16,
    /// How many earlier events a group needs before anything of it is new.
    pub min_events: u32,
    /// What the first of the fields is called in the rule.
    pub label: String,
    /// The fields, in words: state of other fields cannot be gone on with.
    pub names: String,
}

/// The memory of a rule.
#[derive(Debug)]
pub(crate) struct FirstSeen {
    spec: FirstSeenSpec,
    part: String,
    groups: HashMap<Box<str>, Seen>,
    values: usize,
    clock: u64,
    dropped: Dropped,
}

/// What was seen of a group.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    /// Events by day, as many as need be known.
    days: BTreeMap<i32, Day>,
    /// The days of each value, sorted.
    values: BTreeMap<Uid, Vec<i32>>,
    touched: u64,
}

/// The events of a day: told apart while some may be repeated, then counted.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Day {
    uids: Vec<Uid>,
    closed: u32,
}

impl Day {
    fn count(&self) -> u32 {
        self.closed
            .saturating_add(u32::try_from(self.uids.len()).unwrap_or(u32::MAX))
    }
}

impl FirstSeen {
    /// With no memory.
    pub(crate) fn new(spec: FirstSeenSpec, info: &RuleInfo) -> Self {
        let form: String = ids::content_id(&[spec.names.as_bytes()]).chars().take(8).collect();
        Self {
            part: format!("rule/{}/{}/{form}/first_seen", info.id, info.major),
            spec,
            groups: HashMap::new(),
            values: 0,
            clock: 0,
            dropped: Dropped::default(),
        }
    }

    /// What a message tells of it.
    pub(crate) fn facts(&self) -> [(String, serde_json::Value); 2] {
        [
            ("field".to_owned(), self.spec.label.as_str().into()),
            ("first_seen_days".to_owned(), self.spec.days.into()),
        ]
    }

    /// The fields it reads.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.spec.fields.iter().chain(&self.spec.by)
    }

    /// What was dropped at a bound.
    pub(crate) fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Of these rows, those that are new.
    pub(crate) fn select(&mut self, batch: &EventBatch, rows: &BooleanBuffer) -> BooleanBuffer {
        let read = |fields: &[Field]| fields.iter().map(|field| field.reader(batch)).collect::<Vec<_>>();
        let (fields, by) = (read(&self.spec.fields), read(&self.spec.by));
        let mut asked = Vec::new();
        for row in rows.set_indices() {
            let (Some(values), Some(group)) = (texts(&fields, row), texts(&by, row)) else {
                continue;
            };
            let group = key(batch.text(Column::Tenant, row).unwrap_or_default(), &group);
            let value = Uid::of_value(&key("", &values));
            let day = batch.believed_time(row).date();
            self.add(
                &group,
                value,
                day,
                Uid::of(batch.text(Column::EventUid, row).unwrap_or_default()),
            );
            asked.push((row, group, value, day));
        }
        let mut new = BooleanBufferBuilder::new(batch.len());
        new.append_n(batch.len(), false);
        for (row, group, value, day) in asked {
            let is_new = self
                .groups
                .get(&group)
                .is_some_and(|seen| seen.is_new(value, day, &self.spec));
            new.set_bit(row, is_new);
        }
        self.keep_bounds();
        new.finish()
    }

    fn add(&mut self, group: &str, value: Uid, day: i32, uid: Uid) {
        self.clock += 1;
        let seen = self.groups.entry(Box::from(group)).or_default();
        seen.touched = self.clock;
        let known = seen.days.entry(day).or_default();
        if known.count() < self.spec.min_events && !known.uids.contains(&uid) {
            known.uids.push(uid);
        }
        let before = seen.values.len();
        let days = seen.values.entry(value).or_default();
        if let Err(place) = days.binary_search(&day) {
            days.insert(place, day);
            days.drain(..days.len().saturating_sub(DAYS_MAX));
        }
        if VALUES_MAX < seen.values.len() {
            self.dropped.events += seen.drop_stale();
        }
        self.values = self.values.saturating_sub(before).saturating_add(seen.values.len());
    }

    fn keep_bounds(&mut self) {
        if self.groups.len() <= GROUPS_MAX && self.values <= VALUES_ALL_MAX {
            return;
        }
        let mut ages: Vec<(u64, usize)> = self
            .groups
            .values()
            .map(|seen| (seen.touched, seen.values.len()))
            .collect();
        ages.sort_unstable();
        let (mut groups, mut values, mut oldest_kept) = (self.groups.len(), self.values, 0);
        // A sixteenth more than needed, so that the search is rare.
        for (touched, size) in ages {
            if groups <= GROUPS_MAX / 16 * 15 && values <= VALUES_ALL_MAX / 16 * 15 {
                break;
            }
            oldest_kept = touched + 1;
            groups -= 1;
            values = values.saturating_sub(size);
        }
        self.dropped.groups += u64::try_from(self.groups.len() - groups).unwrap_or(u64::MAX);
        self.groups.retain(|_, seen| oldest_kept <= seen.touched);
        self.values = values;
    }

    /// Forgets what no event from `horizon` on asks for.
    pub(crate) fn forget_before(&mut self, horizon: Time) {
        let (horizon, spec) = (horizon.date(), &self.spec);
        self.groups.retain(|_, seen| {
            seen.forget_before(horizon, spec);
            !(seen.values.is_empty() && seen.days.is_empty())
        });
        self.values = self.groups.values().map(|seen| seen.values.len()).sum();
    }

    pub(crate) fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        let mut keys: Vec<&str> = self.groups.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        for key in keys {
            if let Some(seen) = self.groups.get(key) {
                into.put(&self.part, key, seen)?;
            }
        }
        Ok(())
    }

    pub(crate) fn restore(&mut self, from: &Snapshot) {
        let saved = from.part(&self.part).iter();
        self.groups = saved
            .filter_map(|(key, state)| Some((Box::from(key.as_str()), serde_json::from_str(state).ok()?)))
            .collect();
        self.values = self.groups.values().map(|seen| seen.values.len()).sum();
        self.clock = self.groups.values().map(|seen| seen.touched).max().unwrap_or_default();
    }
}

impl Seen {
    fn is_new(&self, value: Uid, day: i32, spec: &FirstSeenSpec) -> bool {
        let last = day.saturating_sub(SETTLED_DAYS);
        let first = day.saturating_sub(spec.days.into());
        let events = self.days.range(first..=last.max(first)).map(|(_, day)| day.count());
        let enough = spec.min_events <= events.fold(0, u32::saturating_add);
        let days = self.values.get(&value).map_or(&[][..], Vec::as_slice);
        enough && !days.iter().any(|day| (first..=last).contains(day))
    }

    /// Drops the values that were seen least recently, a sixteenth more than needed; says how many.
    fn drop_stale(&mut self) -> u64 {
        let mut last: Vec<i32> = self.values.values().filter_map(|days| days.last().copied()).collect();
        last.sort_unstable();
        let oldest_kept = last.get(last.len() / 16).copied().unwrap_or(i32::MAX);
        let before = self.values.len();
        self.values
            .retain(|_, days| days.last().is_some_and(|last| oldest_kept < *last));
        if self.values.is_empty() && 0 < before {
            // All of one day: there is nothing to choose by.
            self.days.retain(|day, _| oldest_kept < *day);
        }
        u64::try_from(before - self.values.len()).unwrap_or(u64::MAX)
    }

    fn forget_before(&mut self, horizon: i32, spec: &FirstSeenSpec) {
        let oldest = horizon.saturating_sub(spec.days.into());
        let settled = horizon.saturating_sub(SETTLED_DAYS);
        self.values.retain(|_, days| {
            // Of the days that every event to come may ask for, the latest says it all.
            let asked = days.partition_point(|day| *day < settled);
            days.drain(..asked.saturating_sub(1));
            days.last().is_some_and(|last| oldest <= *last)
        });
        let open = self.days.split_off(&settled);
        let closed = std::mem::replace(&mut self.days, open);
        let mut enough = 0_u32;
        for (day, known) in closed.into_iter().rev() {
            if day < oldest || spec.min_events <= enough {
                break;
            }
            let closed = known.count();
            enough = enough.saturating_add(closed);
            let uids = Vec::new();
            self.days.insert(day, Day { uids, closed });
        }
    }
}

/// The values of a row, if none lacks.
fn texts(readers: &[Reader<'_>], row: usize) -> Option<Vec<Arc<str>>> {
    readers
        .iter()
        .map(|reader| reader.text(row).map(|text| Arc::from(&*text)))
        .collect()
}
