//! In the VPN and in the cloud at once.

use std::collections::BTreeSet;

use sekisho_model::{Severity, Time};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

const DAY: i64 = 24 * 60;

fn event(minute: i64, activity: &str, changes: &Value) -> Row {
    let place = if activity == "logon" {
        json!({"source": "entra.signin", "src_ip": "198.51.100.1", "src_country": "NL", "src_asn": 64_502})
    } else {
        json!({"source": "openvpn.log", "src_ip": "203.0.113.1", "src_country": "JP", "src_asn": 64_500})
    };
    let base = json!({
        "time": Time::from_secs(1_790_035_200 + minute * 60).to_string(), "event_uid": minute.to_string(),
        "activity": activity, "status_id": 1, "user_name": "hana@example.co.jp",
    });
    with(&Value::Object(with(&base, &place)), changes)
}

/// The minutes of the events that are told, which are the same in each order.
fn told(mut rows: Vec<Row>) -> BTreeSet<i64> {
    let mut results = BTreeSet::new();
    for _ in 0..2 {
        for batch_rows in [1, rows.len()] {
            let mut detector = detector(
                "vpn_and_cloud",
                rule("SK-207", "travel", Severity::High, 0.35),
                &Value::Null,
            );
            let mut found = Vec::new();
            for rows in rows.chunks(batch_rows) {
                detector.observe(&batch(rows).unwrap(), &mut found);
            }
            let evidence = found.iter().flat_map(|detection| &detection.evidence);
            results.insert(
                evidence
                    .map(|evidence| evidence.event_uid.parse().unwrap())
                    .collect::<BTreeSet<i64>>(),
            );
        }
        rows.reverse();
    }
    assert_eq!(results.len(), 1, "{results:?}");
    results.pop_first().unwrap()
}

fn tunnel_with(minute: i64, changes: &Value) -> BTreeSet<i64> {
    told(vec![
        event(10, "vpn_connect", &json!({})),
        event(minute, "logon", changes),
        event(300, "vpn_disconnect", &json!({"status_id": 0})),
    ])
}

#[test]
fn only_what_happens_within_the_tunnel_and_elsewhere_is_told() {
    assert_eq!(tunnel_with(60, &json!({})), [10, 60, 300].into());
    assert!(tunnel_with(5, &json!({})).is_empty());
    assert!(tunnel_with(301, &json!({})).is_empty());
    for excuse in [
        json!({"src_country": "JP"}),
        json!({"src_country": null}),
        json!({"src_asn": 64_500}),
        json!({"src_net_kind": "egress"}),
        json!({"src_net_kind": "office"}),
        json!({"src_net_kind": "mobile"}),
        json!({"device_trust": "compliant"}),
        json!({"is_interactive": false}),
        json!({"status_id": 2}),
        json!({"user_name": "taro@example.co.jp"}),
        json!({"person_kind": "service"}),
    ] {
        assert!(tunnel_with(60, &excuse).is_empty(), "{excuse}");
    }
}

#[test]
fn a_tunnel_has_two_ends_of_one_address_within_a_day() {
    let open = vec![event(10, "vpn_connect", &json!({})), event(60, "logon", &json!({}))];
    assert!(told(open.clone()).is_empty());
    let mut other = open.clone();
    other.push(event(300, "vpn_disconnect", &json!({"src_ip": "203.0.113.2"})));
    assert!(told(other).is_empty());
    let mut late = open;
    late.push(event(10 + DAY + 1, "vpn_disconnect", &json!({})));
    assert!(told(late).is_empty());
}

#[test]
fn who_works_like_that_on_two_days_is_known_for_it() {
    let days: Vec<Row> = [0, 1, 2, 4]
        .into_iter()
        .flat_map(|day| {
            [
                event(day * DAY, "vpn_connect", &json!({})),
                event(day * DAY + 60, "logon", &json!({})),
                event(day * DAY + 120, "vpn_disconnect", &json!({})),
            ]
        })
        .collect();
    let mut detector = detector(
        "vpn_and_cloud",
        rule("SK-207", "travel", Severity::High, 0.35),
        &Value::Null,
    );
    let mut found = Vec::new();
    for row in days {
        detector.observe(&batch(&[row]).unwrap(), &mut found);
    }
    let told: Vec<&str> = found
        .iter()
        .flat_map(|detection| &detection.evidence)
        .map(|evidence| evidence.event_uid.as_str())
        .collect();
    assert_eq!(told.len(), 9, "{told:?}");
    assert!(!told.contains(&"5820"), "the day is usual by then");
}

#[test]
fn a_tunnel_that_flaps_all_day_costs_no_more_than_its_rows() {
    // As many beginnings, uses and ends as are remembered: each use lies within each tunnel.
    let count = 680;
    let rows: Vec<Row> = (0..count)
        .map(|number| event(number, "vpn_connect", &json!({})))
        .chain((count..2 * count).map(|number| event(number, "vpn_disconnect", &json!({"status_id": 0}))))
        .chain((0..count).map(|number| {
            let time = Time::from_secs(1_790_035_200 + count * 60 - 30);
            event(2 * count + number, "logon", &json!({"time": time.to_string()}))
        }))
        .collect();
    let mut detector = detector(
        "vpn_and_cloud",
        rule("SK-207", "travel", Severity::High, 0.35),
        &Value::Null,
    );
    let mut found = Vec::new();
    let begun = std::time::Instant::now();

    detector.observe(&batch(&rows).unwrap(), &mut found);

    let told: usize = found.iter().map(|detection| detection.evidence.len()).sum();
    assert_eq!(told, rows.len());
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
