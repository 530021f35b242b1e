//! A sign-in that is unlike the person's own past.
//!
//! The engine's profiles score each row, in nats of a log-likelihood ratio (column `unfamiliarity`):
//! this fires for what succeeded and scored enough. From `nats_high` on it has the rule's level; below
//! that, and while the firm is still being learnt, it is low, for the daily digest. How likely it is
//! real follows from the score: `1 / (1 + exp(-(nats - 9) / 1.5))`, which is a third at 8 and two
//! thirds at 10.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `nats_high` | 8 | from here on, somebody should ask the person |
//! | `nats_low` | 5 | from here on, it is worth a line in the digest |
//!
//! The shipped rule sets `nats_high` to 6.5: since what changes together is bounded (see the profile's
//! model), more than that means that something beside the place or the hour is unlike the person.
//! `benches/ACCURACY.md` has what other thresholds find and cost.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Severity, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::{ParameterError, parameters, succeeded, within};
use crate::Detector;
use crate::profile::REASONS;

pub(super) const NAME: &str = "unfamiliar_sign_in";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    nats_high: f64,
    nats_low: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            nats_high: 8.0,
            nats_low: 5.0,
        }
    }
}

#[derive(Debug)]
struct Unfamiliar {
    nats_high: f64,
    nats_low: f64,
}

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters { nats_high, nats_low } = parameters(NAME, value)?;
    let nats_high = within(NAME, "nats_high", nats_high, 1.0, 30.0)?;
    let nats_low = within(NAME, "nats_low", nats_low, 1.0, nats_high)?;
    Ok(Box::new(RowDetector::new(rule, Unfamiliar { nats_high, nats_low })))
}

fn nats(batch: &EventBatch, row: usize) -> f64 {
    batch.float(Column::Unfamiliarity, row).unwrap_or_default()
}

fn reason(batch: &EventBatch, row: usize) -> Value {
    let text = batch.side(REASONS).and_then(|reasons| reasons.get(row));
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

impl RowTest for Unfamiliar {
    const NAME: &'static str = NAME;
    /// A night's work of an intruder, and a day's of a traveller, are one.
    const GAP: Duration = Duration::from_hours(24);

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        self.nats_low <= nats(batch, row) && succeeded(batch, row)
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let reason = reason(batch, row);
        let part = |name: &str| reason.get(name).cloned().unwrap_or_default();
        Facts::from([
            ("nats".to_owned(), json!((nats(batch, row) * 10.0).round() / 10.0)),
            ("features".to_owned(), part("features")),
            ("learning".to_owned(), part("learning")),
            ("activity".to_owned(), json!(batch.text(Column::Activity, row))),
        ])
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        let nats = nats(batch, row);
        let learning = reason(batch, row).get("learning") == Some(&json!(true));
        let probability = 1.0 / (1.0 + (-(nats - 9.0) / 1.5).exp());
        if self.nats_high <= nats && !learning {
            return Weight {
                severity: rule.severity,
                probability,
            };
        }
        // What a firm does in its first days looks stranger than it is.
        Weight {
            severity: Severity::Low.min(rule.severity),
            probability: if learning {
                rule.probability.min(0.05)
            } else {
                probability
            },
        }
    }
}
