//! The law of order: the same rows, in any order, in any split into batches, with a restart in
//! between, end in the same evidence for the same entities.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sekisho_detect::Engine;
use sekisho_model::{Detection, Severity, Time};
use serde_json::{Map, Value, json};

use crate::common::{at, batch, engine, row};

const BASE: &str = "
title: Failure
name: failure
detection: {s: {activity: logon, status_id: 2}, condition: s}
---
title: Success
name: success
detection: {s: {activity: logon, status_id: 1}, condition: s}
---
title: Step
name: step
detection: {s: {activity: logon, status_id: 3}, condition: s}
";

const RULES: [&str; 14] = [
    "
title: Count
id: SK-901
correlation: {type: event_count, rules: [failure], group-by: [user_name], timespan: 10m, condition: {gte: 3}}
",
    "
title: Count by entity
id: SK-902
x-sekisho: {entity: user_name}
correlation: {type: event_count, rules: [failure, step], group-by: [src_ip], timespan: 7m, condition: {gt: 3}}
",
    "
title: Values
id: SK-903
correlation: {type: value_count, rules: [failure], group-by: [src_ip], timespan: 15m, condition: {gte: 3, field: resource}}
",
    "
title: Sum
id: SK-904
correlation: {type: value_sum, rules: [success], group-by: [user_name, src_ip], timespan: 12m, condition: {gte: 5, field: bytes_out}}
",
    "
title: Temporal
id: SK-905
correlation: {type: temporal, rules: [failure, success, step], group-by: [user_name], timespan: 6m}
",
    "
title: Ordered
id: SK-906
correlation: {type: temporal_ordered, rules: [failure, step, success], group-by: [user_name], timespan: 20m}
",
    "
title: Ordered by the last
id: SK-907
x-sekisho: {entity: user_name}
correlation: {type: temporal_ordered, rules: [many, success], group-by: [src_ip], timespan: 30m}
---
title: Many
name: many
correlation: {type: value_count, rules: [failure], group-by: [src_ip, tenant], timespan: 10m, condition: {gte: 2, field: user_name}}
",
    "
title: A correlation of a correlation of a correlation
id: SK-908
correlation: {type: event_count, rules: [after], group-by: [resource], timespan: 1h, condition: {gte: 2}}
---
title: After
name: after
correlation: {type: temporal_ordered, rules: [often, success], group-by: [user_name], timespan: 15m}
---
title: Often
name: often
correlation: {type: event_count, rules: [failure], group-by: [user_name], timespan: 5m, condition: {gte: 2}}
",
    "
title: A share of the people
id: SK-909
x-sekisho: {threshold_rel: {share: 0.1, floor: 2}, escalate: {when: {resource: /file1}, level: critical}}
correlation: {type: value_count, rules: [failure], group-by: [src_ip], timespan: 15m, condition: {gte: 2, field: resource}}
",
    "
title: Not followed by a success
id: SK-911
x-sekisho: {absent: {rule: success, within: 5m}, lateness: 1m}
correlation: {type: event_count, rules: [failure], group-by: [user_name], timespan: 10m, condition: {gte: 2}}
",
    "
title: Few
id: SK-912
x-sekisho: {lateness: 1m}
correlation: {type: event_count, rules: [failure], group-by: [src_ip], timespan: 10m, condition: {gt: 1, lte: 3}}
",
    "
title: High on average
id: SK-913
x-sekisho: {lateness: 1m}
correlation: {type: value_avg, rules: [success], group-by: [src_ip], timespan: 20m, condition: {gt: 1.4, field: bytes_out}}
",
    "
title: Small in the middle
id: SK-914
x-sekisho: {lateness: 1m}
correlation: {type: value_median, rules: [step], group-by: [src_ip], timespan: 20m, condition: {lt: 1, field: bytes_out}}
",
    "
title: After what was not followed
id: SK-915
correlation: {type: temporal_ordered, rules: [unanswered, step], group-by: [user_name], timespan: 30m}
---
title: Unanswered
name: unanswered
x-sekisho: {absent: {rule: often, within: 4m}, lateness: 1m}
correlation: {type: event_count, rules: [step], group-by: [user_name], timespan: 1m, condition: {gte: 1}}
",
];

