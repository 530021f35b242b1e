//! Runs the cases that formats keep beside them as data: `{"name", "raw", "expect"}` or
//! `{"name", "raw", "reject"}`. `raw` is the text of a record, or its JSON; `expect` is the columns of
//! its row, or of each of its rows; `null` stands for a column that must have no value.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use sekisho_model::{Column, EventBatch, Origin, Projection, Raw, Reject, Time};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Format, Output, Settings, YearPolicy};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    raw: Value,
    #[serde(default)]
    expect: Value,
    #[serde(default)]
    reject: Option<String>,
    /// Whether `auto` must know it for ours; true unless said otherwise.
    #[serde(default = "yes")]
    ours: bool,
}

fn yes() -> bool {
    true
}

/// What becomes of one record, with a projection onto `paths`.
pub(crate) fn decode(format: &mut dyn Format, record: &[u8], paths: &[&str]) -> (EventBatch, Vec<Reject>) {
    let origin = Origin {
        tenant: "default".into(),
        source: "auto".into(),
        label: "http:test".into(),
        log: "spool".into(),
        backfill: false,
    };
    let settings = Settings {
        zone: TimeZone::UTC,
        year: YearPolicy::Nearest,
        trusted_proxies: Vec::new(),
        maps: Vec::new(),
    };
    let mut out = Output::new(&Projection::new(paths.iter().copied()));
    let raw = Raw {
        origin: &origin,
        offset: 7,
        observed: Time::from_secs(1_800_000_000),
        bytes: record,
    };
    format.decode(&raw, &settings, &mut out);
    (out.rows.finish(), out.rejects)
}

/// The record of a case.
pub(crate) fn record(line: &str) -> String {
    let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    case.record()
}

impl Case {
    fn record(&self) -> String {
        match &self.raw {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        }
    }
}

/// Runs every case of a file.
pub(crate) fn run(format: &mut dyn Format, sniff: fn(&[u8]) -> bool, file: &str) {
    run_with(&mut |record| decode(format, record, &[]), &sniff, file);
}

/// Runs every case of a file, each with a new reader.
pub(crate) fn run_all(make: &mut dyn FnMut() -> Box<dyn Format>, sniff: &dyn Fn(&[u8]) -> bool, file: &str) {
    run_with(&mut |record| decode(&mut *make(), record, &[]), sniff, file);
}

/// Decodes one record.
type Decode<'d> = dyn FnMut(&[u8]) -> (EventBatch, Vec<Reject>) + 'd;

fn run_with(decode: &mut Decode<'_>, sniff: &dyn Fn(&[u8]) -> bool, file: &str) {
    let mut wrong = Vec::new();
    for (line, number) in file.lines().zip(1..) {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {number}: {error}"));
        let raw = case.record();
        if sniff(raw.as_bytes()) != case.ours {
            wrong.push(format!("{}: sniff is not {}", case.name, case.ours));
        }
        let (rows, rejects) = decode(raw.as_bytes());
        if let Some(reason) = &case.reject {
            let given: Vec<&str> = rejects.iter().map(|reject| reject.reason.as_str()).collect();
            if given.len() != 1 || !given[0].contains(reason) {
                wrong.push(format!("{}: rejected for {given:?}, expected {reason}", case.name));
            }
            continue;
        }
        let expected: Vec<&Map<String, Value>> = match &case.expect {
            Value::Array(rows) => rows.iter().map(|row| row.as_object().unwrap()).collect(),
            one => vec![
                one.as_object()
                    .unwrap_or_else(|| panic!("{}: nothing expected", case.name)),
            ],
        };
        if rows.len() != expected.len() {
            wrong.push(format!(
                "{}: {} rows and {rejects:?}, expected {}",
                case.name,
                rows.len(),
                expected.len()
            ));
            continue;
        }
        for (row, columns) in expected.iter().enumerate() {
            wrong.extend(differences(&rows, row, columns).map(|text| format!("{}: {text}", case.name)));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn differences<'a>(
    rows: &'a EventBatch,
    row: usize,
    columns: &'a Map<String, Value>,
) -> impl Iterator<Item = String> + 'a {
    columns.iter().filter_map(move |(name, expected)| {
        let column = Column::by_name(name).unwrap_or_else(|| panic!("no column {name}"));
        let expected = match expected {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let found = rows.display(column, row);
        (found != expected).then(|| format!("{name} is {found:?}, expected {expected:?}"))
    })
}

/// Keys that the formats know.
#[rustfmt::skip]
const KEYS: &[&str] = &[
    "records", "value", "properties", "category", "time", "createdDateTime", "status", "errorCode", "resultType",
    "userPrincipalName", "ipAddress", "location", "geoCoordinates", "latitude", "longitude", "deviceDetail",
    "authenticationDetails", "authenticationMethod", "AuditData", "Operation", "CreationTime", "UserId", "Actor",
    "Target", "ID", "Type", "ExtendedProperties", "Parameters", "OperationProperties", "ModifiedProperties",
    "Name", "Value", "NewValue", "RuleActions", "Recipients", "Id", "ObjectId", "ClientIP", "UserType",
    "mfaDetail", "authMethod", "signInEventTypes", "initiatedBy", "user", "Item", "AppAccessContext",
];

/// Values that the formats know.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "SignInLogs", "AuditLogs", "0", "50126", "500121", "True", "203.0.113.XXX", "[2001:db8::1]:1", "UserLoggedIn",
    "UserLoginFailed", "UpdateInboxRules", "Set-Mailbox", "Add member to role.", "Send", "Role.DisplayName",
    "2026-02-08T07:05:09Z", "2/8/2026 7:05 PM", "{\"errorCode\": 50126}", "[{\"Recipients\":[\"x\"]}]", "{", "-",
    "hana@example.co.jp", "S-1-5-18", "RuleActions", "あ", "\u{0}",
];

/// Any JSON, of keys and words that the formats know.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let (key, word) = (prop::sample::select(KEYS), prop::sample::select(WORDS));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// The law of any record: it becomes rows or rejects, and exactly one of either if it wraps no others.
pub(crate) fn nothing_is_lost(format: &mut dyn Format, record: &[u8]) {
    let (rows, rejects) = decode(
        format,
        record,
        &["properties.status.errorCode", "Parameters.Name", "a", ""],
    );
    let outcome = rows.len() + rejects.len();
    assert!(outcome >= 1, "lost: {}", String::from_utf8_lossy(record));
    let wraps = record.trim_ascii_start().starts_with(b"[")
        || memchr::memmem::find(record, b"records").is_some()
        || memchr::memmem::find(record, b"value").is_some();
    assert!(
        wraps || outcome == 1,
        "{outcome} outcomes of {}",
        String::from_utf8_lossy(record)
    );
}
