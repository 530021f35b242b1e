//! Rules about the speed between two sign-ins.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Last, Peer, Person};
use crate::event::Event;

/// What everybody writes first.
#[derive(Default)]
pub(super) struct Naive(Last<Person>);

impl Peer for Naive {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        event.point?;
        let before = self.0.swap(Arc::clone(&event.person), event)?;
        let hours = (event.hours - before.hours).abs().max(1.0 / 3_600.0);
        let speed = event.distance(&before)? / hours;
        (before.ip != event.ip && 900.0 < speed).then(|| vec![before.record, event.record])
    }
}

/// `impossible_travel_login.py`: the same log source, the last sign-in of at most a day before in the
/// order of arrival; VPNs and relays are neither told nor kept; what is near and quick is low.
#[derive(Default)]
pub(super) struct Panther(Last<(Person, Arc<str>)>);

impl Peer for Panther {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        if event.point.is_none() || matches!(&*event.kind, "vpn" | "tor" | "relay" | "inflight") {
            return None;
        }
        let key = (Arc::clone(&event.person), Arc::clone(&event.source));
        let before = self.0.swap(key, event)?;
        let hours = event.hours - before.hours;
        if before.ip == event.ip || 24.0 < event.arrived - before.arrived {
            return None;
        }
        let distance = event.distance(&before)?;
        // An event from before the last one has a negative speed and is not told.
        let speed = distance / if hours == 0.0 { 0.000_1 } else { hours };
        let low = hours < 1.0 / 6.0 && distance < 50.0;
        (900.0 < speed && !low).then(|| vec![before.record, event.record])
    }
}

/// More than 500 km and 1,000 km/h from the last log; with a baseline, not from a city of the last 30
/// days, not by a transition between addresses that was seen, and not within 24 hours of learning.
pub(super) struct Datadog {
    baseline: bool,
    last: Last<Person>,
    first: HashMap<Person, f64>,
    cities: HashMap<(Person, Arc<str>), f64>,
    transitions: HashSet<(Person, Arc<str>, Arc<str>)>,
}

impl Datadog {
    pub(super) fn new(baseline: bool) -> Self {
        Self {
            baseline,
            last: Last(HashMap::new()),
            first: HashMap::new(),
            cities: HashMap::new(),
            transitions: HashSet::new(),
        }
    }

    /// Whether the baseline knows it; it does from now on.
    fn knows(&mut self, event: &Event, before: &Event) -> bool {
        let first = *self.first.entry(Arc::clone(&event.person)).or_insert(event.arrived);
        let city = event.city.as_ref().or(event.country.as_ref());
        let city = city.and_then(|city| {
            self.cities
                .insert((Arc::clone(&event.person), Arc::clone(city)), event.arrived)
        });
        let transition = (Arc::clone(&event.person), Arc::clone(&before.ip), Arc::clone(&event.ip));
        let new = self.transitions.insert(transition);
        !new || event.arrived - first < 24.0 || city.is_some_and(|seen| event.arrived - seen < 30.0 * 24.0)
    }
}

impl Peer for Datadog {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        event.point?;
        let before = self.last.swap(Arc::clone(&event.person), event)?;
        if before.ip == event.ip {
            return None;
        }
        let known = self.baseline && self.knows(event, &before);
        let hours = (event.hours - before.hours).abs().max(1.0 / 3_600.0);
        let distance = event.distance(&before)?;
        let told = 500.0 < distance && 1_000.0 < distance / hours && !known;
        told.then(|| vec![before.record, event.record])
    }
}

/// `impossible-travel.yaml`: over 1,000 km between the last two sign-ins to a service within 3 hours.
#[derive(Default)]
pub(super) struct CrowdSec(Last<(Person, Arc<str>)>);

impl Peer for CrowdSec {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        event.point?;
        let before = self
            .0
            .swap((Arc::clone(&event.person), Arc::clone(&event.source)), event)?;
        let near = (event.arrived - before.arrived).abs() <= 3.0;
        let far = 1_000.0 < event.distance(&before)?;
        (near && far).then(|| vec![before.record, event.record])
    }
}
