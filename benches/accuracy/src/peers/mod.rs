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
