//! Attacks that take their time.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sekisho_model::{Severity, Time};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, rule, with};

const DAY: i64 = 86_400;
/// A midnight in Tokyo.
const START: i64 = 1_790_002_800;

/// A failed try `hour` hours after the start, by that address, of that person.
fn failed(index: usize, hour: i64, address: usize, person: usize, changes: &Value) -> Row {
    let base = json!({
        "time": Time::from_secs(START + hour * 3_600).to_string(), "event_uid": index.to_string(),
        "activity": "logon", "status_id": 2, "status_reason": "bad_password", "source": "entra.signin",
        "user_name": format!("user{person}@example.co.jp"), "src_ip": format!("198.51.100.{address}"),
        "src_country": "BR", "client_family": "Chrome/Windows", "app_name": "Mail",
    });
    with(&base, changes)
}

fn hours(index: usize) -> i64 {
    i64::try_from(index).unwrap()
}

/// What is told, as entity and event, when the time goes on by steps of so many hours.
fn find(rows: &[Row], step_hours: i64) -> BTreeSet<(String, usize)> {
    let mut detector = detector(
        "slow_attack",
        rule("SK-103", "attack", Severity::Medium, 0.5),
        &Value::Null,
    );
    let mut found = Vec::new();
    for (number, rows) in rows.chunks(5).enumerate() {
        detector.observe(&batch(rows).unwrap(), &mut found);
        // No further than all rows have come.
        let now = START + i64::try_from(number).unwrap() * step_hours * 3_600;
        if now <= START {
            detector.tick(Time::from_secs(now), &mut found);
        }
    }
    for hour in (0..15 * 24).step_by(usize::try_from(step_hours).unwrap()) {
        let now = Time::from_secs(START + i64::from(hour) * 3_600);
        detector.tick(now, &mut found);
        if hour % 24 == 0 {
            detector.forget_before(now.minus(std::time::Duration::from_hours(24)));
        }
    }
    let mut told = BTreeSet::new();
    for detection in &found {
        for evidence in &detection.evidence {
            let event = (detection.entity.name.to_string(), evidence.event_uid.parse().unwrap());
            assert!(told.insert(event), "evidence told twice");
        }
    }
    told
}

fn campaign(count: usize, people: usize, changes: &Value) -> usize {
    let rows: Vec<Row> = (0..count)
        .map(|index| failed(index, hours(index) * 11, index, index % people, changes))
        .collect();
    find(&rows, 6).len()
}

#[test]
fn ten_addresses_and_five_people_within_a_week_are_an_attack() {
    assert_eq!(campaign(10, 5, &json!({})), 10);
    assert_eq!(campaign(9, 5, &json!({})), 0);
    assert_eq!(campaign(10, 4, &json!({})), 0);
    assert_eq!(
        campaign(10, 5, &json!({"active_people": 84})),
        0,
        "six in a hundred of 84 are six people"
    );
    assert_eq!(campaign(10, 6, &json!({"active_people": 84})), 10);
    for changes in [
        json!({"src_net_kind": "mobile"}),
        json!({"src_net_kind": "office"}),
        json!({"src_ip_type": "private"}),
        json!({"status_id": 3}),
        json!({"activity": "mail_access"}),
    ] {
        assert_eq!(campaign(10, 5, &changes), 0, "{changes}");
    }
}

#[test]
fn tries_further_apart_than_a_week_do_not_add_up() {
    let rows = |apart: i64| -> Vec<Row> {
        (0..10)
            .map(|index| failed(index, hours(index) * apart, index, index, &json!({})))
            .collect()
    };
    assert_eq!(find(&rows(18), 6).len(), 10);
    assert_eq!(find(&rows(24), 6).len(), 0);
}

#[test]
fn an_address_that_goes_on_trying_or_gets_in_is_another_thing() {
    let mut rows: Vec<Row> = (0..10)
        .map(|index| failed(index, hours(index), index, index, &json!({})))
        .collect();
    rows.push(failed(10, 30, 0, 0, &json!({})));
    assert_eq!(find(&rows, 6).len(), 11, "twice is sparse");
    let mut busy = rows.clone();
    busy.push(failed(11, 31, 0, 1, &json!({})));
    assert_eq!(
        find(&busy, 6).len(),
        10,
        "the first day was judged before; the others are nine"
    );
    rows.push(failed(11, 2, 1, 1, &json!({"status_id": 1})));
    assert_eq!(find(&rows, 6).len(), 0);
}

#[test]
fn one_person_whom_the_whole_world_tries_is_told_by_name() {
    let rows = |countries: &[&str]| -> Vec<Row> {
        (0..8)
            .map(|index| {
                let country = countries[index % countries.len()];
                failed(
                    index,
                    hours(index) * 5,
                    index,
                    1,
                    &json!({"src_country": country, "app_name": index.to_string()}),
                )
            })
            .collect()
    };
    let told = find(&rows(&["BR", "VN", "TR"]), 6);
    assert_eq!(told.len(), 8);
    assert!(told.iter().all(|(entity, _)| entity == "user1@example.co.jp"));
    assert!(find(&rows(&["BR", "VN"]), 6).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_depends_neither_on_the_order_nor_on_when_it_is_decided(
        drawn in prop::collection::vec((0_i64..9 * 24, 0_usize..24, 0_usize..8, prop::bool::weighted(0.03)), 20..60),
        seed in prop::collection::vec(0_u32..1_000, 60),
    ) {
        let rows: Vec<Row> = drawn
            .iter()
            .enumerate()
            .map(|(index, (hour, address, person, success))| {
                let status = if *success { 1 } else { 2 };
                failed(index, *hour, *address, *person, &json!({"status_id": status}))
            })
            .collect();
        let mut shuffled: Vec<(u32, Row)> = seed.into_iter().zip(rows.clone()).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<Row> = shuffled.into_iter().map(|(_, row)| row).collect();

        prop_assert_eq!(find(&rows, 1), find(&shuffled, 24));
    }
}

#[test]
fn a_flood_of_one_address_takes_no_room() {
    let mut detector = detector(
        "slow_attack",
        rule("SK-103", "attack", Severity::Medium, 0.5),
        &Value::Null,
    );
    let mut found = Vec::new();
    for index in 0..200 {
        detector.observe(&batch(&[failed(index, 1, 1, index, &json!({}))]).unwrap(), &mut found);
    }
    let mut snapshot = sekisho_model::Snapshot::default();
    detector.snapshot(&mut snapshot).unwrap();
    let (_, _, state) = snapshot.entries().next().unwrap();
    assert_eq!(state.matches("event_uid").count(), 3);
    detector.tick(Time::from_secs(START + 9 * DAY), &mut found);
    assert!(found.is_empty());
}
