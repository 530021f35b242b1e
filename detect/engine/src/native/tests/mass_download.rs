//! Files that are taken along.

use std::collections::BTreeSet;

use sekisho_model::{Detection, Severity, Time};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, row, rule, with};

const DAY: usize = 24 * 60;

/// A download in this minute, of that file.
fn download(index: usize, minute: usize, file: usize) -> Value {
    let minute = i64::try_from(minute).unwrap();
    json!({
        "time": Time::from_secs(1_790_035_200 + minute * 60).to_string(), "event_uid": index.to_string(),
        "activity": "file_download", "status_id": 1, "user_name": "hana@example.co.jp",
        "resource": format!("/drawings/{file}.dwg"),
    })
}

/// So many downloads of different files, one a minute.
fn downloads(count: usize, changes: &Value) -> Vec<Row> {
    (0..count)
        .map(|index| with(&download(index, index, index), changes))
        .collect()
}

fn find(rows: &[Row], batch_rows: usize) -> Vec<Detection> {
    let rule = rule("SK-504", "data", Severity::High, 0.35);
    let mut detector = detector("mass_download", rule, &Value::Null);
    let mut found = Vec::new();
    for rows in rows.chunks(batch_rows) {
        detector.observe(&batch(rows).unwrap(), &mut found);
    }
    found
}

/// How many events are told, in any order and any split.
fn told(mut rows: Vec<Row>) -> usize {
    let count = |found: &[Detection]| {
        let events: Vec<&str> = found
            .iter()
            .flat_map(|detection| &detection.evidence)
            .map(|evidence| evidence.event_uid.as_str())
            .collect();
        assert_eq!(
            events.iter().collect::<BTreeSet<_>>().len(),
            events.len(),
            "evidence told twice"
        );
        events.len()
    };
    let expected = count(&find(&rows, rows.len()));
    for batch_rows in [1, 7] {
        assert_eq!(count(&find(&rows, batch_rows)), expected);
    }
    rows.reverse();
    assert_eq!(count(&find(&rows, rows.len())), expected);
    expected
}

#[test]
fn fifty_different_files_within_an_hour_are_a_wave() {
    assert_eq!(told(downloads(50, &json!({}))), 50);
    assert_eq!(told(downloads(49, &json!({}))), 0);
    assert_eq!(told(downloads(50, &json!({"resource": "/one.xlsx"}))), 0);
    assert_eq!(told(downloads(50, &json!({"status_id": 2}))), 0);
    assert_eq!(told(downloads(50, &json!({"person_kind": "service"}))), 0);
}

#[test]
fn a_file_that_is_fetched_twice_counts_once_and_is_told_twice() {
    let mut rows = downloads(49, &json!({}));
    rows.push(row(&download(49, 20, 3)));
    assert_eq!(told(rows.clone()), 0);
    rows.push(row(&download(50, 30, 50)));
    assert_eq!(told(rows), 51);
}

#[test]
fn a_download_weighs_more_at_night_before_leaving_and_on_an_unmanaged_device() {
    let few = |count, changes: Value| told(downloads(count, &changes));
    assert_eq!(few(25, json!({"office_state": "closed"})), 25);
    assert_eq!(few(24, json!({"office_state": "closed"})), 0);
    assert_eq!(few(25, json!({"left": "2026-11-20"})), 25, "within 60 days");
    assert_eq!(few(25, json!({"left": "2026-11-22"})), 0, "later");
    let all = json!({"office_state": "holiday", "left": "2026-10-01", "device_trust": "unmanaged"});
    assert_eq!(few(7, all.clone()), 7);
    let found = find(&downloads(7, &all), 7);
    assert_eq!(found[0].weight.severity, Severity::Critical);
    let factors = json!(["factor_off_hours", "factor_leaving", "factor_unmanaged"]);
    assert_eq!(found[0].facts["factors"], factors);
    assert_eq!(
        find(&downloads(50, &json!({})), 9).last().unwrap().weight.severity,
        Severity::High
    );
}

#[test]
fn two_hundred_files_over_a_day_and_gigabytes_in_an_hour_are_waves_too() {
    let slow = |count: usize| {
        (0..count)
            .map(|index| row(&download(index, index * 6, index)))
            .collect()
    };
    assert_eq!(told(slow(200)), 200);
    assert_eq!(told(slow(199)), 0);
    assert_eq!(told(downloads(4, &json!({"bytes_out": 500_000_000}))), 4);
    assert_eq!(told(downloads(3, &json!({"bytes_out": 500_000_000}))), 0);
}

#[test]
fn who_works_with_many_files_may_fetch_more() {
    // Twenty files an hour on six days: six times that is 120.
    let mut rows = Vec::new();
    for day in 0..6 {
        for file in 0..20 {
            rows.push(row(&download(rows.len(), day * DAY + file, file)));
        }
    }
    let usual = rows.len();
    for file in 0..119 {
        rows.push(row(&download(usual + file, 8 * DAY + file / 3, file)));
    }
    assert_eq!(told(rows.clone()), 0);
    rows.push(row(&download(rows.len(), 8 * DAY, 1_000)));
    assert_eq!(told(rows), 120);
}

#[test]
fn the_first_synchronisation_of_a_company_computer_is_no_wave() {
    let sync = |trust: &str| {
        told(downloads(
            90,
            &json!({"action": "FileSyncDownloadedFull", "device_trust": trust}),
        ))
    };
    assert_eq!(sync("managed"), 0);
    assert_eq!(sync("unmanaged"), 90);
}

#[test]
fn who_takes_very_much_does_not_hold_up_the_others() {
    let rule = rule("SK-504", "data", Severity::High, 0.35);
    let mut detector = detector("mass_download", rule, &Value::Null);
    let mut found = Vec::new();
    let day_of = |day: usize| (0..24).map(move |hour| day * DAY + hour * 60);
    let mut rows: Vec<Row> = (0..20)
        .flat_map(day_of)
        .map(|minute| row(&download(minute, minute, minute)))
        .collect();
    let begin = 25 * DAY;
    rows.extend((0..8_000).map(|file| row(&download(1_000_000 + file, begin + file % 1_000, 1_000_000 + file))));
    detector.observe(&batch(&rows).unwrap(), &mut found);
    let begun = std::time::Instant::now();

    for file in 0..20 {
        let next = row(&download(2_000_000 + file, begin + 1_000 + file, 2_000_000 + file));
        detector.observe(&batch(&[next]).unwrap(), &mut found);
    }

    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
