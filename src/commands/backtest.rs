//! `sekisho rules backtest`: what a changed rule would have found in the stored events.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arrow_array::BooleanArray;
use futures::StreamExt as _;
use sekisho_alert::Untrusted;
use sekisho_detect::Engine;
use sekisho_detect::detector::LATENESS_MAX;
use sekisho_detect::rules::RuleSet;
use sekisho_model::{Alert, Clock, Column, EventBatch, Findings, Time};
use sekisho_store::events_since;

use super::rules::{compile, of_settings};
use crate::cli::Backtest;
use crate::clock::SystemClock;
use crate::context::{Bundle, Loaded};
use crate::rules::{RuleText, read_dir};
use crate::settings::{Environment, Settings};

/// The most alerts that are listed of those that are new, and of those that are gone.
const LISTED_MAX: usize = 50;

/// Runs the rules as they are and as they would be over the stored events, and says what differs.
pub(super) fn run(args: &Backtest, environment: &Environment) -> Result<ExitCode> {
    let mut settings = super::settings(args.store.config.config.as_deref(), None, environment)?;
    if let Some(folder) = &args.store.store {
        settings.data.clone_from(folder);
    }
    let (before, after) = versions(args, &settings)?;
    let since = match args.days {
        Some(days) => SystemClock.now().minus(Duration::from_hours(24 * u64::from(days))),
        None => Time(0),
    };
    let mut runs = [Run::new(before), Run::new(after)];
    let events = super::runtime()?.block_on(feed(&settings, since, &mut runs))?;
    let [before, after] = runs.map(Run::alerts);
    tell(&before, &after, events, &settings)?;
    Ok(ExitCode::SUCCESS)
}

/// The rules as they are now, of those that the folders would replace, and as they would be.
fn versions(args: &Backtest, settings: &Settings) -> Result<(RuleSet, RuleSet)> {
    let mut changed: BTreeMap<String, RuleText> = BTreeMap::new();
    for folder in &args.folders {
        let read = read_dir(folder).with_context(|| format!("cannot read the rules in {}", folder.display()))?;
        changed.extend(read);
    }
    let after = compile(&changed, settings);
    if let Some(problem) = after.problems().first() {
        bail!("{problem}");
    }
    let ids: BTreeSet<Arc<str>> = after.rules().iter().map(|rule| Arc::clone(&rule.info.id)).collect();
    if ids.is_empty() {
        bail!("there is no rule in {}", names(&args.folders));
    }
    let current = of_settings(settings)?;
    let replaced: BTreeSet<String> = compile(&current, settings)
        .rules()
        .iter()
        .filter(|rule| ids.contains(&rule.info.id))
        .map(|rule| rule.path.clone())
        .collect();
    let current = current
        .into_iter()
        .filter(|(path, _)| replaced.contains(path))
        .collect();
    if !after.projection().is_empty() {
        anstream::eprintln!(
            "the rules ask for fields of the source's own records, which are not stored: what depends on them is not found here"
        );
    }
    Ok((compile(&current, settings), after))
}

fn names(folders: &[std::path::PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    names.join(", ")
}

/// Shows the stored events to both; how many there are.
async fn feed(settings: &Settings, since: Time, runs: &mut [Run; 2]) -> Result<u64> {
    let loaded = Loaded::build(&Bundle::collect(&settings.context)?, settings)?;
    let mut stored = std::pin::pin!(events_since(Path::new(&settings.data), since).await?);
    let mut count = 0;
    while let Some(batch) = stored.next().await {
        let batch = loaded.enricher.enrich(as_it_was(batch?)?);
        count += u64::try_from(batch.len())?;
        for run in runs.iter_mut() {
            run.judge(&batch);
        }
    }
    Ok(count)
}

/// Old records, as a replay takes them in, are judged as if they were new. Whether they were is not stored;
/// what came later than any record of a live source does must have been.
fn as_it_was(batch: EventBatch) -> Result<EventBatch> {
    let is_old = (0..batch.len()).map(|row| batch.time(row).plus(LATENESS_MAX) < batch.observed(row));
    let old: BooleanArray = is_old.map(Some).collect();
    Ok(batch.with_column(Column::Backfill, Arc::new(old))?)
}

/// A set of rules, and what it found.
struct Run {
    engine: Engine,
    alerts: BTreeMap<String, Alert>,
}

impl Run {
    fn new(rules: RuleSet) -> Self {
        Self {
            engine: Engine::new(rules),
            alerts: BTreeMap::new(),
        }
    }

    fn judge(&mut self, batch: &EventBatch) {
        let findings = self.engine.judge(batch);
        self.hear(findings);
        let decided = self.engine.forget();
        self.hear(decided);
    }

    fn hear(&mut self, findings: Findings) {
        for update in findings.alerts {
            self.alerts.insert(update.alert.alert_id.clone(), update.alert);
        }
    }

    /// What it found, by time.
    fn alerts(mut self) -> Vec<Alert> {
        let last = self.engine.finish();
        self.hear(last);
        let found = self.alerts.into_values();
        let mut alerts: Vec<Alert> = found.filter(|alert| alert.merged_into.is_none()).collect();
        alerts.sort_by_key(|alert| (alert.first_time, alert.alert_id.clone()));
        alerts
    }
}

/// The same thing, found by both: of one rule for one entity, at one time. A rule that asks for less
/// begins its episode earlier, so the ids may differ.
fn is_same(a: &Alert, b: &Alert) -> bool {
    a.rule.id == b.rule.id
        && a.entity == b.entity
        && a.tenant == b.tenant
        && a.first_time <= b.last_time
        && b.first_time <= a.last_time
}

/// Those that the other side has not.
fn missing<'a>(of: &'a [Alert], on: &[Alert]) -> Vec<&'a Alert> {
    of.iter()
        .filter(|alert| !on.iter().any(|other| is_same(alert, other)))
        .collect()
}

fn tell(before: &[Alert], after: &[Alert], events: u64, settings: &Settings) -> Result<()> {
    let (new, gone) = (missing(after, before), missing(before, after));
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{events} events; {} alerts before, {} after: {} the same, {} new, {} gone",
        before.len(),
        after.len(),
        after.len() - new.len(),
        new.len(),
        gone.len()
    )?;
    list(&mut out, '+', &new, settings)?;
    list(&mut out, '-', &gone, settings)
}

fn list(out: &mut impl Write, mark: char, alerts: &[&Alert], settings: &Settings) -> Result<()> {
    for alert in alerts.iter().take(LISTED_MAX) {
        let day = alert
            .first_time
            .to_jiff()
            .to_zoned(settings.zone.clone())
            .strftime("%Y-%m-%d %H:%M");
        writeln!(
            out,
            "{mark} {day}  {:8} {:13} {:30} {:>5} events  {}",
            alert.rule.id,
            alert.severity.name(),
            Untrusted::new(&alert.entity.name).visible(40),
            alert.evidence_count,
            alert.rule.title.get(settings.lang)
        )?;
    }
    if alerts.len() > LISTED_MAX {
        writeln!(out, "{mark} … and {} more", alerts.len() - LISTED_MAX)?;
    }
    Ok(())
}
