//! An account that nobody used for a long time is used again.
//!
//! The last success of anything lies more than `idle_days` before, or nothing was ever seen of somebody
//! who joined longer ago than that in a firm that is watched longer than that. `high` for
//! administrators, and where the sign-in is unlike the person (`unfamiliarity` of 3 nats or more).
//!
//! | parameter | default | |
//! |---|---|---|
//! | `idle_days` | 45 | after how many days an account is dormant |

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Severity, Snapshot, Time, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::usual::Usual;
use super::{ParameterError, Surroundings, is_service, parameters, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "dormant";

/// For how many days back people are remembered: a year and a month, for who comes once a year.
const BACK_DAYS: i64 = 400;

/// From here on a sign-in is odd, in nats.
const ODD_NATS: f64 = 3.0;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    idle_days: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { idle_days: 45 }
    }
}

#[derive(Debug)]
struct Dormant {
    idle_days: i64,
    usual: Usual,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters { idle_days } = parameters(NAME, value)?;
    let idle_days = within(NAME, "idle_days", idle_days, 7, 365)?;
    let usual = Usual::new(surroundings.zone.clone(), BACK_DAYS);
    Ok(Box::new(RowDetector::new(rule, Dormant { idle_days, usual })))
}

/// Whether the account itself did something.
fn used(batch: &EventBatch, row: usize) -> bool {
    let account = batch.text(Column::UserName, row);
    let by_another = batch
        .text(Column::ActorName, row)
        .is_some_and(|actor| Some(actor) != account);
    succeeded(batch, row) && !by_another && !is_service(batch, row)
}

impl Dormant {
    /// For how many days the account of a row was idle; none if that is not known.
    fn idle(&self, batch: &EventBatch, row: usize) -> Option<i64> {
        let before = self.usual.before(batch, row);
        if let Some(last) = before.last_day() {
            return Some(before.day().saturating_sub(last));
        }
        let joined = before.day().saturating_sub(batch.int(Column::Joined, row)?);
        Some(joined.min(before.days_watched()))
    }
}

impl RowTest for Dormant {
    const NAME: &'static str = NAME;
    /// What the account does in the days after it woke is part of it.
    const GAP: Duration = Duration::from_hours(72);

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            if used(batch, row) {
                self.usual.learn(batch, row, []);
            }
        }
    }

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        let sign_in = matches!(
            batch.text(Column::Activity, row),
            Some("logon" | "vpn_connect" | "token_grant" | "session_refresh")
        );
        sign_in && used(batch, row) && self.idle(batch, row).is_some_and(|idle| self.idle_days < idle)
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let idle = self.idle(batch, row);
        Facts::from([
            ("idle_days".to_owned(), json!(idle)),
            ("activity".to_owned(), json!(batch.text(Column::Activity, row))),
        ])
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        let odd = batch
            .float(Column::Unfamiliarity, row)
            .is_some_and(|nats| ODD_NATS <= nats);
        let weight = Weight::of(rule);
        if odd || batch.flag(Column::Privileged, row) == Some(true) {
            return Weight {
                severity: weight.severity.max(Severity::High),
                ..weight
            };
        }
        weight
    }

    fn forget_before(&mut self, horizon: Time) {
        self.usual.forget_before(horizon);
    }

    fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.usual.snapshot(part, into)
    }

    fn restore(&mut self, part: &str, from: &Snapshot) {
        self.usual.restore(part, from);
    }
}
