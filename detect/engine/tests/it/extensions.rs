//! What rules can say under `x-sekisho`, and why a rule fires or does not.

use sekisho_detect::Engine;
use sekisho_model::{Detection, Severity, Time};
use serde_json::{Value, json};

use crate::common::{at, batch, engine, row};

const END: Time = Time(i64::MAX);
const DAY: i64 = 86_400;

/// A sign-in of a user from an address, with other values on top.
fn sign_in(uid: &str, seconds: i64, user: &str, status: i64, more: Value) -> Value {
    let mut event = json!({
        "event_uid": uid, "time": at(seconds), "source": "linux.sshd", "activity": "logon", "user_name": user,
        "src_ip": "192.0.2.1", "status_id": status,
    });
    let fields = event.as_object_mut().unwrap();
    fields.extend(row(more));
    event
}

fn observe(engine: &mut Engine, rows: &[Value]) -> Vec<Detection> {
    let rows: Vec<_> = rows.iter().cloned().map(row).collect();
    engine.detect(&batch(&rows))
}

/// The events of all detections, sorted.
fn events(found: &[Detection]) -> Vec<&str> {
    let all = found.iter().flat_map(|detection| &detection.evidence);
    let mut uids: Vec<&str> = all.map(|event| event.event_uid.as_str()).collect();
    uids.sort_unstable();
    uids
}

const FAILURE: &str = "title: Failure\nname: failure\ndetection: {s: {status_id: 2}, condition: s}\n";
const SUCCESS: &str = "title: Success\nname: success\ndetection: {s: {status_id: 1}, condition: s}\n";

#[test]
fn a_threshold_grows_with_the_number_of_active_people() {
    let spray = "
title: Spray
id: SK-001
x-sekisho: {threshold_rel: {share: 0.04, floor: 3}}
correlation: {type: value_count, rules: [failure], group-by: [src_ip], timespan: 1h, condition: {gte: 3, field: user_name}}
";
    for (people, users, fires) in [
        (json!(null), 2, false),
        (json!(null), 3, true),
        (json!(75), 3, true),
        (json!(76), 3, false),
        (json!(76), 4, true),
        (json!(500), 19, false),
        (json!(500), 20, true),
    ] {
        let rows: Vec<Value> = (0..users)
            .map(|user| {
                sign_in(
                    &format!("{user:02}"),
                    user,
                    &format!("user{user}"),
                    2,
                    json!({"active_people": people}),
                )
            })
            .collect();
        let found = observe(&mut engine(&[spray, FAILURE]), &rows);

        assert_eq!(!found.is_empty(), fires, "{users} of {people}");
        if fires {
            assert_eq!(found[0].facts["distinct"], json!(users));
        }
    }
}

#[test]
fn a_detection_weighs_more_where_its_events_say_so() {
    let rules = "
title: Single
id: SK-001
level: medium
x-sekisho:
  probability: 0.1
  escalate:
    - {when: {privileged: true}, level: high, probability: 0.6}
    - {when: [{office_state: closed}, {office_state: holiday}], probability: 0.3}
detection: {s: {status_id: 1}, condition: s}
---
title: Several
id: SK-002
level: low
x-sekisho: {escalate: {when: {privileged: true}, level: critical}}
correlation: {type: event_count, rules: [SK-001], group-by: [user_name], timespan: 1h, condition: {gte: 2}}
generate: true
";
    let weigh = |first: Value, second: Value| -> Vec<(Severity, f64)> {
        let rows = [sign_in("a", 0, "hana", 1, first), sign_in("b", 60, "hana", 1, second)];
        let found = observe(&mut engine(&[rules]), &rows);
        found
            .iter()
            .map(|one| (one.weight.severity, one.weight.probability))
            .collect()
    };

    let plain = json!({});
    assert_eq!(
        weigh(plain.clone(), plain.clone()),
        [(Severity::Medium, 0.1), (Severity::Low, 0.05)]
    );
    assert_eq!(
        weigh(plain.clone(), json!({"office_state": "holiday"})),
        [(Severity::Medium, 0.3), (Severity::Low, 0.05)]
    );
    assert_eq!(
        weigh(json!({"privileged": true}), plain),
        [(Severity::High, 0.6), (Severity::Critical, 0.8)]
    );
}

#[test]
fn what_nothing_followed_is_told_when_nothing_can_follow_any_more() {
    let rule = "
title: Stopped after the password
id: SK-001
x-sekisho: {absent: {rule: success, within: 10m}, lateness: 5m}
correlation: {type: event_count, rules: [failure], group-by: [user_name], timespan: 1m, condition: {gte: 1}}
";
    let mut engine = engine(&[rule, FAILURE, SUCCESS]);
    let rows = [
        sign_in("answered", 0, "hana", 2, json!({})),
        sign_in("answer", 590, "hana", 1, json!({})),
        sign_in("alone", 0, "taro", 2, json!({})),
        sign_in("too late", 601, "taro", 1, json!({})),
        sign_in("too early", 100, "jiro", 1, json!({})),
        sign_in("after", 101, "jiro", 2, json!({})),
    ];
    let base = Time::from_secs(1_790_812_800);
    let later = |seconds: u64| base.plus(std::time::Duration::from_secs(seconds));

    assert_eq!(observe(&mut engine, &rows), []);
    assert_eq!(engine.decide(later(899)), []);
    let snapshot = engine.snapshot().unwrap();
    let mut restored = self::engine(&[rule, FAILURE, SUCCESS]);
    restored.restore(&snapshot);
    assert_eq!(restored.snapshot().unwrap(), snapshot);
    let found = restored.decide(later(900));
    assert_eq!(events(&found), ["alone"]);
    assert_eq!(found[0].facts["not_followed_secs"], 600);
    assert_eq!(events(&restored.decide(later(1_001))), ["after"]);
    assert_eq!(restored.decide(END), []);
}

