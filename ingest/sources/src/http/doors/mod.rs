//! What each protocol says in its own words.

mod elasticsearch;
mod firehose;
mod health;
mod ingest;
mod journal;
mod loki;
mod okta_hook;
mod otlp;
mod splunk_hec;

use axum::Router;

use super::answer::Refusal;
use super::intake::Intake;
use super::sorter::{Hint, Sorter};
use crate::unwrap::records;

/// The routes of all doors.
pub(super) fn routes() -> Router<Intake> {
    Router::new()
        .merge(health::routes())
        .merge(ingest::routes())
        .merge(splunk_hec::routes())
        .merge(elasticsearch::routes())
        .merge(otlp::routes())
        .merge(loki::routes())
        .merge(firehose::routes())
        .merge(okta_hook::routes())
        .merge(journal::routes())
}

/// Takes whatever records are in `bytes`, JSON or lines.
fn push_all(sorter: &mut Sorter, hint: Hint<'_>, bytes: &[u8]) -> Result<(), Refusal> {
    records(bytes).try_for_each(|record| sorter.push(hint, record))
}
