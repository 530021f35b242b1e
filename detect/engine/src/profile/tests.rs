//! What is unfamiliar, what is learnt, and that the order of rows makes no difference.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use sekisho_model::{Column, EventBatch, Snapshot, Time};
use serde_json::{Value, json};

use super::{Profiles, REASONS};
use crate::detector::LATENESS_MAX;
use crate::testing::batch;
use crate::testing::rig::{Row, with};

/// A Monday, 09:00 in Tokyo.
const MONDAY: i64 = 1_790_553_600;

fn profiles() -> Profiles {
    Profiles::new(TimeZone::fixed(jiff::tz::offset(9)))
}

/// Hana at her desk at home, so many hours after that Monday morning.
fn hana(hours: i64, changes: &Value) -> Row {
    let base = json!({
        "time": Time::from_secs(MONDAY + hours * 3_600).to_string(), "event_uid": format!("{hours}{changes}"),
        "user_name": "hana@example.co.jp", "activity": "logon", "status_id": 1, "src_country": "JP",
        "src_net_kind": "fixed", "src_asn": 64_500, "client_family": "Edge/Windows",
        "device_trust": "managed", "device_uid": "PC-1",
    });
    with(&base, changes)
}

/// So many weeks of working days, with two colleagues who work alike.
fn weeks(count: i64) -> Vec<Row> {
    let mut rows = Vec::new();
    for day in (0..count * 7).filter(|day| day % 7 < 5) {
        for hour in [0, 2, 4, 6, 8] {
            let hours = day * 24 + hour;
            rows.push(hana(hours, &json!({})));
            for (who, device, asn) in [("taro", "PC-2", 64_500), ("kenji", "PC-3", 64_501)] {
                let user = format!("{who}@example.co.jp");
                rows.push(hana(
                    hours,
                    &json!({"user_name": user, "device_uid": device, "src_asn": asn}),
                ));
            }
        }
    }
    rows
}

fn judge(profiles: &mut Profiles, rows: &[Row]) -> EventBatch {
    profiles.judge(&batch(rows).unwrap())
}

/// How unfamiliar a row is after six weeks.
fn nats_after_six_weeks(row: Row) -> Option<f64> {
    let mut profiles = profiles();
    judge(&mut profiles, &weeks(6));
    judge(&mut profiles, &[row]).float(Column::Unfamiliarity, 0)
}

/// Hours after Monday morning of the Wednesday after six weeks.
const LATER: i64 = 44 * 24;

/// An unknown machine at a rented server in a country that nobody is ever in.
fn intruder(hours: i64) -> Row {
    hana(
        hours,
        &json!({"src_country": "NL", "src_net_kind": "hosting", "src_asn": 64_999,
        "client_family": "Chrome/Linux", "device_trust": "unmanaged", "device_uid": null}),
    )
}

#[test]
fn what_is_familiar_and_what_is_not() {
    for (name, changes, from, to) in [
        ("as ever", json!({}), -20.0, 0.0),
        (
            "a trip with the own laptop",
            json!({"src_country": "SG", "src_asn": 64_800}),
            2.0,
            8.0,
        ),
        ("another provider at home", json!({"src_asn": 64_800}), -5.0, 3.0),
        ("a new laptop", json!({"device_uid": "PC-9"}), 1.0, 5.0),
        (
            "through the own office",
            json!({"src_net_kind": "office", "src_country": "NL", "src_asn": 64_999}),
            -30.0,
            -8.0,
        ),
    ] {
        let nats = nats_after_six_weeks(hana(LATER, &changes)).unwrap();
        assert!((from..to).contains(&nats), "{name}: {nats}");
    }
    assert!(8.0 < nats_after_six_weeks(intruder(LATER)).unwrap());
}

#[test]
fn nothing_is_strange_where_nothing_is_known() {
    let mut profiles = profiles();
    let judged = judge(&mut profiles, &[hana(0, &json!({})), intruder(1)]);
    for row in 0..2 {
        assert!(judged.float(Column::Unfamiliarity, row).unwrap().abs() < 1.5);
    }
}

#[test]
fn only_what_people_do_is_scored() {
    for (changes, scored) in [
        (json!({}), true),
        (json!({"activity": "file_download"}), true),
        (json!({"status_id": 2, "status_reason": "mfa_denied"}), true),
        (json!({"status_id": 3, "status_reason": "mfa_required"}), true),
        (json!({"status_id": 2, "status_reason": "bad_password"}), false),
        (json!({"person_kind": "service"}), false),
        (json!({"activity": "role_assign"}), false),
        (json!({"actor_name": "admin@example.co.jp"}), false),
        (json!({"user_name": null}), false),
    ] {
        assert_eq!(
            nats_after_six_weeks(hana(LATER, &changes)).is_some(),
            scored,
            "{changes}"
        );
    }
}

