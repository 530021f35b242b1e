//! Sources that fall silent, and sources whose records cannot be right.

use sekisho_model::{Detection, Severity, Snapshot, Time};
use serde_json::{Value, json};

use crate::Detector;
use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

/// A Tuesday, nine in the morning in Tokyo.
const START: i64 = 1_790_035_200;
const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

fn record(index: usize, second: i64, changes: &Value) -> Row {
    let base = json!({
        "time": Time::from_secs(START + second).to_string(), "event_uid": format!("{second}-{index}"),
        "source": "linux.sshd", "activity": "logon", "status_id": 1,
    });
    with(&base, changes)
}

fn watch() -> Box<dyn Detector> {
    detector(
        "source_silent",
        rule("SK-701", "platform", Severity::High, 0.5),
        &Value::Null,
    )
}

/// A record every ten minutes from nine to twelve on this day of so many weeks, the last at `last`.
fn weeks(weeks: i64, last: i64) -> Vec<Row> {
    let mut rows = Vec::new();
    for week in 0..=weeks {
        for step in 0..18 {
            let second = week * WEEK + step * 600;
            if second <= weeks * WEEK + last {
                rows.push(record(0, second, &json!({})));
            }
        }
    }
    rows
}

/// What is told when the time goes on from the last record, in minutes after nine of the last day.
fn silences(
    detector: &mut Box<dyn Detector>,
    rows: &[Row],
    weeks: i64,
    minutes: std::ops::Range<i64>,
) -> Vec<(i64, Detection)> {
    let mut told = Vec::new();
    for rows in rows.chunks(50) {
        detector.observe(&batch(rows).unwrap(), &mut Vec::new());
    }
    for minute in minutes {
        let mut found = Vec::new();
        detector.tick(Time::from_secs(START + weeks * WEEK + minute * 60), &mut found);
        told.extend(found.into_iter().map(|detection| (minute, detection)));
    }
    told
}

#[test]
fn a_source_that_stops_in_a_busy_hour_is_told_once() {
    let told = silences(&mut watch(), &weeks(4, 20 * 60), 4, 20..300);

    assert_eq!(told.len(), 1);
    let (minute, detection) = &told[0];
    assert_eq!(*minute, 55, "half an hour after the step of the last record");
    assert_eq!(&*detection.entity.name, "linux.sshd");
    assert_eq!(detection.evidence[0].event_uid, format!("{}-0", 4 * WEEK + 20 * 60));
    assert_eq!(
        detection.weight.severity,
        Severity::Medium,
        "nobody said that the office is open"
    );
}

#[test]
fn silence_is_nothing_where_nothing_is_expected() {
    assert!(
        silences(&mut watch(), &weeks(4, 170 * 60), 4, 180..24 * 60).is_empty(),
        "after twelve"
    );
    assert!(
        silences(&mut watch(), &weeks(1, 20 * 60), 1, 20..300).is_empty(),
        "one week is not enough"
    );
    assert_eq!(silences(&mut watch(), &weeks(2, 20 * 60), 2, 20..300).len(), 1);
}

#[test]
fn a_source_that_pauses_often_is_given_more_time() {
    let mut rows = Vec::new();
    for week in 0..=4 {
        for step in 0..4 {
            let second = week * WEEK + step * HOUR;
            if second <= 4 * WEEK {
                rows.push(record(0, second, &json!({})));
            }
        }
    }
    let told = silences(&mut watch(), &rows, 4, 0..300);
    assert!(told.iter().all(|(minute, _)| 165 <= *minute), "{told:?}");
}

#[test]
fn other_sources_say_whether_the_office_is_open() {
    let other = |state: &str| {
        let changes = json!({"source": "entra.signin", "office_state": state});
        let mut rows = weeks(4, 20 * 60);
        rows.push(record(1, 4 * WEEK + 50 * 60, &changes));
        silences(&mut watch(), &rows, 4, 55..300)
    };
    assert_eq!(other("open")[0].1.weight.severity, Severity::High);
    assert_eq!(other("closed")[0].1.weight.severity, Severity::Medium);
    assert!(other("holiday").is_empty());
}

#[test]
fn it_goes_on_after_a_restart_and_tells_again_after_a_new_record() {
    let mut detector = watch();
    assert_eq!(silences(&mut detector, &weeks(4, 20 * 60), 4, 20..60).len(), 1);
    let mut snapshot = Snapshot::default();
    detector.snapshot(&mut snapshot).unwrap();
    let mut detector = watch();
    detector.restore(&snapshot);

    assert!(silences(&mut detector, &[], 4, 60..80).is_empty());
    let told = silences(&mut detector, &[record(0, 4 * WEEK + 80 * 60, &json!({}))], 4, 80..180);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, 115);
}

#[test]
fn old_records_say_nothing_of_silence() {
    let rows: Vec<Row> = weeks(4, 20 * 60)
        .into_iter()
        .map(|mut row| {
            row.insert("backfill".to_owned(), json!(true));
            row
        })
        .collect();
    assert!(silences(&mut watch(), &rows, 4, 20..300).is_empty());
}

fn odd(what: &str, rows: &[Row]) -> usize {
    let mut detector = detector(
        "odd_records",
        rule("SK-703", "platform", Severity::Medium, 0.3),
        &json!({"what": what}),
    );
    let mut found = Vec::new();
    for rows in rows.chunks(6) {
        detector.observe(&batch(rows).unwrap(), &mut found);
    }
    found.iter().map(|detection| detection.evidence.len()).sum()
}

/// So many records of an hour, received so many seconds before they say they happened.
fn ahead(count: usize, seconds: i64) -> Vec<Row> {
    (0..count)
        .map(|index| {
            let second = i64::try_from(index).unwrap() * 30;
            let received = Time::from_secs(START + second - seconds).to_string();
            record(index, second, &json!({"ingest_time": received}))
        })
        .collect()
}

#[test]
fn records_from_the_future_are_told_if_they_are_many() {
    assert_eq!(odd("future", &ahead(20, 121)), 20);
    assert_eq!(odd("future", &ahead(19, 121)), 0);
    assert_eq!(odd("future", &ahead(50, 120)), 0);
    assert_eq!(odd("unreadable", &ahead(50, 0)), 0);
}

#[test]
fn unreadable_records_are_many_by_what_the_source_sends() {
    let unreadable = |count: usize| -> Vec<Row> {
        (0..count)
            .map(|index| record(index, 0, &json!({"parse_status": "unparsed"})))
            .collect()
    };
    assert_eq!(odd("unreadable", &unreadable(20)), 20);
    // Six days on which an hour has 3,000 records: one in a hundred are thirty.
    let mut busy = Vec::new();
    for day in 2..8 {
        busy.extend((0..3_000).map(|index| record(index, -day * 24 * HOUR, &json!({}))));
    }
    busy.extend(unreadable(29));
    assert_eq!(odd("unreadable", &busy), 0);
    busy.extend(unreadable(30).into_iter().skip(29));
    assert_eq!(odd("unreadable", &busy), 30);
}
