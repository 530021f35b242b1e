//! Who cannot have been there.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sekisho_model::{Detection, Severity};
use serde_json::{Value, json};

use crate::testing::batch;
use crate::testing::rig::{Row, detector, row, rule};

/// A place: country, city, latitude, longitude, accuracy, network number, an address.
type Place = (&'static str, Option<&'static str>, f64, f64, i64, i64, &'static str);

const TOKYO: Place = ("JP", Some("Tokyo"), 35.6762, 139.6503, 10, 64_500, "192.0.2.1");
const OSAKA: Place = ("JP", Some("Osaka"), 34.6937, 135.5023, 10, 64_501, "192.0.2.2");
const JAPAN: Place = ("JP", None, 36.0, 138.0, 200, 64_502, "192.0.2.3");
const SEOUL: Place = ("KR", Some("Seoul"), 37.5665, 126.978, 20, 64_503, "192.0.2.4");
const LONDON: Place = ("GB", Some("London"), 51.5072, -0.1276, 20, 64_504, "198.51.100.1");
const FIJI: Place = ("FJ", Some("Suva"), -18.1, 178.4, 20, 64_505, "198.51.100.2");
const SAMOA: Place = ("WS", Some("Apia"), -13.8, -171.8, 20, 64_506, "198.51.100.3");
const LONDON_V6: Place = ("GB", Some("London"), 51.5072, -0.1276, 20, 64_500, "2001:db8::1");
const LONDON_MAPPED: Place = ("GB", Some("London"), 51.5072, -0.1276, 20, 64_504, "::ffff:192.0.2.1");
const SAME_SPOT_ABROAD: Place = ("KR", Some("Seoul"), 35.6762, 139.6503, 10, 64_503, "192.0.2.4");
const NORTH_POLE: Place = ("NO", Some("Ny-Ålesund"), 90.0, 0.0, 20, 64_507, "198.51.100.4");
const SOUTH_POLE: Place = ("AQ", Some("Amundsen-Scott"), -90.0, 0.0, 20, 64_508, "198.51.100.5");

/// A sign-in of hana, so many minutes after nine o'clock in Tokyo.
fn sign_in(place: Place, minute: i64) -> Value {
    let (country, city, lat, lon, accuracy, asn, ip) = place;
    let time = sekisho_model::Time::from_secs(1_790_035_200 + minute * 60);
    json!({
        "time": time.to_string(), "source": "entra.signin", "activity": "logon", "status_id": 1,
        "user_name": "hana@example.co.jp", "src_ip": ip, "src_country": country, "src_city": city,
        "src_lat": lat, "src_lon": lon, "src_accuracy_km": accuracy, "src_asn": asn, "src_net_kind": "fixed",
    })
}

fn and(mut row: Value, column: &str, value: impl Into<Value>) -> Value {
    row[column] = value.into();
    row
}

/// What is found when the rows come one by one, in this order.
fn detections(rows: &[Value]) -> Vec<Detection> {
    let rule = rule("SK-202", "travel", Severity::High, 0.35);
    let mut detector = detector("geo_velocity", rule, &Value::Null);
    let mut found = Vec::new();
    for (index, value) in rows.iter().enumerate() {
        let mut row: Row = row(value);
        row.entry("event_uid").or_insert_with(|| index.to_string().into());
        detector.observe(&batch(&[row]).unwrap(), &mut found);
    }
    found
}

/// What is found that is worth telling alone.
fn alone(rows: &[Value]) -> Vec<Detection> {
    let mut found = detections(rows);
    found.retain(|detection| detection.weight.severity == Severity::High);
    found
}

/// The indices of the rows that are evidence of what is told alone, whether they come forward or
/// backward.
fn check(rows: &[Value], expected: &[usize]) {
    check_of(alone, rows, expected);
}

/// The same, of what supports other findings too.
fn check_all(rows: &[Value], expected: &[usize]) {
    check_of(detections, rows, expected);
}

fn check_of(found: fn(&[Value]) -> Vec<Detection>, rows: &[Value], expected: &[usize]) {
    let named: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| and(row.clone(), "event_uid", index.to_string()))
        .collect();
    let backward: Vec<Value> = named.iter().rev().cloned().collect();
    for rows in [named, backward] {
        let found: BTreeSet<usize> = found(&rows)
            .iter()
            .flat_map(|detection| &detection.evidence)
            .map(|evidence| evidence.event_uid.parse().unwrap())
            .collect();
        assert_eq!(found, expected.iter().copied().collect(), "{rows:#?}");
    }
}