#[test]
fn failures_never_teach_and_names_that_only_fail_have_no_profile() {
    let mut profiles = profiles();
    judge(&mut profiles, &weeks(1));
    let known = profiles.people.of_tenant("default").count();
    let tries: Vec<Row> = (0..500)
        .map(|number| {
            let user = format!("guess-{number}@example.co.jp");
            hana(
                number,
                &json!({"user_name": user, "status_id": 2, "status_reason": "mfa_required"}),
            )
        })
        .collect();
    judge(&mut profiles, &tries);
    assert_eq!(profiles.people.of_tenant("default").count(), known);
}

#[test]
fn a_session_that_is_refreshed_every_minute_buys_no_familiarity() {
    let (mut once, mut often) = (profiles(), profiles());
    judge(&mut once, &weeks(6));
    judge(&mut often, &weeks(6));
    let strange = |minute: i64| {
        let time = Time::from_secs(MONDAY + LATER * 3_600 + minute * 6);
        hana(
            LATER,
            &json!({"src_asn": 64_800, "time": time.to_string(), "event_uid": format!("m{minute}")}),
        )
    };
    judge(&mut once, &[strange(0)]);
    judge(&mut often, &(0..500).map(strange).collect::<Vec<_>>());
    let after = |profiles: &mut Profiles| {
        let row = hana(LATER + 72, &json!({"src_asn": 64_800}));
        judge(profiles, &[row]).float(Column::Unfamiliarity, 0)
    };
    assert_eq!(after(&mut once), after(&mut often));
}

#[test]
fn an_intruder_does_not_become_familiar() {
    let mut profiles = profiles();
    judge(&mut profiles, &weeks(6));
    for day in 0..10 {
        let judged = judge(&mut profiles, &[intruder(LATER + day * 24)]);
        assert!(8.0 < judged.float(Column::Unfamiliarity, 0).unwrap(), "day {day}");
    }
}

#[test]
fn a_new_line_abroad_with_a_second_factor_leaves_quarantine_after_three_days() {
    let mut profiles = profiles();
    judge(&mut profiles, &weeks(6));
    let abroad = |day: i64| {
        hana(
            LATER + day * 24,
            &json!({"src_country": "SG", "src_net_kind": "mobile",
            "device_trust": null, "mfa_result": "satisfied"}),
        )
    };
    let nats: Vec<f64> = (0..10)
        .map(|day| {
            judge(&mut profiles, &[abroad(day)])
                .float(Column::Unfamiliarity, 0)
                .unwrap()
        })
        .collect();
    assert!((6.0..8.0).contains(&nats[0]), "{nats:?}");
    assert!(nats[..6].iter().all(|nats| 5.9 < *nats), "{nats:?}");
    assert!(nats[9] < 3.0, "{nats:?}");
}

#[test]
fn whoever_is_new_has_new_devices_and_lines() {
    let stranger = |joined: Value| {
        hana(
            LATER,
            &json!({"user_name": "new@example.co.jp", "src_asn": 64_900, "device_uid": "PC-9", "joined": joined}),
        )
    };
    let known = nats_after_six_weeks(stranger(Value::Null)).unwrap();
    let new = nats_after_six_weeks(stranger(json!("2026-11-09"))).unwrap();
    assert!(1.9 < known - new, "{known} {new}");
}

#[test]
fn a_reason_names_what_is_strange_what_is_usual_and_who_else_has_it() {
    let mut profiles = profiles();
    judge(&mut profiles, &weeks(6));
    let judged = judge(
        &mut profiles,
        &[
            hana(LATER, &json!({})),
            hana(
                LATER,
                &json!({"src_asn": 64_501,
        "src_net_kind": "mobile", "src_country": "FR"}),
            ),
        ],
    );
    let reasons = judged.side(REASONS).unwrap();
    assert_eq!(reasons.get(0), None);
    let reason: Value = serde_json::from_str(reasons.get(1).unwrap()).unwrap();
    let expected =
        json!({"feature": "country", "value": "FR", "name": null, "nats": 3.3, "usual": "JP", "colleagues": 0});
    assert_eq!(reason["features"][0], expected);
    assert_eq!(reason["learning"], json!(false));
    let network = reason["features"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["feature"] == "network")
        .unwrap();
    assert_eq!(
        (&network["usual"], &network["colleagues"]),
        (&json!("64500"), &json!(1))
    );
}

#[test]
fn people_are_active_for_thirty_days_after_the_lateness() {
    let mut profiles = profiles();
    judge(&mut profiles, &weeks(1));
    // The last working day of the week is day 4.
    for (day, expected) in [(0, 0), (1, 0), (2, 3), (20, 3), (35, 3), (36, 0)] {
        let judged = judge(&mut profiles, &[hana(day * 24 + 10, &json!({"status_id": 2}))]);
        assert_eq!(judged.int(Column::ActivePeople, 0), Some(expected), "day {day}");
    }
}

#[test]
fn what_a_row_brings_is_kept() {
    let judged = judge(
        &mut profiles(),
        &[hana(0, &json!({"unfamiliarity": 9.5, "active_people": 7}))],
    );
    assert_eq!(judged.float(Column::Unfamiliarity, 0), Some(9.5));
    assert_eq!(judged.int(Column::ActivePeople, 0), Some(7));
}

