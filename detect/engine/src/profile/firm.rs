//! What is usual in a firm: the sum of its people.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decay::Count;
use super::feature::Feature;
use super::model::Seen;

/// The most values of a feature that are remembered of a firm: more networks than people in it use.
const VALUES_MAX: usize = 8_192;

/// The habits of a firm.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Firm {
    /// The first day of which anything is known.
    first_day: Option<i64>,
    tables: [Table; Feature::ALL.len()],
    /// How many people were active before a day, where that was asked for.
    #[serde(skip)]
    active: BTreeMap<i64, i32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Table {
    all: Count,
    values: BTreeMap<Arc<str>, Count>,
}

impl Firm {
    /// Notes that something is known of a day.
    pub(super) fn note(&mut self, day: i64) {
        self.first_day = Some(self.first_day.map_or(day, |first| first.min(day)));
    }

    /// How many days before `day` are known.
    pub(super) fn days_known(&self, day: i64) -> i64 {
        self.first_day.map_or(0, |first| day.saturating_sub(first).max(0))
    }

    /// Counts an observation of one of its people.
    pub(super) fn add(&mut self, feature: Feature, value: &str, day: i64) {
        let Some(table) = self.tables.get_mut(feature.index()) else {
            return;
        };
        table.all.add(day);
        if let Some(count) = table.values.get_mut(value) {
            count.add(day);
            return;
        }
        if VALUES_MAX <= table.values.len() {
            table.forget_the_rare(day);
        }
        table.values.entry(Arc::from(value)).or_default().add(day);
    }

    /// The one text of a value that is known.
    pub(super) fn text(&self, feature: Feature, value: &str) -> Arc<str> {
        let known = self
            .tables
            .get(feature.index())
            .and_then(|table| table.values.get_key_value(value));
        known.map_or_else(|| Arc::from(value), |(known, _)| Arc::clone(known))
    }

    /// How often a value was seen before `settled`, as it counts on `day`.
    pub(super) fn seen(&self, feature: Feature, value: &str, settled: i64, day: i64) -> Seen {
        let Some(table) = self.tables.get(feature.index()) else {
            return Seen::default();
        };
        let of = |count: &Count| count.before(settled, day);
        Seen {
            value: table.values.get(value).map_or(0.0, of),
            all: of(&table.all),
        }
    }

    /// The country in which most was seen before `settled`.
    pub(super) fn home(&self, settled: i64, day: i64) -> Option<Arc<str>> {
        let countries = self.tables.get(Feature::Country.index())?.values.iter();
        let counted = countries.map(|(name, count)| (count.before(settled, day), name));
        let most = counted
            .filter(|(count, _)| 0.0 < *count)
            .max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.cmp(x)));
        most.map(|(_, name)| Arc::clone(name))
    }

    /// How many people were active before `day`: as known, or as counted now.
    pub(super) fn active(&mut self, day: i64, count: impl FnOnce() -> i32) -> i32 {
        *self.active.entry(day).or_insert_with(count)
    }

    /// Somebody was active on a day, which may change how many were before later ones.
    pub(super) fn was_active(&mut self, day: i64) {
        self.active.split_off(&day.saturating_add(1));
    }

    /// Adds up what was seen before `settled`.
    pub(super) fn fold(&mut self, settled: i64) {
        for table in &mut self.tables {
            table.all.fold(settled);
            for count in table.values.values_mut() {
                count.fold(settled);
            }
            table.values.retain(|_, count| !count.is_forgotten(settled));
        }
        self.active = self.active.split_off(&settled);
    }
}

impl Table {
    /// Forgets a sixteenth of the values, the rarest.
    fn forget_the_rare(&mut self, day: i64) {
        let whole = |count: &Count| count.before(i64::MAX, day);
        let mut counts: Vec<f64> = self.values.values().map(whole).collect();
        let (_, kept, _) = counts.select_nth_unstable_by(self.values.len() / 16, f64::total_cmp);
        let kept = *kept;
        let mut surplus = self.values.len() / 16 + 1;
        self.values.retain(|_, count| {
            let goes = whole(count) <= kept && 0 < surplus;
            surplus -= usize::from(goes);
            !goes
        });
    }
}
