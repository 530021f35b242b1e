//! An administrator at work while the office is closed.
//!
//! A sign-in, a VPN connection or a command with administrator rights, of a person whom the people
//! list calls privileged, at a time when the working calendar says `closed` or `holiday`. Service
//! accounts and sign-ins without a person present are left out: they work at night by design. So is
//! whoever sits in the office: people come before nine, and the door has its own lock.
//!
//! Nor is it told where it is the person's shift: the same kind of day and quarter of the day on
//! `familiar_days` of the 90 days before.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `familiar_days` | 3 | on how many earlier days the hours must have been worked to be usual |

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Snapshot, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::usual::Usual;
use super::{ParameterError, Surroundings, is_service, parameters, succeeded, within};
use crate::Detector;
use crate::profile::hours;

pub(super) const NAME: &str = "privileged_off_hours";

/// For how many days back shifts are remembered.
const BACK_DAYS: i64 = 90;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    familiar_days: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { familiar_days: 3 }
    }
}

#[derive(Debug)]
struct OffHours {
    familiar_days: u32,
    zone: TimeZone,
    usual: Usual,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters { familiar_days } = parameters(NAME, value)?;
    let test = OffHours {
        familiar_days: within(NAME, "familiar_days", familiar_days, 1, 90)?,
        zone: surroundings.zone.clone(),
        usual: Usual::new(surroundings.zone.clone(), BACK_DAYS),
    };
    Ok(Box::new(RowDetector::new(rule, test)))
}

/// Whether the row is an administrator at work.
fn at_work(batch: &EventBatch, row: usize) -> bool {
    batch.flag(Column::Privileged, row) == Some(true)
        && matches!(
            batch.text(Column::Activity, row),
            Some("logon" | "vpn_connect" | "admin_command")
        )
        && succeeded(batch, row)
        && !is_service(batch, row)
        && batch.flag(Column::IsInteractive, row) != Some(false)
}

impl RowTest for OffHours {
    const NAME: &'static str = NAME;
    /// A night or a day of a weekend; two nights with a day of work between them are two.
    const GAP: Duration = Duration::from_hours(12);

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            if at_work(batch, row) {
                self.usual.learn(batch, row, [hours(batch, row, &self.zone)]);
            }
        }
    }

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        at_work(batch, row)
            && matches!(batch.text(Column::OfficeState, row), Some("closed" | "holiday"))
            && batch.text(Column::SrcNetKind, row) != Some("office")
            && self.usual.before(batch, row).days(hours(batch, row, &self.zone)) < self.familiar_days
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let local = batch.believed_time(row).to_jiff().to_zoned(self.zone.clone());
        let weekday = local.strftime("%A").to_string().to_lowercase();
        Facts::from([
            (
                "local_time".to_owned(),
                json!(local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
            ),
            ("weekday".to_owned(), json!(weekday)),
            ("office_state".to_owned(), json!(batch.text(Column::OfficeState, row))),
            ("activity".to_owned(), json!(batch.text(Column::Activity, row))),
        ])
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