#[test]
fn a_person_takes_about_a_kilobyte_and_never_much_more() {
    let mut profiles = profiles();
    let mut rows = weeks(12);
    for row in &mut rows {
        let minutes = row["event_uid"].as_str().unwrap().len();
        row.insert(
            "src_net_kind".to_owned(),
            json!(["fixed", "office", "mobile"][minutes % 3]),
        );
    }
    for rows in rows.chunks(15) {
        let judged = judge(&mut profiles, rows);
        profiles.forget_before(judged.believed_time(0).minus(LATENESS_MAX));
    }
    let typical = profiles.people.get("default", "hana@example.co.jp").unwrap().bytes();
    assert!(typical <= 1_024, "{typical}");

    let changes = |number: i64| {
        json!({"src_asn": 70_000 + number, "device_uid": format!("D{number}"), "client_family": format!("C{number}"),
            "src_net_kind": "office"})
    };
    let many: Vec<Row> = (0..4_000).map(|number| hana(number, &changes(number))).collect();
    judge(&mut profiles, &many);
    let worst = profiles.people.get("default", "hana@example.co.jp").unwrap().bytes();
    assert!(worst <= 48 * 1_024, "{worst}");
}

/// Sign-ins at random over two weeks, some of them strange, each up to a day late, some twice.
fn arrivals() -> impl Strategy<Value = Vec<(i64, Row)>> {
    let delay = || prop_oneof![0_i64..24 * 60, 0_i64..60, 23 * 60_i64..24 * 60];
    let one = (
        0_i64..14 * 24 * 60,
        0_usize..6,
        0_usize..2,
        delay(),
        prop::option::weighted(0.1, delay()),
    );
    prop::collection::vec(one, 1..150).prop_map(|drawn| {
        let mut arrivals = Vec::new();
        for (number, (minute, place, who, delay, again)) in drawn.into_iter().enumerate() {
            let time = Time::from_secs(MONDAY + minute * 60).to_string();
            let user = ["hana@example.co.jp", "taro@example.co.jp"][who];
            let place = [
                json!({}),
                json!({"src_asn": 64_501}),
                json!({"src_net_kind": "office"}),
                json!({"src_country": "SG", "client_family": "Safari/iOS", "mfa_result": "satisfied"}),
                json!({"src_country": "NL", "src_net_kind": "hosting", "device_uid": null}),
                json!({"status_id": 2, "status_reason": "mfa_denied", "src_asn": 64_777}),
            ][place]
                .clone();
            let row = with(
                &Value::Object(hana(0, &place)),
                &json!({"time": time, "event_uid": number.to_string(), "user_name": user}),
            );
            for delay in [Some(delay), again].into_iter().flatten() {
                arrivals.push((minute + delay, row.clone()));
            }
        }
        arrivals
    })
}

/// The columns of each event, as it came first.
fn columns(judged: &EventBatch, into: &mut std::collections::BTreeMap<String, (Option<f64>, Option<i64>)>) {
    for row in 0..judged.len() {
        let uid = judged.text(Column::EventUid, row).unwrap().to_owned();
        let nats = judged.float(Column::Unfamiliarity, row);
        into.entry(uid).or_insert((nats, judged.int(Column::ActivePeople, row)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_split_and_any_restart_give_the_same_columns(
        arrivals in arrivals(), rows_max in 1_usize..20, restart_every in 1_usize..6,
    ) {
        let mut arrivals = arrivals;
        let mut plain = std::collections::BTreeMap::new();
        let all: Vec<Row> = arrivals.iter().map(|(_, row)| row.clone()).collect();
        columns(&judge(&mut profiles(), &all), &mut plain);

        arrivals.sort_by_key(|(arrives, _)| *arrives);
        let mut late = std::collections::BTreeMap::new();
        let mut troubled = profiles();
        for (number, arrivals) in arrivals.chunks(rows_max).enumerate() {
            let rows: Vec<Row> = arrivals.iter().map(|(_, row)| row.clone()).collect();
            columns(&judge(&mut troubled, &rows), &mut late);
            let received = arrivals.iter().map(|(arrives, _)| *arrives).min().unwrap();
            troubled.forget_before(Time::from_secs(MONDAY + received * 60).minus(LATENESS_MAX));
            if number % restart_every == 0 {
                let mut snapshot = Snapshot::default();
                troubled.snapshot(&mut snapshot).unwrap();
                troubled = profiles();
                troubled.restore(&serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap());
            }
        }

        prop_assert_eq!(plain.len(), late.len());
        for (uid, (nats, active)) in plain {
            let (found, active_found) = late[&uid];
            prop_assert_eq!(active, active_found, "{}", uid);
            prop_assert_eq!(nats.is_some(), found.is_some());
            prop_assert!((nats.unwrap_or_default() - found.unwrap_or_default()).abs() < 1e-9, "{} {:?} {:?}", uid, nats, found);
        }
    }
}
