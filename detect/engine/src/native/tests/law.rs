//! The law of order, for all native detectors and the casebook together.

use proptest::prelude::*;
use sekisho_model::Time;
use serde_json::{Value, json};

use crate::testing::rig::{Rig, Row, every_detector, with};

/// What happens in a case: over how many days (long enough for what is usual to be learnt, for
/// episodes to part and for incidents to part), by whom, where and what.
#[derive(Debug)]
struct World {
    days: i64,
    rows_max: usize,
    people: &'static [usize],
    places: &'static [usize],
    deeds: &'static [usize],
}

const EVERYTHING: World = World {
    days: 9,
    rows_max: 200,
    people: &[0, 1, 2],
    places: &[0, 0, 0, 0, 4, 5, 6, 6, 8, 9],
    deeds: &[0, 0, 0, 0, 0, 0, 6, 7, 8, 9, 10, 11],
};

/// Somebody with two homes, so that much is learnt.
const TRAVEL: World = World {
    days: 6,
    rows_max: 60,
    people: &[0],
    places: &[0, 6, 6, 8],
    deeds: &[0, 0, 6, 7],
};

/// Somebody who sends waves of mail.
const MAIL: World = World {
    days: 3,
    rows_max: 100,
    people: &[0],
    places: &[0],
    deeds: &[0, 8],
};

/// Somebody whose sessions wander, and who takes files along.
const TAKING: World = World {
    days: 9,
    rows_max: 150,
    people: &[0, 1, 2],
    places: &[0, 0, 5, 6, 8, 9],
    deeds: &[
        12, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 25, 25, 26, 26, 26, 27, 27, 28,
    ],
};

/// Web sites, and a clock that is wrong.
const WEB: World = World {
    days: 2,
    rows_max: 150,
    people: &[0, 1],
    places: &[0, 6, 9],
    deeds: &[29, 29, 30, 31, 32, 33, 34],
};

/// An account that is in use at two offices.
const SHARED: World = World {
    days: 12,
    rows_max: 200,
    people: &[0],
    places: &[0, 0, 7, 9],
    deeds: &[0, 36, 36, 37, 37, 38],
};

/// Six weeks, in which habits are learnt and broken.
const HABITS: World = World {
    days: 42,
    rows_max: 250,
    people: &[0, 1, 3],
    places: &[0, 0, 0, 0, 0, 6, 8, 9],
    deeds: &[0, 0, 0, 6, 7, 35],
};

/// Where people sign in from.
fn place(index: usize) -> Value {
    match index {
        0 => json!({"src_country": "JP", "src_city": "Tokyo", "src_lat": 35.6762, "src_lon": 139.6503,
            "src_asn": 64_500, "src_ip": "192.0.2.1", "src_net_kind": "fixed"}),
        4 => json!({"src_country": "JP", "src_lat": 36.0, "src_lon": 138.0, "src_ip": "192.0.2.2"}),
        5 => json!({"src_country": "JP", "src_city": "Tokyo", "src_lat": 35.6762, "src_lon": 139.6503,
            "src_asn": 64_501, "src_ip": "192.0.2.3", "src_net_kind": "mobile"}),
        6 => json!({"src_country": "NL", "src_city": "Amsterdam", "src_lat": 52.37, "src_lon": 4.9,
            "src_asn": 64_502, "src_ip": "198.51.100.1"}),
        7 => json!({"src_country": "JP", "src_city": "Osaka", "src_lat": 34.6937, "src_lon": 135.5023,
            "src_asn": 64_504, "src_ip": "192.0.2.4", "src_net_kind": "fixed"}),
        8 => json!({"src_country": "KR", "src_city": "Seoul", "src_lat": 37.5665, "src_lon": 126.978,
            "src_asn": 64_503, "src_ip": "198.51.100.2", "src_accuracy_km": 20, "src_net_kind": "office"}),
        _ => json!({"src_country": "US", "src_city": "Ashburn", "src_lat": 39.0, "src_lon": -77.5,
            "src_ip": "198.51.100.3", "src_net_kind": "hosting"}),
    }
}