fn build() -> Engine {
    engine(&RULES.into_iter().chain([BASE]).collect::<Vec<_>>())
}

type Row = Map<String, Value>;

/// After everything.
const END: Time = Time(i64::MAX);

fn events() -> impl Strategy<Value = Vec<Row>> {
    let event = (
        0..70_i64,
        0..3_u8,
        0..2_u8,
        1..4_i64,
        0..4_u8,
        prop::option::of(0..3_i64),
    );
    proptest::collection::vec(event, 1..45).prop_map(|events| {
        let rows = events
            .into_iter()
            .enumerate()
            .map(|(index, (minute, user, address, status, resource, items))| {
                row(json!({
                    "event_uid": format!("event-{index}"),
                    "time": at(minute * 60),
                    "activity": "logon",
                    "status_id": status,
                    "user_name": (user > 0).then(|| format!("user{user}@example.co.jp")),
                    "src_ip": format!("192.0.2.{address}"),
                    "resource": format!("/file{resource}"),
                    "item_count": items,
                    "bytes_out": items,
                    "active_people": (index % 3 == 0).then_some(25),
                    "tenant": if index % 7 == 6 { "other" } else { "default" },
                }))
            });
        rows.collect()
    })
}

/// For each rule, tenant and entity, the evidence by episode.
type Outcome = BTreeMap<(String, String, String), (Severity, Vec<BTreeSet<String>>)>;

fn outcome(found: &[Detection]) -> Outcome {
    type Told = (BTreeSet<(Time, String)>, std::time::Duration, Severity);
    let mut evidence: BTreeMap<_, Told> = BTreeMap::new();
    for detection in found {
        let key = (
            detection.rule.id.to_string(),
            detection.tenant.to_string(),
            detection.entity.name.to_string(),
        );
        let (events, gap, weight) = evidence.entry(key).or_default();
        *gap = detection.gap;
        for event in &detection.evidence {
            *weight = (*weight).max(detection.weight.severity);
            let new = events.insert((event.time, event.event_uid.clone()));
            assert!(new, "{} is told twice by {}", event.event_uid, detection.rule.id);
        }
    }
    evidence
        .into_iter()
        .map(|(key, (events, gap, weight))| {
            let mut episodes: Vec<BTreeSet<String>> = Vec::new();
            let mut last: Option<Time> = None;
            for (time, uid) in events {
                match episodes.last_mut() {
                    Some(episode) if last.is_some_and(|last| time.distance(last) <= gap) => {
                        episode.insert(uid);
                    }
                    _ => episodes.push(BTreeSet::from([uid])),
                }
                last = Some(time);
            }
            (key, (weight, episodes))
        })
        .collect()
}

/// Feeds rows in batches of these sizes, in turn; before batch `restart`, goes on in a new engine.
fn run(rows: &[Row], sizes: &[usize], restart: usize) -> Outcome {
    let mut engine = build();
    let mut found = Vec::new();
    let mut rest = rows;
    for (index, size) in sizes.iter().cycle().enumerate() {
        if rest.is_empty() {
            break;
        }
        if index == restart {
            let snapshot = engine.snapshot().unwrap();
            engine = build();
            engine.restore(&snapshot);
            assert_eq!(engine.snapshot().unwrap(), snapshot);
        }
        let (now, later) = rest.split_at((*size).min(rest.len()));
        found.extend(engine.detect(&batch(now)));
        found.extend(engine.decide_old());
        engine.forget();
        rest = later;
    }
    found.extend(engine.decide(END));
    outcome(&found)
}

