//! What the tests of this crate share.

use jiff::tz::TimeZone;
use sekisho_detect::{Engine, RuleFolder, RuleSet, Surroundings, testing};
use sekisho_model::EventBatch;
use serde_json::{Map, Value};

/// The sources that exist in tests.
pub(crate) const SOURCES: [&str; 6] = [
    "entra.signin",
    "linux.sshd",
    "m365.audit",
    "mail.dovecot",
    "mail.postfix",
    "web.combined",
];

/// One rule folder per text.
pub(crate) fn rule_set(texts: &[&str]) -> RuleSet {
    let folders: Vec<RuleFolder> = texts
        .iter()
        .enumerate()
        .map(|(place, text)| RuleFolder {
            path: format!("rules/{place}/rule.yml"),
            rule: (*text).to_owned(),
            response_en: Some("Look.".to_owned()),
            response_ja: None,
        })
        .collect();
    RuleSet::compile(&folders, &SOURCES, &Surroundings::of(TimeZone::UTC))
}

/// An engine of rules without problems.
pub(crate) fn engine(texts: &[&str]) -> Engine {
    let rules = rule_set(texts);
    assert!(rules.problems().is_empty(), "{}", rules.problems()[0]);
    Engine::new(rules)
}

/// A batch of these rows.
pub(crate) fn batch(rows: &[Map<String, Value>]) -> EventBatch {
    testing::batch(rows).unwrap()
}

/// The object that `json!` makes.
pub(crate) fn row(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

/// A time so many seconds after the start of a day.
pub(crate) fn at(seconds: i64) -> String {
    sekisho_model::Time::from_secs(1_790_812_800 + seconds).to_string()
}
