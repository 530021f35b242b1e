//! A sign-in that succeeded without a second factor.
//!
//! One entry a person and week, low: who still has none, for the weekly list. That is no finding about
//! the person's account, and is kept apart from what is. `high` where the sign-in is unlike the person
//! (`unfamiliarity` of 5 nats or more, of 3 for administrators). Not
//! from the firm's own lines, which many firms exempt, nor with a key, a certificate or Windows Hello,
//! which are two factors in one; and only where the record says that none was given.
//!
//! There are no parameters.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Entity, EntityKind, EventBatch, Facts, RuleInfo, Severity, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::{ParameterError, UNFAMILIAR_FROM, is_service, parameters, person_entity, person_of, succeeded};
use crate::Detector;

pub(super) const NAME: &str = "no_second_factor";

/// From here on a sign-in is too odd to be without a second factor, in nats.
const ODD_NATS: f64 = 5.0;

/// How likely such a sign-in is somebody else's, for its lack of a second factor alone: one in five people
/// never gave one.
const ODD_PROBABILITY: f64 = 0.15;

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

/// Whether the sign-in is unlike the person; of an administrator, a little is enough.
fn odd(batch: &EventBatch, row: usize) -> bool {
    let from = if batch.flag(Column::Privileged, row) == Some(true) {
        UNFAMILIAR_FROM
    } else {
        ODD_NATS
    };
    batch.float(Column::Unfamiliarity, row).is_some_and(|nats| from <= nats)
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

    fn entity(&self, batch: &EventBatch, row: usize) -> Option<Entity> {
        let person = Arc::from(person_of(batch, row)?);
        if odd(batch, row) {
            return Some(person_entity(&person));
        }
        Some(Entity {
            kind: EntityKind::Other,
            name: person,
        })
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        let weight = Weight::of(rule);
        if odd(batch, row) {
            return weight.max(Weight {
                severity: Severity::High,
                probability: ODD_PROBABILITY,
            });
        }
        weight
    }
}
