//! `sekisho maintain`: small and fast tables.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use sekisho_model::Clock;
use sekisho_store::maintain::{self, Upkeep};

use crate::cli::StoreArgs;
use crate::clock::SystemClock;
use crate::settings::{Environment, Settings};

/// Maintains the tables now.
pub(super) fn run(args: &StoreArgs, environment: &Environment) -> Result<ExitCode> {
    let mut settings = super::settings(args.config.config.as_deref(), None, environment)?;
    settings.data = super::data_folder(args, environment)?;
    let done = super::runtime()?.block_on(maintain::maintain(
        &settings.data,
        SystemClock.now(),
        settings.retain_days,
    ))?;
    let mut out = anstream::stdout().lock();
    for (table, upkeep) in done {
        writeln!(out, "{table:8} {}", words(&upkeep))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Maintains the tables of a running service.
pub(crate) async fn maintain_tables(settings: &Settings) -> Result<()> {
    let done = maintain::maintain(&settings.data, SystemClock.now(), settings.retain_days).await?;
    for (table, upkeep) in done {
        tracing::info!(table, "maintained: {}", words(&upkeep));
    }
    Ok(())
}

fn words(upkeep: &Upkeep) -> String {
    let Upkeep {
        dropped,
        compacted,
        into,
        vacuumed,
        log_entries,
        swept,
    } = upkeep;
    format!(
        "{compacted} files put together into {into}; {dropped} past their age dropped; removed {vacuumed} files no longer \
         used, {log_entries} log entries, {swept} left by a crash"
    )
}
