//! Panther's tests: single events, each with whether a rule of theirs fires.
//!
//! A case is named by the rule and its place among the cases of that rule.

use std::collections::BTreeMap;

use serde_json::Value;

use super::table::{self, Score};
use super::{Rig, corpora};

const DIFFERENCES: &str = "panther-differences.csv";

#[test]
fn single_events_fire_as_panther_expects_or_with_a_reason() {
    let Some(folder) = corpora() else { return };
    let text = std::fs::read_to_string(folder.join("given/panther_detections.ndjson")).unwrap();
    let lines = table::rows::<3>("panther.csv");
    let mut rig = Rig::bare();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut score, mut not_ours, mut unknown) = (Score::default(), 0, 0);
    let mut differences = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let rule = case["rule_id"].as_str().unwrap();
        let place = counts.entry(rule.to_owned()).or_default();
        let name = format!("{rule}#{place}");
        *place += 1;
        let Some([_, ours, reason]) = lines.iter().find(|[known, ..]| known == rule) else {
            unknown += 1;
            continue;
        };
        assert!(
            !ours.is_empty() || !reason.is_empty(),
            "{rule} has neither rules nor a reason"
        );
        let ours = table::ids(ours);
        let (found, read) = rig.judge(&name, "auto", &[case["event"].to_string()]);
        if ours.is_empty() || read == 0 {
            not_ours += 1;
            continue;
        }
        let fired = found.iter().any(|detection| ours.contains(&&*detection.rule.id));
        let expected = case["expected"].as_bool().unwrap();
        if score.count(expected, fired) {
            differences.push(name);
        }
    }
    eprintln!("Panther: {score:?}; {not_ours} of rules that are not ours by intent, {unknown} of other products");
    table::explained(DIFFERENCES, &table::rows::<2>(DIFFERENCES), &differences);
}
