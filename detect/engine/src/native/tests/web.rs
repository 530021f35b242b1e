//! What web servers answered.

use std::collections::BTreeSet;

use sekisho_model::{Detection, Severity, Time};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

/// A Monday morning in Tokyo.
const START: i64 = 1_790_035_200;
const DAY: i64 = 86_400;

fn request(index: usize, second: i64, changes: &Value) -> Row {
    let base = json!({
        "time": Time::from_secs(START + second).to_string(), "event_uid": index.to_string(),
        "activity": "web_request", "action": "GET", "status_id": 1, "http_status": 200, "bytes_out": 5_000,
        "dst_host": "www.example.co.jp", "src_ip": "198.51.100.9", "url": "/",
    });
    with(&base, changes)
}

fn find(name: &str, rows: &[Row], batch_rows: usize) -> Vec<Detection> {
    let mut detector = detector(name, rule("SK-6", "web", Severity::High, 0.5), &Value::Null);
    let mut found = Vec::new();
    for rows in rows.chunks(batch_rows) {
        detector.observe(&batch(rows).unwrap(), &mut found);
    }
    found
}

fn told(found: &[Detection]) -> BTreeSet<usize> {
    let evidence = found.iter().flat_map(|detection| &detection.evidence);
    evidence.map(|evidence| evidence.event_uid.parse().unwrap()).collect()
}

/// Five pages of a site, three days before.
fn known_site() -> Vec<Row> {
    let page = |index: usize| {
        let changes = json!({"url": format!("/page-{index}?id=1"), "bytes_out": 5_000 + 1_000 * index});
        request(100 + index, -3 * DAY, &changes)
    };
    (0..5).map(page).collect()
}

/// How an attack on a known site is judged.
fn attack(changes: &Value) -> Option<Severity> {
    let mut rows = known_site();
    rows.push(request(0, 0, changes));
    let found = find("exploit_success", &rows, 2);
    assert!(found.len() <= 1);
    found.first().map(|detection| detection.weight.severity)
}

#[test]
fn an_attack_that_was_answered_is_told_and_one_that_was_not_is_no_finding() {
    for (changes, expected) in [
        (json!({"url": "/.env", "bytes_out": 300}), Some(Severity::High)),
        (
            json!({"url": "/get?f=%252e%252e%252f..%2fetc", "bytes_out": 300}),
            Some(Severity::High),
        ),
        (json!({"url": "/.env", "bytes_out": 300, "http_status": 404}), None),
        (json!({"url": "/.env", "bytes_out": 0}), None),
        (json!({"url": "/logo.png?x=../../etc", "bytes_out": 300}), None),
        (json!({"url": "/environment", "bytes_out": 300}), None),
        (json!({"url": "/page-1?id=1+union+select+2", "bytes_out": 6_900}), None),
        (
            json!({"url": "/page-1?id=1+union+select+2", "bytes_out": 60_000}),
            Some(Severity::High),
        ),
        (json!({"url": "/.env", "bytes_out": null}), Some(Severity::Medium)),
        (
            json!({"url": "/.env", "dst_host": "new.example.co.jp"}),
            Some(Severity::Medium),
        ),
    ] {
        assert_eq!(attack(&changes), expected, "{changes}");
    }
}

#[test]
fn a_site_that_has_one_answer_for_everything_is_learnt() {
    let pages = |count: usize, day: i64| -> Vec<Row> {
        let page = |index: usize| {
            request(
                100 + index,
                day * DAY,
                &json!({"url": format!("/{index}"), "bytes_out": 1_420}),
            )
        };
        let mut rows: Vec<Row> = (0..count).map(page).collect();
        rows.push(request(0, 0, &json!({"url": "/.git/config", "bytes_out": 1_460})));
        rows
    };
    assert!(find("exploit_success", &pages(5, -3), 9).is_empty());
    assert_eq!(find("exploit_success", &pages(4, -3), 9).len(), 1);
    assert_eq!(
        find("exploit_success", &pages(5, -1), 9).len(),
        1,
        "it may still change"
    );
}

#[test]
fn attacks_do_not_teach_what_is_usual() {
    let mut rows: Vec<Row> = (0..9)
        .map(|index| {
            request(
                100 + index,
                -3 * DAY,
                &json!({"url": format!("/{index}/.git/"), "bytes_out": 300}),
            )
        })
        .collect();
    rows.extend(known_site());
    rows.push(request(0, 0, &json!({"url": "/.git/", "bytes_out": 300})));
    assert!(told(&find("exploit_success", &rows, 5)).contains(&0));
}

