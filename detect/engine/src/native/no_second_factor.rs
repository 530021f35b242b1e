//! A sign-in that succeeded without a second factor.
//!
//! One entry a person and week, low: who still has none, for the weekly list. `high` for
//! administrators and where the sign-in is unlike the person (`unfamiliarity` of 5 nats or more). Not
//! from the firm's own lines, which many firms exempt, nor with a key, a certificate or Windows Hello,
//! which are two factors in one; and only where the record says that none was given.
//!
//! There are no parameters.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Severity, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::{ParameterError, is_service, parameters, succeeded};
use crate::Detector;

pub(super) const NAME: &str = "no_second_factor";

/// From here on a sign-in is too odd to be without a second factor, in nats.
const ODD_NATS: f64 = 5.0;

/// Ways to sign in that are two factors in one.
const STRONG: [&str; 5] = ["cert", "fido2", "hello", "passkey", "smartcard"];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Debug)]
struct NoSecondFactor;

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters {} = parameters(NAME, value)?;
    Ok(Box::new(RowDetector::new(rule, NoSecondFactor)))
}

fn odd(batch: &EventBatch, row: usize) -> bool {
    batch
        .float(Column::Unfamiliarity, row)
        .is_some_and(|nats| ODD_NATS <= nats)
}

impl RowTest for NoSecondFactor {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(7 * 24);

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        let method = batch.text(Column::AuthMethod, row).unwrap_or_default();
        matches!(batch.text(Column::Activity, row), Some("logon" | "vpn_connect"))
            && succeeded(batch, row)
            && !is_service(batch, row)
            && matches!(batch.text(Column::MfaResult, row), Some("none" | "not_required"))
            && !matches!(batch.text(Column::SrcNetKind, row), Some("office" | "egress" | "sase"))
            && !STRONG.iter().any(|strong| method.contains(strong))
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        Facts::from([
            ("mfa_result".to_owned(), json!(batch.text(Column::MfaResult, row))),
            ("privileged".to_owned(), json!(batch.flag(Column::Privileged, row))),
        ])
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        let weight = Weight::of(rule);
        if odd(batch, row) || batch.flag(Column::Privileged, row) == Some(true) {
            return weight.max(Weight {
                severity: Severity::High,
                probability: 0.3,
            });
        }
        weight
    }
}
