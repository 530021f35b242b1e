//! Batches written by hand: what the tests of this crate and the tests of the rules are fed with.
//!
//! A row is a map from column name to value, as `normalise` prints it: times in RFC 3339, dates as
//! `2026-03-31`, everything else as JSON has it. The columns that exist in a batch only, such as
//! `left` or `office_state`, may be given too.

#[cfg(test)]
pub(crate) mod rig;

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, StringArray};
use jiff::civil::Date;
use sekisho_model::{Column, EventBatch, EventBuilder, Kind, Origin, Projection, Raw, Time};
use serde_json::{Map, Value};

/// The source of a row that names none.
const SOURCE_DEFAULT: &str = "generic.json";

/// A batch of these rows.
///
/// `time` must be given. A row with an `event_uid` has it from its vendor; one without is named by its
/// index (`row-0`), one without
/// `ingest_time` was received when it happened; tenant, source and the other columns that always
/// have a value get a default.
pub fn batch(rows: &[Map<String, Value>]) -> Result<EventBatch, String> {
    let mut builder = EventBuilder::new(&Projection::default());
    let mut uids = Vec::with_capacity(rows.len());
    let mut natives = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let row = Row::of(row).map_err(|reason| format!("row {index}: {reason}"))?;
        row.append(&mut builder, index)
            .map_err(|reason| format!("row {index}: {reason}"))?;
        let given = row.get(Column::EventUid).and_then(Value::as_str).map(str::to_owned);
        natives.push(given.is_some());
        uids.push(given.unwrap_or_else(|| format!("row-{index}")));
    }
    let uids: ArrayRef = Arc::new(StringArray::from(uids));
    let natives: ArrayRef = Arc::new(BooleanArray::from(natives));
    builder
        .finish()
        .with_column(Column::EventUid, uids)
        .and_then(|batch| batch.with_column(Column::HasNativeId, natives))
        .map_err(|error| error.to_string())
}

/// The values of a row that are not null.
struct Row<'a>(Vec<(Column, &'a str, &'a Value)>);

impl<'a> Row<'a> {
    fn of(row: &'a Map<String, Value>) -> Result<Self, String> {
        let given = row.iter().filter(|(_, value)| !value.is_null());
        let known = given.map(|(name, value)| {
            let column = Column::by_name(name).ok_or_else(|| format!("`{name}` is not a column"))?;
            Ok((column, name.as_str(), value))
        });
        known.collect::<Result<_, String>>().map(Self)
    }

    fn get(&self, column: Column) -> Option<&'a Value> {
        self.0
            .iter()
            .find(|(known, _, _)| *known == column)
            .map(|(_, _, value)| *value)
    }

    fn append(&self, builder: &mut EventBuilder, index: usize) -> Result<(), String> {
        let time = self
            .get(Column::Time)
            .ok_or("`time` is missing, expected an RFC 3339 time")?;
        let observed = instant("ingest_time", self.get(Column::IngestTime).unwrap_or(time))?;
        let text = |column, default: &str| Arc::from(self.get(column).and_then(Value::as_str).unwrap_or(default));
        let origin = Origin {
            tenant: text(Column::Tenant, "default"),
            source: text(Column::Source, SOURCE_DEFAULT),
            label: text(Column::Origin, "test"),
            log: text(Column::Log, "test"),
            backfill: false,
        };
        let offset = i64::try_from(index).unwrap_or(i64::MAX);
        builder.begin(
            &Raw {
                origin: &origin,
                offset,
                observed,
                bytes: b"",
            },
            &origin.source,
            0,
        );
        for (column, name, value) in &self.0 {
            set(builder, *column, name, value)?;
        }
        builder.end();
        Ok(())
    }
}

fn set(builder: &mut EventBuilder, column: Column, name: &str, value: &Value) -> Result<(), String> {
    let wrong = |expected: &str| format!("`{name}` is {value}, expected {expected}");
    match column.spec().kind {
        Kind::Dict | Kind::Text => builder.verbatim(column, value.as_str().ok_or_else(|| wrong("a text"))?),
        Kind::Time => builder.time(column, instant(name, value)?),
        Kind::Date => {
            let date: Date = value
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| wrong("a date such as 2026-03-31"))?;
            builder.int(column, days(date));
        }
        Kind::Bool => builder.flag(column, value.as_bool().ok_or_else(|| wrong("true or false"))?),
        Kind::Float64 => builder.float(column, value.as_f64().ok_or_else(|| wrong("a number"))?),
        kind @ (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64) => {
            let number = value.as_i64().ok_or_else(|| wrong("a whole number"))?;
            let fits = match kind {
                Kind::Int8 => i8::try_from(number).is_ok(),
                Kind::Int16 => i16::try_from(number).is_ok(),
                Kind::Int32 => i32::try_from(number).is_ok(),
                _ => true,
            };
            if !fits {
                return Err(wrong("a smaller number"));
            }
            builder.int(column, number);
        }
    }
    Ok(())
}

fn instant(name: &str, value: &Value) -> Result<Time, String> {
    value
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map(Time::from)
        .ok_or_else(|| format!("`{name}` is {value}, expected an RFC 3339 time such as 2026-03-31T08:00:00+09:00"))
}

/// Days since 1970-01-01.
fn days(date: Date) -> i64 {
    let seconds = date
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |midnight| midnight.timestamp().as_second());
    seconds.div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_row_has_what_was_given_and_defaults_elsewhere() {
        let rows = [
            row(&json!({
                "time": "2026-03-31T08:00:00+09:00", "user_name": "hana@example.co.jp", "left": "2026-03-31",
                "status_id": 1, "src_lat": 35.5, "privileged": true, "office_state": "closed", "src_city": null,
            })),
            row(&json!({"time": "2026-03-31T00:00:00Z", "ingest_time": "2026-03-31T01:00:00Z", "event_uid": "u"})),
        ];

        let batch = batch(&rows).unwrap();

        assert_eq!(batch.time(0).to_string(), "2026-03-30T23:00:00Z");
        assert_eq!(batch.observed(0), batch.time(0));
        assert_eq!(batch.display(Column::Left, 0).as_deref(), Some("2026-03-31"));
        assert_eq!(batch.text(Column::EventUid, 0), Some("row-0"));
        assert_eq!(batch.text(Column::Tenant, 0), Some("default"));
        assert_eq!(batch.flag(Column::Privileged, 0), Some(true));
        assert_eq!(batch.float(Column::SrcLat, 0), Some(35.5));
        assert_eq!(batch.text(Column::SrcCity, 0), None);
        assert_eq!(batch.text(Column::EventUid, 1), Some("u"));
        assert_eq!(batch.observed(1).to_string(), "2026-03-31T01:00:00Z");
    }

    #[test]
    fn a_mistake_is_named_with_its_row_and_what_was_expected() {
        for (wrong, expected) in [
            (json!({}), "row 0: `time` is missing, expected an RFC 3339 time"),
            (
                json!({"time": "2026-03-31T00:00:00Z", "user": "x"}),
                "row 0: `user` is not a column",
            ),
            (
                json!({"time": "2026-03-31T00:00:00Z", "status_id": 300}),
                "row 0: `status_id` is 300, expected a smaller number",
            ),
            (
                json!({"time": "2026-03-31T00:00:00Z", "left": "soon"}),
                "row 0: `left` is \"soon\", expected a date such as 2026-03-31",
            ),
            (
                json!({"time": "2026-03-31T00:00:00Z", "privileged": 1}),
                "row 0: `privileged` is 1, expected true or false",
            ),
        ] {
            assert_eq!(batch(&[row(&wrong)]).unwrap_err(), expected);
        }
    }
}
