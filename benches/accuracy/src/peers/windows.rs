//! Rules that look at a window of time.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Peer, Person};
use crate::event::{Event, haversine};

/// Every 30 minutes over the last 90: two to five regions, the corners of their box at least 500 km
/// apart and reached at 800 km/h or more; one alarm in 30 minutes. Sign-ins by hand only.
#[derive(Default)]
pub(super) struct Elastic {
    recent: HashMap<Person, Vec<Event>>,
    told: HashMap<Person, f64>,
}

impl Peer for Elastic {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        if event.point.is_none() || event.city.is_none() || !event.interactive {
            return None;
        }
        // The next run of the rule is the first that sees it.
        let run = (event.arrived * 2.0).ceil() / 2.0;
        let recent = self.recent.entry(Arc::clone(&event.person)).or_default();
        recent.push(event.clone());
        recent.retain(|event| run - 1.5 <= event.hours);
        let mut regions: Vec<&Event> = Vec::new();
        for event in recent.iter() {
            if regions.iter().all(|known| known.city != event.city) {
                regions.push(event);
            }
        }
        if !(2..=5).contains(&regions.len()) {
            return None;
        }
        let bounds = |part: fn((f64, f64)) -> f64| {
            let values = regions.iter().filter_map(|event| event.point.map(part));
            values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let ((south, north), (west, east)) = (bounds(|point| point.0), bounds(|point| point.1));
        let distance = haversine((south, west), (north, east));
        let times = recent.iter().map(|event| event.hours);
        let (first, last) = times.fold((f64::MAX, f64::MIN), |(low, high), time| {
            (low.min(time), high.max(time))
        });
        // A window of no minutes has no speed.
        let minutes = ((last - first) * 60.0).floor();
        let told = 0.0 < minutes && 500.0 <= distance && 800.0 <= distance / (minutes / 60.0);
        let quiet = self.told.get(&event.person).is_some_and(|told| run - told < 0.5);
        if !told || quiet {
            return None;
        }
        self.told.insert(Arc::clone(&event.person), run);
        Some(recent.iter().map(|event| event.record).collect())
    }
}

/// `imAuthSigninsMultipleCountries`: two countries within a window of 3 hours that does not slide.
#[derive(Default)]
pub(super) struct Sentinel {
    /// Of each person, the last window and what was in it.
    windows: HashMap<Person, (i64, Vec<Event>)>,
}

impl Peer for Sentinel {
    fn see(&mut self, event: &Event) -> Option<Vec<usize>> {
        event.country.as_ref()?;
        let window = whole(event.hours / 3.0);
        let known = self.windows.entry(Arc::clone(&event.person)).or_default();
        if known.0 != window {
            *known = (window, Vec::new());
        }
        known.1.push(event.clone());
        let differs = known.1.iter().any(|other| other.country != event.country);
        differs.then(|| known.1.iter().map(|event| event.record).collect())
    }
}

/// A number without its fraction.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "hours of this century fit"
)]
fn whole(number: f64) -> i64 {
    number as i64
}
