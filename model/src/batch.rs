//! A batch of events whose columns were checked once.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use crate::schema::{BATCH_SCHEMA, COLUMNS, Kind};
use crate::{Column, Time};

/// The most rows of a batch.
pub const BATCH_ROWS_MAX: usize = 8192;

/// Rows of the normal form: exactly the columns of [`COLUMNS`], and the side columns that some rule
/// asked for.
#[derive(Clone, Debug)]
pub struct EventBatch {
    columns: RecordBatch,
    side: Vec<(Arc<str>, ArrayRef)>,
}

/// A record batch that is not in the normal form.
#[derive(Debug, thiserror::Error)]
#[error("the batch has the schema {found}, expected the columns of the normal form")]
pub struct SchemaMismatch {
    found: String,
}

/// A text column, dictionary-encoded or plain.
#[derive(Clone, Copy, Debug)]
pub enum Texts<'a> {
    /// Few distinct values.
    Dict(&'a DictionaryArray<Int32Type>, &'a StringArray),
    /// Many distinct values.
    Plain(&'a StringArray),
}

impl<'a> Texts<'a> {
    /// The value of a row.
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match *self {
            Self::Dict(keys, values) => {
                let key = keys.key(row)?;
                values.is_valid(key).then(|| values.value(key))
            }
            Self::Plain(values) => values.is_valid(row).then(|| values.value(row)),
        }
    }
}

impl EventBatch {
    /// Checks that `columns` is in the normal form.
    pub fn try_new(columns: RecordBatch, side: Vec<(Arc<str>, ArrayRef)>) -> Result<Self, SchemaMismatch> {
        let same = columns.schema().fields().len() == COLUMNS.len()
            && columns
                .schema()
                .fields()
                .iter()
                .zip(COLUMNS)
                .all(|(field, spec)| field.name() == spec.name && *field.data_type() == spec.kind.data_type());
        let dictionaries_are_text = side
            .iter()
            .all(|(_, array)| array.data_type() == &Kind::Dict.data_type() && array.len() == columns.num_rows());
        if same && dictionaries_are_text {
            Ok(Self { columns, side })
        } else {
            Err(SchemaMismatch {
                found: columns.schema().to_string(),
            })
        }
    }

    /// A batch without rows.
    pub fn empty() -> Self {
        Self {
            columns: RecordBatch::new_empty(Arc::clone(&BATCH_SCHEMA)),
            side: Vec::new(),
        }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.columns.num_rows()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns as Arrow knows them, in the order of [`COLUMNS`].
    pub fn columns(&self) -> &RecordBatch {
        &self.columns
    }

    fn array(&self, column: Column) -> &ArrayRef {
        self.columns.column(column.index())
    }

    /// A text column.
    ///
    /// # Panics
    /// If the column is not of text: a mistake in the program, found by its first test.
    pub fn texts(&self, column: Column) -> Texts<'_> {
        texts(self.array(column))
    }

