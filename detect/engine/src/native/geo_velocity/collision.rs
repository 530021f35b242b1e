//! Two sign-ins that one person cannot both have made, and what there is to say of them.

use std::time::Duration;

use crate::native::facts;
use sekisho_model::{Evidence, Facts};
use serde_json::{Value, json};

use super::place::Journey;
use super::visit::{Strength, Visit};

/// Two sign-ins that one person cannot both have made.
#[derive(Debug)]
pub(super) struct Collision {
    /// The index of a visit and of a sign-in in it, for each end.
    pub(super) ends: [(usize, usize); 2],
    pub(super) journey: Journey,
    pub(super) ratio: f64,
    pub(super) strength: Strength,
}

impl Collision {
    /// What there is to say: the earlier end is `from`, the later one `to`.
    pub(super) fn facts(&self, visits: &[Visit]) -> Option<Facts> {
        let mut ends: Vec<Evidence> = self
            .ends
            .iter()
            .filter_map(|(visit, index)| visits.get(*visit)?.evidence(*index))
            .collect();
        ends.sort_by(|a, b| (a.time, &a.event_uid).cmp(&(b.time, &b.event_uid)));
        let [from, to] = ends.as_slice() else { return None };
        let mut facts = Facts::from([
            ("distance_km".to_owned(), json!(self.journey.distance_km.round())),
            ("effective_km".to_owned(), json!(self.journey.effective_km.round())),
            ("minutes_taken".to_owned(), minutes(from.time.distance(to.time))),
            ("minutes_needed".to_owned(), minutes(self.journey.needed)),
            ("ratio".to_owned(), tenths(self.ratio)),
        ]);
        facts::end(&mut facts, "from", from);
        facts::end(&mut facts, "to", to);
        Some(facts)
    }
}

fn minutes(duration: Duration) -> Value {
    tenths(duration.as_secs_f64() / 60.0)
}

fn tenths(value: f64) -> Value {
    json!((value * 10.0).round() / 10.0)
}
