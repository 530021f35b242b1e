//! A service account that a person uses, or that comes from where it never came from.
//!
//! Programs do the same from the same place every day. For accounts that are of kind `service` in the
//! people list: a sign-in with a person present, or through a network or with a client that was not
//! used in the `back_days` before.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `back_days` | 30 | after how many days something is new again |
//! | `days_min` | 5 | on how many earlier days the account must have been seen |

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Snapshot, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::usual::Usual;
use super::{ParameterError, Surroundings, is_service, parameters, succeeded, within};
use crate::Detector;
use crate::client::family_of;

pub(super) const NAME: &str = "service_account";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    back_days: i64,
    days_min: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            back_days: 30,
            days_min: 5,
        }
    }
}

#[derive(Debug)]
struct ServiceAccount {
    days_min: u32,
    usual: Usual,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters { back_days, days_min } = parameters(NAME, value)?;
    let back_days = within(NAME, "back_days", back_days, 7, 120)?;
    let days_min = within(NAME, "days_min", days_min, 1, back_days.try_into().unwrap_or(u32::MAX))?;
    let usual = Usual::new(surroundings.zone.clone(), back_days);
    Ok(Box::new(RowDetector::new(rule, ServiceAccount { days_min, usual })))
}

fn signs_in(batch: &EventBatch, row: usize) -> bool {
    matches!(
        batch.text(Column::Activity, row),
        Some("logon" | "vpn_connect" | "token_grant" | "session_refresh")
    ) && succeeded(batch, row)
        && is_service(batch, row)
}

/// What a sign-in comes through: feature and value. Where the network is not known, its address.
fn ways(batch: &EventBatch, row: usize) -> Vec<(&'static str, String)> {
    let asn = batch.int(Column::SrcAsn, row).map(|asn| ("network", asn.to_string()));
    let address = || batch.text(Column::SrcIp, row).map(|ip| ("address", ip.to_owned()));
    asn.or_else(address)
        .into_iter()
        .chain(family_of(batch, row).map(|client| ("client", client.into_owned())))
        .collect()
}

fn thing((feature, value): &(&str, String)) -> String {
    format!("{feature} {value}")
}

impl ServiceAccount {
    fn new_ways(&self, batch: &EventBatch, row: usize) -> Vec<(&'static str, String)> {
        let before = self.usual.before(batch, row);
        if before.days_of_any() < self.days_min {
            return Vec::new();
        }
        let mut ways = ways(batch, row);
        ways.retain(|way| before.days(&thing(way)) == 0);
        ways
    }
}

impl RowTest for ServiceAccount {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(24);

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            if signs_in(batch, row) {
                let things: Vec<String> = ways(batch, row).iter().map(thing).collect();
                self.usual.learn(batch, row, things.iter().map(String::as_str));
            }
        }
    }

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        let interactive = batch.flag(Column::IsInteractive, row) == Some(true);
        signs_in(batch, row) && (interactive || !self.new_ways(batch, row).is_empty())
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let new = self.new_ways(batch, row);
        let features: Vec<Value> = new
            .iter()
            .map(|way| {
                let operator = batch.text(Column::SrcAsOrg, row).filter(|_| way.0 == "network");
                let others = self.usual.others(batch, row, &thing(way));
                json!({"feature": way.0, "value": way.1, "name": operator, "usual": null, "colleagues": others})
            })
            .collect();
        // Where nothing is new, it was told because a person was there.
        Facts::from([("features".to_owned(), json!(features))])
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
