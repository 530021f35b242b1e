//! The engine over the stored tables.

use std::path::Path;
use std::sync::Arc;

use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake_core::DeltaTable;

use super::SqlError;
use super::limits::{MEMORY_BYTES, SPILL_BYTES};
use crate::tables::{SPECS, TableSpec, load};

/// How many parts of a question are worked on at once.
pub(super) const PARTITIONS: usize = 2;

/// What can be asked.
pub(super) const NAMES: [&str; 5] = ["events", "events_latest", "rejects", "alerts", "alerts_latest"];

/// Functions that make much out of little, past every limit of memory.
const DENIED: [&str; 6] = ["repeat", "lpad", "rpad", "array_repeat", "range", "generate_series"];

/// Views, each with its question. The columns are those of the table it is of.
const VIEWS: [(&str, &TableSpec, &str, &str); 2] = [
    (
        "events_latest",
        &crate::tables::EVENTS,
        "event_uid",
        "ingest_time DESC, time DESC",
    ),
    (
        "alerts_latest",
        &crate::tables::ALERTS,
        "alert_id",
        "\"position\" DESC, change_time DESC, evidence_count DESC",
    ),
];

/// A session in which the tables under `dir` can be asked as they are now.
pub(crate) async fn session(dir: &Path, batch_rows: usize) -> Result<SessionContext, SqlError> {
    let mut tables = Vec::new();
    for spec in SPECS {
        match load(dir, spec).await? {
            Some(table) => tables.push((spec, table)),
            None => return Err(SqlError::Empty(dir.to_owned())),
        }
    }
    let context = context(batch_rows)?;
    for (spec, table) in tables {
        register(&context, spec, &table).await?;
    }
    for (name, spec, identity, order) in VIEWS {
        let columns = columns(spec);
        let text = format!(
            "SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY {identity} ORDER BY {order}) AS \
             \"row number\" FROM {}) WHERE \"row number\" = 1",
            spec.name
        );
        let view = context.sql(&text).await?.into_view();
        context.register_table(name, view)?;
    }
    for name in DENIED {
        context.deregister_udf(name);
        context.deregister_udtf(name);
    }
    Ok(context)
}

fn context(batch_rows: usize) -> Result<SessionContext, SqlError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(MEMORY_BYTES)))
        .with_max_temp_directory_size(SPILL_BYTES)
        .build_arc()?;
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_target_partitions(PARTITIONS)
        .with_batch_size(batch_rows);
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// Registers a table with its columns in the order of the documentation: Delta Lake moves the partition to the end.
async fn register(context: &SessionContext, spec: &TableSpec, table: &DeltaTable) -> Result<(), SqlError> {
    let failed = crate::StoreError::table("read", spec.name);
    table.update_datafusion_session(&context.state()).map_err(failed)?;
    let provider = table.table_provider().await?;
    let view = context
        .read_table(provider)?
        .select_columns(&spec_columns(spec))?
        .into_view();
    context.register_table(spec.name, view)?;
    Ok(())
}

fn spec_columns(spec: &TableSpec) -> Vec<&'static str> {
    spec.schema.fields().iter().map(|field| field.name().as_str()).collect()
}

fn columns(spec: &TableSpec) -> String {
    spec_columns(spec)
        .into_iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ")
}