#[test]
fn tokyo_to_london_in_an_hour_fires_with_both_ends() {
    check(&[sign_in(TOKYO, 0), sign_in(LONDON, 60)], &[0, 1]);
}

#[test]
fn a_real_flight_does_not_fire() {
    check(&[sign_in(TOKYO, 0), sign_in(LONDON, 14 * 60)], &[]);
}

#[test]
fn it_takes_twice_the_possible_speed_to_be_told_alone() {
    let needed = 60 * 10 + 24;
    check(&[sign_in(TOKYO, 0), sign_in(LONDON, needed / 2 - 5)], &[0, 1]);
    let rows = [sign_in(TOKYO, 0), sign_in(LONDON, needed / 2 + 5)];
    check(&rows, &[]);
    check_all(&rows, &[0, 1]);
    assert_eq!(detections(&rows)[0].weight.severity, Severity::Medium);
    assert!(detections(&rows)[0].weight.probability < 0.2);
    check_all(&[sign_in(TOKYO, 0), sign_in(LONDON, needed + 5)], &[]);
}

#[test]
fn what_was_told_in_support_is_told_again_if_it_is_worth_more() {
    let managed = and(
        and(sign_in(LONDON, 60), "event_uid", "london"),
        "device_trust",
        "managed",
    );
    let mut rows: Vec<Value> = (1..5).map(|day| sign_in(TOKYO, -day * 1_440)).collect();
    rows.extend([sign_in(TOKYO, 0), managed.clone()]);
    assert_eq!(alone(&rows).len(), 0);
    rows.push(and(managed, "device_trust", Value::Null));
    assert_eq!(alone(&rows)[0].evidence.len(), 2);
}

#[test]
fn the_odd_end_is_the_one_that_is_less_like_the_person() {
    let unlike = |row, nats: f64| and(row, "unfamiliarity", nats);
    let background = |row| and(and(row, "is_interactive", false), "device_uid", "PC-7");
    // What runs at the odd end without a person raises nothing.
    let rows = |tokyo, london| {
        let tokyo = unlike(background(sign_in(TOKYO, 0)), tokyo);
        [tokyo, unlike(sign_in(LONDON, 60), london)]
    };
    check_all(&rows(-2.0, 6.0), &[0, 1]);
    check_all(&rows(6.0, -2.0), &[]);
    // Days in the country do not count where the profile knows both.
    let mut known: Vec<Value> = (2..6).map(|day| sign_in(LONDON, -day * 1_440)).collect();
    known.extend(rows(-2.0, 6.0));
    check_all(&known, &[4, 5]);
}

#[test]
fn a_clock_that_was_fast_may_still_be() {
    let google = |row| and(row, "source", "google.login");
    let fast = |minute: i64, seconds: i64| {
        let observed = sekisho_model::Time::from_secs(1_790_035_200 + minute * 60 - seconds);
        and(google(sign_in(SEOUL, minute)), "ingest_time", observed.to_string())
    };
    // 45 minutes and the usual two are just too short for the way, see above.
    let pair = [sign_in(TOKYO, 0), google(sign_in(SEOUL, 45))];
    check(&pair, &[0, 1]);
    let is_told_after = |row: Value| {
        let [tokyo, seoul] = pair.clone();
        !alone(&[row, tokyo, seoul]).is_empty()
    };
    assert!(!is_told_after(fast(-3 * 1_440, 240)));
    assert!(is_told_after(fast(-3 * 1_440, 30)));
    // Long ago, and so short ago that not every record of the day has come.
    assert!(is_told_after(fast(-40 * 1_440, 240)));
    let of_another = and(fast(-1_440, 240), "user_name", "taro@example.co.jp");
    assert!(is_told_after(of_another));
}

