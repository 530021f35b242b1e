//! The sample logs and their normal form, as it stands beside each.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Sample, ndjson, root, samples, sekisho};

/// The folders of sample logs.
const FOLDERS: &[&str] = &["administrator", "leaver", "mail", "server"];
/// Columns that tell of the machine and the moment, or repeat the record.
const LEFT_OFF: &[&str] = &["ingest_time", "origin", "raw"];
/// Sources whose records have ids of their own; the ids of others tell where a record stood.
const WITH_IDS: &[&str] = &["entra.signin", "m365.audit"];
/// Set to write the expected files anew.
const UPDATE: &str = "UPDATE_SAMPLES";

fn normal_form(sample: &Sample) -> String {
    let path = sample.path.to_str().expect("the path is UTF-8");
    let mut args = vec!["normalise", "--source", &sample.source, "--zone", "Asia/Tokyo", path];
    if sample.source == "linux.sshd" {
        args.extend(["--year", "2026"]); // these lines do not tell the year
    }
    ndjson(&sekisho(args).ok())
        .into_iter()
        .map(|row| line(sample, row))
        .collect()
}

fn line(sample: &Sample, row: Value) -> String {
    let Value::Object(mut row) = row else {
        panic!("not an object: {row}")
    };
    assert!(row.contains_key("raw"), "every row has its record: {row:?}");
    assert_eq!(
        row["parse_status"], "ok",
        "the samples hold nothing that is not understood: {row:?}"
    );
    row.retain(|name, _| !LEFT_OFF.contains(&name.as_str()));
    if !WITH_IDS.contains(&sample.source.as_str()) {
        row.remove("event_uid");
    }
    format!("{}\n", Value::Object(row))
}

fn expected_path(sample: &Sample) -> PathBuf {
    root().join(sample.path.with_file_name(format!("{}.expected.ndjson", sample.source)))
}

#[test]
fn every_sample_has_the_normal_form_that_stands_beside_it() {
    let update = std::env::var_os(UPDATE).is_some();
    let all: Vec<Sample> = FOLDERS.iter().flat_map(|folder| samples(folder)).collect();
    assert_eq!(all.len(), 7, "{all:?}");
    for sample in all {
        let found = normal_form(&sample);
        let path = expected_path(&sample);
        if update {
            std::fs::write(&path, &found).expect("the expected file can be written");
            continue;
        }
        let expected = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; {UPDATE}=1 writes it", path.display()));
        for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            let parsed = |line: &str| serde_json::from_str::<Value>(line).expect("a line is JSON");
            assert_eq!(parsed(found), parsed(expected), "{}:{}", path.display(), number + 1);
        }
        assert_eq!(
            found.lines().count(),
            expected.lines().count(),
            "rows of {}",
            sample.path.display()
        );
    }
}
