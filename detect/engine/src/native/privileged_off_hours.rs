//! An administrator at work while the office is closed.
//!
//! A sign-in, a VPN connection or a command with administrator rights, of a person whom the people
//! list calls privileged, at a time when the working calendar says `closed` or `holiday`. Service
//! accounts and sign-ins without a person present are left out: they work at night by design. So is
//! whoever sits in the office: people come before nine, and the door has its own lock.
//!
//! There are no parameters: who is privileged and when the office is open is said in the lists.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Facts, RuleInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{RowDetector, RowTest};
use super::{ParameterError, Surroundings, is_service, parameters, succeeded};
use crate::Detector;

pub(super) const NAME: &str = "privileged_off_hours";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Debug)]
struct OffHours {
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
        OffHours {
            zone: surroundings.zone.clone(),
        },
    )))
}

impl RowTest for OffHours {
    const NAME: &'static str = NAME;
    /// A night or a day of a weekend; two nights with a day of work between them are two.
    const GAP: Duration = Duration::from_hours(12);

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        batch.flag(Column::Privileged, row) == Some(true)
            && matches!(batch.text(Column::OfficeState, row), Some("closed" | "holiday"))
            && matches!(
                batch.text(Column::Activity, row),
                Some("logon" | "vpn_connect" | "admin_command")
            )
            && succeeded(batch, row)
            && !is_service(batch, row)
            && batch.flag(Column::IsInteractive, row) != Some(false)
            && batch.text(Column::SrcNetKind, row) != Some("office")
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
}
