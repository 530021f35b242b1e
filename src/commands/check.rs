//! `sekisho check`: are settings, rules, lists, databases and channels in order?

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use sekisho_alert::{Case, CaseAlert};
use sekisho_model::{Alert, Bilingual, Clock, Entity, EntityKind, Facts, Incident, Route, RuleInfo, Severity, Time};

use super::running::{self, Running};
use crate::bounds;
use crate::cli::Check;
use crate::clock::SystemClock;
use crate::context::{Bundle, Loaded};
use crate::rules::run_tests;
use crate::service;
use crate::settings::{Environment, Settings};

/// Checks everything that can be checked without starting; exit 1 if something is wrong.
pub(super) fn run(args: &Check, environment: &Environment) -> Result<ExitCode> {
    let settings = super::settings(args.config.config.as_deref(), None, environment)?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "settings  ok")?;
    let mut wrong = check_data(&settings, &mut out)?;
    match service::check_doors(&settings) {
        Ok(()) => writeln!(out, "doors     ok")?,
        Err(error) => {
            wrong = true;
            writeln!(out, "problem   {error:#}")?;
        }
    }
    for file in &settings.files {
        match file.trouble() {
            Some(trouble) => {
                wrong = true;
                writeln!(out, "problem   {trouble}")?;
            }
            None => writeln!(out, "file      ok: {} as {}", file.path.display(), file.source)?,
        }
    }
    let loaded = Loaded::build(&Bundle::collect(&settings.context)?, &settings)?;
    for problem in &loaded.problems {
        writeln!(out, "problem   {problem}")?;
    }
    writeln!(out, "rules     {} can run", loaded.rules.rules().len())?;
    let failed = test_rules(&settings, &mut out)?;
    show_geo(&loaded, &mut out)?;
    writeln!(out, "people    {} listed", loaded.enricher.people().iter().count())?;
    for channel in &settings.channels {
        service::channel(channel)?;
        writeln!(
            out,
            "channel   ok: {} hears of {} and worse",
            channel.name,
            channel.min_level.name()
        )?;
    }
    if settings.channels.is_empty() {
        writeln!(out, "channel   none set: incidents are only stored")?;
    }
    check_operator(&settings, &mut out)?;
    wrong |= check_disk(&settings, &mut out)?;
    wrong |= check_running(&settings, &mut out)?;
    show_bounds(args.bounds, &mut out)?;
    if let Some(name) = &args.send {
        send(&settings, name)?;
        writeln!(out, "channel   {name} took a test message")?;
    }
    Ok(if failed == 0 && loaded.problems.is_empty() && !wrong {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show_geo(loaded: &Loaded, out: &mut impl Write) -> Result<()> {
    match loaded.enricher.geo() {
        Some(geo) => {
            for database in geo.databases() {
                writeln!(
                    out,
                    "geo       ok: {} ({}, built {})",
                    database.name, database.database_type, database.built
                )?;
            }
        }
        None => writeln!(out, "geo       none set: no places, so no impossible travel")?,
    }
    Ok(())
}

/// Names every bound, or only says how many there are.
fn show_bounds(each: bool, out: &mut impl Write) -> Result<()> {
    if each {
        for bound in bounds::all() {
            writeln!(
                out,
                "bound     {}: {}; then: {}",
                bound.what,
                bound.amount(),
                bound.then
            )?;
        }
    } else {
        let count = bounds::all().count();
        writeln!(out, "bounds    {count}, all of them with --bounds")?;
    }
    Ok(())
}

/// Whether the data folder, or the folder it would be made in, can be written to.
fn check_data(settings: &Settings, out: &mut impl Write) -> Result<bool> {
    let data = &settings.data;
    let exists = data.ancestors().find(|folder| folder.is_dir()).unwrap_or(data);
    match tempfile::tempfile_in(exists) {
        Ok(_) => writeln!(out, "data      ok: {}", data.display())?,
        Err(error) => {
            writeln!(
                out,
                "problem   {}: {error}; make it and give it to the user of the service",
                data.display()
            )?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// By which channels the operator hears what is wrong with the service itself.
fn check_operator(settings: &Settings, out: &mut impl Write) -> Result<()> {
    let own: Vec<&str> = settings
        .channels
        .iter()
        .filter(|channel| channel.operator)
        .map(|channel| channel.name.as_str())
        .collect();
    match (own.as_slice(), settings.channels.as_slice()) {
        (_, []) => {}
        ([], [only]) => writeln!(
            out,
            "operator  if {} fails, nobody is told: a second channel with `operator = true` would be",
            only.name
        )?,
        ([], _) => writeln!(
            out,
            "operator  every channel hears what is wrong with the service, but not of itself"
        )?,
        (own, _) => writeln!(out, "operator  ok: {} and a sign of life each morning", own.join(", "))?,
    }
    Ok(())
}

/// Whether a service that runs says that something is wrong with it.
fn check_running(settings: &Settings, out: &mut impl Write) -> Result<bool> {
    let address = settings.listen.http;
    match running::ask(address) {
        Running::No => writeln!(out, "service   does not run: nobody listens on {address}")?,
        Running::Silent => writeln!(out, "service   {address} answers, but shows no metrics")?,
        Running::Yes(problems) if problems.is_empty() => {
            writeln!(out, "service   runs; nothing is missing in the count")?;
        }
        Running::Yes(problems) => {
            for problem in problems {
                writeln!(out, "problem   {problem}")?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the disk has room; whether it has too little.
fn check_disk(settings: &Settings, out: &mut impl Write) -> Result<bool> {
    let data = &settings.data;
    let exists = data.ancestors().find(|folder| folder.is_dir()).unwrap_or(data);
    let Some((free, is_low)) = service::disk_room(exists) else {
        return Ok(false);
    };
    let megabytes = free / 1_000_000;
    if is_low {
        writeln!(
            out,
            "problem   {megabytes} MB free on the disk of {}: senders are soon told to wait",
            data.display()
        )?;
    } else {
        writeln!(out, "disk      ok: {megabytes} MB free")?;
    }
    Ok(is_low)
}

fn test_rules(own: &Settings, out: &mut impl Write) -> Result<usize> {
    let settings = super::rules::test_settings()?;
    let (mut cases, mut failed) = (0, 0);
    for (path, text) in &super::rules::of_settings(own)? {
        let (count, failures) = run_tests(path, text, &settings)?;
        for failure in &failures {
            writeln!(out, "FAILED    {}: {}", failure.test, failure.message)?;
        }
        cases += count;
        failed += failures.len();
    }
    writeln!(out, "rules     {cases} tests, {failed} failed")?;
    Ok(failed)
}

fn send(settings: &Settings, name: &str) -> Result<()> {
    let Some(channel) = settings.channels.iter().find(|channel| channel.name == name) else {
        if settings.channels.is_empty() {
            bail!("no channel is called \"{name}\": the settings have no [[channel]]");
        }
        let known: Vec<_> = settings.channels.iter().map(|channel| channel.name.as_str()).collect();
        bail!("no channel is called \"{name}\"; expected one of {}", known.join(", "));
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let scratch = tempfile::tempdir()?;
    let outbox = sekisho_alert::Outbox::open(&scratch.path().join("test.sqlite"), Vec::new(), Arc::clone(&clock))?;
    let case = test_case(clock.now());
    let courier = sekisho_alert::Courier::new(outbox, service::channel(channel)?, settings.zone.clone(), clock)?;
    super::runtime()?
        .block_on(courier.send_test(&case))
        .with_context(|| format!("channel {name}"))
}

/// An incident that says it is none.
fn test_case(now: Time) -> Case {
    let entity = Entity {
        kind: EntityKind::Other,
        name: "sekisho check".into(),
    };
    let incident = Incident {
        incident_id: "0".repeat(32),
        tenant: "default".into(),
        entity: entity.clone(),
        severity: Severity::Informational,
        score: 0.0,
        route: Route::Incident,
        first_time: now,
        last_time: now,
        families: Vec::new(),
        merged_into: None,
    };
    let rule = RuleInfo {
        id: "SK-000".into(),
        title: Bilingual {
            en: "This is a test message".to_owned(),
            ja: "これはテストメッセージです".to_owned(),
        },
        kind: "match".to_owned(),
        response: Bilingual {
            en: "Nothing to do: alerts of Sekisho will arrive here.".to_owned(),
            ja: "対応は不要です。Sekisho の通知はここに届きます。".to_owned(),
        },
        ..RuleInfo::default()
    };
    let alert = Alert {
        alert_id: "0".repeat(32),
        incident_id: incident.incident_id.clone(),
        tenant: "default".into(),
        rule: Arc::new(rule),
        entity,
        severity: Severity::Informational,
        score: 0.0,
        first_time: now,
        last_time: now,
        found_late_secs: None,
        evidence_count: 0,
        facts: Facts::new(),
        merged_into: None,
    };
    Case {
        incident,
        alerts: vec![CaseAlert {
            alert,
            evidence: Vec::new(),
        }],
    }
}