/// Rows, the same in another order with some of them twice, how they are split, and when to restart.
fn cases() -> impl Strategy<Value = (Vec<Row>, Vec<Row>, Vec<usize>, usize)> {
    events().prop_flat_map(|rows| {
        let again = proptest::collection::vec(0..rows.len(), 0..8);
        let shuffled = again.prop_flat_map({
            let rows = rows.clone();
            move |again| {
                let repeated = again.into_iter().map(|index| rows[index].clone());
                Just(rows.iter().cloned().chain(repeated).collect::<Vec<_>>()).prop_shuffle()
            }
        });
        (
            Just(rows),
            shuffled,
            proptest::collection::vec(1..12_usize, 1..5),
            0..12_usize,
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn order_batches_and_restarts_make_no_difference((rows, shuffled, sizes, restart) in cases()) {
        let once = run(&rows, &[rows.len()], usize::MAX);
        let otherwise = run(&shuffled, &sizes, restart);
        prop_assert_eq!(once, otherwise);
    }
}

#[test]
fn the_generated_rows_make_every_rule_fire() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut fired = BTreeSet::new();
    for _ in 0..200 {
        let rows = events().new_tree(&mut runner).unwrap().current();
        fired.extend(run(&rows, &[rows.len()], usize::MAX).into_keys().map(|(rule, ..)| rule));
    }
    assert_eq!(fired.len(), RULES.len(), "{fired:?}");
}

/// Rows over many days that come up to a day late: forgetting must not be felt.
#[test]
fn what_is_forgotten_is_not_missed() {
    let mut rows: Vec<(i64, Row)> = Vec::new();
    let mut random = 12_345_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((random >> 33) % below).unwrap()
    };
    for index in 0..3_000 {
        let time = next(10 * 86_400 / 60) * 60;
        let observed = time + next(86_400);
        let (status, user, address) = (1 + next(3), 1 + next(2), next(2));
        let fields = json!({
            "event_uid": format!("event-{index}"),
            "time": at(time),
            "ingest_time": at(observed),
            "activity": "logon",
            "status_id": status,
            "user_name": format!("user{user}@example.co.jp"),
            "src_ip": format!("192.0.2.{address}"),
            "resource": format!("/file{}", next(4)),
            "bytes_out": next(3),
        });
        rows.push((observed, row(fields)));
    }
    rows.sort_by_key(|(observed, _)| *observed);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();

    let mut engine = build();
    let mut at_once = engine.detect(&batch(&rows));
    at_once.extend(engine.decide(END));
    let forgetting = run(&rows, &[50], 30);

    let at_once = outcome(&at_once);
    assert!(at_once.len() > 12, "{}", at_once.len());
    assert_eq!(at_once, forgetting);
}

/// More events than a group keeps: what cannot change a judgement is dropped, and nothing is lost.
#[test]
fn a_flood_is_told_in_full_and_kept_in_bounds() {
    let rows: Vec<Row> = (0..20_000)
        .map(|index| {
            row(json!({
                "event_uid": format!("event-{index}"), "time": at(index / 10), "activity": "logon", "status_id": 2,
                "user_name": format!("user{}@example.co.jp", index % 1_000), "src_ip": "192.0.2.1",
                "resource": format!("/file{}", index % 50),
            }))
        })
        .collect();
    let mut engine = build();
    let mut told = BTreeMap::<String, usize>::new();
    for rows in rows.chunks(2_000) {
        for detection in engine.detect(&batch(rows)) {
            *told.entry(detection.rule.id.to_string()).or_default() += detection.evidence.len();
        }
    }

    // What waits for the end of its window cannot be thinned without a trace, and is told to be dropped.
    let waiting = ["SK-907", "SK-911", "SK-912", "SK-915/unanswered"];
    assert_eq!(told["SK-902"], 20_000);
    assert_eq!(told["SK-903"], 20_000);
    // Only an order has to remember every event, and says so when it cannot.
    assert!(
        engine.dropped().keys().all(|rule| waiting.contains(&&**rule)),
        "{:?}",
        engine.dropped()
    );
    let kept = engine.snapshot().unwrap();
    let kept: usize = kept
        .entries()
        .filter(|(part, ..)| part.contains("SK-903"))
        .map(|(.., state)| state.len())
        .sum();
    assert!(kept < 1_000_000, "{kept} bytes");
}

const FIRST_SEEN: &str = "
title: New network
id: SK-921
x-sekisho: {first_seen: {fields: [src_asn], by: [user_name], days: 4, min_events: 2}}
detection: {s: {activity: logon}, condition: s}
---
title: Several in a day from a new network
id: SK-922
correlation: {type: event_count, rules: [new_network], group-by: [user_name], timespan: 24h, condition: {gte: 2}}
---
title: New network of anybody
name: new_network
x-sekisho: {first_seen: {fields: [src_asn, resource], days: 5, min_events: 3}}
detection: {s: {activity: logon}, condition: s}
";

/// Rows over two weeks, by when they arrive: up to 23 hours late, and some of them twice.
fn late_rows() -> impl Strategy<Value = Vec<(i64, Row)>> {
    let event = (
        0..14 * 24_i64,
        0..23_i64,
        prop::option::of(0..23_i64),
        0..2_u8,
        0..4_i64,
        0..2_u8,
    );
    proptest::collection::vec(event, 1..60).prop_map(|events| {
        let mut arrivals = Vec::new();
        for (index, (hour, late, again, user, network, resource)) in events.into_iter().enumerate() {
            for late in [Some(late), again].into_iter().flatten() {
                let fields = json!({
                    "event_uid": format!("event-{index}"),
                    "time": at(hour * 3_600),
                    "ingest_time": at((hour + late) * 3_600),
                    "activity": "logon",
                    "user_name": format!("user{user}@example.co.jp"),
                    "src_asn": network,
                    "resource": format!("/file{resource}"),
                });
                arrivals.push((hour + late, row(fields)));
            }
        }
        arrivals.sort_by_key(|(arrives, _)| *arrives);
        arrivals
    })
}

/// What each rule tells of, where rows come in batches of these sizes, with restarts in between.
fn first_seen(rows: &[Row], sizes: &[usize]) -> BTreeSet<(String, String)> {
    let mut engine = engine(&[FIRST_SEEN]);
    let mut found = Vec::new();
    let mut rest = rows;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*size).min(rest.len()));
        found.extend(engine.detect(&batch(now)));
        engine.forget();
        let snapshot = engine.snapshot().unwrap();
        engine = self::engine(&[FIRST_SEEN]);
        engine.restore(&snapshot);
        rest = later;
    }
    found.extend(engine.decide(END));
    let of = |detection: &Detection| {
        let rule = detection.rule.id.to_string();
        let events = detection.evidence.iter();
        events
            .map(|event| (rule.clone(), event.event_uid.clone()))
            .collect::<Vec<_>>()
    };
    found.iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// What is new is the same where rows come as they happen, all at once, and up to a day late.
    #[test]
    fn what_is_new_does_not_depend_on_the_order(
        arrivals in late_rows(),
        sizes in proptest::collection::vec(1..12_usize, 1..5),
    ) {
        let rows: Vec<Row> = arrivals.into_iter().map(|(_, row)| row).collect();
        let mut in_time = rows.clone();
        in_time.sort_by_key(|row| row["time"].as_str().map(str::to_owned));

        let late = first_seen(&rows, &sizes);

        prop_assert_eq!(&late, &first_seen(&rows, &[rows.len()]));
        prop_assert_eq!(&late, &first_seen(&in_time, &[in_time.len()]));
    }
}

#[test]
fn the_generated_late_rows_make_both_rules_about_what_is_new_fire() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut fired = BTreeSet::new();
    for _ in 0..60 {
        let rows = late_rows().new_tree(&mut runner).unwrap().current();
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        fired.extend(first_seen(&rows, &[7]).into_iter().map(|(rule, _)| rule));
    }
    assert_eq!(fired.len(), 2, "{fired:?}");
}
