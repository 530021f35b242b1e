//! How far the clocks of two sources may be apart.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Time};
use serde::{Deserialize, Serialize};

use super::{Limits, SETTLED_AFTER};
use crate::native::people::People;

/// For how many days a clock that was fast is taken to be: it is set right some day.
const FAST_DAYS: i64 = 14;

/// The most sources whose clocks are watched.
pub(super) const SOURCES_MAX: usize = 1_024;

/// By how many microseconds a source was ahead of us at most, by day. An event cannot reach us before
/// it happened, so a source from which one does has a fast clock.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Fast(BTreeMap<i64, u64>);

impl Fast {
    /// Forgets the days that nothing asks for any more.
    pub(super) fn forget_before(&mut self, oldest_day: i64) {
        self.0 = self.0.split_off(&oldest_day.saturating_sub(FAST_DAYS));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Learns from all rows of a batch.
pub(super) fn learn(sources: &mut People<Fast>, batch: &EventBatch, limits: &Limits) {
    let source = batch.texts(Column::Source);
    for row in 0..batch.len() {
        let time = batch.believed_time(row);
        let observed = batch.observed(row);
        if time <= observed {
            continue;
        }
        let (Some(tenant), Some(source)) = (batch.text(Column::Tenant, row), source.get(row)) else {
            continue;
        };
        let Some(Fast(days)) = sources.meet(tenant, source, time) else {
            continue;
        };
        let ahead = u64::try_from(time.distance(observed).as_micros()).unwrap_or(u64::MAX);
        let known = days.entry(limits.day(time)).or_default();
        *known = ahead.max(*known);
    }
}

/// The clocks of a tenant's sources.
#[derive(Debug)]
pub(super) struct Clocks<'a> {
    pub(super) sources: &'a People<Fast>,
    pub(super) tenant: &'a str,
    pub(super) limits: &'a Limits,
}

impl Clocks<'_> {
    /// How far two clocks may have been apart at a time: as far as they were on the days before it of
    /// which every record has come, and a little more.
    pub(super) fn skew(&self, a: &str, b: &str, time: Time) -> Duration {
        if a == b {
            return Duration::ZERO;
        }
        let settled = self.limits.day(time.minus(SETTLED_AFTER));
        let ahead = |source| {
            let days = self.sources.get(self.tenant, source).map(|Fast(days)| days);
            let days = days
                .into_iter()
                .flat_map(|days| days.range(settled.saturating_sub(FAST_DAYS)..settled));
            days.map(|(_, ahead)| *ahead).max().unwrap_or(0)
        };
        Duration::from_micros(ahead(a).abs_diff(ahead(b))).saturating_add(self.limits.skew)
    }
}
