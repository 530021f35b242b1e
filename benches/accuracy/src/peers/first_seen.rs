//! Rules about what was never seen before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Last, Peer, Person};
use crate::event::Event;

/// Days of learning.
const LEARNING_HOURS: f64 = 14.0 * 24.0;

/// A country that a person never signed in from, after 14 days of learning.
#[derive(Default)]
pub(super) struct NewCountry {
    first: HashMap<Person, f64>,
    seen: HashSet<(Person, Arc<str>)>,
}

impl Peer for NewCountry {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        let country = event.country.as_ref()?;
        let first = *self.first.entry(Arc::clone(&event.person)).or_insert(event.arrived);
        let new = self.seen.insert((Arc::clone(&event.person), Arc::clone(country)));
        (new && LEARNING_HOURS < event.arrived - first).then(|| vec![event.record])
    }
}

/// Travel over 100 km at over 300 km/h to an address that is new for the person, in another country;
/// a country that is new or was not seen for 30 days; an anonymiser. Its gate by risk is off: with it,
/// by reading the code, nobody's risk could ever rise.
#[derive(Default)]
pub(super) struct BuffaLogs {
    last: Last<Person>,
    first: HashMap<Person, f64>,
    addresses: HashSet<(Person, Arc<str>)>,
    countries: HashMap<(Person, Arc<str>), f64>,
}

impl BuffaLogs {
    fn travels(&mut self, event: &Event) -> Option<usize> {
        let new = self
            .addresses
            .insert((Arc::clone(&event.person), Arc::clone(&event.ip)));
        event.point?;
        let before = self.last.swap(Arc::clone(&event.person), event)?;
        let distance = event.distance(&before)?;
        let hours = event.hours - before.hours;
        let abroad = before.country != event.country && &*event.kind != "mobile";
        let fast = 0.0 < hours && 100.0 < distance && 300.0 < distance / hours;
        (new && abroad && fast).then_some(before.record)
    }
}

impl Peer for BuffaLogs {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        let first = *self.first.entry(Arc::clone(&event.person)).or_insert(event.arrived);
        let learns = event.arrived - first < LEARNING_HOURS;
        let travel = self.travels(event);
        let country = event.country.as_ref()?;
        let seen = self
            .countries
            .insert((Arc::clone(&event.person), Arc::clone(country)), event.arrived);
        let strange = seen.is_none_or(|seen| 30.0 * 24.0 < event.arrived - seen);
        let anonymous = matches!(&*event.kind, "vpn" | "tor" | "hosting");
        if learns || !(travel.is_some() || strange || anonymous) {
            return None;
        }
        Some(travel.into_iter().chain([event.record]).collect())
    }
}