/// What people do.
fn deed(index: usize) -> Value {
    match index {
        0 => json!({"activity": "logon"}),
        6 => json!({"activity": "logon", "source": "google.login", "device_trust": "managed", "device_uid": "PC"}),
        7 => json!({"activity": "token_grant", "is_interactive": false, "device_uid": "PC"}),
        8 => json!({"activity": "mail_send", "item_count": 60}),
        9 => json!({"activity": "mail_send", "item_count": 120}),
        10 => json!({"activity": "admin_command"}),
        12 => json!({"activity": "logon", "session_uid": "s", "client_family": "Edge/Windows"}),
        13 => json!({"activity": "token_grant", "session_uid": "s", "client_family": "Firefox/Linux"}),
        14 => json!({"activity": "token_grant", "session_uid": "s", "user_agent": "curl/8.7"}),
        25 => json!({"activity": "vpn_connect", "source": "openvpn.log", "src_country": "JP", "src_ip": "192.0.2.1",
            "src_asn": 64_500, "src_net_kind": "fixed"}),
        26 => json!({"activity": "vpn_disconnect", "source": "openvpn.log", "src_country": "JP", "src_ip": "192.0.2.1",
            "src_asn": 64_500, "src_net_kind": "fixed"}),
        27 => json!({"activity": "logon", "status_id": 3, "status_reason": "mfa_required", "unfamiliarity": 4.0}),
        28 => json!({"activity": "logon", "status_id": 2, "status_reason": "mfa_denied", "unfamiliarity": 2.0}),
        29 => json!({"activity": "web_request", "dst_host": "www", "http_status": 502, "url": "/"}),
        30 => json!({"activity": "web_request", "dst_host": "www", "http_status": 403, "url": "/"}),
        31 => {
            json!({"activity": "web_request", "dst_host": "www", "http_status": 200, "url": "/?q=a", "bytes_out": 900})
        }
        32 => json!({"activity": "web_request", "dst_host": "www", "http_status": 200, "url": "/?q=../../etc",
            "bytes_out": 950}),
        33 => json!({"activity": "web_request", "dst_host": "www", "http_status": 302, "url": "/wp-login.php",
            "action": "POST"}),
        34 => json!({"activity": "other", "parse_status": "partial"}),
        35 => json!({"activity": "logon", "mfa_result": "none"}),
        36..=38 => json!({"activity": "logon", "device_uid": format!("PC-{index}")}),
        15..=24 => json!({"activity": "file_download", "resource": index.to_string(), "bytes_out": 700_000_000}),
        _ => json!({"activity": "logon", "status_id": 2}),
    }
}

/// One of four: somebody, an administrator, somebody who leaves in the middle, and a program.
fn who(index: usize, minute: i64) -> Value {
    let state = match (minute / 1_440, minute % 1_440) {
        (4.., _) => "holiday",
        (_, 600..) => "closed",
        _ => "open",
    };
    match index {
        0 => json!({"user_name": "hana@example.co.jp"}),
        1 => json!({"user_name": "admin@example.co.jp", "privileged": true,
            "office_state": state}),
        3 => json!({"user_name": "backup@example.co.jp", "person_kind": "service"}),
        _ => json!({"user_name": "taro@example.co.jp", "left": "2026-09-28"}),
    }
}

#[derive(Clone, Debug)]
struct Arrival {
    row: Row,
    minute: i64,
    /// How long after it happened it comes, in minutes.
    delay: i64,
}

/// Rows that happened at random, each of which comes late by up to a day, and some of which come twice.
fn arrivals(world: &'static World) -> impl Strategy<Value = Vec<Arrival>> {
    // At any time, or in the morning: so that some happen together, and the gaps between are bridged.
    let minute = (0..world.days, prop_oneof![0_i64..1_440, 0_i64..200]).prop_map(|(day, minute)| day * 1_440 + minute);
    // Any delay, or hardly any, or about the longest: so that the order is really another.
    let delay = || prop_oneof![0_i64..1_440, 0_i64..60, 1_380_i64..1_440];
    let one_of = |list: &'static [usize]| prop::sample::select(list);
    let arrival = (
        minute,
        one_of(world.places),
        one_of(world.deeds),
        one_of(world.people),
        delay(),
        prop::option::weighted(0.1, delay()),
    );
    prop::collection::vec(arrival, 1..world.rows_max).prop_map(|drawn| {
        let mut arrivals = Vec::new();
        for (index, (minute, place_index, deed_index, person, delay, again)) in drawn.into_iter().enumerate() {
            let time = Time::from_secs(1_790_035_200 + minute * 60);
            let base = json!({"time": time.to_string(), "event_uid": index.to_string(), "status_id": 1,
                "source": "entra.signin"});
            // A clock that is fast, at times.
            let ahead = if deed_index == 6 {
                i64::try_from(index).unwrap() % 3 * 100
            } else {
                0
            };
            let received = Time::from_secs(time.secs() - ahead).to_string();
            let base = Value::Object(with(&base, &json!({"ingest_time": received})));
            let row = [place(place_index), who(person, minute), deed(deed_index)]
                .iter()
                .fold(base, |row, changes| Value::Object(with(&row, changes)));
            for delay in [Some(delay), again].into_iter().flatten() {
                arrivals.push(Arrival {
                    row: row.as_object().unwrap().clone(),
                    minute,
                    delay,
                });
            }
        }
        arrivals
    })
}

