//! Test cases as data: lines, and what the rows that they give must hold.

use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Origin, Projection, Raw, Time};
use serde::Deserialize;
use serde_json::Value;

use crate::{Format, Output, Settings, YearPolicy, timestamp};

/// One case: these lines, in this order, give these rows. A row names the columns that are checked,
/// `null` for one that must be empty; `native.x` is a field of `native`.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    lines: Vec<String>,
    rows: Vec<serde_json::Map<String, Value>>,
    #[serde(default)]
    rejects: usize,
}

/// Settings of a server in Tokyo.
pub(crate) fn settings() -> Settings {
    Settings {
        zone: TimeZone::get("Asia/Tokyo").unwrap(),
        year: YearPolicy::Nearest,
        trusted_proxies: vec!["192.0.2.0/28".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
        maps: Vec::new(),
    }
}

/// When the records of the tests are received.
pub(crate) fn received() -> Time {
    timestamp::rfc3339("2026-06-05T03:00:00Z").unwrap()
}

/// How the records of the tests come.
pub(crate) fn origin() -> Origin {
    Origin {
        tenant: "default".into(),
        source: "test".into(),
        label: "file:test.log#0".into(),
        log: "test.log".into(),
        backfill: false,
    }
}

/// Feeds records to a format; the first has offset `first`.
pub(crate) fn feed<T: AsRef<[u8]>>(format: &mut dyn Format, records: &[T], first: i64, out: &mut Output) {
    let (origin, settings) = (origin(), settings());
    for (offset, record) in (first..).zip(records) {
        let raw = Raw {
            origin: &origin,
            offset,
            observed: received(),
            bytes: record.as_ref(),
        };
        format.decode(&raw, &settings, out);
    }
}

/// Runs every case of a file of cases, each with a fresh format, and lists what differs.
pub(crate) fn run_cases(cases: &str, make: fn() -> Box<dyn Format>, sniff: fn(&[u8]) -> bool) {
    let mut wrong = Vec::new();
    for line in cases.lines().filter(|line| !line.trim().is_empty()) {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let mut out = Output::new(&Projection::default());
        let mut format = make();
        feed(&mut *format, &case.lines, 0, &mut out);
        format.flush(&mut out);
        let batch = out.rows.finish();
        if batch.len() != case.rows.len() || out.rejects.len() != case.rejects {
            wrong.push(format!(
                "{}: {} rows and {} rejects",
                case.name,
                batch.len(),
                out.rejects.len()
            ));
            continue;
        }
        for (row, expected) in case.rows.iter().enumerate() {
            wrong.extend(expected.iter().filter_map(|(name, value)| {
                let found = cell(&batch, name, row);
                let expected = match value {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                };
                (found != expected).then(|| format!("{}, row {row}: {name} is {found:?}, not {expected:?}", case.name))
            }));
        }
        wrong.extend(
            case.lines
                .iter()
                .filter(|line| case.rejects == 0 && !sniff(line.as_bytes()))
                .map(|line| format!("{}: not recognised: {line}", case.name)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cell(batch: &EventBatch, name: &str, row: usize) -> Option<String> {
    match name.strip_prefix("native.") {
        None => batch.display(Column::by_name(name).unwrap_or_else(|| panic!("no column {name}")), row),
        Some(field) => {
            let native: Value = serde_json::from_str(batch.text(Column::Native, row)?).unwrap();
            native.get(field)?.as_str().map(str::to_owned)
        }
    }
}
