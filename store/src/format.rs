//! Answers as text.
//!
//! # Invariants
//! * Text from logs is hostile: in a table it cannot steer the terminal, in CSV it cannot become a formula.
//! * Times are RFC 3339 in UTC.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::pretty::pretty_format_batches;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::sql::Answer;

/// How a time with a zone is shown; a fraction only where there is one.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// How a time without a zone is shown.
const LOCAL_TIME: &str = "%Y-%m-%dT%H:%M:%S%.f";

/// With one of these a cell begins a formula in a spreadsheet, at full width as well.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// As a table for people, cells side by side.
pub fn table(answer: &Answer, out: &mut impl Write) -> Result<(), ArrowError> {
    let schema = text_schema(&answer.schema, visible);
    let batches = texts(answer, &schema, visible)?;
    let shown = if batches.is_empty() {
        vec![RecordBatch::new_empty(Arc::clone(&schema))]
    } else {
        batches
    };
    writeln!(out, "{}", pretty_format_batches(&shown)?).map_err(io_error)
}

/// As CSV with a header.
pub fn csv(answer: &Answer, out: &mut impl Write) -> Result<(), ArrowError> {
    let schema = text_schema(&answer.schema, |name| harmless(&visible(name)));
    let mut batches = texts(answer, &schema, str::to_owned)?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(Arc::clone(&schema)));
    }
    let batches = batches
        .into_iter()
        .map(|batch| guard_cells(&batch, &answer.schema))
        .collect::<Result<Vec<_>, _>>()?;
    let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(out);
    batches.iter().try_for_each(|batch| writer.write(batch))
}

/// As one JSON object a line, without the columns that are null.
pub fn ndjson(answer: &Answer, out: &mut impl Write) -> Result<(), ArrowError> {
    let mut writer = arrow_json::WriterBuilder::new()
        .with_timestamp_tz_format(TIME.to_owned())
        .with_timestamp_format(LOCAL_TIME.to_owned())
        .build::<_, arrow_json::writer::LineDelimited>(out);
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()
}

/// The answer with every cell as text.
fn texts(answer: &Answer, schema: &SchemaRef, show: fn(&str) -> String) -> Result<Vec<RecordBatch>, ArrowError> {
    let options = FormatOptions::default()
        .with_timestamp_tz_format(Some(TIME))
        .with_timestamp_format(Some(LOCAL_TIME));
    let column = |array: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        let mut texts = Vec::with_capacity(array.len());
        for row in 0..array.len() {
            let text = if array.is_valid(row) {
                Some(show(&formatter.value(row).try_to_string()?))
            } else {
                None
            };
            texts.push(text);
        }
        Ok(Arc::new(StringArray::from(texts)))
    };
    answer
        .batches
        .iter()
        .filter(|batch| batch.num_columns() > 0)
        .map(|batch| {
            let arrays = batch.columns().iter().map(column).collect::<Result<_, _>>()?;
            RecordBatch::try_new(Arc::clone(schema), arrays)
        })
        .collect()
}

fn text_schema(schema: &Schema, show: impl Fn(&str) -> String) -> SchemaRef {
    let field = |field: &Arc<Field>| Field::new(show(field.name()), DataType::Utf8, true);
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Makes cells of text harmless; numbers may well begin with a minus.
fn guard_cells(batch: &RecordBatch, schema: &Schema) -> Result<RecordBatch, ArrowError> {
    let guard = |(array, field): (&ArrayRef, &Arc<Field>)| -> ArrayRef {
        match array.as_string_opt::<i32>() {
            Some(texts) if !field.data_type().is_numeric() => {
                Arc::new(texts.iter().map(|text| text.map(harmless)).collect::<StringArray>())
            }
            _ => Arc::clone(array),
        }
    };
    let arrays = batch.columns().iter().zip(schema.fields()).map(guard).collect();
    RecordBatch::try_new(batch.schema(), arrays)
}

fn harmless(text: &str) -> String {
    if text.starts_with(FORMULA) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The text with everything that would steer a terminal, or hide, made visible.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => drop(write!(shown, "\\x{:02x}", u32::from(character))),
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => drop(write!(shown, "⟦U+{:04X}⟧", u32::from(character))),
            _ => shown.push(character),
        }
    }
    shown
}

fn io_error(error: io::Error) -> ArrowError {
    ArrowError::IoError(error.to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, TimestampMicrosecondArray};

    fn answer() -> Answer {
        let time = TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("UTC");
        let text = StringArray::from(vec![Some("=cmd|' /C calc'!A0\u{1b}[31m\u{202e}"), None]);
        let number = Float64Array::from(vec![-1.5, 2.0]);
        let time: ArrayRef = Arc::new(time);
        let batch = RecordBatch::try_from_iter([
            ("time", time),
            ("user_name", Arc::new(text)),
            ("src_lat", Arc::new(number)),
        ])
        .unwrap();
        Answer {
            schema: batch.schema(),
            batches: vec![batch],
            cut: None,
        }
    }

    fn text(write: impl Fn(&Answer, &mut Vec<u8>) -> Result<(), ArrowError>, answer: &Answer) -> String {
        let mut out = Vec::new();
        write(answer, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_does_not_steer_the_terminal() {
        let table = text(table, &answer());
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table}");
        assert!(table.contains(r"=cmd|' /C calc'!A0\x1b[31m⟦U+202E⟧"), "{table}");
        assert!(table.contains("| 1970-01-01T00:00:01.500Z |"), "{table}");
    }

    #[test]
    fn csv_has_no_formula_and_numbers_stay_numbers() {
        let csv = text(csv, &answer());
        let mut lines = csv.lines();
        assert_eq!(lines.next(), Some("time,user_name,src_lat"));
        assert_eq!(
            lines.next(),
            Some("1970-01-01T00:00:00Z,'=cmd|' /C calc'!A0\u{1b}[31m\u{202e},-1.5")
        );
        assert_eq!(lines.next(), Some("1970-01-01T00:00:01.500Z,,2.0"));
    }

    #[test]
    fn each_line_of_ndjson_is_an_object_without_nulls() {
        let lines = text(ndjson, &answer());
        let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects[0]["time"], "1970-01-01T00:00:00Z");
        assert_eq!(
            objects[1],
            serde_json::json!({"time": "1970-01-01T00:00:01.500Z", "src_lat": 2.0})
        );
    }

    #[test]
    fn an_answer_without_rows_still_has_its_columns() {
        let empty = Answer {
            batches: Vec::new(),
            ..answer()
        };
        assert!(text(table, &empty).contains("| time | user_name | src_lat |"));
        assert_eq!(text(csv, &empty), "time,user_name,src_lat\n");
        assert_eq!(text(ndjson, &empty), "");
    }
}
