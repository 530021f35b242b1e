//! From when on rows may still come.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Time};
use serde::{Deserialize, Serialize};

use crate::detector::LATENESS_MAX;

/// A source that sent nothing for this long, by the time of receipt, does not hold the others back.
const IDLE: Duration = Duration::from_hours(24);

/// A source of old records that sent nothing for this long, by the time of receipt, has sent them all:
/// what happened since need not wait for it.
const PAUSE: Duration = Duration::from_hours(1);

/// How far each source has come.
///
/// Live sources are all at the present. A source that sends old records is as far as those are, and
/// while it sends, what its records may touch is kept, however old.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermarks {
    sources: BTreeMap<String, Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The latest that its records were observed at; for old records, that they happened at.
    observed: Time,
    /// When its last record was received.
    received: Time,
    /// Whether that was an old record.
    #[serde(default)]
    old: bool,
}

impl Watermarks {
    /// Takes note of a batch.
    pub(crate) fn advance(&mut self, batch: &EventBatch) {
        let sources = batch.texts(Column::Source);
        for row in 0..batch.len() {
            let Some(source) = sources.get(row) else { continue };
            let observed = batch.observed(row);
            let received = Time(batch.int(Column::IngestTime, row).unwrap_or_default());
            let old = batch.flag(Column::Backfill, row) == Some(true);
            if let Some(mark) = self.sources.get_mut(source) {
                mark.observed = mark.observed.max(observed);
                mark.received = mark.received.max(received);
                mark.old = old;
            } else {
                let mark = Mark {
                    observed,
                    received,
                    old,
                };
                self.sources.insert(source.to_owned(), mark);
            }
        }
    }

    /// Up to when everything was shown, at the time `now`: live sources are at the present, old records
    /// that are still coming are waited for.
    pub(crate) fn waited_for(&self, now: Time) -> Time {
        let sending = self
            .sources
            .values()
            .filter(|mark| mark.old && mark.received >= now.minus(PAUSE));
        sending.map(|mark| mark.observed).min().map_or(now, |old| old.min(now))
    }

    /// No row from before this will come within the allowed lateness.
    pub(crate) fn horizon(&self) -> Option<Time> {
        let newest = self.sources.values().map(|mark| mark.received).max()?;
        let active = self.sources.values().filter(|mark| mark.received >= newest.minus(IDLE));
        active
            .map(|mark| mark.observed)
            .min()
            .map(|slowest| slowest.minus(LATENESS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::testing;

    const DAY: i64 = 86_400;

    fn row(source: &str, happened: i64, received: i64, backfill: bool) -> Map<String, Value> {
        let value = json!({
            "source": source,
            "time": Time::from_secs(happened).to_string(),
            "ingest_time": Time::from_secs(received).to_string(),
            "backfill": backfill,
        });
        value.as_object().unwrap().clone()
    }

    fn horizon(rows: &[Map<String, Value>]) -> i64 {
        let mut marks = Watermarks::default();
        marks.advance(&testing::batch(rows).unwrap());
        marks.horizon().unwrap().plus(LATENESS_MAX).secs() / DAY
    }

    #[test]
    fn a_late_record_of_a_live_source_does_not_move_the_horizon_back() {
        assert_eq!(
            horizon(&[
                row("a", 100 * DAY, 100 * DAY, false),
                row("a", 99 * DAY, 100 * DAY, false)
            ]),
            100
        );
    }

    #[test]
    fn what_old_records_may_touch_is_kept_while_they_come() {
        assert_eq!(
            horizon(&[
                row("live", 100 * DAY, 100 * DAY, false),
                row("old", 10 * DAY, 100 * DAY, true)
            ]),
            10
        );
    }

    #[test]
    fn what_did_not_happen_is_decided_when_old_records_have_come() {
        let waited_for = |minutes: i64| {
            let mut marks = Watermarks::default();
            let rows = [
                row("live", 100 * DAY, 100 * DAY, false),
                row("old", 10 * DAY, 100 * DAY, true),
            ];
            marks.advance(&testing::batch(&rows).unwrap());
            marks.waited_for(Time::from_secs(100 * DAY + minutes * 60)).secs()
        };

        assert_eq!(waited_for(0), 10 * DAY);
        assert_eq!(waited_for(61), 100 * DAY + 61 * 60);
    }

    #[test]
    fn a_source_that_stopped_does_not_hold_the_others_back() {
        assert_eq!(
            horizon(&[
                row("old", 10 * DAY, 98 * DAY, true),
                row("live", 100 * DAY, 100 * DAY, false)
            ]),
            100
        );
    }
}
