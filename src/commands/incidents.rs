//! `sekisho incidents`: what was found, as it stands.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use sekisho_alert::{Case, Untrusted};
use sekisho_model::{Evidence, Severity};

use super::report::card;
use crate::cli::Incidents;
use crate::settings::{Environment, Settings};

/// The most incidents that are listed.
const LISTED_MAX: u32 = 50;
/// The most events of an alert that are shown.
const EVENTS_MAX: usize = 20;
/// The digits of an id that are shown: enough to tell incidents apart, and to type.
const DIGITS: usize = 12;

/// Lists incidents, or shows one.
pub(super) fn run(command: &Incidents, environment: &Environment) -> Result<ExitCode> {
    let store = match command {
        Incidents::List(store) => store,
        Incidents::Show(one) => &one.store,
    };
    let settings = super::settings(store.config.config.as_deref(), None, environment)?;
    let outbox = super::outbox::open(store, environment)?;
    let runtime = super::runtime()?;
    match command {
        Incidents::List(_) => {
            let mut out = anstream::stdout().lock();
            for row in runtime.block_on(outbox.incidents(Severity::Informational, LISTED_MAX))? {
                let incident = &row.incident;
                let id: String = incident.incident_id.chars().take(DIGITS).collect();
                let day = incident
                    .first_time
                    .to_jiff()
                    .to_zoned(settings.zone.clone())
                    .strftime("%Y-%m-%d %H:%M");
                let who = Untrusted::new(&incident.entity.name).visible(40);
                writeln!(
                    out,
                    "{id}  {day}  {:13} {who:30} {}",
                    incident.severity.name(),
                    incident.families.join(", ")
                )?;
            }
        }
        Incidents::Show(one) => match runtime.block_on(outbox.incident(&one.incident_id))? {
            Some(case) => show(&case, &settings)?,
            None => bail!("no incident {}; `sekisho incidents list` shows them", one.incident_id),
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn show(case: &Case, settings: &Settings) -> Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", card(case, settings.lang, &settings.zone, ""))?;
    for alert in &case.alerts {
        writeln!(
            out,
            "{} {}  (alert {})",
            alert.alert.rule.id,
            alert.alert.rule.title.get(settings.lang),
            alert.alert.alert_id.chars().take(DIGITS).collect::<String>()
        )?;
        for event in alert.evidence.iter().take(EVENTS_MAX) {
            writeln!(out, "  {}", line(event, settings))?;
        }
        if alert.evidence.len() > EVENTS_MAX {
            writeln!(out, "  … and {} more", alert.evidence.len() - EVENTS_MAX)?;
        }
    }
    Ok(())
}

fn line(event: &Evidence, settings: &Settings) -> String {
    let time = event
        .time
        .to_jiff()
        .to_zoned(settings.zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string();
    let status = sekisho_alert::line::status_name(event.status_id);
    let fields = [
        &event.user_name,
        &event.src_ip,
        &event.src_country,
        &event.target,
        &event.resource,
    ];
    let seen = fields
        .into_iter()
        .flatten()
        .map(|text| Untrusted::new(text).visible(60));
    let mut parts = vec![time, event.source.clone(), event.activity.clone(), status.to_owned()];
    parts.extend(seen);
    parts.join("  ")
}