#[test]
fn a_value_is_new_once_there_is_a_history_without_it() {
    let rule = "
title: New network
id: SK-001
x-sekisho: {first_seen: {fields: [src_asn], by: [user_name], days: 30, min_events: 3}}
detection: {s: {status_id: 1}, condition: s}
";
    let network = |uid: &str, day: i64, user: &str, asn: i64| sign_in(uid, day * DAY, user, 1, json!({"src_asn": asn}));
    let mut engine = engine(&[rule]);
    let mut told = Vec::new();
    let days = [
        // One event of one person that has no history.
        vec![network("a1", 0, "hana", 1), network("b1", 0, "taro", 2)],
        vec![network("a2", 1, "hana", 1), network("a2", 1, "hana", 1)],
        vec![network("a3", 2, "hana", 1)],
        // Three events, but one of them yesterday.
        vec![network("too soon", 3, "hana", 9)],
        vec![network("new", 8, "hana", 5), network("known", 8, "hana", 1)],
        vec![network("still new", 9, "hana", 5)],
        vec![network("no more", 10, "hana", 5), network("no history", 10, "taro", 7)],
        // Forgotten after thirty days.
        (11..40)
            .map(|day| network(&format!("c{day}"), day, "hana", 1))
            .collect(),
        vec![network("again", 41, "hana", 5)],
    ];
    for rows in days {
        told.extend(observe(&mut engine, &rows));
        engine.forget();
        let snapshot = engine.snapshot().unwrap();
        engine.restore(&snapshot);
    }

    assert_eq!(events(&told), ["again", "new", "still new"]);
}

#[test]
fn numbers_and_dates_of_columns_can_be_compared() {
    let rule = |search: &str| format!("title: t\nid: SK-001\ndetection:\n  s: {{{search}}}\n  condition: s\n");
    let event = sign_in(
        "a",
        0,
        "hana",
        1,
        json!({"unfamiliarity": 3.0, "left": "2026-03-31", "src_lat": 35.5, "active_people": 40}),
    );
    for (search, matches) in [
        ("unfamiliarity|gte: 3", true),
        ("unfamiliarity|gt: 3", false),
        ("unfamiliarity|gt: 2.5", true),
        ("unfamiliarity: 3", true),
        ("unfamiliarity|lt: '3.5'", true),
        ("left|lt: 2026-04-01", true),
        ("left|lt: '2026-03-31'", false),
        ("left|lte: 2026-03-31", true),
        ("left: 2026-03-31", true),
        ("joined|lt: 2026-04-01", false),
        ("src_lat|gte: 35.5", true),
        ("active_people|gte: 40", true),
        ("time|gte: 2026-10-01T00:00:00+00:00", true),
        ("time|lt: 2026-10-01T00:00:00Z", false),
        ("time|hour: 0", true),
        ("time|hour: [22, 23]", false),
        ("time|minute|lt: 30", true),
        ("time|week: 40", true),
        ("time|month|gte: 10", true),
        ("time|day: 1", true),
        ("left|day: 31", true),
        ("left|year|neq: 2026", false),
        ("user_name|hour: 0", false),
    ] {
        let found = observe(&mut engine(&[&rule(search)]), std::slice::from_ref(&event));
        assert_eq!(!found.is_empty(), matches, "{search}");
    }
}

#[test]
fn an_explanation_says_what_was_expected_and_what_was_found() {
    let rules = "
title: Root from abroad
id: SK-001
logsource: {product: linux, service: sshd}
detection:
  root: {user_name: [root, 'adm*'], status_id: 1}
  own: [{src_country: JP}, {src_ip|cidr: 192.0.2.0/24}]
  condition: root and not own
---
title: Elsewhere
id: SK-002
logsource: {category: webserver}
detection: {s: {cs-method: POST}, condition: s}
";
    let engine = engine(&[rules]);
    let rows = batch(&[row(sign_in("a", 0, "Admin", 1, json!({"src_country": "US"})))]);

    let explained = engine.explain(&rows, 0);

    assert_eq!((explained[0].applies, explained[0].matched), (true, false));
    assert_eq!(explained[0].condition, "root and not own");
    let searches: Vec<(&str, bool)> = explained[0]
        .searches
        .iter()
        .map(|search| (search.name.as_str(), search.matched))
        .collect();
    assert_eq!(searches, [("root", true), ("own", true)]);
    let own = &explained[0].searches[1].alternatives;
    let shown = |place: usize| {
        let item = &own[place].items[0];
        (item.expected.as_str(), item.found.as_deref(), item.matched)
    };
    assert_eq!(shown(0), ("JP", Some("US"), false));
    assert_eq!(shown(1), ("an address of 192.0.2.0/24", Some("192.0.2.1"), true));
    let first = &explained[0].searches[0].alternatives[0].items[0];
    assert_eq!((first.expected.as_str(), first.line), ("one of root, adm*", 6));
    assert_eq!((explained[1].applies, explained[1].searches.len()), (false, 0));
}
