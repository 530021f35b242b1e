//! `sekisho outbox`: the messages that wait, were delivered, or could not be.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use sekisho_alert::Untrusted;
use sekisho_model::{Clock, Severity};

use crate::cli::{Outbox, OutboxMessage, StoreArgs};
use crate::clock::SystemClock;
use crate::settings::Environment;

/// The most messages that are listed.
const LISTED_MAX: u32 = 200;

/// The most incidents that are looked at for what a message is about.
const INCIDENTS_MAX: u32 = 1000;

/// Lists messages, tries one again, or gives one up.
pub(super) fn run(command: &Outbox, environment: &Environment) -> Result<ExitCode> {
    let store = match command {
        Outbox::List(store) => store,
        Outbox::Retry(message) | Outbox::Drop(message) => &message.store,
    };
    let outbox = open(store, environment)?;
    let runtime = super::runtime()?;
    match command {
        Outbox::List(_) => runtime.block_on(list(&outbox))?,
        Outbox::Retry(OutboxMessage { message_id, .. }) => {
            let found = runtime.block_on(outbox.retry(message_id, SystemClock.now()))?;
            told(found, message_id, "is tried again")?;
        }
        Outbox::Drop(OutboxMessage { message_id, .. }) => {
            let found = runtime.block_on(outbox.give_up(message_id, SystemClock.now()))?;
            told(found, message_id, "is given up")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the outbox of a data folder.
pub(super) fn open(store: &StoreArgs, environment: &Environment) -> Result<sekisho_alert::Outbox> {
    let path = super::data_folder(store, environment)?.join("sekisho.sqlite");
    if !path.is_file() {
        bail!(
            "{} does not exist: no service has run with this data folder",
            path.display()
        );
    }
    Ok(sekisho_alert::Outbox::open(&path, Vec::new(), Arc::new(SystemClock))?)
}

async fn list(outbox: &sekisho_alert::Outbox) -> Result<()> {
    let incidents = outbox.incidents(Severity::Informational, INCIDENTS_MAX).await?;
    let about = |id: &str| {
        let row = incidents.iter().find(|row| row.incident.incident_id == id)?;
        let who = Untrusted::new(&row.incident.entity.name).visible(40);
        Some(format!("{} {who}", row.incident.severity.name()))
    };
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{:32}  {:10} {:9} {:>8}  {:40}  last error",
        "message", "channel", "state", "attempts", "about"
    )?;
    for row in outbox.deliveries(None, LISTED_MAX).await? {
        let error = row.last_error.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{:32}  {:10} {:9} {:>8}  {:40}  {error}",
            row.message_id,
            row.channel,
            row.state.name(),
            row.attempts,
            about(&row.incident_id).unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn told(found: bool, message_id: &str, what: &str) -> Result<()> {
    if !found {
        bail!("no message {message_id} in a state where that can be done; `sekisho outbox list` shows them");
    }
    anstream::eprintln!("{message_id} {what}");
    Ok(())
}