/// Feeds the rows in order at once, and as they come, in batches, with restarts; expects the same.
fn obeys(mut arrivals: Vec<Arrival>, batch_rows: usize, restart_every: usize) -> Result<(), TestCaseError> {
    arrivals.sort_by_key(|arrival| arrival.minute);
    let in_order: Vec<Row> = arrivals.iter().map(|arrival| arrival.row.clone()).collect();
    let mut plain = Rig::new(every_detector);
    plain.feed(&in_order);
    plain.finish();

    arrivals.sort_by_key(|arrival| arrival.minute + arrival.delay);
    let late: Vec<Row> = arrivals.iter().map(|arrival| arrival.row.clone()).collect();
    let mut troubled = Rig::new(every_detector);
    for (number, rows) in late.chunks(batch_rows).enumerate() {
        troubled.feed(rows);
        troubled.tick();
        troubled.forget();
        if number % restart_every == 0 {
            troubled.restart();
        }
    }

    troubled.finish();

    prop_assert_eq!(plain.told.episodes(), troubled.told.episodes());
    prop_assert_eq!(plain.told.incidents(), troubled.told.incidents());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_learnt_of_a_traveller_does_not_depend_on_the_order(
        arrivals in arrivals(&TRAVEL), batch_rows in 1_usize..12, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 14, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_along_does_not_depend_on_the_order(
        arrivals in arrivals(&TAKING), batch_rows in 1_usize..12, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }

    #[test]
    fn what_is_known_of_a_site_does_not_depend_on_the_order(
        arrivals in arrivals(&WEB), batch_rows in 1_usize..12, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }

    #[test]
    fn who_shares_an_account_does_not_depend_on_the_order(
        arrivals in arrivals(&SHARED), batch_rows in 1_usize..12, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }

    #[test]
    fn the_sum_of_an_hour_does_not_depend_on_the_order(
        arrivals in arrivals(&MAIL), batch_rows in 1_usize..4, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_split_and_any_restart_end_in_the_same_incidents(
        arrivals in arrivals(&EVERYTHING), batch_rows in 1_usize..12, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }

    #[test]
    fn what_is_usual_does_not_depend_on_the_order(
        arrivals in arrivals(&HABITS), batch_rows in 1_usize..12, restart_every in 1_usize..6,
    ) {
        obeys(arrivals, batch_rows, restart_every)?;
    }

    #[test]
    fn a_restart_changes_nothing_that_is_told(arrivals in arrivals(&EVERYTHING), batch_rows in 1_usize..30) {
        let mut arrivals = arrivals;
        arrivals.sort_by_key(|arrival| arrival.minute + arrival.delay);
        let rows: Vec<Row> = arrivals.into_iter().map(|arrival| arrival.row).collect();
        let (mut steady, mut restarted) = (Rig::new(every_detector), Rig::new(every_detector));

        for rows in rows.chunks(batch_rows) {
            steady.feed(rows);
            steady.tick();
            steady.forget();
            restarted.feed(rows);
            restarted.tick();
            restarted.forget();
            restarted.restart();
        }

        prop_assert_eq!(&steady.told.alerts, &restarted.told.alerts);
        prop_assert_eq!(&steady.told.incidents, &restarted.told.incidents);
        prop_assert_eq!(&steady.told.announcements, &restarted.told.announcements);
    }
}

#[test]
fn the_rows_of_the_law_do_find_something_of_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut rules = std::collections::BTreeMap::<String, usize>::new();
    for world in [&EVERYTHING, &TAKING, &WEB, &SHARED, &HABITS] {
        for _ in 0..20 {
            let mut rig = Rig::new(every_detector);
            let mut arrivals = arrivals(world).new_tree(&mut runner).unwrap().current();
            arrivals.sort_by_key(|arrival| arrival.minute + arrival.delay);
            for arrival in arrivals {
                rig.feed(&[arrival.row]);
            }
            rig.finish();
            for (_, rule, _) in rig.told.episodes() {
                *rules.entry(rule).or_default() += 1;
            }
            let alerts = rig.told.alerts.values();
            let merged = alerts.filter(|alert| alert.merged_into.is_some()).count();
            *rules.entry("merged".to_owned()).or_default() += merged;
        }
    }
    for name in [
        "SK-201", "SK-202", "SK-203", "SK-204", "SK-205", "SK-206", "SK-207", "SK-301", "SK-304", "SK-401", "SK-404",
        "SK-408", "SK-501", "SK-504", "SK-603", "SK-604", "SK-605", "SK-703", "merged",
    ] {
        assert!(rules.get(name).copied().unwrap_or_default() >= 5, "{rules:?}");
    }
}
