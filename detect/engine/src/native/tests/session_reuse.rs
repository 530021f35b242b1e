//! Sessions that go on elsewhere.

use std::collections::BTreeSet;

use sekisho_model::{Detection, Severity};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

/// A use of a session at home in Tokyo, at nine, with changes.
fn used(index: usize, changes: &Value) -> Row {
    let base = json!({
        "time": "2026-10-01T00:00:00Z", "event_uid": index.to_string(), "activity": "logon", "status_id": 1,
        "user_name": "hana@example.co.jp", "session_uid": "s", "source": "entra.signin",
        "src_ip": "203.0.113.10", "src_country": "JP", "src_asn": 64_496, "client_family": "Edge/Windows",
    });
    with(&base, changes)
}

fn find(rows: &[Row], batch_rows: usize) -> Vec<Detection> {
    let rule = rule("SK-301", "session", Severity::High, 0.6);
    let mut detector = detector("session_reuse", rule, &Value::Null);
    let mut found = Vec::new();
    for rows in rows.chunks(batch_rows) {
        detector.observe(&batch(rows).unwrap(), &mut found);
    }
    found
}

fn told(rows: &[Row], batch_rows: usize) -> BTreeSet<usize> {
    let found = find(rows, batch_rows);
    let evidence = found.iter().flat_map(|detection| &detection.evidence);
    evidence.map(|evidence| evidence.event_uid.parse().unwrap()).collect()
}

/// Whether a use of the same session with these changes parts from one at home.
fn parts(changes: &Value) -> bool {
    let rows = [used(0, &json!({})), used(1, changes)];
    let found = told(&rows, 2);
    assert_eq!(told(&rows, 1), found);
    assert!(found.is_empty() || found == [0, 1].into());
    !found.is_empty()
}

#[test]
fn each_way_to_part_and_what_excuses_it() {
    for (changes, expected) in [
        (json!({"src_country": "NL", "src_asn": 64_510}), true),
        (
            json!({"src_country": "NL", "src_asn": 64_510, "src_net_kind": "mobile"}),
            false,
        ),
        (
            json!({"src_country": "NL", "src_asn": 64_510, "src_net_kind": "sase"}),
            false,
        ),
        (json!({"src_country": "NL"}), false),
        (json!({"src_asn": 64_510}), false),
        (json!({"src_asn": 64_510, "src_net_kind": "hosting"}), true),
        (json!({"src_asn": 64_510, "src_net_kind": "tor"}), true),
        (json!({"src_asn": 64_510, "src_net_kind": "vpn"}), false),
        (
            json!({"src_country": "NL", "src_asn": 64_510, "src_net_kind": "vpn"}),
            false,
        ),
        (
            json!({"src_asn": 64_510, "src_net_kind": "hosting", "unfamiliarity": 0.5}),
            true,
        ),
        (json!({"src_net_kind": "vpn"}), false),
        (
            json!({"client_family": "Firefox/Linux", "src_ip": "203.0.113.11"}),
            true,
        ),
        (json!({"client_family": "Firefox/Linux"}), false),
        (
            json!({"client_family": "Rich Client/Windows", "src_ip": "203.0.113.11"}),
            false,
        ),
        (json!({"user_agent": "python-requests/2.32"}), true),
        (json!({"user_agent": "python-requests/2.32", "status_id": 2}), false),
        (json!({"user_agent": "curl/8.7", "person_kind": "service"}), false),
        (json!({"user_agent": "curl/8.7", "session_uid": "t"}), false),
        (
            json!({"user_agent": "curl/8.7", "user_name": "taro@example.co.jp"}),
            false,
        ),
        (json!({"user_agent": "curl/8.7", "source": "windows.security"}), false),
        (json!({"user_agent": "curl/8.7", "src_asn": 8075}), true),
        (json!({"src_country": "IE", "src_asn": 8075}), false),
        (
            json!({"src_country": "NL", "src_asn": 64_510, "time": "2026-10-02T00:00:00Z"}),
            true,
        ),
        (
            json!({"src_country": "NL", "src_asn": 64_510, "time": "2026-10-02T00:00:01Z"}),
            false,
        ),
    ] {
        assert_eq!(parts(&changes), expected, "{changes}");
    }
}

#[test]
fn background_work_and_a_managed_device_are_left_out() {
    let far = json!({"src_country": "NL", "src_asn": 64_510, "app_uid": "ab9b8c07-8f02-4f72-87fa-80105867a763"});
    assert!(!parts(&Value::Object(with(&far, &json!({"is_interactive": false})))));
    assert!(parts(&Value::Object(with(&far, &json!({"is_interactive": true})))));

    let device = json!({"device_uid": "PC", "device_trust": "compliant"});
    let away = Value::Object(with(&device, &json!({"src_country": "NL", "src_asn": 64_510})));
    assert!(told(&[used(0, &device), used(1, &away)], 2).is_empty());
    assert_eq!(told(&[used(0, &json!({})), used(1, &away)], 2).len(), 2);
}

#[test]
fn network_and_client_together_are_more_likely_real() {
    let both = json!({"src_country": "NL", "src_asn": 64_510, "src_net_kind": "hosting", "user_agent": "axios/1.7",
        "time": "2026-10-01T00:20:00Z"});
    let found = find(&[used(0, &json!({})), used(1, &both)], 1);

    assert_eq!(found.len(), 1);
    assert!((found[0].weight.probability - 0.85).abs() < 1e-9);
    let facts = &found[0].facts;
    assert_eq!(
        facts["changed"],
        json!(["changed_script", "changed_anonymous", "changed_country"])
    );
    assert_eq!(facts["from_client"], json!("Edge/Windows"));
    assert_eq!(facts["to_client"], json!("axios"));
    assert_eq!(facts["to_country"], json!("NL"));
    assert_eq!(facts["minutes_taken"], json!(20));
}

#[test]
fn an_end_that_is_long_gone_makes_room() {
    let rule = rule("SK-301", "session", Severity::High, 0.6);
    let mut detector = detector("session_reuse", rule, &Value::Null);
    let mut found = Vec::new();
    for day in 1..29 {
        for step in 0..20 {
            let changes = json!({"event_uid": format!("{day}-{step}"), "time": format!("2026-10-{day:02}T00:{step:02}:00Z"),
                "src_ip": format!("203.0.{day}.{step}")});
            detector.observe(&batch(&[used(0, &changes)]).unwrap(), &mut found);
        }
        let horizon: jiff::Timestamp = format!("2026-10-{day:02}T00:30:00Z").parse().unwrap();
        detector.forget_before(horizon.into());
    }
    assert!(found.is_empty());
    let far = json!({"src_country": "NL", "src_asn": 64_510, "time": "2026-10-28T01:00:00Z"});
    detector.observe(&batch(&[used(1, &far)]).unwrap(), &mut found);
    assert_eq!(found.len(), 1);
}
