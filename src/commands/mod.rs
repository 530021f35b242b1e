//! The commands, one file each.

mod backtest;
mod check;
mod demo;
mod explain;
mod feedback;
mod incidents;
mod input;
mod maintain;
mod normalise;
mod outbox;
mod rejects;
mod replay;
mod report;
mod rules;
mod run;
mod running;
mod sources;
mod sql;
mod stored;
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::{Command, StoreArgs, TimeArgs};
use crate::settings::{self, Environment, Settings};

/// Does what the command line asks for.
pub(crate) fn run(command: Command, environment: &Environment) -> Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(&args, environment),
        Command::Run(args) => run::run(args.config.as_deref(), environment),
        Command::Check(args) => check::run(&args, environment),
        Command::Replay(args) => replay::run(&args, environment),
        Command::Normalise(args) => normalise::run(&args, environment),
        Command::Sql(args) => sql::run(&args, environment),
        Command::Rules { command } => rules::run(&command, environment),
        Command::Sources => sources::run(),
        Command::Maintain(args) => maintain::run(&args, environment),
        Command::Incidents { command } => incidents::run(&command, environment),
        Command::Feedback(args) => feedback::run(&args, environment),
        Command::Outbox { command } => outbox::run(&command, environment),
        Command::Rejects { command } => rejects::run(&command, environment),
        Command::Token { command } => token::run(&command, environment),
    }
}

/// The settings, with what the command line says about time.
fn settings(config: Option<&Path>, time: Option<&TimeArgs>, environment: &Environment) -> Result<Settings> {
    let mut settings = settings::load(config, environment)?;
    if let Some(name) = time.and_then(|time| time.zone.as_deref()) {
        settings.zone = jiff::tz::TimeZone::get(name)
            .with_context(|| format!("--zone {name}: expected a zone of the IANA database such as Asia/Tokyo"))?;
        settings.zone_is_set = true;
    }
    Ok(settings)
}

/// The data folder: the one named, else the one of the settings.
fn data_folder(args: &StoreArgs, environment: &Environment) -> Result<PathBuf> {
    match &args.store {
        Some(folder) => Ok(folder.clone()),
        None => Ok(settings::load(args.config.config.as_deref(), environment)?.data),
    }
}

/// A runtime for a command that talks to disks and networks.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// Refuses a source that no format reads.
fn known_source(id: &str) -> Result<()> {
    if id == "auto" || sekisho_formats::format_by_id(id).is_some() {
        return Ok(());
    }
    let known: Vec<_> = sekisho_formats::FORMATS.iter().map(|spec| spec.id).collect();
    anyhow::bail!(
        "no source is called \"{id}\"; expected auto or one of {}",
        known.join(", ")
    )
}
