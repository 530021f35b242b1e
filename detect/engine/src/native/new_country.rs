//! A sign-in from a country that is new for the person, or for the whole firm.
//!
//! Only of people who have been seen on some days, so that there is something to be new against, and
//! only with a person present: a database that errs about a country does so for the background too.
//! Lines of the firm's own stand for no country of the person. New for the person alone it is a weak
//! signal; new for the firm it is worth a look; and outside the countries that the firm does business
//! with, if it says which, it has the rule's level or `high`.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `back_days` | 90 | after how many days a country is new again |
//! | `days_min` | 5 | on how many earlier days the person must have been seen |
//! | `countries` | – | the countries that the firm does business with |

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Facts, RuleInfo, Severity, Snapshot, Time, Weight};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::usual::Usual;
use super::{ParameterError, Surroundings, is_service, parameters, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "new_country";

/// For how many days a firm is watched before anything is new in it.
const WATCHED_DAYS: i64 = 14;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    back_days: i64,
    days_min: u32,
    countries: Vec<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            back_days: 90,
            days_min: 5,
            countries: Vec::new(),
        }
    }
}

#[derive(Debug)]
struct NewCountry {
    back_days: i64,
    days_min: u32,
    countries: Vec<String>,
    usual: Usual,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters {
        back_days,
        days_min,
        countries,
    } = parameters(NAME, value)?;
    let back_days = within(NAME, "back_days", back_days, 7, 120)?;
    let days_min = within(NAME, "days_min", days_min, 1, 90)?;
    if let Some(wrong) = countries
        .iter()
        .find(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase()))
    {
        let reason = format!("`countries` has `{wrong}`, expected codes such as JP");
        return Err(ParameterError::Parameter { detector: NAME, reason });
    }
    let usual = Usual::new(surroundings.zone.clone(), back_days);
    let test = NewCountry {
        back_days,
        days_min,
        countries,
        usual,
    };
    Ok(Box::new(RowDetector::new(rule, test)))
}

/// The country of a sign-in of a person, if the person is there.
fn country(batch: &EventBatch, row: usize) -> Option<&str> {
    let sign_in = matches!(
        batch.text(Column::Activity, row),
        Some("logon" | "vpn_connect" | "token_grant" | "session_refresh")
    );
    let own_line = matches!(batch.text(Column::SrcNetKind, row), Some("office" | "egress" | "sase"));
    if !sign_in || own_line || !succeeded(batch, row) || is_service(batch, row) {
        return None;
    }
    batch.text(Column::SrcCountry, row)
}

impl RowTest for NewCountry {
    const NAME: &'static str = NAME;
    /// A trip is one, however long its nights are.
    const GAP: Duration = Duration::from_hours(72);

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            if let Some(country) = country(batch, row) {
                self.usual.learn(batch, row, [country]);
            }
        }
    }

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        let Some(country) = country(batch, row) else {
            return false;
        };
        let before = self.usual.before(batch, row);
        batch.flag(Column::IsInteractive, row) != Some(false)
            && WATCHED_DAYS <= before.days_watched()
            && self.days_min <= before.days_of_any()
            && before.days(country) == 0
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let country = country(batch, row).unwrap_or_default();
        let others = self.usual.others(batch, row, country);
        Facts::from([
            ("country".to_owned(), json!(country)),
            ("colleagues".to_owned(), json!(others)),
            ("back_days".to_owned(), json!(self.back_days)),
        ])
    }

    fn weight(&self, rule: &RuleInfo, batch: &EventBatch, row: usize) -> Weight {
        let country = country(batch, row).unwrap_or_default();
        let severity = if !self.countries.is_empty() && !self.countries.iter().any(|known| known == country) {
            Severity::High
        } else if self.usual.others(batch, row, country) == 0 {
            Severity::Medium
        } else {
            rule.severity
        };
        Weight {
            severity: severity.max(rule.severity),
            probability: rule.probability,
        }
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
