//! `sekisho maintain`: small and fast tables.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use sekisho_model::Clock;
use sekisho_store::maintain;

use crate::cli::StoreArgs;
use crate::clock::SystemClock;
use crate::service::words;
use crate::settings::Environment;

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
