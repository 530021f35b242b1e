//! Another evaluator of Sigma, written by others: the same rules on the same events must give the
//! same matches, and where they do not, the table says why.
//!
//! Detection is compared on generated events and on records of real services (with
//! `SEKISHO_CORPORA`); correlations on generated events in order of time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use rsigma_eval::event::JsonEvent;
use rsigma_eval::{CorrelationConfig, CorrelationEngine, Engine};
use sekisho_detect::RuleFolder;
use serde_json::{Value, json};

use crate::common::{at, batch, engine, row};
use crate::corpus::published_rules;
use crate::coverage::{Firing, Record, elements, files, fire_by_record, logsource, panther_records};

/// Records of clouds, for comparing.
fn cloud_records(folder: &Path) -> Vec<Record> {
    let attacks = files(&folder.join("logs/cloudtrail-attacks")).into_iter();
    let attacks = attacks.flat_map(|path| elements(&path));
    let mut records: Vec<Record> = attacks.map(|raw| ("aws.cloudtrail".to_owned(), raw)).collect();
    records.extend(panther_records(folder).into_values().flatten());
    let mut seen = BTreeSet::new();
    // A record that comes twice is one event.
    records.retain(|(_, raw)| seen.insert(raw.clone()));
    records
}

// ---- detection -------------------------------------------------------------------------------

fn theirs(rule: &str, events: &[Value]) -> BTreeSet<usize> {
    let rules = rsigma_parser::parse_sigma_yaml(rule).unwrap();
    let mut engine = Engine::new();
    engine.add_collection(&rules).unwrap();
    let matches = |event: &&Value| !engine.evaluate(&JsonEvent::borrow(event)).is_empty();
    (0..events.len()).filter(|at| matches(&&events[*at])).collect()
}

fn ours(rule: &str, events: &[Value]) -> BTreeSet<usize> {
    let rows: Vec<_> = events.iter().cloned().map(row).collect();
    let found = engine(&[rule]).detect(&batch(&rows));
    let evidence = found.into_iter().flat_map(|detection| detection.evidence);
    evidence.map(|event| event.event_uid.parse().unwrap()).collect()
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "A",
        "ab",
        "aB",
        "abc",
        "b",
        "a.b",
        "10",
        "7",
        "192.0.2.7",
        "198.51.100.1",
        "x y",
        "-x",
        "C:\\\\a",
    ])
}

fn item() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["user_name", "url", "app_name", "src_city"]);
    let text = prop_oneof![
        3 => value().prop_map(str::to_owned),
        1 => (value(), value()).prop_map(|(a, b)| format!("{a}*{b}")),
        1 => value().prop_map(|a| format!("{a}?")),
        1 => value().prop_map(|a| format!("*{a}")),
    ];
    let texts =
        proptest::collection::vec(text.prop_map(|text| format!("'{text}'")), 1..4).prop_map(|all| all.join(", "));
    let spelled = prop::sample::select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|all",
        "|all",
        "|cased",
        "|contains|cased",
        "|windash|contains",
    ]);
    let number = prop::sample::select(vec!["status_id", "http_status", "item_count"]);
    prop_oneof![
        5 => (name.clone(), spelled, texts).prop_map(|(name, spelled, texts)| {
            // They refuse `all` of a single value, and take a wildcard beside `startswith`,
            // `endswith` and `windash` for itself.
            let texts = if spelled.contains("with") || spelled.contains("windash") { texts.replace(['*', '?'], "") } else { texts };
            let spelled = if texts.contains(", ") { spelled } else { spelled.trim_end_matches("|all") };
            format!("{name}{spelled}: [{texts}]")
        }),
        1 => (number.clone(), 0..4_i64).prop_map(|(name, value)| format!("{name}: {value}")),
        1 => (number, prop::sample::select(vec!["lt", "lte", "gt", "gte"]), 0..4_i64)
            .prop_map(|(name, comparison, bound)| format!("{name}|{comparison}: {bound}")),
        1 => (name.clone(), any::<bool>()).prop_map(|(name, exists)| format!("{name}|exists: {exists}")),
        1 => (name.clone(), prop::sample::select(vec!["re", "re|i"]), prop::sample::select(vec!["^a", "b$", "a.b", "[0-9]+"]))
            .prop_map(|(name, kind, regex)| format!("{name}|{kind}: '{regex}'")),
        1 => Just("src_ip|cidr: [192.0.2.0/24, 198.51.100.1/32]".to_owned()),
        1 => name.clone().prop_map(|name| format!("{name}|fieldref: app_name")),
        1 => name.prop_map(|name| format!("{name}: null")),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let search = proptest::collection::vec(item(), 1..4).prop_map(|mut items| {
        let mut seen = BTreeSet::new();
        items.retain(|item| seen.insert(item.split(':').next().unwrap().to_owned()));
        format!("{{{}}}", items.join(", "))
    });
    let condition = prop::sample::select(vec![
        "s1",
        "not s1",
        "s1 and not s2",
        "1 of them",
        "all of them",
        "2 of s*",
        "s1 or (s2 and not s3)",
        "not 1 of s*",
        "not (s1 and s2) or s3",
    ]);
    (proptest::collection::vec(search, 3), condition).prop_map(|(searches, condition)| {
        format!(
            "title: t\nid: 00000000-0000-0000-0000-000000000001\nlogsource: {{product: sekisho}}\ndetection:\n  s1: {}\n  s2: {}\n  s3: {}\n  condition: {condition}\n",
            searches[0], searches[1], searches[2]
        )
    })
}

