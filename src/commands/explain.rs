//! `sekisho rules explain`: why each rule fires for an event, or why it does not.

use std::io::{BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sekisho_alert::Untrusted;
use sekisho_detect::RuleExplanation;
use sekisho_detect::explain::{Alternative, ItemExplanation};
use sekisho_formats::YearPolicy;
use sekisho_model::{Clock, Column, EventBatch, Origin, Raw, Time};
use sekisho_store::format;
use sekisho_store::sql::{Limits, Sql};

use super::input::{self, Records};
use crate::cli::Explain;
use crate::clock::SystemClock;
use crate::context::{Bundle, Loaded};
use crate::judge::LogJudge;
use crate::settings::{Environment, Settings};

/// The most records of a file that are explained.
const RECORDS_MAX: usize = 20;
/// The most characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 120;

/// A record as its source wrote it.
struct Record {
    source: String,
    observed: Time,
    bytes: Vec<u8>,
}

/// Says of each rule that is about the source of an event what it asks for and what it finds.
pub(super) fn run(args: &Explain, environment: &Environment) -> Result<ExitCode> {
    let mut settings = super::settings(args.store.config.config.as_deref(), None, environment)?;
    if let Some(folder) = &args.store.store {
        settings.data.clone_from(folder);
    }
    super::known_source(&args.source)?;
    let records = records(args, &settings)?;
    let loaded = Loaded::build(&Bundle::collect(&settings.context)?, &settings)?;
    let mut judge = LogJudge::new(settings, Bundle::default().generation(), loaded, YearPolicy::Nearest);
    let mut out = judge.output();
    for (offset, record) in (0..).zip(&records) {
        let origin = Origin {
            tenant: "default".into(),
            source: record.source.as_str().into(),
            label: "explain".into(),
            log: "explain".into(),
            backfill: true,
        };
        let raw = Raw {
            origin: &origin,
            offset,
            observed: record.observed,
            bytes: &record.bytes,
        };
        judge.decode(&raw, &mut out);
    }
    judge.flush(&mut out);
    for reject in &out.rejects {
        anstream::eprintln!("a record cannot be read: {}", shown(&reject.reason));
    }
    let batch = judge.place(out.rows.finish());
    if batch.is_empty() {
        bail!("there is no event to explain");
    }
    for row in 0..batch.len() {
        tell(&batch, row, &judge.explain(&batch, row), args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The records of a file, of standard input, or of the stored event of that id.
fn records(args: &Explain, settings: &Settings) -> Result<Vec<Record>> {
    let path = Path::new(&args.event);
    if args.event == "-" {
        let read = input::from_reader(Box::new(BufReader::new(std::io::stdin())))?;
        return of_file(read, &args.source, SystemClock.now());
    }
    if path.is_file() {
        let observed = input::written(path).unwrap_or_else(|| SystemClock.now());
        return of_file(input::open(path)?, &args.source, observed);
    }
    let is_id = !args.event.is_empty() && args.event.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        bail!("{}: neither a file nor the id of an event", args.event);
    }
    stored(&settings.data, &args.event)
}

fn of_file(mut records: Records, source: &str, observed: Time) -> Result<Vec<Record>> {
    let mut read = Vec::new();
    while let Some(next) = records.next()? {
        for bytes in next {
            if read.len() == RECORDS_MAX {
                anstream::eprintln!("the first {RECORDS_MAX} records are explained");
                return Ok(read);
            }
            read.push(Record {
                source: source.to_owned(),
                observed,
                bytes,
            });
        }
    }
    Ok(read)
}

/// The stored event whose id begins so: its record is read again, as the rules may ask for what is not
/// in a column.
fn stored(data: &Path, id: &str) -> Result<Vec<Record>> {
    let text = format!(
        "SELECT source, raw, ingest_time FROM events_latest WHERE event_uid LIKE '{}%' LIMIT 2",
        id.to_ascii_lowercase()
    );
    let answer = Sql::open(data, Limits::default()).query(&text)?;
    let mut lines = Vec::new();
    format::ndjson(&answer, &mut lines)?;
    let rows: Vec<serde_json::Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect::<Result<_, _>>()?;
    let [row] = rows.as_slice() else {
        bail!(
            "{} events have an id that begins with {id}, expected one",
            if rows.is_empty() { "no" } else { "several" }
        );
    };
    let text = |name: &str| row.get(name).and_then(serde_json::Value::as_str);
    let observed = text("ingest_time").and_then(|time| time.parse::<jiff::Timestamp>().ok());
    Ok(vec![Record {
        source: text("source").context("the event has no source")?.to_owned(),
        observed: observed.map_or_else(|| SystemClock.now(), Time::from),
        bytes: text("raw")
            .context("the record of the event was not kept")?
            .as_bytes()
            .to_vec(),
    }])
}

fn shown(text: &str) -> String {
    Untrusted::new(text).visible(VALUE_CHARS_MAX)
}

fn tell(batch: &EventBatch, row: usize, explained: &[RuleExplanation], args: &Explain) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let text = |column| batch.text(column, row).map(shown).unwrap_or_default();
    writeln!(
        out,
        "event {}  {}  {}  {}  {}",
        text(Column::EventUid),
        batch.time(row),
        text(Column::Source),
        text(Column::Activity),
        text(Column::UserName)
    )?;
    let wanted = |one: &&RuleExplanation| match &args.rule {
        Some(id) => *one.rule.id == **id || one.rule.id.starts_with(&format!("{id}/")),
        None => one.applies,
    };
    let (fired, other): (Vec<_>, Vec<_>) = explained.iter().filter(wanted).partition(|one| one.matched);
    for one in fired.into_iter().chain(other) {
        rule(&mut out, one)?;
    }
    if args.rule.is_none() {
        let passed_over = explained.iter().filter(|one| !one.applies).count();
        writeln!(
            out,
            "{passed_over} rules are about other sources. Detectors that compare events over time are not shown: \
             `sekisho replay` says what they find."
        )?;
    }
    Ok(())
}

fn rule(out: &mut impl Write, one: &RuleExplanation) -> Result<()> {
    let what = match (one.applies, one.matched) {
        (false, _) => "is about other sources",
        (true, false) => "does not match",
        (true, true) if one.only_new => "matches, and is told if the value is new",
        (true, true) if one.alerts => "FIRES",
        (true, true) => "matches, as a step of others",
    };
    writeln!(out, "\n{} {}: {what}", one.rule.id, one.rule.title.en)?;
    if !one.applies {
        return Ok(());
    }
    writeln!(out, "  condition: {}", one.condition)?;
    for search in &one.searches {
        writeln!(out, "  {} {}", mark(search.matched), search.name)?;
        for (number, alternative) in search.alternatives.iter().enumerate() {
            alternatives(out, number, alternative)?;
        }
    }
    for correlation in &one.feeds {
        writeln!(
            out,
            "  counts towards {} {}, which depends on other events too",
            correlation.id, correlation.title.en
        )?;
    }
    Ok(())
}

fn alternatives(out: &mut impl Write, number: usize, alternative: &Alternative) -> Result<()> {
    if 0 < number {
        writeln!(out, "    or")?;
    }
    for item in &alternative.items {
        let ItemExplanation {
            field,
            line,
            expected,
            found,
            matched,
        } = item;
        let found = found
            .as_deref()
            .map_or_else(|| "nothing".to_owned(), |found| format!("\"{}\"", shown(found)));
        writeln!(
            out,
            "    {} line {line}: {}: expected {expected}, found {found}",
            mark(*matched),
            field.as_deref().unwrap_or("the record")
        )?;
    }
    Ok(())
}

fn mark(matched: bool) -> &'static str {
    if matched { "✓" } else { "✗" }
}