#[test]
fn two_carrier_gateways_do_not_fire() {
    let mobile = |place, minute| and(sign_in(place, minute), "src_net_kind", "mobile");
    check(&[mobile(TOKYO, 0), mobile(OSAKA, 1)], &[]);
    check(&[sign_in(TOKYO, 0), mobile(LONDON, 1)], &[]);
}

#[test]
fn an_exit_is_not_a_place() {
    for kind in ["sase", "egress", "inflight", "relay", "vpn", "tor", "hosting"] {
        check(
            &[sign_in(TOKYO, 0), and(sign_in(LONDON, 60), "src_net_kind", kind)],
            &[],
        );
    }
}

#[test]
fn a_line_of_which_nothing_is_known_counts_as_fixed() {
    for kind in [Value::Null, "unknown".into(), "office".into()] {
        check(
            &[sign_in(TOKYO, 0), and(sign_in(LONDON, 60), "src_net_kind", kind)],
            &[0, 1],
        );
    }
}

#[test]
fn nothing_is_concluded_within_one_country() {
    check(&[sign_in(TOKYO, 0), sign_in(OSAKA, 1)], &[]);
    check(&[sign_in(OSAKA, 0), sign_in(JAPAN, 0)], &[]);
}

#[test]
fn a_place_known_by_its_country_is_as_uncertain_as_the_country_is_wide() {
    check(&[sign_in(JAPAN, 0), sign_in(SEOUL, 1)], &[]);
    check(&[sign_in(JAPAN, 0), sign_in(LONDON, 60)], &[0, 1]);
}

#[test]
fn the_accuracy_radius_is_taken_off_the_distance() {
    check(&[sign_in(TOKYO, 0), sign_in(SEOUL, 5)], &[0, 1]);
    check(
        &[sign_in(TOKYO, 0), and(sign_in(SEOUL, 5), "src_accuracy_km", 700)],
        &[],
    );
}

#[test]
fn the_same_minute_is_the_clearest_case_of_all() {
    let rows = [sign_in(TOKYO, 0), sign_in(LONDON, 0)];
    check(&rows, &[0, 1]);
    let ratio = detections(&rows)[0].facts["ratio"].as_f64().unwrap();
    assert!(ratio.is_finite() && ratio > 500.0, "{ratio}");
}

#[test]
fn two_names_for_one_spot_are_no_journey() {
    check(&[sign_in(TOKYO, 0), sign_in(SAME_SPOT_ABROAD, 0)], &[]);
}

#[test]
fn the_antimeridian_is_no_wall() {
    let found = detections(&[sign_in(FIJI, 0), sign_in(SAMOA, 10)]);
    let km = found[0].facts["distance_km"].as_f64().unwrap();
    assert!((1_100.0..1_200.0).contains(&km), "{km}");
}

#[test]
fn from_pole_to_pole_is_half_the_earth() {
    let found = detections(&[sign_in(NORTH_POLE, 0), sign_in(SOUTH_POLE, 10)]);
    assert_eq!(found[0].facts["distance_km"], json!(20_015.0));
}

#[test]
fn an_address_written_as_mapped_is_the_same_address() {
    check(&[sign_in(TOKYO, 0), sign_in(LONDON_MAPPED, 60)], &[]);
}

#[test]
fn the_two_addresses_of_one_line_do_not_collide() {
    check(&[sign_in(TOKYO, 0), sign_in(LONDON_V6, 1)], &[]);
    check(&[sign_in(OSAKA, 0), sign_in(LONDON_V6, 1)], &[0, 1]);
}

#[test]
fn a_managed_device_abroad_is_a_trip() {
    for trust in ["managed", "compliant"] {
        let mut rows: Vec<Value> = (1..5).map(|day| sign_in(TOKYO, -day * 1_440)).collect();
        rows.push(sign_in(TOKYO, 0));
        rows.push(and(sign_in(LONDON, 60), "device_trust", trust));
        assert_eq!(alone(&rows).len(), 0);
        rows[5]["device_trust"] = "registered".into();
        assert_eq!(alone(&rows).len(), 1);
    }
}

