//! Rows on their way into a table.

use std::sync::Arc;

use arrow_array::{BooleanArray, Int64Array, RecordBatch};
use arrow_schema::ArrowError;
use deltalake_core::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};

use super::TableSpec;
use crate::StoreError;

/// Rows in the form of a table, each with the position that decides whether the table has it already.
#[derive(Debug)]
pub(crate) struct Rows {
    spec: &'static TableSpec,
    batches: Vec<RecordBatch>,
    known: usize,
    late: usize,
}

/// Which rows of an epoch a table takes: those at `base` or after, and before `position`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Where the table stands.
    pub(crate) base: i64,
    /// Where the epoch ends.
    pub(crate) position: i64,
    /// Where the epoch before it ended, if this process committed it.
    pub(crate) since: Option<i64>,
}

impl Rows {
    pub(super) fn new(spec: &'static TableSpec) -> Self {
        Self {
            spec,
            batches: Vec::new(),
            known: 0,
            late: 0,
        }
    }

    /// Adds the rows that the table does not have yet.
    pub(super) fn add(&mut self, rows: &RecordBatch, offsets: &Int64Array, span: Span) -> Result<(), StoreError> {
        let table = self.spec.name;
        if let Some(&offset) = offsets.values().iter().find(|&&offset| offset >= span.position) {
            return Err(StoreError::BeyondEpoch {
                table,
                offset,
                position: span.position,
            });
        }
        let late = span.since.map_or(0, |since| {
            offsets.values().iter().filter(|&&offset| offset < since).count()
        });
        self.late += late;
        let keep: BooleanArray = offsets
            .values()
            .iter()
            .map(|&offset| Some(offset >= span.base))
            .collect();
        self.known += (keep.len() - keep.true_count()).saturating_sub(late);
        let kept = match keep.true_count() {
            0 => return Ok(()),
            count if count == rows.num_rows() => rows.clone(),
            _ => arrow_select::filter::filter_record_batch(rows, &keep).map_err(|e| StoreError::rows(table, e))?,
        };
        self.batches.push(kept);
        Ok(())
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// How many rows the table had already.
    pub(crate) fn known(&self) -> usize {
        self.known
    }

    /// How many rows came with an epoch although an earlier one had passed their offset. They are not stored, as
    /// they could not be told from rows that are read a second time.
    pub(crate) fn late(&self) -> usize {
        self.late
    }

    /// The rows, sorted by partition and then time, one batch for each partition.
    pub(crate) fn into_partitions(self) -> Result<Vec<RecordBatch>, StoreError> {
        let table = self.spec.name;
        self.try_into_partitions()
            .map_err(|error| StoreError::rows(table, error))
    }

    fn try_into_partitions(self) -> Result<Vec<RecordBatch>, ArrowError> {
        let all = concat_batches(self.spec.schema, &self.batches)?;
        let keys: Vec<_> = all
            .columns()
            .iter()
            .take(2)
            .map(|values| SortColumn {
                values: Arc::clone(values),
                options: None,
            })
            .collect();
        let sorted = take_record_batch(&all, &lexsort_to_indices(&keys, None)?)?;
        let dates: Vec<_> = sorted.columns().iter().take(1).map(Arc::clone).collect();
        let ranges = deltalake_core::arrow::compute::partition(&dates)?.ranges();
        Ok(ranges
            .into_iter()
            .map(|range| sorted.slice(range.start, range.len()))
            .collect())
    }
}
