//! What a detector is.

use std::fmt::Debug;
use std::time::Duration;

use sekisho_model::{Detection, EventBatch, Snapshot, Time};

/// How late a record may come and still be judged exactly: state is kept this much longer than a
/// detector's own window. Microsoft 365 audit records come up to a day late.
pub const LATENESS_MAX: Duration = Duration::from_hours(24);

/// How long before a row every row has come: [`LATENESS_MAX`], and how far ahead of its receipt a row's
/// time may be. What was usual before the day of that moment does not change any more.
pub(crate) const SETTLED_AFTER: Duration = LATENESS_MAX.saturating_add(sekisho_model::ids::FUTURE_MAX);

/// Looks at every batch and says what it finds.
///
/// The law of order: for the same rows in any order and any split into batches, the detections, put
/// together by episode, name the same evidence. Rows are keyed by
/// [`EventBatch::believed_time`]; a row whose `event_uid` was seen before is an update of it, never
/// a second event.
pub trait Detector: Debug + Send {
    /// Looks at the rows of a batch.
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>);

    /// Whatever was observed before `now` was shown: finds what depends on something *not* having
    /// happened. An event may still come that happened before `now`, up to the lateness of its source;
    /// what it could still change is left for a later tick.
    ///
    /// Live, it is called about once a second; over old records, whenever they have gone on far enough
    /// and once at their end, with a `now` that lies after everything.
    fn tick(&mut self, now: Time, found: &mut Vec<Detection>) {
        let _ = (now, found);
    }

    /// No row from before `horizon` will come: what only such rows could touch may be forgotten.
    fn forget_before(&mut self, horizon: Time);

    /// Saves its state.
    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error>;

    /// Goes on from a snapshot; starts empty where it has nothing for this detector.
    fn restore(&mut self, from: &Snapshot);
}