#[test]
fn a_managed_device_at_the_usual_place_does_not_excuse_the_other_end() {
    let mut rows: Vec<Value> = (0..5)
        .map(|day| and(sign_in(TOKYO, -day * 1_440), "device_trust", "managed"))
        .collect();
    rows.push(sign_in(LONDON, 60));
    assert_eq!(detections(&rows).len(), 1);
}

#[test]
fn an_own_office_is_never_the_odd_end() {
    let office = |minute| and(sign_in(TOKYO, minute), "src_net_kind", "office");
    let mut rows: Vec<Value> = (1..5).map(|day| sign_in(LONDON, -day * 1_440)).collect();
    rows.push(and(sign_in(LONDON, 0), "device_trust", "managed"));
    rows.push(office(60));
    assert_eq!(alone(&rows).len(), 0);
}

#[test]
fn what_runs_without_a_person_raises_nothing_and_proves_little() {
    let background = |place, minute| and(sign_in(place, minute), "is_interactive", false);
    check(&[background(TOKYO, 0), background(LONDON, 60)], &[]);
    check(&[background(TOKYO, 0), sign_in(LONDON, 60)], &[]);
    check(
        &[and(background(TOKYO, 0), "device_uid", "PC-7"), sign_in(LONDON, 60)],
        &[0, 1],
    );
}

#[test]
fn failures_services_and_other_activities_are_no_sign_ins() {
    for (column, value) in [
        ("status_id", json!(2)),
        ("person_kind", json!("service")),
        ("user_type", json!("service")),
        ("activity", json!("file_download")),
        ("src_lat", json!(null)),
        ("src_country", json!(null)),
        ("src_ip", json!("not an address")),
        ("user_name", json!("taro@example.co.jp")),
        ("tenant", json!("other")),
    ] {
        check(&[sign_in(TOKYO, 0), and(sign_in(LONDON, 60), column, value)], &[]);
    }
}

#[test]
fn one_person_is_followed_through_all_accounts() {
    let vpn = and(
        and(sign_in(TOKYO, 0), "user_name", "hana"),
        "person",
        "hana@example.co.jp",
    );
    check(&[and(vpn, "activity", "vpn_connect"), sign_in(LONDON, 60)], &[0, 1]);
}

#[test]
fn two_sources_have_two_clocks() {
    let seoul = |minute| and(sign_in(SEOUL, minute), "source", "google.login");
    // 1,055 km after uncertainty need 96.6 minutes: 48.3 of them at twice the speed.
    check(&[sign_in(TOKYO, 0), sign_in(SEOUL, 47)], &[0, 1]);
    check(&[sign_in(TOKYO, 0), seoul(47)], &[]);
    check(&[sign_in(TOKYO, 0), seoul(45)], &[0, 1]);
}

#[test]
fn a_late_record_is_judged_against_both_sides_and_moves_nobody() {
    let rows = [
        sign_in(TOKYO, 0),
        sign_in(TOKYO, 120),
        sign_in(LONDON, 60),
        sign_in(TOKYO, 180),
    ];
    check(&rows, &[0, 1, 2, 3]);
    check(
        &[sign_in(TOKYO, 0), sign_in(TOKYO, 1_500), sign_in(LONDON, 60)],
        &[0, 2],
    );
}

#[test]
fn a_repeated_event_is_told_once() {
    let london = and(sign_in(LONDON, 60), "event_uid", "london");
    let found = detections(&[
        sign_in(TOKYO, 0),
        london.clone(),
        london.clone(),
        and(london, "risk_level", 3),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].evidence.len(), 2);
}

