use proptest::prelude::*;
use sekisho_model::{Column, Projection, Raw};
use serde::Deserialize;
use serde_json::Value;

use crate::{Decoder, testing};

/// `{"name", "source", "raw", "expect"}`: what becomes of a document; `expect` is the columns of its only
/// row, or null if it is rejected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "auto")]
    source: String,
    raw: Value,
    /// What the row keeps of it, where it is a part.
    kept: Option<Value>,
    expect: Option<serde_json::Map<String, Value>>,
}

fn auto() -> String {
    "auto".to_owned()
}

fn decode(source: &str, record: &[u8]) -> (sekisho_model::EventBatch, Vec<sekisho_model::Reject>) {
    let mut origin = testing::origin();
    origin.source = source.into();
    let mut decoder = Decoder::new(testing::settings(), Projection::default());
    let mut out = decoder.output();
    let raw = Raw {
        origin: &origin,
        offset: 3,
        observed: testing::received(),
        bytes: record,
    };
    decoder.decode(&raw, &mut out);
    decoder.flush(&mut out);
    (out.rows.finish(), out.rejects)
}

#[test]
fn every_case_is_read_as_written() {
    let mut wrong = Vec::new();
    for line in include_str!("cases.ndjson").lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let record = case.raw.to_string();
        let (rows, rejects) = decode(&case.source, record.as_bytes());
        let record = case.kept.map_or(record, |kept| kept.to_string());
        let Some(expected) = case.expect else {
            if !rows.is_empty() || rejects.len() != 1 || rejects[0].raw != record {
                wrong.push(format!("{}: {} rows, {rejects:?}", case.name, rows.len()));
            }
            continue;
        };
        if rows.len() != 1 || rows.text(Column::Raw, 0) != Some(&record) {
            wrong.push(format!(
                "{}: {} rows, {rejects:?}, or not the whole record",
                case.name,
                rows.len()
            ));
            continue;
        }
        for (name, expected) in expected {
            let expected = match expected {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            };
            let found = rows.display(Column::by_name(&name).unwrap(), 0);
            if found != expected {
                wrong.push(format!("{}: {name} is {found:?}, expected {expected:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_event_of_a_message_of_cloudwatch_is_a_record_and_a_call_to_see_who_listens_is_none() {
    let message = |kind: &str| {
        serde_json::json!({"messageType": kind, "logGroup": "g", "logStream": "s", "logEvents": [
            {"id": "1", "timestamp": 1_780_621_872_000_i64, "message": "Jun  5 10:11:12 web1 sshd[7]: Accepted password for hana from 203.0.113.9 port 1 ssh2"},
            {"id": "2", "timestamp": 1_780_621_872_000_i64, "message": "nobody knows it"},
            {"id": "3", "timestamp": 1_780_621_873_000_i64, "message": "Jun  5 10:11:12 web1 sshd[7]: Failed password for hana from 203.0.113.9 port 1 ssh2"},
        ]})
        .to_string()
    };
    let (rows, rejects) = decode("auto", message("DATA_MESSAGE").as_bytes());
    assert_eq!((rows.len(), rejects.len()), (2, 1));
    assert_ne!(rows.text(Column::EventUid, 0), rows.text(Column::EventUid, 1));
    let (rows, rejects) = decode("auto", message("CONTROL_MESSAGE").as_bytes());
    assert_eq!((rows.len(), rejects.len()), (0, 0));
}

#[test]
fn the_journals_cursor_is_the_identity_wherever_it_comes_from() {
    let uid = |offset: &str| {
        let record = format!(
            r#"{{"__CURSOR": "s=1;i=2", "x": "{offset}", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": "Server listening"}}"#
        );
        decode("auto", record.as_bytes())
            .0
            .text(Column::EventUid, 0)
            .unwrap()
            .to_owned()
    };
    assert_eq!(uid("a"), uid("b"));
}

#[test]
fn tables_that_one_shipper_sends_are_told_apart_by_their_file() {
    let mut origin = testing::origin();
    origin.source = "csv.map".into();
    let mut decoder = Decoder::new(testing::settings(), Projection::default());
    let mut out = decoder.output();
    let lines = [
        ("/a.csv", "日時,ユーザー,操作,結果"),
        ("/b.csv", "ログイン日時,ユーザー名,結果"),
        ("/a.csv", "2026/06/05 10:11:12,hana,ログアウト,成功"),
        ("/b.csv", "2026/06/05 10:11:12,taro,失敗"),
        ("/c.csv", "2026/06/05 10:11:12,jiro,失敗"),
    ];
    for (offset, (file, line)) in (0..).zip(lines) {
        let record = serde_json::json!({"message": line, "log": {"file": {"path": file}}}).to_string();
        let raw = Raw {
            origin: &origin,
            offset,
            observed: testing::received(),
            bytes: record.as_bytes(),
        };
        decoder.decode(&raw, &mut out);
    }
    let rows = out.rows.finish();
    let found: Vec<_> = (0..rows.len())
        .map(|row| rows.text(Column::Activity, row).unwrap())
        .collect();
    assert_eq!(found, ["logoff", "logon"]);
    assert!(rows.text(Column::Raw, 0).unwrap().starts_with('{'));
    assert_eq!(out.rejects.len(), 1);
    assert!(out.rejects[0].raw.starts_with('{'), "{}", out.rejects[0].raw);
}

proptest! {
    #[test]
    fn any_line_in_a_document_becomes_one_row_or_reject(line in ".*", program in ".*", named in any::<bool>()) {
        let record = serde_json::json!({"message": line, "appname": program, "host": program}).to_string();
        let source = if named { "linux.sshd" } else { "auto" };
        let (rows, rejects) = decode(source, record.as_bytes());
        prop_assert_eq!(rows.len() + rejects.len(), 1);
    }
}