#[test]
fn only_who_is_signed_in_is_told_and_not_who_was_before() {
    let login = json!({"action": "POST", "http_status": 302, "url": "/wp-login.php"});
    let with_login = |changes: Value| Value::Object(with(&login, &changes));
    for (changes, expected) in [
        (login.clone(), true),
        (with_login(json!({"http_status": 200})), false),
        (with_login(json!({"action": "GET"})), false),
        (with_login(json!({"src_net_kind": "office"})), false),
        (with_login(json!({"src_ip_type": "private"})), false),
        (with_login(json!({"url": "/contact"})), false),
        (json!({"url": "/wp-admin/users.php"}), true),
        (json!({"url": "/wp-admin/admin-ajax.php"}), false),
        (json!({"url": "/wp-admin/css/forms.css"}), false),
        (json!({"url": "/wp-admin/users.php", "http_status": 302}), false),
    ] {
        let found = find("admin_panel", &[request(0, 0, &changes)], 1);
        assert_eq!(!found.is_empty(), expected, "{changes}");
    }

    let visits = |days: &[i64], last: &str| -> BTreeSet<usize> {
        let mut rows: Vec<Row> = days
            .iter()
            .map(|day| request(10, day * DAY, &with_login(json!({"src_ip": "198.51.100.77"}))))
            .collect();
        rows.push(request(0, 0, &with_login(json!({"src_ip": last}))));
        told(&find("admin_panel", &rows, 1))
    };
    assert_eq!(visits(&[-3], "198.51.100.9"), [10].into());
    assert_eq!(visits(&[-3], "203.0.113.9"), [0, 10].into());
    assert_eq!(visits(&[-1], "198.51.100.9"), [0, 10].into());
    assert_eq!(visits(&[-40], "198.51.100.9"), [0, 10].into());
}

/// Errors of that status in each of these minutes.
fn errors(minutes: &[(i64, usize)], status: i64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (minute, count) in minutes {
        for _ in 0..*count {
            rows.push(request(rows.len(), minute * 60 + 30, &json!({"http_status": status})));
        }
    }
    rows
}

fn burst(minutes: &[(i64, usize)], status: i64) -> usize {
    let mut rows = errors(minutes, status);
    let count = told(&find("error_burst", &rows, rows.len())).len();
    assert_eq!(told(&find("error_burst", &rows, 7)).len(), count);
    rows.reverse();
    assert_eq!(told(&find("error_burst", &rows, 11)).len(), count);
    count
}

#[test]
fn three_bad_minutes_in_a_row_are_a_burst_of_one_kind() {
    assert_eq!(burst(&[(0, 21), (1, 21), (2, 21)], 502), 63);
    assert_eq!(burst(&[(0, 21), (1, 21), (2, 21)], 403), 63);
    assert_eq!(burst(&[(0, 21), (1, 21), (2, 21)], 404), 0);
    assert_eq!(burst(&[(0, 21), (1, 20), (2, 21)], 502), 0);
    assert_eq!(burst(&[(0, 21), (1, 21), (3, 21)], 502), 0);
    assert_eq!(burst(&[(0, 21), (1, 21), (2, 21), (4, 50)], 502), 63);
    let mut mixed = errors(&[(0, 11), (1, 11), (2, 11)], 502);
    mixed.extend(errors(&[(0, 11), (1, 11), (2, 11)], 401).into_iter().map(|mut row| {
        row.insert("event_uid".to_owned(), json!("9999"));
        row
    }));
    assert!(find("error_burst", &mixed, 9).is_empty());
}

#[test]
fn a_site_that_is_down_is_worse_and_one_that_fails_each_week_is_known() {
    let severity = |rows: &[Row]| {
        let mut detector = detector(
            "error_burst",
            rule("SK-605", "web", Severity::Medium, 0.3),
            &Value::Null,
        );
        let mut found = Vec::new();
        detector.observe(&batch(rows).unwrap(), &mut found);
        found.first().map(|detection| detection.weight.severity)
    };
    let mut rows = errors(&[(0, 21), (1, 21), (2, 21)], 502);
    assert_eq!(severity(&rows), Some(Severity::High));
    rows.extend((0..64).map(|index| request(1_000 + index, 65, &json!({}))));
    assert_eq!(severity(&rows), Some(Severity::Medium));

    // A thousand errors in the same hour of the last two weeks: 17 a minute, and 41 are six deviations.
    let weekly = |count: usize| {
        let mut rows = Vec::new();
        for week in [-2, -1] {
            for index in 0..1_000 {
                let second = week * 7 * DAY + i64::from(index) * 3;
                rows.push(request(
                    rows.len(),
                    second,
                    &json!({"http_status": 502, "event_uid": null}),
                ));
            }
        }
        rows.truncate(2_000);
        rows.extend(errors(&[(0, count), (1, count), (2, count)], 502));
        severity(&rows)
    };
    assert_eq!(weekly(41), None);
    assert!(weekly(60).is_some());
}
