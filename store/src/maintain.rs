//! Keeping the tables small and quick, beside the commits or between them.
//!
//! A commit costs time for each file that is alive, so small files are put together from the first day. What runs
//! here has its own view of the tables and never changes what is in them, save for [`maintain`] dropping whole days
//! that are past their age: a commit that happens meanwhile goes through.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::ScalarValue;
use datafusion::prelude::{col, lit};
use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::operations::vacuum::{Clock, VacuumMode};
use sekisho_model::Time;
use tracing::{debug, info};

use crate::StoreError;
use crate::durable::remove_stale_staging;
use crate::tables::{PARTITION, SPECS, TableSpec, load, table_dir, writer_properties};

/// With more small files than this that could be put together, [`compact_if_due`] does it.
pub const SMALL_FILES_MAX: usize = 64;

/// A file smaller than this is small.
const SMALL_BYTES: i64 = 8 * 1024 * 1024;

/// Size that files are put together to while the service runs. Files of this size are not touched again on the same
/// day, which bounds how often a row is rewritten.
const COMPACT_BYTES: NonZeroU64 = NonZeroU64::new(32 * 1024 * 1024).unwrap();

/// Size that files are put together to once a day, for quick reading.
const FULL_BYTES: NonZeroU64 = NonZeroU64::new(128 * 1024 * 1024).unwrap();

/// How old a file must be that no commit speaks of: an epoch takes seconds, so it was left by a crash.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// How long rows are kept unless it is said otherwise: a leaver's account that is used half a year later is still
/// seen in its context, and a yearly audit has its year.
pub const RETAIN_DAYS_DEFAULT: u16 = 400;

/// What maintenance did to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Files of days that were past their age.
    pub dropped: usize,
    /// Files that were put together.
    pub compacted: u64,
    /// Files they were put into.
    pub into: u64,
    /// Files that were no longer part of the table and were removed.
    pub vacuumed: usize,
    /// Entries of the log that were no longer needed and were removed.
    pub log_entries: usize,
    /// Files that a crash left half-written and were removed.
    pub swept: usize,
}

/// Puts small files together in each table that has many; says how many tables that were.
pub async fn compact_if_due(dir: &Path) -> Result<usize, StoreError> {
    let mut compacted = 0;
    for spec in SPECS {
        let Some(table) = load(dir, spec).await? else { continue };
        let small = small_files(&table, spec)?;
        if small > SMALL_FILES_MAX {
            let (_, removed, added) = compact(table, spec, COMPACT_BYTES).await?;
            info!(table = spec.name, removed, added, "compacted");
            compacted += 1;
        } else {
            debug!(table = spec.name, small, "nothing to compact");
        }
    }
    Ok(compacted)
}

/// Does all that is to be done, now: drops days older than `retain_days`, puts files together, writes a checkpoint,
/// and removes what is no longer needed. Says for each table what it did.
pub async fn maintain(dir: &Path, now: Time, retain_days: u16) -> Result<Vec<(&'static str, Upkeep)>, StoreError> {
    let mut report = Vec::new();
    for spec in SPECS {
        if let Some(table) = load(dir, spec).await? {
            report.push((spec.name, maintain_table(dir, table, spec, now, retain_days).await?));
        }
    }
    Ok(report)
}

async fn maintain_table(
    dir: &Path,
    table: DeltaTable,
    spec: &'static TableSpec,
    now: Time,
    retain_days: u16,
) -> Result<Upkeep, StoreError> {
    let name = spec.name;
    let oldest = now.date().saturating_sub(i32::from(retain_days));
    let (table, dropped) = table
        .delete()
        .with_predicate(col(PARTITION).lt(lit(ScalarValue::Date32(Some(oldest)))))
        .with_commit_properties(properties())
        .await
        .map_err(StoreError::table("drop old days of", name))?;
    let (table, compacted, into) = compact(table, spec, FULL_BYTES).await?;
    let (table, vacuumed) = table
        .vacuum()
        .with_mode(VacuumMode::Full)
        .with_clock(Arc::new(At(now)))
        .with_commit_properties(properties())
        .await
        .map_err(StoreError::table("vacuum", name))?;
    create_checkpoint(&table, None)
        .await
        .map_err(StoreError::table("write a checkpoint of", name))?;
    let log_entries = cleanup_metadata(&table, None)
        .await
        .map_err(StoreError::table("clean up the log of", name))?;
    let path = table_dir(dir, spec);
    let swept = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || remove_stale_staging(&path, now, ORPHAN_AGE)).await?
    };
    Ok(Upkeep {
        dropped: dropped.num_removed_files,
        compacted,
        into,
        vacuumed: vacuumed.files_deleted.len(),
        log_entries,
        swept: swept.map_err(StoreError::file("remove stale files under", path))?,
    })
}

async fn compact(
    table: DeltaTable,
    spec: &'static TableSpec,
    target: NonZeroU64,
) -> Result<(DeltaTable, u64, u64), StoreError> {
    let (table, metrics) = table
        .optimize()
        .with_target_size(target)
        .with_writer_properties(writer_properties())
        .with_max_concurrent_tasks(1)
        .with_commit_properties(properties())
        .await
        .map_err(StoreError::table("compact", spec.name))?;
    Ok((table, metrics.num_files_removed, metrics.num_files_added))
}

fn properties() -> CommitProperties {
    CommitProperties::default().with_cleanup_expired_logs(Some(false))
}

/// How many files could be saved by putting small ones together, day by day.
fn small_files(table: &DeltaTable, spec: &'static TableSpec) -> Result<usize, StoreError> {
    let state = table
        .snapshot()
        .map_err(StoreError::table("list the files of", spec.name))?;
    let mut days: HashMap<String, usize> = HashMap::new();
    for file in state.log_data().iter().filter(|file| file.size() < SMALL_BYTES) {
        let path = file.path();
        let day = path.rsplit_once('/').map_or("", |(day, _)| day);
        *days.entry(day.to_owned()).or_default() += 1;
    }
    Ok(days.values().map(|files| files - 1).sum())
}

/// The present, as Delta Lake asks for it.
#[derive(Debug)]
struct At(Time);

impl Clock for At {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.0.div_euclid(1000)
    }
}
