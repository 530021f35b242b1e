//! `CrowdSec`'s tests: logs, each with the sources that a scenario of theirs raises an alert for.
//!
//! A case is a source of a log: whether it is expected, and whether one of our rules names it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::table::{self, Score};
use super::{Rig, corpora};

const DIFFERENCES: &str = "crowdsec-differences.csv";

#[test]
fn sources_are_named_as_crowdsec_expects_or_with_a_reason() {
    let Some(folder) = corpora() else { return };
    let text = std::fs::read_to_string(folder.join("given/crowdsec_scenarios.ndjson")).unwrap();
    let lines = table::rows::<3>("crowdsec.csv");
    let mut rig = Rig::bare();
    let (mut score, mut not_ours, mut unknown) = (Score::default(), 0, 0);
    let mut differences = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let Some([_, ours, reason]) = lines.iter().find(|[known, ..]| *known == name) else {
            unknown += 1;
            continue;
        };
        assert!(
            !ours.is_empty() || !reason.is_empty(),
            "{name} has neither rules nor a reason"
        );
        let ours = table::ids(ours);
        if ours.is_empty() {
            not_ours += 1;
            continue;
        }
        let records = records(&folder.join("logs/crowdsec").join(&name));
        assert!(!records.is_empty(), "{name} has no log");
        let (found, _) = rig.judge(&name, "auto", &records);
        let named: BTreeSet<String> = found
            .iter()
            .filter(|detection| ours.contains(&&*detection.rule.id))
            .map(|detection| detection.entity.name.to_string())
            .collect();
        let expected = expected(&case);
        if expected.is_empty() && named.is_empty() {
            score.count(false, false);
        }
        for source in expected.union(&named) {
            if score.count(expected.contains(source), named.contains(source)) {
                differences.push(format!("{name} {source}"));
            }
        }
    }
    eprintln!("CrowdSec: {score:?}; {not_ours} scenarios that are not ours by intent, {unknown} of other products");
    table::explained(DIFFERENCES, &table::rows::<2>(DIFFERENCES), &differences);
}

fn expected(case: &Value) -> BTreeSet<String> {
    let alerts = case["alerts"].as_array().into_iter().flatten();
    let sources = alerts.filter_map(|alert| alert["sources"].as_array()).flatten();
    sources.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The lines of the files of a folder.
fn records(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let texts = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    texts
        .flat_map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}