/// What is drawn of an event: its texts, its status and its HTTP status.
type Drawn = (Vec<Option<String>>, i64, Option<i64>);

fn events() -> impl Strategy<Value = Vec<Value>> {
    let text = prop::option::of(value().prop_map(|value| value.replace("\\\\", "\\")));
    let shape = (proptest::collection::vec(text, 5), 0..4_i64, prop::option::of(0..4_i64));
    proptest::collection::vec(shape, 1..12).prop_map(|events| {
        let event = |(index, (texts, status, http)): (usize, Drawn)| {
            let mut event = json!({
                "event_uid": index.to_string(), "time": at(0), "source": "linux.sshd", "status_id": status,
                "user_name": texts[0], "url": texts[1], "app_name": texts[2], "src_city": texts[3], "src_ip": texts[4],
                "http_status": http, "item_count": http,
            });
            event.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            event
        };
        events.into_iter().enumerate().map(event).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_events_match_the_same_rules(rule in rule(), events in events()) {
        prop_assert_eq!(ours(&rule, &events), theirs(&rule, &events), "{}\n{:#?}", rule, events);
    }
}

// ---- real records ----------------------------------------------------------------------------

/// Rules that differ on purpose, by their titles, and why.
const ON_PURPOSE: &[(&str, &str)] = &[(
    "AWS S3 Bucket Versioning Disable",
    "`requestParameters|contains` looks into an object: we search its JSON text, they find no text",
)];

#[test]
fn real_records_match_the_same_published_rules() {
    let Ok(folder) = std::env::var("SEKISHO_CORPORA") else {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
        return;
    };
    // What is native there is native here: elsewhere names are ours, and they know none of them.
    let sources = [
        ("aws/cloudtrail", "aws.cloudtrail"),
        ("okta/okta", "okta.system"),
        ("github/audit", "github.audit"),
    ];
    let published = published_rules(Path::new(&folder));
    let records = cloud_records(Path::new(&folder));
    let mut compared = 0;
    let mut differences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (wanted, source) in sources {
        let rules: Vec<RuleFolder> = published
            .iter()
            .filter(|rule| logsource(&rule.rule) == wanted)
            .cloned()
            .collect();
        let events: Vec<Record> = records
            .iter()
            .filter(|(of, raw)| of == source && as_the_service_writes(raw))
            .cloned()
            .collect();
        let ours = fire_by_record(&rules, &events);
        let theirs = rsigma_fires(&rules, &events);
        compared += rules.len() * events.len();
        eprintln!(
            "{wanted}: {} rules, {} records, {} matches",
            rules.len(),
            events.len(),
            theirs.len()
        );
        for (title, record) in ours.symmetric_difference(&theirs) {
            let side = if ours.contains(&(title.clone(), *record)) {
                "only ours"
            } else {
                "only theirs"
            };
            differences
                .entry(title.clone())
                .or_default()
                .push(format!("{wanted} record {record}: {side}"));
        }
    }
    for (title, _) in ON_PURPOSE {
        differences.remove(*title);
    }
    assert!(compared > 5_000, "{compared}");
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Some records were stored with all names in lower case: we find fields whatever their case, they do not.
fn as_the_service_writes(raw: &[u8]) -> bool {
    let event: Value = serde_json::from_slice(raw).unwrap();
    let names = ["eventName", "eventType", "action"];
    let named = names.iter().any(|name| event.get(*name).is_some());
    named && event["userIdentity"].get("sessioncontext").is_none()
}

fn rsigma_fires(rules: &[RuleFolder], records: &[(String, Vec<u8>)]) -> BTreeSet<Firing> {
    let mut engine = Engine::new();
    for rule in rules {
        // A rule that we do not run because it can never match does not match there either.
        engine
            .add_collection(&rsigma_parser::parse_sigma_yaml(&rule.rule).unwrap())
            .unwrap();
    }
    let mut fired = BTreeSet::new();
    for (at, (_, bytes)) in records.iter().enumerate() {
        let event: Value = serde_json::from_slice(bytes).unwrap();
        for found in engine.evaluate(&JsonEvent::borrow(&event)) {
            fired.insert((found.header.rule_title.clone(), at));
        }
    }
    fired
}

// ---- correlations ----------------------------------------------------------------------------

const BASE: &str = "
title: Failure
name: failure
id: 00000000-0000-0000-0000-000000000003
logsource: {product: sekisho}
detection: {s: {status_id: 2}, condition: s}
---
title: Success
name: success
id: 00000000-0000-0000-0000-000000000004
logsource: {product: sekisho}
detection: {s: {status_id: 1}, condition: s}
---
title: Correlation
id: 00000000-0000-0000-0000-000000000002
correlation: CORRELATION
level: high
";

/// The groups in which a correlation fires at all. They fire with each event that completes a window,
/// we tell every event of the window: that it fires, and for whom, must be the same.
fn correlations_agree(correlation: &str, events: &[Value]) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = BASE.replace("CORRELATION", correlation);
    let rows: Vec<_> = events.iter().cloned().map(row).collect();
    let found = engine(&[&text]).detect(&batch(&rows));
    let ours = found
        .iter()
        .filter(|detection| detection.rule.title.en == "Correlation")
        .map(|detection| detection.facts["group"]["user_name"].as_str().unwrap().to_owned())
        .collect();
    let config = CorrelationConfig {
        timestamp_fields: vec!["time".to_owned()],
        emit_detections: false,
        ..CorrelationConfig::default()
    };
    let mut engine = CorrelationEngine::new(config);
    engine
        .add_collection(&rsigma_parser::parse_sigma_yaml(&text).unwrap())
        .unwrap();
    let mut theirs = BTreeSet::new();
    for event in events {
        for fired in engine.process_event(&JsonEvent::borrow(event)) {
            let Some(body) = fired.as_correlation() else { continue };
            theirs.extend(body.group_key.iter().map(|(_, value)| value.clone()));
        }
    }
    (ours, theirs)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_events_in_order_fire_the_same_correlations(
        events in proptest::collection::vec((1..900_i64, 0..3_u8, 1..3_i64, 0..4_u8), 1..30),
        correlation in prop::sample::select(vec![
            "{type: event_count, rules: [failure], group-by: [user_name], timespan: 10m, condition: {gte: 3}}",
            "{type: event_count, rules: [failure, success], group-by: [user_name], timespan: 5m, condition: {gt: 3}}",
            "{type: value_count, rules: [failure], group-by: [user_name], timespan: 20m, condition: {gte: 2, field: url}}",
            "{type: value_sum, rules: [failure], group-by: [user_name], timespan: 20m, condition: {gte: 500, field: http_status}}",
            "{type: temporal, rules: [failure, success], group-by: [user_name], timespan: 3m, condition: {gte: 2}}",
            "{type: temporal_ordered, rules: [failure, success], group-by: [user_name], timespan: 3m, condition: {gte: 2}}",
        ]),
    ) {
        // Different times: of what happens at once they take the order of arrival for the order.
        let mut time = 0;
        let events: Vec<Value> = events.into_iter().enumerate().map(|(index, (gap, user, status, url))| {
            time += gap;
            json!({
                "event_uid": index.to_string(), "time": at(time), "source": "linux.sshd", "status_id": status,
                "user_name": format!("user{user}"), "url": format!("/{url}"), "http_status": 100 + i64::from(url) * 50,
            })
        }).collect();
        let (ours, theirs) = correlations_agree(correlation, &events);
        prop_assert_eq!(ours, theirs, "{}\n{:#?}", correlation, events);
    }
}
