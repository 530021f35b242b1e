//! Any use of an account after its owner's last day in the company.
//!
//! The last day itself is a working day to its end, midnight in the tenant's zone. Every kind of use
//! counts, so that what the account downloads or sends joins the same episode. What others do *to*
//! the account is no use of it: disabling it, resetting its password, opening its mailbox by
//! delegation.
//!
//! There are no parameters: whoever left has left.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Facts, RuleInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::{ParameterError, Surroundings, local_day, parameters, succeeded};
use crate::Detector;

pub(super) const NAME: &str = "leaver";

/// Activities that are done to an account, or end its use.
const NO_USE: [&str; 15] = [
    "group_add",
    "group_remove",
    "logoff",
    "password_reset",
    "risk_detection",
    "role_assign",
    "role_remove",
    "user_create",
    "user_delete",
    "user_disable",
    "user_enable",
    "user_lock",
    "user_unlock",
    "user_update",
    "vpn_disconnect",
];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Debug)]
struct Leaver {
    zone: TimeZone,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters {} = parameters(NAME, value)?;
    Ok(Box::new(RowDetector::new(
        rule,
        Leaver {
            zone: surroundings.zone.clone(),
        },
    )))
}

impl RowTest for Leaver {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(24);

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        let Some(left) = batch.int(Column::Left, row) else {
            return false;
        };
        if !succeeded(batch, row) || local_day(&self.zone, batch.believed_time(row)) <= left {
            return false;
        }
        let account = batch.text(Column::UserName, row);
        let by_another = batch
            .text(Column::ActorName, row)
            .is_some_and(|actor| Some(actor) != account);
        let activity = batch.text(Column::Activity, row).unwrap_or_default();
        !by_another && !NO_USE.contains(&activity)
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let left = batch.int(Column::Left, row).unwrap_or_default();
        let since = local_day(&self.zone, batch.believed_time(row)).saturating_sub(left);
        Facts::from([
            ("left".to_owned(), json!(batch.display(Column::Left, row))),
            ("days_since_left".to_owned(), json!(since)),
            ("activity".to_owned(), json!(batch.text(Column::Activity, row))),
        ])
    }
}
