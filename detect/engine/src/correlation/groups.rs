//! All groups of a correlation, within bounds.

use std::fmt::Write as _;
use std::sync::Arc;

use hashbrown::HashMap;
use sekisho_model::{Snapshot, Time};

use super::group::Group;

/// The most groups of a correlation. An attacker chooses user names, and has many addresses.
pub(crate) const GROUPS_MAX: usize = 50_000;

/// About the most bytes that the groups of a correlation take.
pub(crate) const BYTES_MAX: usize = 64 << 20;

/// What was dropped at a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Groups that were touched least recently.
    pub groups: u64,
    /// Events of groups that had too many.
    pub events: u64,
}

/// The groups of a correlation.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_key: HashMap<Box<str>, Group>,
    clock: u64,
    bytes: usize,
    pub(super) dropped: Dropped,
}

impl Groups {
    /// Lets a group be changed; a group met first is empty. The count of dropped events is what
    /// `change` gives beside its result.
    pub(super) fn change<R>(
        &mut self,
        tenant: &Arc<str>,
        values: &[Arc<str>],
        change: impl FnOnce(&mut Group) -> (R, usize),
    ) -> R {
        self.clock += 1;
        let key = key(tenant, values);
        let group = self.by_key.entry(key).or_insert_with(|| Group {
            tenant: Arc::clone(tenant),
            values: values.to_vec(),
            entries: Vec::new(),
            touched: 0,
            held: 0,
        });
        let before = group.held;
        group.touched = self.clock;
        let (result, dropped) = change(group);
        group.held = group.bytes();
        self.bytes = self.bytes.saturating_sub(before).saturating_add(group.held);
        self.dropped.events += u64::try_from(dropped).unwrap_or(u64::MAX);
        self.keep_bounds(GROUPS_MAX, BYTES_MAX);
        result
    }

    /// Drops the groups that were touched least recently, a sixteenth more than needed, so that the
    /// search for them is rare.
    fn keep_bounds(&mut self, groups_max: usize, bytes_max: usize) {
        if self.by_key.len() <= groups_max && self.bytes <= bytes_max {
            return;
        }
        let mut ages: Vec<(u64, usize)> = self
            .by_key
            .values()
            .map(|group| (group.touched, group.bytes()))
            .collect();
        ages.sort_unstable();
        let (mut count, mut bytes) = (self.by_key.len(), self.bytes);
        let mut oldest_kept = 0;
        for (touched, size) in ages {
            if count <= groups_max / 16 * 15 && bytes <= bytes_max / 16 * 15 {
                break;
            }
            // The group in hand is the youngest and stays.
            if touched == self.clock {
                break;
            }
            oldest_kept = touched + 1;
            count -= 1;
            bytes = bytes.saturating_sub(size);
        }
        let before = self.by_key.len();
        self.by_key.retain(|_, group| oldest_kept <= group.touched);
        self.dropped.groups += u64::try_from(before - self.by_key.len()).unwrap_or(u64::MAX);
        self.bytes = bytes;
    }

    /// Lets every group be changed, in no order, by what can only make it smaller.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut Group)) {
        for group in self.by_key.values_mut() {
            change(group);
            let held = group.bytes();
            self.bytes = self.bytes.saturating_sub(group.held.saturating_sub(held));
            group.held = held;
        }
    }

    /// Forgets what is older.
    pub(super) fn forget_before(&mut self, oldest: Time) {
        let mut bytes = 0;
        self.by_key.retain(|_, group| {
            group.forget_before(oldest);
            bytes += if group.entries.is_empty() { 0 } else { group.held };
            !group.entries.is_empty()
        });
        self.bytes = bytes;
    }

    /// Saves every group as an entry of `part`.
    pub(super) fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        let mut keys: Vec<&str> = self.by_key.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        for key in keys {
            if let Some(group) = self.by_key.get(key) {
                into.put(part, key, group)?;
            }
        }
        Ok(())
    }

    /// Goes on from a snapshot.
    pub(super) fn restore(&mut self, part: &str, from: &Snapshot) {
        self.by_key = from
            .part(part)
            .iter()
            .filter_map(|(key, state)| Some((Box::from(key.as_str()), serde_json::from_str::<Group>(state).ok()?)))
            .collect();
        self.by_key.values_mut().for_each(|group| group.held = group.bytes());
        self.clock = self
            .by_key
            .values()
            .map(|group| group.touched)
            .max()
            .unwrap_or_default();
        self.bytes = self.by_key.values().map(Group::bytes).sum();
    }
}

/// A key that no choice of values can make the same for two groups.
pub(crate) fn key(tenant: &str, values: &[Arc<str>]) -> Box<str> {
    let mut key = String::new();
    for part in std::iter::once(tenant).chain(values.iter().map(|value| &**value)) {
        // Writing to a `String` cannot fail.
        let _written = write!(key, "{}:{part}", part.len());
    }
    key.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(groups: &mut Groups, value: &str) {
        groups.change(&Arc::from("default"), &[Arc::from(value)], |_| ((), 0));
    }

    #[test]
    fn groups_touched_least_recently_go_first_and_are_counted() {
        let mut groups = Groups::default();
        for value in ["a", "b", "c", "d"] {
            touch(&mut groups, value);
        }
        touch(&mut groups, "a");

        groups.keep_bounds(3, BYTES_MAX);

        let mut left: Vec<&str> = groups.by_key.values().map(|group| &*group.values[0]).collect();
        left.sort_unstable();
        assert_eq!((left, groups.dropped.groups), (vec!["a"], 3));
    }

    #[test]
    fn keys_of_different_groups_differ() {
        let arcs = |values: &[&str]| values.iter().map(|value| Arc::from(*value)).collect::<Vec<Arc<str>>>();

        assert_ne!(key("t", &arcs(&["a", "b"])), key("t", &arcs(&["a1:b"])));
        assert_ne!(key("t", &arcs(&["1:a", ""])), key("t", &arcs(&["", "1:a"])));
    }
}
