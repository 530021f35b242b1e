//! Rows of the `events` table.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow_schema::ArrowError;
use sekisho_model::schema::{BATCH_SCHEMA, COLUMNS, Place, stored_columns};
use sekisho_model::{Column, EventBatch};

use super::rows::{Rows, Span};
use super::schema::EVENTS;
use crate::StoreError;

/// The rows of an epoch that the table does not have yet.
pub(crate) fn event_rows(batches: &[EventBatch], span: Span) -> Result<Rows, StoreError> {
    let mut rows = Rows::new(&EVENTS);
    for batch in batches.iter().filter(|batch| !batch.is_empty()) {
        let stored = to_stored(batch).map_err(|error| StoreError::rows(EVENTS.name, error))?;
        let offsets: Int64Array = (0..batch.len())
            .map(|row| batch.int(Column::Offset, row).unwrap_or_default())
            .collect::<Vec<_>>()
            .into();
        rows.add(&stored, &offsets, span)?;
    }
    Ok(rows)
}

fn to_stored(batch: &EventBatch) -> Result<RecordBatch, ArrowError> {
    let arrays = stored_columns()
        .map(|spec| arrow_cast::cast(batch.columns().column(spec.column.index()), &spec.kind.stored_type()))
        .collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(EVENTS.schema), arrays)
}

/// Stored rows in the normal form again. What is not stored is null, and the position is that of the row in
/// what was read.
pub(crate) fn from_stored(stored: &RecordBatch, first: i64) -> Result<EventBatch, ArrowError> {
    let rows = stored.num_rows();
    let column = |spec: &sekisho_model::schema::ColumnSpec| -> Result<ArrayRef, ArrowError> {
        let kind = spec.kind.data_type();
        match (spec.place, spec.column) {
            (Place::Stored, _) => {
                let Some(array) = stored.column_by_name(spec.name) else {
                    return Err(ArrowError::SchemaError(format!(
                        "the stored events have no column {}",
                        spec.name
                    )));
                };
                let plain = arrow_cast::cast(array, &spec.kind.stored_type())?;
                arrow_cast::cast(&plain, &kind)
            }
            (Place::Batch, Column::Log) => {
                let log: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(EVENTS.name, rows)));
                arrow_cast::cast(&log, &kind)
            }
            (Place::Batch, Column::Offset) => {
                let last = first.saturating_add(i64::try_from(rows).unwrap_or(i64::MAX));
                Ok(Arc::new(Int64Array::from_iter_values(first..last)))
            }
            (Place::Batch, _) => Ok(new_null_array(&kind, rows)),
        }
    };
    let arrays = COLUMNS.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&BATCH_SCHEMA), arrays, &options)?;
    EventBatch::try_new(batch, Vec::new()).map_err(|error| ArrowError::SchemaError(error.to_string()))
}
