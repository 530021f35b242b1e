//! `sekisho replay`: the same engine over files, in event time.
//!
//! Files are decoded batch by batch, and of all files the batch that begins earliest is judged next,
//! so that logs of several products that cover the same months are judged as one history.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use sekisho_formats::YearPolicy;
use sekisho_model::batch::BATCH_ROWS_MAX;
use sekisho_model::{Clock, EventBatch, Lang, Origin, Raw, Reject, Time};

use super::input::{self, Records};
use super::report::{Report, Summary};
use super::stored::Stored;
use crate::cli::Replay;
use crate::clock::SystemClock;
use crate::context::{Bundle, Loaded};
use crate::judge::LogJudge;
use crate::settings::{Environment, Settings};

/// Judges the files, prints what was found, and a summary.
pub(super) fn run(args: &Replay, environment: &Environment) -> Result<ExitCode> {
    let mut settings = super::settings(args.config.config.as_deref(), Some(&args.time), environment)?;
    override_context(&mut settings, args);
    let lang = args.lang.map_or(settings.lang, Lang::from);
    let mut files = args
        .files
        .iter()
        .map(|argument| Cursor::open(argument, &args.source))
        .collect::<Result<Vec<_>>>()?;
    let bundle = Bundle::collect(&settings.context)?;
    let loaded = Loaded::build(&bundle, &settings)?;
    for problem in &loaded.problems {
        anstream::eprintln!("{problem}");
    }
    tell_zone(&settings);
    let year = args.time.year.map_or(YearPolicy::Nearest, YearPolicy::Starting);
    let mut judge = LogJudge::new(settings.clone(), bundle.generation(), loaded, year);
    let mut stored = args.store.as_deref().map(Stored::open).transpose()?;

    let mut report = Report::new(lang, settings.zone.clone());
    let mut summary = Summary::default();
    while let Some(batch) = next_batch(&mut files, &mut judge, &mut summary)? {
        judge_batch(&mut judge, batch, &mut report, &mut summary, &mut stored)?;
    }
    let mut out = judge.output();
    judge.flush(&mut out);
    let last = judge.enrich(out.rows.finish());
    judge_batch(&mut judge, (last, out.rejects), &mut report, &mut summary, &mut stored)?;
    let undone = judge.finish();
    if let Some(stored) = &mut stored {
        stored.add(EventBatch::empty(), Vec::new(), undone.clone())?;
    }
    report.add(undone);
    if let Some(stored) = stored {
        stored.close()?;
    }
    report.print(args.alerts.as_deref())?;
    summary.print(&report, args);
    if summary.nothing_was_read() {
        anstream::eprintln!(
            "nothing could be read: is this the right --source? `sekisho sources` lists them, `auto` finds out"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn override_context(settings: &mut Settings, args: &Replay) {
    let context = &mut settings.context;
    context.people = args.people.clone().or(context.people.take());
    context.networks = args.networks.clone().or(context.networks.take());
    if !args.geo.is_empty() {
        context.geo.clone_from(&args.geo);
    }
}

fn tell_zone(settings: &Settings) {
    let name = settings.zone.iana_name().unwrap_or("the host's zone");
    let whence = if settings.zone_is_set {
        "as set"
    } else {
        "the host's; --zone sets another"
    };
    anstream::eprintln!("times without a zone are read as {name} ({whence})");
}

fn judge_batch(
    judge: &mut LogJudge,
    (batch, rejects): (EventBatch, Vec<Reject>),
    report: &mut Report,
    summary: &mut Summary,
    stored: &mut Option<Stored>,
) -> Result<()> {
    let findings = judge.detect(&batch);
    summary.count(&batch, &rejects);
    if let Some(stored) = stored {
        stored.add(batch, rejects, findings.clone())?;
    }
    report.add(findings);
    Ok(())
}

/// A file that is being read, and its next batch.
struct Cursor {
    path: PathBuf,
    origin: Origin,
    observed: Time,
    records: Records,
    offset: i64,
    head: Option<(EventBatch, Vec<Reject>)>,
    done: bool,
}

/// The batch that begins earliest of all files.
fn next_batch(
    files: &mut [Cursor],
    judge: &mut LogJudge,
    summary: &mut Summary,
) -> Result<Option<(EventBatch, Vec<Reject>)>> {
    for file in files.iter_mut() {
        file.fill(judge, summary)?;
    }
    let earliest = files
        .iter_mut()
        .filter(|file| file.head.is_some())
        .min_by_key(|file| file.begins());
    Ok(earliest.and_then(|file| file.head.take()))
}

impl Cursor {
    /// Opens `FILE` or `NAME=FILE`.
    fn open(argument: &str, source: &str) -> Result<Self> {
        let named = argument
            .split_once('=')
            .filter(|(name, _)| super::known_source(name).is_ok());
        let (source, path) = named.unwrap_or((source, argument));
        super::known_source(source)?;
        let path = Path::new(path);
        let name = path.display().to_string();
        Ok(Self {
            path: path.to_owned(),
            origin: Origin {
                tenant: "default".into(),
                source: source.into(),
                label: format!("file:{name}").into(),
                log: name.into(),
                backfill: true,
            },
            observed: input::written(path).unwrap_or_else(|| SystemClock.now()),
            records: input::open(path)?,
            offset: 0,
            head: None,
            done: false,
        })
    }

    /// Decodes the next batch, unless it waits already.
    fn fill(&mut self, judge: &mut LogJudge, summary: &mut Summary) -> Result<()> {
        if self.head.is_some() || self.done {
            return Ok(());
        }
        let mut out = judge.output();
        while out.rows.len() + out.rejects.len() < BATCH_ROWS_MAX {
            let Some(next) = self
                .records
                .next()
                .with_context(|| format!("cannot read {}", self.path.display()))?
            else {
                self.done = true;
                break;
            };
            for bytes in next {
                let raw = Raw {
                    origin: &self.origin,
                    offset: self.offset,
                    observed: self.observed,
                    bytes: &bytes,
                };
                judge.decode(&raw, &mut out);
                self.offset += 1;
                summary.records += 1;
            }
        }
        if !out.rows.is_empty() || !out.rejects.is_empty() {
            self.head = Some((judge.enrich(out.rows.finish()), out.rejects));
        }
        Ok(())
    }

    fn begins(&self) -> Time {
        let rows = self.head.as_ref().map(|(batch, _)| batch);
        rows.and_then(|batch| (0..batch.len()).map(|row| batch.time(row)).min())
            .unwrap_or_default()
    }
}
