//! Rows of the `rejects` table.

use std::sync::Arc;

use arrow_array::{Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use sekisho_model::Reject;

use super::rows::{Rows, Span};
use super::schema::REJECTS;
use crate::StoreError;

/// The rejects of an epoch that the table does not have yet.
pub(crate) fn reject_rows(rejects: &[Reject], span: Span) -> Result<Rows, StoreError> {
    let mut rows = Rows::new(&REJECTS);
    if rejects.is_empty() {
        return Ok(rows);
    }
    let text = |of: fn(&Reject) -> &str| Arc::new(StringArray::from_iter_values(rejects.iter().map(of)));
    let offsets = Int64Array::from_iter_values(rejects.iter().map(|reject| reject.offset));
    let batch = RecordBatch::try_new(
        Arc::clone(REJECTS.schema),
        vec![
            Arc::new(Date32Array::from_iter_values(
                rejects.iter().map(|reject| reject.observed.date()),
            )),
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(rejects.iter().map(|reject| reject.observed.0))
                    .with_timezone("UTC"),
            ),
            text(|reject| &reject.tenant),
            text(|reject| &reject.source),
            text(|reject| &reject.origin),
            text(|reject| &reject.log),
            Arc::new(offsets.clone()),
            text(|reject| &reject.reason),
            text(|reject| &reject.raw),
            Arc::new(Int64Array::from_iter_values(
                rejects.iter().map(|reject| reject.raw_bytes),
            )),
        ],
    )
    .map_err(|error| StoreError::rows(REJECTS.name, error))?;
    rows.add(&batch, &offsets, span)?;
    Ok(rows)
}
