//! `sekisho normalise`: records in, normal form out.

use std::io::{BufReader, BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use sekisho_formats::YearPolicy;
use sekisho_model::schema::{Kind, stored_columns};
use sekisho_model::{Clock, EventBatch, Origin, Raw, Reject, Time};
use serde_json::{Map, Value, json};

use super::input::{self, Records};
use crate::cli::Normalise;
use crate::clock::SystemClock;
use crate::context::{Bundle, Loaded};
use crate::judge::LogJudge;
use crate::settings::Environment;

/// How many records are decoded before they are printed.
const CHUNK_RECORDS: usize = 8192;

/// Prints the normal form of the records.
pub(super) fn run(args: &Normalise, environment: &Environment) -> Result<ExitCode> {
    let settings = super::settings(args.config.config.as_deref(), Some(&args.time), environment)?;
    super::known_source(&args.source)?;
    let bundle = Bundle::collect(&settings.context)?;
    let loaded = Loaded::build(&bundle, &settings)?;
    let year = args.time.year.map_or(YearPolicy::Nearest, YearPolicy::Starting);
    let mut printer = Printer {
        judge: LogJudge::new(settings, bundle.generation(), loaded, year),
        out: BufWriter::new(std::io::stdout().lock()),
        chunk: Vec::new(),
        next: 0,
    };
    if args.files.is_empty() {
        printer.read(
            input::from_reader(Box::new(BufReader::new(std::io::stdin())))?,
            args,
            "stdin",
            SystemClock.now(),
        )?;
    }
    for path in &args.files {
        let observed = input::written(path).unwrap_or_else(|| SystemClock.now());
        printer.read(input::open(path)?, args, &path.display().to_string(), observed)?;
    }
    printer.print(true)?;
    printer.out.flush()?;
    Ok(ExitCode::SUCCESS)
}

struct Printer<W: Write> {
    judge: LogJudge,
    out: W,
    chunk: Vec<Waiting>,
    next: i64,
}

/// A record that waits to be decoded.
struct Waiting {
    origin: Arc<Origin>,
    observed: Time,
    id: Option<Value>,
    bytes: Vec<u8>,
}

impl<W: Write> Printer<W> {
    fn read(&mut self, mut records: Records, args: &Normalise, name: &str, observed: Time) -> Result<()> {
        let origin = |source: &str| {
            Arc::new(Origin {
                tenant: "default".into(),
                source: source.into(),
                label: format!("file:{name}").into(),
                log: name.into(),
                backfill: true,
            })
        };
        let plain = origin(&args.source);
        let wait = |bytes: Vec<u8>| {
            if args.envelope {
                return envelope(&bytes, origin, observed);
            }
            Waiting {
                origin: Arc::clone(&plain),
                observed,
                id: None,
                bytes,
            }
        };
        while let Some(next) = records.next()? {
            self.chunk.extend(next.into_iter().map(wait));
            if self.chunk.len() >= CHUNK_RECORDS {
                self.print(false)?;
            }
        }
        Ok(())
    }

    /// Decodes and prints what waits, in the order it came.
    fn print(&mut self, last: bool) -> Result<()> {
        let first = self.next;
        let chunk = std::mem::take(&mut self.chunk);
        let mut out = self.judge.output();
        for waiting in &chunk {
            let raw = Raw {
                origin: &waiting.origin,
                offset: self.next,
                observed: waiting.observed,
                bytes: &waiting.bytes,
            };
            self.judge.decode(&raw, &mut out);
            self.next += 1;
        }
        if last {
            self.judge.flush(&mut out);
        }
        let batch = self.judge.place(out.rows.finish());
        let id = |offset: i64| {
            usize::try_from(offset - first)
                .ok()
                .and_then(|index| chunk.get(index))
                .and_then(|waiting| waiting.id.clone())
        };
        let mut lines: Vec<(i64, Map<String, Value>)> = (0..batch.len()).map(|row| line(&batch, row)).collect();
        lines.extend(out.rejects.iter().map(reject));
        lines.sort_by_key(|(offset, _)| *offset);
        for (offset, line) in lines {
            let mut object = Map::new();
            if let Some(id) = id(offset) {
                object.insert("id".to_owned(), id);
            }
            object.extend(line);
            serde_json::to_writer(&mut self.out, &object)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// Takes a record out of its envelope; what is no envelope is a record of no known source.
fn envelope(bytes: &[u8], origin: impl Fn(&str) -> Arc<Origin>, observed: Time) -> Waiting {
    let object: Option<Map<String, Value>> = serde_json::from_slice(bytes).ok();
    let text = |key: &str| object.as_ref().and_then(|object| object.get(key)).cloned();
    let raw = match text("raw") {
        Some(Value::String(raw)) => raw.into_bytes(),
        Some(other) => other.to_string().into_bytes(),
        None => bytes.to_vec(),
    };
    let source = text("source")
        .and_then(|source| source.as_str().map(str::to_owned))
        .unwrap_or_else(|| "auto".to_owned());
    Waiting {
        origin: origin(&source),
        observed,
        id: text("id"),
        bytes: raw,
    }
}

/// A row as NDJSON shows it: every stored column that is not null.
pub(super) fn line(batch: &EventBatch, row: usize) -> (i64, Map<String, Value>) {
    let mut object = Map::new();
    for spec in stored_columns() {
        let value = match spec.kind {
            Kind::Dict | Kind::Text => batch.text(spec.column, row).map(Value::from),
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => batch.int(spec.column, row).map(Value::from),
            Kind::Float64 => batch.float(spec.column, row).map(Value::from),
            Kind::Bool => batch.flag(spec.column, row).map(Value::from),
            Kind::Time | Kind::Date => batch.display(spec.column, row).map(Value::from),
        };
        if let Some(value) = value {
            object.insert(spec.name.to_owned(), value);
        }
    }
    (
        batch.int(sekisho_model::Column::Offset, row).unwrap_or_default(),
        object,
    )
}

fn reject(reject: &Reject) -> (i64, Map<String, Value>) {
    let value = json!({
        "parse_status": "rejected",
        "reason": reject.reason,
        "source": &*reject.source,
        "origin": &*reject.origin,
        "raw": reject.raw,
    });
    let object = match value {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    (reject.offset, object)
}
