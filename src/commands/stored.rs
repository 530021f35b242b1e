//! Writing what `replay` judged to tables of its own.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use sekisho_model::{Column, EventBatch, Findings, Reject};
use sekisho_pipeline::{Epoch, Tables};
use sekisho_store::Store;

/// Rows after which an epoch is committed.
const EPOCH_ROWS: usize = 65_536;

/// Tables that rows are added to. Positions are the order of judging.
#[derive(Debug)]
pub(super) struct Stored {
    runtime: tokio::runtime::Runtime,
    store: Store,
    epoch: Epoch,
    rows: usize,
}

impl Stored {
    /// Opens or makes the tables in a folder.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let runtime = super::runtime()?;
        let store = runtime.block_on(Store::open_for_replay(folder))?;
        Ok(Self {
            runtime,
            store,
            epoch: Epoch::default(),
            rows: 0,
        })
    }

    /// Adds a batch and what was found in it.
    pub(super) fn add(&mut self, batch: EventBatch, mut rejects: Vec<Reject>, findings: Findings) -> Result<()> {
        let first = self.epoch.position;
        self.rows += batch.len() + rejects.len();
        let mut position = first + i64::try_from(batch.len())?;
        for reject in &mut rejects {
            reject.offset = position;
            position += 1;
        }
        self.epoch.position = position;
        if !batch.is_empty() {
            self.epoch.events.push(renumber(batch, first)?);
        }
        self.epoch.rejects.extend(rejects);
        if !findings.is_empty() {
            if position == first {
                // Like a tick, what is found without records takes a position of its own.
                position += 1;
                self.epoch.position = position;
            }
            self.epoch.findings.push((position, findings));
        }
        if self.rows >= EPOCH_ROWS {
            self.commit()?;
        }
        Ok(())
    }

    /// Makes everything durable.
    pub(super) fn close(mut self) -> Result<()> {
        self.commit()
    }

    fn commit(&mut self) -> Result<()> {
        if self.rows == 0 && self.epoch.findings.is_empty() {
            return Ok(());
        }
        let next = Epoch {
            position: self.epoch.position,
            ..Epoch::default()
        };
        let epoch = std::mem::replace(&mut self.epoch, next);
        self.rows = 0;
        let committed = self.runtime.block_on(self.store.commit(epoch));
        committed.map(drop).map_err(|error| anyhow!(error))
    }
}

/// Gives every row a new offset, in the order of judging.
fn renumber(batch: EventBatch, first: i64) -> Result<EventBatch> {
    let count = i64::try_from(batch.len())?;
    let offsets = arrow_array::Int64Array::from_iter_values(first..first + count);
    Ok(batch.with_column(Column::Offset, Arc::new(offsets))?)
}
