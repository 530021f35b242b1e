//! What others' rules for impossible travel say of the same sign-ins.
//!
//! They are written after what their makers publish, with the values that they publish and without
//! tuning. A place is the point that the geo database has for the address, as they take it.

mod first_seen;
mod speed;
mod windows;

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::Event;

/// A rule of others.
pub(crate) trait Peer {
    /// Shows it the next sign-in; says which records it raises an alarm about.
    fn see(&mut self, event: &Event) -> Option<Vec<usize>>;
}

/// In which order a rule is given the sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they arrive, as a stream is judged.
    Arrival,
    /// As they happened, as a table is asked later.
    Time,
}

/// A rule of others, its name and how it is given the sign-ins.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) order: Order,
    pub(crate) make: fn() -> Box<dyn Peer>,
}

/// All of them.
pub(crate) fn all() -> Vec<Entry> {
    use Order::{Arrival, Time};
    let entry = |name, order, make| Entry { name, order, make };
    vec![
        entry("naive: over 900 km/h between consecutive sign-ins", Time, || {
            Box::new(speed::Naive::default())
        }),
        entry("Panther standard rule", Arrival, || Box::new(speed::Panther::default())),
        entry("Datadog, no baseline", Arrival, || Box::new(speed::Datadog::new(false))),
        entry("Datadog, baseline and transitions", Arrival, || {
            Box::new(speed::Datadog::new(true))
        }),
        entry("Elastic, 90 minutes", Arrival, || Box::new(windows::Elastic::default())),
        entry("Sentinel, 2 countries in 3 h", Time, || {
            Box::new(windows::Sentinel::default())
        }),
        entry("CrowdSec, 1,000 km in 3 h", Arrival, || {
            Box::new(speed::CrowdSec::default())
        }),
        entry("BuffaLogs set, risk gate off", Arrival, || {
            Box::new(first_seen::BuffaLogs::default())
        }),
        entry("first-seen country of a person, 14 d", Arrival, || {
            Box::new(first_seen::NewCountry::default())
        }),
    ]
}

/// The last sign-in of each.
#[derive(Default)]
struct Last<K>(HashMap<K, Event>);

impl<K: std::hash::Hash + Eq> Last<K> {
    /// Puts an event in the place of the one before, which is given back.
    fn swap(&mut self, key: K, event: &Event) -> Option<Event> {
        self.0.insert(key, event.clone())
    }
}

/// Whose sign-ins are compared.
type Person = Arc<str>;

#[cfg(test)]
mod tests {
    use super::*;

    /// A sign-in of one person; the record is its number.
    fn event(record: usize, hours: f64, place: &str) -> Event {
        let (country, point) = match place {
            "Tokyo" => ("JP", (35.68, 139.69)),
            "Osaka" => ("JP", (34.69, 135.50)),
            _ => ("NL", (52.37, 4.90)),
        };
        Event {
            record,
            hours,
            arrived: hours + 0.1,
            person: "hana".into(),
            source: "entra.signin".into(),
            ip: format!("{place} {record}").into(),
            country: Some(country.into()),
            city: Some(place.into()),
            point: Some(point),
            kind: "fixed".into(),
            interactive: true,
        }
    }

    fn told(name: &str, events: &[Event]) -> Vec<Option<Vec<usize>>> {
        let entry = all().into_iter().find(|entry| entry.name.starts_with(name)).unwrap();
        let mut peer = (entry.make)();
        events.iter().map(|event| peer.see(event)).collect()
    }

    #[test]
    fn two_countries_in_an_hour_are_told_by_all_that_look_for_travel() {
        let pair = [event(0, 1_000.0, "Tokyo"), event(1, 1_001.0, "Amsterdam")];
        for name in ["naive", "Panther", "Datadog, no", "Elastic", "Sentinel", "CrowdSec"] {
            assert_eq!(told(name, &pair), [None, Some(vec![0, 1])], "{name}");
        }
    }

    #[test]
    fn a_day_between_them_is_told_by_none() {
        let pair = [event(0, 1_000.0, "Tokyo"), event(1, 1_023.0, "Amsterdam")];
        for name in ["naive", "Panther", "Datadog, no", "Elastic", "Sentinel", "CrowdSec"] {
            assert_eq!(told(name, &pair), [None, None], "{name}");
        }
    }

    #[test]
    fn what_comes_late_blinds_a_rule_that_compares_with_the_last_to_arrive() {
        let mut late = event(1, 999.5, "Amsterdam");
        late.arrived = 1_001.0;
        let events = [event(0, 1_000.0, "Tokyo"), late, event(2, 1_002.0, "Tokyo")];
        assert_eq!(told("Panther", &events).first(), Some(&None));
        assert_eq!(told("Panther", &events).get(1), Some(&None), "the speed is negative");
    }

    #[test]
    fn sign_ins_of_the_same_minute_have_no_speed_within_a_window() {
        let pair = [event(0, 1_000.0, "Tokyo"), event(1, 1_000.0, "Amsterdam")];
        assert_eq!(told("Elastic", &pair), [None, None]);
    }

    #[test]
    fn a_baseline_knows_the_cities_of_the_last_month() {
        let mut events: Vec<Event> = (0..6_u8)
            .map(|day| {
                event(
                    day.into(),
                    1_000.0 + 24.0 * f64::from(day),
                    if day % 2 == 0 { "Tokyo" } else { "Amsterdam" },
                )
            })
            .collect();
        events.push(event(6, 1_121.0, "Tokyo"));
        let told_of = |name| told(name, &events).last().cloned().flatten();
        assert!(told_of("Datadog, no").is_some());
        assert_eq!(told_of("Datadog, baseline"), None);
    }

    #[test]
    fn a_new_country_is_told_once_and_after_learning() {
        let events = [
            event(0, 1_000.0, "Tokyo"),
            event(1, 1_400.0, "Amsterdam"),
            event(2, 1_400.5, "Amsterdam"),
        ];
        assert_eq!(told("first-seen", &events), [None, Some(vec![1]), None]);
        assert_eq!(
            told(
                "first-seen",
                &[event(0, 1_000.0, "Tokyo"), event(1, 1_100.0, "Amsterdam")]
            ),
            [None, None]
        );
        assert!(told("BuffaLogs", &events).get(1).cloned().flatten().is_some());
    }
}
