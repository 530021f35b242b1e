//! A sign-in from Tor, a public VPN or a hosting provider, where people do not sit.
//!
//! Not where that is how the person works: the same kind and network on `familiar_days` earlier days,
//! such as a virtual desktop or a private VPN that was asked about. Tor has the level `high`.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `familiar_days` | 3 | on how many earlier days it must have been used to be usual |

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Severity, Snapshot, Time, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::usual::Usual;
use super::{ParameterError, Surroundings, is_service, parameters, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "anonymiser";

/// For how many days back use is remembered.
const BACK_DAYS: i64 = 90;

/// How likely a sign-in through Tor is not the person's: twice as likely as through a VPN.
const TOR_PROBABILITY: f64 = 0.5;

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
struct Anonymiser {
    familiar_days: u32,
    usual: Usual,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters { familiar_days } = parameters(NAME, value)?;
    let familiar_days = within(NAME, "familiar_days", familiar_days, 1, 90)?;
    let usual = Usual::new(surroundings.zone.clone(), BACK_DAYS);
    Ok(Box::new(RowDetector::new(rule, Anonymiser { familiar_days, usual })))
}

/// The kind and the network of a sign-in through an anonymiser.
fn way(batch: &EventBatch, row: usize) -> Option<String> {
    let kind = batch.text(Column::SrcNetKind, row)?;
    let anonymous = matches!(kind, "tor" | "vpn" | "hosting");
    let sign_in = matches!(batch.text(Column::Activity, row), Some("logon" | "vpn_connect"));
    if !anonymous || !sign_in || !succeeded(batch, row) || is_service(batch, row) {
        return None;
    }
    // The exits of Tor stand in any network.
    let network = batch
        .int(Column::SrcAsn, row)
        .filter(|_| kind != "tor")
        .unwrap_or_default();
    Some(format!("{kind} {network}"))
}

impl RowTest for Anonymiser {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(24);

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            if let Some(way) = way(batch, row) {
                self.usual.learn(batch, row, [way.as_str()]);
            }
        }
    }

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        way(batch, row).is_some_and(|way| self.usual.before(batch, row).days(&way) < self.familiar_days)
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let way = way(batch, row).unwrap_or_default();
        Facts::from([
            ("net_kind".to_owned(), json!(batch.text(Column::SrcNetKind, row))),
            ("as_org".to_owned(), json!(batch.text(Column::SrcAsOrg, row))),
            ("days_used".to_owned(), json!(self.usual.before(batch, row).days(&way))),
        ])
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        if batch.text(Column::SrcNetKind, row) != Some("tor") {
            return Weight::of(rule);
        }
        Weight::of(rule).max(Weight {
            severity: Severity::High,
            probability: TOR_PROBABILITY,
        })
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