#[test]
fn an_update_can_make_a_sign_in_worth_telling() {
    let background = and(and(sign_in(LONDON, 60), "event_uid", "london"), "is_interactive", false);
    let found = detections(&[
        sign_in(TOKYO, 0),
        background.clone(),
        and(background, "is_interactive", true),
    ]);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_pair_that_collided_on_two_earlier_days_is_how_the_person_works() {
    let day = |day: i64| [sign_in(TOKYO, day * 1_440), sign_in(LONDON, day * 1_440 + 60)];

    let fired = |days: &[i64]| {
        let rows: Vec<Value> = days.iter().flat_map(|number| day(*number)).collect();
        detections(&rows)
            .iter()
            .flat_map(|detection| &detection.evidence)
            .count()
            / 2
    };

    assert_eq!(fired(&[0]), 1);
    // The day before the last is not settled when the last is judged: records may still be late.
    assert_eq!(fired(&[0, 1, 2]), 3);
    assert_eq!(fired(&[0, 1, 2, 3, 4, 5]), 3);
    // What is long ago is not usual any more.
    assert_eq!(fired(&[0, 1, 100]), 3);
}

#[test]
fn a_day_that_comes_late_does_not_decide_what_is_usual() {
    let day = |day: i64| [sign_in(TOKYO, day * 1_440), sign_in(LONDON, day * 1_440 + 60)];
    let told = |days: [i64; 3]| -> BTreeSet<String> {
        let rows: Vec<Value> = days
            .iter()
            .flat_map(|number| day(*number).map(|row| and(row.clone(), "event_uid", row["time"].clone())))
            .collect();
        detections(&rows)
            .into_iter()
            .flat_map(|found| found.evidence)
            .map(|evidence| evidence.event_uid)
            .collect()
    };

    assert_eq!(told([0, 1, 2]), told([0, 2, 1]));
}

#[test]
fn another_network_in_the_usual_country_is_not_usual() {
    let mut rows = Vec::new();
    for day in 0..6 {
        rows.extend([sign_in(TOKYO, day * 1_440), sign_in(LONDON, day * 1_440 + 60)]);
    }
    let mut elsewhere = and(sign_in(LONDON, 6 * 1_440 + 30), "src_asn", 64_999);
    elsewhere["src_ip"] = "203.0.113.9".into();
    elsewhere["event_uid"] = "elsewhere".into();
    rows.extend([sign_in(TOKYO, 6 * 1_440), elsewhere]);
    let found = detections(&rows);
    assert!(
        found
            .last()
            .unwrap()
            .evidence
            .iter()
            .any(|evidence| evidence.event_uid == "elsewhere")
    );
}

#[test]
fn the_facts_tell_both_ends_and_the_clearest_pair() {
    let found = detections(&[sign_in(LONDON, 60), sign_in(TOKYO, 0), sign_in(TOKYO, 240)]);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].facts, found[1].facts);
    let facts = &found[0].facts;
    for (name, expected) in [
        ("from_city", json!("Tokyo")),
        ("from_country", json!("JP")),
        ("from_ip", json!("192.0.2.1")),
        ("from_time", json!("2026-09-22T00:00:00Z")),
        ("from_as_org", json!(null)),
        ("to_city", json!("London")),
        ("to_time", json!("2026-09-22T01:00:00Z")),
        ("distance_km", json!(9_559.0)),
        ("effective_km", json!(9_459.0)),
        ("minutes_taken", json!(60.0)),
        ("minutes_needed", json!(627.4)),
        ("ratio", json!(10.5)),
    ] {
        assert_eq!(facts[name], expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn swapping_the_ends_gives_the_same_ratio(
        a in (-90.0..=90.0, -180.0..=180.0), b in (-90.0..=90.0, -180.0..=180.0),
        radius in (0_i64..2_000, 0_i64..2_000), apart in 0_i64..1_300,
    ) {
        let end = |(lat, lon), country, ip, radius, minute| {
            sign_in((country, Some("somewhere"), lat, lon, radius, 64_500, ip), minute)
        };
        let facts = |first, second| {
            let found = detections(&[end(a, "JP", "192.0.2.1", radius.0, first), end(b, "GB", "192.0.2.2", radius.1, second)]);
            found.first().map(|detection| {
                let facts = &detection.facts;
                ["ratio", "effective_km", "minutes_needed"].map(|name| facts[name].clone())
            })
        };
        prop_assert_eq!(facts(0, apart), facts(apart, 0));
    }
}
