//! One table: made, opened, and how far it reaches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::Schema;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Add, StructField, StructType};
use deltalake_core::parquet::basic::{Compression, ZstdLevel};
use deltalake_core::parquet::file::properties::WriterProperties;
use deltalake_core::protocol::SaveMode;
use deltalake_core::table::config::TableProperty;
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use tracing::info;
use url::Url;

use super::rows::{Rows, Span};
use super::schema::{PARTITION, TableSpec};
use crate::StoreError;
use crate::durable::{DurableLocalFs, create_dirs, sync_dir};

/// How long entries of the Delta log and files that were replaced by compaction are kept: a reader that began
/// before is surely done, and a folder of some thousand log entries is still listed fast.
const KEPT: &str = "interval 1 days";

/// Compression of the Parquet files: the level at which `zstd` costs about as much as the rest of the writing.
const ZSTD_LEVEL: i32 = 3;

/// With this property a table forgets which records it holds.
const FORGETFUL: &str = "delta.setTransactionRetentionDuration";

/// A table that rows of one log are committed to.
#[derive(Debug)]
pub(crate) struct Table {
    pub(super) spec: &'static TableSpec,
    pub(super) delta: DeltaTable,
    pub(super) app: Arc<str>,
    pub(super) base: i64,
}

/// Rows whose files are written, and which no reader sees yet.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) files: Vec<Add>,
    pub(super) rows: usize,
}

/// The folder of a table.
pub(crate) fn table_dir(dir: &Path, spec: &TableSpec) -> PathBuf {
    dir.join("tables").join(spec.name)
}

/// The table under `dir`, if there is one.
pub(crate) async fn load(dir: &Path, spec: &'static TableSpec) -> Result<Option<DeltaTable>, StoreError> {
    let path = table_dir(dir, spec);
    if !path.join("_delta_log").is_dir() {
        return Ok(None);
    }
    let mut table = unloaded(&path, spec).await?;
    match table.load().await {
        Ok(()) => Ok(Some(table)),
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(error) => Err(StoreError::table("open", spec.name)(error)),
    }
}

async fn unloaded(path: &Path, spec: &TableSpec) -> Result<DeltaTable, StoreError> {
    let path = tokio::fs::canonicalize(path)
        .await
        .map_err(StoreError::file("find the folder", path))?;
    let url = Url::from_directory_path(&path).map_err(|()| {
        let source = "it is not a path that a URL can hold".into();
        StoreError::File {
            action: "name the folder",
            path,
            source,
        }
    })?;
    DeltaTableBuilder::from_url(url.clone())
        .and_then(|builder| {
            builder
                .with_storage_backend(Arc::new(DurableLocalFs::default()), url)
                .build()
        })
        .map_err(StoreError::table("open", spec.name))
}

impl Table {
    /// Opens the table under `dir`, or makes it.
    pub(crate) async fn open(dir: &Path, spec: &'static TableSpec, app: Arc<str>) -> Result<Self, StoreError> {
        let table = match load(dir, spec).await? {
            Some(table) => table,
            None => create(&table_dir(dir, spec), spec).await?,
        };
        let log = table_dir(dir, spec).join("_delta_log");
        // A commit of a process that was killed may be visible before it is durable.
        sync_dir(&log).map_err(StoreError::file("sync the folder", &log))?;
        check(&table, spec)?;
        let table = add_missing_columns(table, spec).await?;
        let mut table = Self {
            spec,
            delta: table,
            app,
            base: 0,
        };
        table.base = table.position().await?;
        Ok(table)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.spec.name
    }

    /// The version of the table that this process knows.
    pub(crate) fn version(&self) -> Option<u64> {
        self.delta.version()
    }

    /// How far into the log it reaches.
    pub(crate) fn base(&self) -> i64 {
        self.base
    }

    /// Which rows of the epoch that ends at `position` it takes.
    pub(crate) fn span(&self, position: i64, since: Option<i64>) -> Span {
        Span {
            base: self.base,
            position,
            since,
        }
    }

