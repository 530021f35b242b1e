//! What a detector remembers of each person, for no more than a bounded number of people.

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_model::{Snapshot, Time};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The most people that a detector remembers. Only those get in who did something successfully, so
/// that an attacker who invents names takes no room; this is ten times the largest firm in view.
pub(crate) const PEOPLE_MAX: usize = 100_000;

/// The state of each person of each tenant.
#[derive(Debug)]
pub(crate) struct People<S> {
    tenants: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Entry<S>>>,
    count: usize,
    count_max: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry<S> {
    last: Time,
    state: S,
}

impl<S> Default for People<S> {
    fn default() -> Self {
        Self {
            tenants: BTreeMap::new(),
            count: 0,
            count_max: PEOPLE_MAX,
        }
    }
}

impl<S> People<S> {
    /// Of whatever is met by name, no more than `count_max`.
    pub(super) fn bounded(count_max: usize) -> Self {
        Self {
            count_max,
            ..Self::default()
        }
    }
}

impl<S: Default> People<S> {
    /// The state of a person who did something at `time`; empty for a person met first. If there are
    /// too many people, those who were silent longest are forgotten.
    pub(crate) fn meet(&mut self, tenant: &str, person: &str, time: Time) -> Option<&mut S> {
        let known = self
            .tenants
            .get(tenant)
            .is_some_and(|people| people.contains_key(person));
        if !known {
            if self.count_max <= self.count {
                self.forget_the_silent();
            }
            let entry = Entry {
                last: time,
                state: S::default(),
            };
            self.tenants
                .entry(Arc::from(tenant))
                .or_default()
                .insert(Arc::from(person), entry);
            self.count += 1;
        }
        let entry = self.tenants.get_mut(tenant)?.get_mut(person)?;
        entry.last = entry.last.max(time);
        Some(&mut entry.state)
    }

    /// Forgets a sixteenth of the people, so that the search for them is not needed for each newcomer.
    fn forget_the_silent(&mut self) {
        let mut last: Vec<Time> = self
            .tenants
            .values()
            .flat_map(BTreeMap::values)
            .map(|entry| entry.last)
            .collect();
        let (_, oldest_kept, _) = last.select_nth_unstable(self.count / 16);
        let oldest_kept = *oldest_kept;
        let mut surplus = self.count / 16 + 1;
        self.retain(|_, last| {
            let goes = last <= oldest_kept && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

impl<S> People<S> {
    /// The state of a person who was met.
    pub(crate) fn get(&self, tenant: &str, person: &str) -> Option<&S> {
        Some(&self.tenants.get(tenant)?.get(person)?.state)
    }

    /// Everyone of a tenant who was met.
    pub(crate) fn of_tenant(&self, tenant: &str) -> impl Iterator<Item = (&str, &S)> {
        let people = self.tenants.get(tenant).into_iter().flatten();
        people.map(|(name, entry)| (&**name, &entry.state))
    }

    pub(super) fn get_mut(&mut self, tenant: &str, person: &str) -> Option<&mut S> {
        self.tenants
            .get_mut(tenant)?
            .get_mut(person)
            .map(|entry| &mut entry.state)
    }

    /// Everyone: tenant, name and state.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, &S)> {
        let tenants = self.tenants.iter();
        tenants.flat_map(|(tenant, people)| people.iter().map(move |(name, entry)| (tenant, name, &entry.state)))
    }

    /// The same, to change the states.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, &mut S)> {
        let tenants = self.tenants.iter_mut();
        tenants.flat_map(|(tenant, people)| {
            let people = people.iter_mut();
            people.map(move |(name, entry)| (tenant, name, &mut entry.state))
        })
    }

    /// Keeps those for whom `keep` is true of their state and the time they last did something.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut S, Time) -> bool) {
        for people in self.tenants.values_mut() {
            people.retain(|_, entry| keep(&mut entry.state, entry.last));
        }
        self.tenants.retain(|_, people| !people.is_empty());
        self.count = self.tenants.values().map(BTreeMap::len).sum();
    }

    /// Saves everyone, a person an entry.
    pub(crate) fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error>
    where
        S: Serialize,
    {
        for (tenant, people) in &self.tenants {
            for (person, entry) in people {
                into.put(part, serde_json::to_string(&(tenant, person))?, entry)?;
            }
        }
        Ok(())
    }

    /// Goes on from a snapshot. Who cannot be read is met anew.
    pub(crate) fn restore(&mut self, part: &str, from: &Snapshot)
    where
        S: DeserializeOwned,
    {
        self.tenants.clear();
        for (key, state) in from.part(part) {
            let Ok((tenant, person)) = serde_json::from_str::<(Arc<str>, Arc<str>)>(key) else {
                continue;
            };
            let Ok(entry) = serde_json::from_str(state) else {
                continue;
            };
            self.tenants.entry(tenant).or_default().insert(person, entry);
        }
        self.count = self.tenants.values().map(BTreeMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silent_are_forgotten_first_when_there_are_too_many() {
        let mut people = People::<u32> {
            count_max: 32,
            ..People::default()
        };

        for number in 0..1_000 {
            *people
                .meet("default", &format!("person-{number}"), Time::from_secs(number))
                .unwrap() += 1;
            *people.meet("default", "hana", Time::from_secs(number)).unwrap() += 1;
        }

        assert!(people.count <= 32, "{}", people.count);
        assert_eq!(
            people.meet("default", "hana", Time::from_secs(1_000)).copied(),
            Some(1_000)
        );
    }

    #[test]
    fn people_of_one_name_in_two_tenants_are_two() {
        let mut people = People::<u32>::default();

        *people.meet("a", "hana", Time(0)).unwrap() += 1;

        assert_eq!(people.meet("b", "hana", Time(0)).copied(), Some(0));
    }

    #[test]
    fn a_snapshot_brings_everyone_back() {
        let mut people = People::<u32>::default();
        *people.meet("a\"b", "hana", Time(5)).unwrap() += 7;
        let mut snapshot = Snapshot::default();

        people.snapshot("part", &mut snapshot).unwrap();
        let mut restored = People::<u32>::default();
        restored.restore("part", &snapshot);

        assert_eq!(restored.count, 1);
        assert_eq!(restored.meet("a\"b", "hana", Time(0)).copied(), Some(7));
        assert_eq!(restored.tenants["a\"b"]["hana"].last, Time(5));
    }
}
