//! Right passwords in the wrong hands.

use std::collections::BTreeSet;

use sekisho_model::{Detection, Severity, Snapshot, Time};
use serde_json::{Value, json};

use crate::Detector;
use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

const START: i64 = 1_790_035_200;

/// A sign-in in this minute that the second factor stopped, at an unfamiliar place, with changes.
fn sign_in(minute: i64, changes: &Value) -> Row {
    let base = json!({
        "time": Time::from_secs(START + minute * 60).to_string(), "event_uid": minute.to_string(),
        "activity": "logon", "status_id": 3, "status_reason": "mfa_required", "unfamiliarity": 5.5,
        "user_name": "hana@example.co.jp", "src_ip": "198.51.100.1", "src_country": "NL", "session_uid": "s",
        "device_uid": "x",
    });
    with(&base, changes)
}

fn success(minute: i64, changes: &Value) -> Row {
    let success = json!({"status_id": 1, "status_reason": null, "unfamiliarity": null});
    sign_in(minute, &Value::Object(with(&success, changes)))
}

fn fresh() -> Box<dyn Detector> {
    detector(
        "password_stopped",
        rule("SK-105", "attack", Severity::High, 0.6),
        &Value::Null,
    )
}

fn find(rows: &[Row]) -> Vec<Detection> {
    let mut detector = fresh();
    let mut found = Vec::new();
    for row in rows {
        detector.observe(&batch(std::slice::from_ref(row)).unwrap(), &mut found);
        assert!(found.is_empty(), "nothing is decided before its time");
    }
    detector.tick(Time(i64::MAX), &mut found);
    found
}

fn told(mut rows: Vec<Row>) -> BTreeSet<i64> {
    let minutes = |found: Vec<Detection>| -> BTreeSet<i64> {
        let evidence = found.iter().flat_map(|detection| &detection.evidence);
        evidence.map(|evidence| evidence.event_uid.parse().unwrap()).collect()
    };
    let forward = minutes(find(&rows));
    rows.reverse();
    assert_eq!(minutes(find(&rows)), forward);
    forward
}

#[test]
fn a_stopped_sign_in_is_told_unless_a_success_is_near() {
    assert_eq!(told(vec![sign_in(20, &json!({}))]), [20].into());
    for (minute, changes, excuses) in [
        (21, json!({}), true),
        (30, json!({}), true),
        (10, json!({}), true),
        (31, json!({}), false),
        (9, json!({}), false),
        (
            21,
            json!({"src_ip": "192.0.2.1", "session_uid": null, "device_uid": null}),
            false,
        ),
        (21, json!({"src_ip": "192.0.2.1", "device_uid": null}), true),
        (21, json!({"src_ip": "192.0.2.1", "session_uid": null}), true),
        (21, json!({"session_uid": null, "device_uid": null}), true),
        (21, json!({"user_name": "taro@example.co.jp"}), false),
    ] {
        let told = told(vec![sign_in(20, &json!({})), success(minute, &changes)]);
        assert_eq!(told.is_empty(), excuses, "{minute} {changes}");
    }
}

#[test]
fn only_an_unfamiliar_place_and_an_accepted_password_count() {
    for changes in [
        json!({"unfamiliarity": 2.9}),
        json!({"unfamiliarity": null}),
        json!({"status_reason": "bad_password", "status_id": 2}),
        json!({"status_reason": null}),
        json!({"activity": "mail_access"}),
        json!({"person_kind": "service"}),
    ] {
        assert!(told(vec![sign_in(20, &changes)]).is_empty(), "{changes}");
    }
    for reason in ["mfa_denied", "mfa_failed", "policy_blocked", "password_expired"] {
        let stopped = sign_in(20, &json!({"status_reason": reason, "status_id": 2}));
        assert_eq!(told(vec![stopped]).len(), 1, "{reason}");
    }
}

#[test]
fn it_waits_until_every_success_could_have_come_and_outlives_a_restart() {
    let mut detector = fresh();
    let mut found = Vec::new();
    let rows = [
        success(0, &json!({"src_ip": "192.0.2.1", "src_country": "JP"})),
        sign_in(20, &json!({})),
    ];
    detector.observe(&batch(&rows).unwrap(), &mut found);
    let due = Time::from_secs(START + 20 * 60 + 10 * 60 + 24 * 3_600 + 5 * 60);
    detector.tick(Time(due.0 - 1), &mut found);
    assert!(found.is_empty());

    let mut snapshot = Snapshot::default();
    detector.snapshot(&mut snapshot).unwrap();
    let mut detector = fresh();
    detector.restore(&snapshot);
    detector.tick(due, &mut found);
    detector.tick(due, &mut found);

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].facts["stopped_by"], json!("mfa_required"));
    assert_eq!(found[0].facts["from_country"], json!("JP"));
    assert_eq!(found[0].facts["to_country"], json!("NL"));
}
