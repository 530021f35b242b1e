//! The sample logs of every source, and the rows that stand beside them: `sample-logs/<source>/`.
//!
//! `UPDATE_SAMPLES=1 cargo test -p sekisho-formats --test samples` writes the expected rows anew. Read
//! them before you commit them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use sekisho_formats::{Decoder, FORMATS, Settings, YearPolicy, classify};
use sekisho_model::schema::COLUMNS;
use sekisho_model::{Column, EventBatch, Kind, Origin, Projection, Raw, Time, words};
use serde_json::{Map, Value};

/// Columns that repeat the record, or tell how it came.
const LEFT_OFF: &[Column] = &[
    Column::Date,
    Column::IngestTime,
    Column::EventUid,
    Column::Tenant,
    Column::Origin,
    Column::Raw,
    Column::Log,
    Column::Offset,
    Column::Backfill,
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-logs")
}

/// The sample of a source: the one file in its folder that is not the expected rows.
fn sample(source: &str) -> Option<PathBuf> {
    let folder = root().join(source);
    let files = std::fs::read_dir(folder).ok()?;
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.file_stem().is_some_and(|stem| stem == source));
    assert!(files.len() <= 1, "several samples of {source}: {files:?}");
    files.pop()
}

fn rows(source: &str, contents: &[u8]) -> Vec<String> {
    let settings = Settings {
        zone: jiff::tz::TimeZone::get("Asia/Tokyo").unwrap(),
        year: YearPolicy::Starting(2026),
        ..Settings::default()
    };
    let origin = Origin {
        tenant: "default".into(),
        source: source.into(),
        label: "sample".into(),
        log: "sample".into(),
        backfill: true,
    };
    let mut decoder = Decoder::new(settings, Projection::default());
    let mut out = decoder.output();
    let lines = contents
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    for (offset, bytes) in (0..).zip(lines) {
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time::from_secs(1_782_000_000),
            bytes,
        };
        decoder.decode(&raw, &mut out);
    }
    decoder.flush(&mut out);
    assert_eq!(out.rejects.len(), 0, "{source}: {:?}", out.rejects);
    let batch = out.rows.finish();
    assert_closed(&batch, source);
    (0..batch.len()).map(|row| line(&batch, row)).collect()
}

/// Columns of closed words hold no others.
fn assert_closed(batch: &EventBatch, source: &str) {
    for spec in COLUMNS {
        let Some(words) = words::of(spec.column) else { continue };
        for row in 0..batch.len() {
            let is_one = match spec.kind {
                Kind::Dict | Kind::Text => batch.text(spec.column, row).is_none_or(|word| words.contains(&word)),
                _ => batch
                    .int(spec.column, row)
                    .is_none_or(|place| usize::try_from(place).is_ok_and(|place| place < words.len())),
            };
            assert!(
                is_one,
                "{source}: {} is {:?}",
                spec.name,
                batch.display(spec.column, row)
            );
        }
    }
}

fn line(batch: &EventBatch, row: usize) -> String {
    let columns = COLUMNS.iter().filter(|spec| !LEFT_OFF.contains(&spec.column));
    let values = columns.filter_map(|spec| Some((spec.name.to_owned(), Value::from(batch.display(spec.column, row)?))));
    Value::Object(values.collect::<Map<_, _>>()).to_string()
}

#[test]
fn every_sample_has_the_rows_that_stand_beside_it() {
    let mut wrong = Vec::new();
    for spec in FORMATS.iter() {
        let Some(path) = sample(spec.id) else { continue };
        let found = rows(spec.id, &std::fs::read(&path).unwrap());
        let expected_path = path.with_file_name(format!("{}.expected.ndjson", spec.id));
        if std::env::var_os("UPDATE_SAMPLES").is_some() {
            std::fs::write(&expected_path, found.join("\n") + "\n").unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&expected_path)
            .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_SAMPLES=1 writes it", expected_path.display()));
        let expected: Vec<&str> = expected.lines().collect();
        if found.len() != expected.len() {
            wrong.push(format!(
                "{}: {} rows, expected {}",
                path.display(),
                found.len(),
                expected.len()
            ));
        }
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            if parsed(found) != parsed(expected) {
                wrong.push(format!(
                    "{}:{}\n found    {found}\n expected {expected}",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines that are known by their source alone: a header of a table, and lines between others.
#[test]
fn auto_knows_the_sample_of_every_source() {
    let mut wrong = Vec::new();
    for spec in FORMATS.iter() {
        let Some(path) = sample(spec.id) else { continue };
        if path.extension().is_some_and(|extension| extension == "csv") {
            continue;
        }
        let expected = if spec.takes_own_maps() { "auto" } else { spec.id };
        let contents = std::fs::read(&path).unwrap();
        let lines = contents
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty());
        let others = lines
            .map(|line| (classify(line), line))
            .filter(|(source, _)| *source != expected);
        wrong.extend(
            others.map(|(source, line)| format!("{}: taken for {source}: {}", spec.id, String::from_utf8_lossy(line))),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