    /// A side column, if some rule asked for that path.
    pub fn side(&self, path: &str) -> Option<Texts<'_>> {
        self.side
            .iter()
            .find(|(name, _)| &**name == path)
            .map(|(_, array)| texts(array))
    }

    /// The value of a text column in a row.
    pub fn text(&self, column: Column, row: usize) -> Option<&str> {
        self.texts(column).get(row)
    }

    /// The value of an integer, date or time column in a row.
    pub fn int(&self, column: Column, row: usize) -> Option<i64> {
        let array = self.array(column);
        if !array.is_valid(row) {
            return None;
        }
        Some(match column.spec().kind {
            Kind::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
            Kind::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
            Kind::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
            Kind::Int64 => array.as_primitive::<Int64Type>().value(row),
            Kind::Date => array.as_primitive::<Date32Type>().value(row).into(),
            Kind::Time => array.as_primitive::<TimestampMicrosecondType>().value(row),
            Kind::Bool => array.as_boolean().value(row).into(),
            Kind::Dict | Kind::Text | Kind::Float64 => return None,
        })
    }

    /// The value of a floating-point column in a row.
    pub fn float(&self, column: Column, row: usize) -> Option<f64> {
        let array = self.array(column).as_primitive_opt::<Float64Type>()?;
        array.is_valid(row).then(|| array.value(row))
    }

    /// The value of a truth column in a row.
    pub fn flag(&self, column: Column, row: usize) -> Option<bool> {
        let array: &BooleanArray = self.array(column).as_boolean_opt()?;
        array.is_valid(row).then(|| array.value(row))
    }

    /// When the row happened.
    pub fn time(&self, row: usize) -> Time {
        Time(self.int(Column::Time, row).unwrap_or_default())
    }

    /// When the row was received; for a source that sends old records, when it happened.
    pub fn observed(&self, row: usize) -> Time {
        if self.flag(Column::Backfill, row) == Some(true) {
            self.time(row)
        } else {
            Time(self.int(Column::IngestTime, row).unwrap_or_default())
        }
    }

    /// When the row happened, held within what is believable: what state is keyed by.
    pub fn believed_time(&self, row: usize) -> Time {
        crate::ids::believed_time(self.time(row), self.observed(row))
    }

    /// The value of any column in a row as text, as rules and NDJSON show it.
    pub fn display(&self, column: Column, row: usize) -> Option<String> {
        match column.spec().kind {
            Kind::Dict | Kind::Text => self.text(column, row).map(str::to_owned),
            Kind::Float64 => self.float(column, row).map(|value| value.to_string()),
            Kind::Bool => self.flag(column, row).map(|value| value.to_string()),
            Kind::Time => self.int(column, row).map(|value| Time(value).to_string()),
            Kind::Date => self.int(column, row).map(|days| {
                Time::from_secs(days.saturating_mul(86_400))
                    .to_string()
                    .chars()
                    .take(10)
                    .collect()
            }),
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                self.int(column, row).map(|value| value.to_string())
            }
        }
    }

    /// The same batch with other values in one column.
    pub fn with_column(mut self, column: Column, values: ArrayRef) -> Result<Self, ArrowError> {
        let schema = self.columns.schema();
        let mut arrays = self.columns.columns().to_vec();
        if let Some(place) = arrays.get_mut(column.index()) {
            *place = values;
        }
        self.columns = RecordBatch::try_new(schema, arrays)?;
        Ok(self)
    }

    /// The same batch with one more side column.
    pub fn with_side(mut self, path: &str, values: ArrayRef) -> Result<Self, ArrowError> {
        if values.data_type() != &Kind::Dict.data_type() || values.len() != self.len() {
            let reason = format!("the side column `{path}` is no dictionary of as many rows as the batch");
            return Err(ArrowError::InvalidArgumentError(reason));
        }
        self.side.push((Arc::from(path), values));
        Ok(self)
    }

    /// The rows for which `keep` is true.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self, ArrowError> {
        let columns = arrow_select::filter::filter_record_batch(&self.columns, keep)?;
        let side = self
            .side
            .iter()
            .map(|(name, array)| Ok((Arc::clone(name), arrow_select::filter::filter(array, keep)?)))
            .collect::<Result<_, ArrowError>>()?;
        Ok(Self { columns, side })
    }

    /// The rows of several batches in one, without their side columns: these are for judging, and what
    /// is put together was judged.
    pub fn concat(batches: &[Self]) -> Result<Self, ArrowError> {
        let columns = batches.iter().map(|batch| &batch.columns);
        Ok(Self {
            columns: arrow_select::concat::concat_batches(&BATCH_SCHEMA, columns)?,
            side: Vec::new(),
        })
    }

    /// `length` rows from `start` on, without copying.
    #[must_use]
    pub fn slice(&self, start: usize, length: usize) -> Self {
        let side = self
            .side
            .iter()
            .map(|(name, array)| (Arc::clone(name), array.slice(start, length)))
            .collect();
        Self {
            columns: self.columns.slice(start, length),
            side,
        }
    }

    /// The rows at `indices`, in that order.
    pub fn take(&self, indices: &[u32]) -> Result<Self, ArrowError> {
        let indices = arrow_array::UInt32Array::from(indices.to_vec());
        let columns = arrow_select::take::take_record_batch(&self.columns, &indices)?;
        let side = self
            .side
            .iter()
            .map(|(name, array)| Ok((Arc::clone(name), arrow_select::take::take(array, &indices, None)?)))
            .collect::<Result<_, ArrowError>>()?;
        Ok(Self { columns, side })
    }
}

fn texts(array: &ArrayRef) -> Texts<'_> {
    match array.as_dictionary_opt::<Int32Type>() {
        Some(keys) => Texts::Dict(keys, keys.values().as_string::<i32>()),
        None => Texts::Plain(array.as_string::<i32>()),
    }
}