    /// How far the table that is loaded reaches.
    pub(super) async fn position(&self) -> Result<i64, StoreError> {
        let failed = "read the position of";
        let state = self
            .delta
            .snapshot()
            .map_err(StoreError::table(failed, self.spec.name))?;
        let version = state
            .transaction_version(self.delta.log_store().as_ref(), &self.app)
            .await;
        Ok(version
            .map_err(StoreError::table(failed, self.spec.name))?
            .unwrap_or_default())
    }

    /// Writes the files of some rows, one partition after the other: a log with a date of its own in every record
    /// must not open a file for each at once.
    pub(crate) async fn stage(&self, rows: Rows) -> Result<Staged, StoreError> {
        let count = rows.len();
        let mut files = Vec::new();
        if count > 0 {
            let failed = || StoreError::table("write files of", self.spec.name);
            let mut writer = RecordBatchWriter::for_table(&self.delta)
                .map_err(failed())?
                .with_writer_properties(writer_properties());
            for partition in rows.into_partitions()? {
                writer.write(partition).await.map_err(failed())?;
                files.extend(writer.flush().await.map_err(failed())?);
            }
        }
        Ok(Staged { files, rows: count })
    }
}

/// How the Parquet files are written.
pub(crate) fn writer_properties() -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .build()
}

async fn create(path: &Path, spec: &'static TableSpec) -> Result<DeltaTable, StoreError> {
    create_dirs(path).map_err(StoreError::file("make the folder", path))?;
    let columns: StructType = spec
        .schema
        .as_ref()
        .try_into_kernel()
        .map_err(|error| StoreError::rows(spec.name, error))?;
    let created = unloaded(path, spec)
        .await?
        .create()
        .with_table_name(spec.name)
        .with_comment(spec.comment)
        .with_columns(columns.fields().cloned())
        .with_partition_columns([PARTITION])
        .with_configuration_property(TableProperty::DataSkippingStatsColumns, Some(spec.statistics))
        .with_configuration_property(TableProperty::LogRetentionDuration, Some(KEPT))
        .with_configuration_property(TableProperty::DeletedFileRetentionDuration, Some(KEPT))
        .with_save_mode(SaveMode::Ignore)
        .await
        .map_err(StoreError::table("make", spec.name))?;
    info!(table = spec.name, "made a table");
    Ok(created)
}

fn check(table: &DeltaTable, spec: &'static TableSpec) -> Result<(), StoreError> {
    let state = table.snapshot().map_err(StoreError::table("open", spec.name))?;
    if state.metadata().configuration().contains_key(FORGETFUL) {
        return Err(StoreError::Forgetful {
            table: spec.name,
            property: FORGETFUL,
        });
    }
    let partitions = state.metadata().partition_columns();
    if partitions != [PARTITION] {
        let details = format!("it is partitioned by {partitions:?}, expected [\"{PARTITION}\"]");
        return Err(StoreError::Form {
            table: spec.name,
            details,
        });
    }
    Ok(())
}

async fn add_missing_columns(table: DeltaTable, spec: &'static TableSpec) -> Result<DeltaTable, StoreError> {
    let stored = {
        let state = table.snapshot().map_err(StoreError::table("open", spec.name))?;
        state.snapshot().arrow_schema()
    };
    let missing = spec.missing_from(&stored).map_err(|details| StoreError::Form {
        table: spec.name,
        details,
    })?;
    if missing.is_empty() {
        return Ok(table);
    }
    info!(
        table = spec.name,
        columns = missing.len(),
        "adding the columns that are new in this version"
    );
    let fields: StructType = (&Schema::new(missing))
        .try_into_kernel()
        .map_err(|error| StoreError::rows(spec.name, error))?;
    let fields: Vec<StructField> = fields.fields().cloned().collect();
    table
        .add_columns()
        .with_fields(fields)
        .await
        .map_err(StoreError::table("add columns to", spec.name))
}
