//! Leavers, and administrators at night.

use std::sync::Arc;

use sekisho_model::{Detection, Severity, Snapshot};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

fn find(name: &str, rows: &[Row]) -> Vec<Detection> {
    let mut detector = detector(name, rule("SK-1", "lifecycle", Severity::Critical, 0.9), &Value::Null);
    let mut found = Vec::new();
    detector.observe(&batch(rows).unwrap(), &mut found);
    found
}

/// A leaver's sign-in half a year after the last day, with changes.
fn leaver(changes: &Value) -> Row {
    let base = json!({
        "time": "2026-09-30T23:10:00Z", "user_name": "hana@example.co.jp", "left": "2026-03-31",
        "status_id": 1, "activity": "logon",
    });
    with(&base, changes)
}

#[test]
fn a_leavers_account_signs_in_half_a_year_later() {
    let found = find("leaver", &[leaver(&json!({}))]);

    assert_eq!(found.len(), 1);
    assert_eq!(&*found[0].entity.name, "hana@example.co.jp");
    assert_eq!(found[0].facts["left"], json!("2026-03-31"));
    assert_eq!(found[0].facts["days_since_left"], json!(184));
}

#[test]
fn the_last_day_ends_at_midnight_in_the_tenants_zone() {
    for (time, fires) in [
        ("2026-03-31T08:00:00+09:00", false),
        ("2026-03-31T23:59:59+09:00", false),
        ("2026-04-01T00:00:00+09:00", true),
        ("2026-03-31T20:00:00Z", true),
    ] {
        let found = find("leaver", &[leaver(&json!({"time": time}))]);
        assert_eq!(!found.is_empty(), fires, "{time}");
    }
}

#[test]
fn every_use_counts_and_what_others_do_to_the_account_does_not() {
    for (changes, fires) in [
        (json!({"activity": "file_download"}), true),
        (json!({"activity": "mail_access"}), true),
        (json!({"activity": "token_grant", "is_interactive": false}), true),
        (
            json!({"activity": "file_download", "actor_name": "hana@example.co.jp"}),
            true,
        ),
        (json!({"status_id": 2, "activity": "file_download"}), false),
        (json!({"left": null}), false),
        (json!({"activity": "user_disable"}), false),
        (json!({"activity": "logoff"}), false),
        (
            json!({"activity": "mail_access", "actor_name": "manager@example.co.jp"}),
            false,
        ),
    ] {
        assert_eq!(!find("leaver", &[leaver(&changes)]).is_empty(), fires, "{changes}");
    }
}

#[test]
fn a_try_weighs_less_than_a_use_and_more_if_the_password_was_right() {
    for (changes, severity, fact) in [
        (json!({}), Severity::Critical, "days_since_left"),
        (
            json!({"status_id": 3, "status_reason": "mfa_required"}),
            Severity::High,
            "days_since_left_password_right",
        ),
        (
            json!({"status_id": 2, "status_reason": "policy_blocked", "activity": "vpn_connect"}),
            Severity::High,
            "days_since_left_password_right",
        ),
        (
            json!({"status_id": 2, "status_reason": "user_disabled"}),
            Severity::Low,
            "days_since_left_tried",
        ),
    ] {
        let found = find("leaver", &[leaver(&changes)]);

        assert_eq!(found.len(), 1, "{changes}");
        assert_eq!(found[0].weight.severity, severity, "{changes}");
        assert_eq!(found[0].facts[fact], json!(184), "{changes}");
    }
    assert!(
        find(
            "leaver",
            &[leaver(&json!({"status_id": 3, "status_reason": "interrupted"}))]
        )
        .is_empty()
    );
}

#[test]
fn tries_and_a_use_together_are_told_as_a_use() {
    let rows = [
        leaver(&json!({"status_id": 2, "status_reason": "bad_password", "time": "2026-10-01T01:00:00Z"})),
        leaver(&json!({})),
    ];

    let found = find("leaver", &rows);

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].weight.severity, Severity::Critical);
    assert_eq!(found[0].evidence.len(), 2);
    assert!(found[0].facts.contains_key("days_since_left"));
}

#[test]
fn the_downloads_of_a_leaver_are_one_detection_in_order_of_time() {
    let rows = [
        leaver(&json!({"time": "2026-10-01T02:00:00Z", "activity": "file_download"})),
        leaver(&json!({})),
        leaver(&json!({"time": "2026-10-01T01:00:00Z", "user_name": "taro@example.co.jp"})),
    ];

    let found = find("leaver", &rows);

    assert_eq!(found.len(), 2);
    let uids: Vec<&str> = found[0]
        .evidence
        .iter()
        .map(|evidence| evidence.event_uid.as_str())
        .collect();
    assert_eq!(uids, ["row-1", "row-0"]);
    assert_eq!(found[0].facts["activity"], json!("file_download"));
}

#[test]
fn a_repeated_event_is_told_once_even_after_a_restart() {
    let rule = rule("SK-401", "lifecycle", Severity::Critical, 0.9);
    let mut first = detector("leaver", Arc::clone(&rule), &Value::Null);
    let mut found = Vec::new();
    first.observe(
        &batch(&[leaver(&json!({})), leaver(&json!({"event_uid": "row-0"}))]).unwrap(),
        &mut found,
    );
    assert_eq!(found[0].evidence.len(), 1);

    let mut snapshot = Snapshot::default();
    first.snapshot(&mut snapshot).unwrap();
    let mut second = detector("leaver", rule, &Value::Null);
    second.restore(&snapshot);
    found.clear();
    second.observe(&batch(&[leaver(&json!({}))]).unwrap(), &mut found);

    assert!(found.is_empty());
}

/// An administrator's sign-in on a Saturday, with changes.
fn admin(changes: &Value) -> Row {
    let base = json!({
        "time": "2026-09-26T03:30:00+09:00", "user_name": "admin@example.co.jp", "privileged": true,
        "office_state": "closed", "status_id": 1, "activity": "logon",
    });
    with(&base, changes)
}

#[test]
fn an_administrator_signs_in_at_night() {
    let found = find("privileged_off_hours", &[admin(&json!({}))]);

    assert_eq!(found[0].facts["local_time"], json!("2026-09-26T03:30:00+09:00"));
    assert_eq!(found[0].facts["weekday"], json!("saturday"));
    assert_eq!(found[0].facts["office_state"], json!("closed"));
}

#[test]
fn only_people_with_rights_who_do_something_off_hours_fire() {
    for (changes, fires) in [
        (json!({"office_state": "holiday"}), true),
        (json!({"activity": "vpn_connect"}), true),
        (json!({"activity": "admin_command"}), true),
        (json!({"office_state": "open"}), false),
        (json!({"office_state": null}), false),
        (json!({"privileged": false}), false),
        (json!({"privileged": null}), false),
        (json!({"status_id": 2}), false),
        (json!({"activity": "file_download"}), false),
        (json!({"person_kind": "service"}), false),
        (json!({"is_interactive": false}), false),
    ] {
        assert_eq!(
            !find("privileged_off_hours", &[admin(&changes)]).is_empty(),
            fires,
            "{changes}"
        );
    }
}
