//! Parts of a time: the hour, the day of the month.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sekisho_model::projection::VALUES_SEPARATOR;
use sekisho_model::{Kind, Time};
use sekisho_sigma::{Comparison, Moment, Test};

use super::field::Value;
use super::matcher::holds;

/// Tests of parts of a time, of which one must hold.
#[derive(Debug)]
pub(super) struct Moments {
    tests: Vec<(Moment, Option<Comparison>, i64)>,
    zone: TimeZone,
}

impl Moments {
    /// Those among the tests; `None` if there is none.
    pub(super) fn new<'t>(tests: impl IntoIterator<Item = &'t Test>, zone: &TimeZone) -> Option<Self> {
        let tests: Vec<_> = tests
            .into_iter()
            .filter_map(|test| match test {
                Test::Moment(moment, comparison, number) => Some((*moment, *comparison, *number)),
                _ => None,
            })
            .collect();
        (!tests.is_empty()).then(|| Self {
            tests,
            zone: zone.clone(),
        })
    }

    /// Whether the value is such a time.
    pub(super) fn match_value(&self, value: &Value<'_>) -> bool {
        match value {
            Value::When(days, Kind::Date) => {
                let midnight = Time::from_secs(days.saturating_mul(86_400)).to_jiff();
                self.holds(TimeZone::UTC.to_datetime(midnight))
            }
            Value::When(micros, _) => self.holds(self.zone.to_datetime(Time(*micros).to_jiff())),
            Value::Text(text) => self.text(text),
            Value::Several(texts) => texts.split(VALUES_SEPARATOR).any(|text| self.text(text)),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => false,
        }
    }

    /// A time with its offset, or one without, which is taken as it stands.
    fn text(&self, text: &str) -> bool {
        let text = text.trim();
        let local = match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(self.zone.to_datetime(time)),
            Err(_) => text.parse::<DateTime>().ok(),
        };
        local.is_some_and(|local| self.holds(local))
    }

    fn holds(&self, local: DateTime) -> bool {
        self.tests.iter().any(|(moment, comparison, number)| {
            let part = match moment {
                Moment::Minute => local.minute().into(),
                Moment::Hour => local.hour().into(),
                Moment::Day => local.day().into(),
                Moment::Week => local.date().iso_week_date().week().into(),
                Moment::Month => local.month().into(),
                Moment::Year => i64::from(local.year()),
            };
            match comparison {
                None => part == *number,
                Some(comparison) => holds(*comparison, &part, number),
            }
        })
    }
}
