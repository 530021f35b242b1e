//! Any use of an account after its owner's last day in the company, and any try to use it.
//!
//! A use that succeeded is what the rule says. A try whose password was right, and that only a second
//! factor or a policy stopped, is high: somebody outside can still open the door. A try that failed
//! is low: old telephones and attackers' lists do that for years.
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
use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Severity, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::{ParameterError, Surroundings, local_day, parameters, succeeded};
use crate::Detector;

pub(super) const NAME: &str = "leaver";

/// `status_id` of what failed.
const FAILURE: i64 = 2;

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

/// Activities that are tries to use an account when they do not succeed.
const TRIES: [&str; 4] = ["logon", "mfa_challenge", "token_grant", "vpn_connect"];

/// Why a try was stopped whose password was right.
const PASSWORD_RIGHT: [&str; 6] = [
    "mfa_denied",
    "mfa_failed",
    "mfa_required",
    "mfa_timeout",
    "password_expired",
    "policy_blocked",
];

/// How likely it is that somebody knows the password whose try was stopped after it.
const PASSWORD_RIGHT_PROBABILITY: f64 = 0.5;
/// How likely a failed try means anything.
const FAILED_PROBABILITY: f64 = 0.05;

/// What became of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Used,
    PasswordRight,
    Failed,
}

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

impl Leaver {
    /// What a row of somebody who has left means, if anything.
    fn use_of(&self, batch: &EventBatch, row: usize) -> Option<Use> {
        let left = batch.int(Column::Left, row)?;
        if local_day(&self.zone, batch.believed_time(row)) <= left {
            return None;
        }
        let account = batch.text(Column::UserName, row);
        let by_another = batch
            .text(Column::ActorName, row)
            .is_some_and(|actor| Some(actor) != account);
        let activity = batch.text(Column::Activity, row).unwrap_or_default();
        if by_another || NO_USE.contains(&activity) {
            None
        } else if succeeded(batch, row) {
            Some(Use::Used)
        } else if !TRIES.contains(&activity) {
            None
        } else if batch
            .text(Column::StatusReason, row)
            .is_some_and(|reason| PASSWORD_RIGHT.contains(&reason))
        {
            Some(Use::PasswordRight)
        } else {
            (batch.int(Column::StatusId, row) == Some(FAILURE)).then_some(Use::Failed)
        }
    }
}

impl RowTest for Leaver {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(24);

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        self.use_of(batch, row).is_some()
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        let own = Weight::of(rule);
        let (severity, probability) = match self.use_of(batch, row) {
            Some(Use::Used) | None => return own,
            Some(Use::PasswordRight) => (Severity::High, PASSWORD_RIGHT_PROBABILITY),
            Some(Use::Failed) => (Severity::Low, FAILED_PROBABILITY),
        };
        Weight {
            severity: own.severity.min(severity),
            probability: own.probability.min(probability),
        }
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let left = batch.int(Column::Left, row).unwrap_or_default();
        let since = local_day(&self.zone, batch.believed_time(row)).saturating_sub(left);
        let days = match self.use_of(batch, row) {
            Some(Use::Used) | None => "days_since_left",
            Some(Use::PasswordRight) => "days_since_left_password_right",
            Some(Use::Failed) => "days_since_left_tried",
        };
        Facts::from([
            ("left".to_owned(), json!(batch.display(Column::Left, row))),
            (days.to_owned(), json!(since)),
            ("activity".to_owned(), json!(batch.text(Column::Activity, row))),
        ])
    }
}
