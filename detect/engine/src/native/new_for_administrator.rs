//! An administrator on a device, a network or in a country that is new for that person.
//!
//! For people whom the people list calls privileged. Any of the three is enough, if it was not used in
//! the `back_days` before; the firm's own lines are nobody's new network. Somebody who was hardly seen
//! before is not judged: then everything is new.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `back_days` | 30 | after how many days something is new again |
//! | `days_min` | 5 | on how many earlier days the person must have been seen |

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Snapshot, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::usual::Usual;
use super::{ParameterError, Surroundings, is_service, parameters, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "new_for_administrator";

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
struct NewForAdministrator {
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
    Ok(Box::new(RowDetector::new(
        rule,
        NewForAdministrator { days_min, usual },
    )))
}

/// What a sign-in of an administrator comes through: feature and value.
fn ways(batch: &EventBatch, row: usize) -> Vec<(&'static str, String)> {
    let sign_in = matches!(
        batch.text(Column::Activity, row),
        Some("logon" | "vpn_connect" | "token_grant" | "session_refresh" | "admin_command")
    );
    if !sign_in || batch.flag(Column::Privileged, row) != Some(true) || !succeeded(batch, row) || is_service(batch, row)
    {
        return Vec::new();
    }
    let own_line = matches!(batch.text(Column::SrcNetKind, row), Some("office" | "egress" | "sase"));
    let outside = |value: Option<String>| value.filter(|_| !own_line);
    let device = batch.text(Column::DeviceUid, row).map(str::to_owned);
    let network = outside(batch.int(Column::SrcAsn, row).map(|asn| asn.to_string()));
    let country = outside(batch.text(Column::SrcCountry, row).map(str::to_owned));
    [("device", device), ("network", network), ("country", country)]
        .into_iter()
        .filter_map(|(feature, value)| Some((feature, value?)))
        .collect()
}

fn thing((feature, value): &(&str, String)) -> String {
    format!("{feature} {value}")
}

impl NewForAdministrator {
    /// What of a sign-in is new.
    fn new_ways(&self, batch: &EventBatch, row: usize) -> Vec<(&'static str, String)> {
        let mut ways = ways(batch, row);
        let before = self.usual.before(batch, row);
        if before.days_of_any() < self.days_min {
            return Vec::new();
        }
        ways.retain(|way| before.days(&thing(way)) == 0);
        ways
    }
}

impl RowTest for NewForAdministrator {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(24);

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            let things: Vec<String> = ways(batch, row).iter().map(thing).collect();
            if !things.is_empty() {
                self.usual.learn(batch, row, things.iter().map(String::as_str));
            }
        }
    }

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        !self.new_ways(batch, row).is_empty()
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
