use proptest::prelude::*;

use super::super::pack::{array, binary, float, map, number, raw_text, text, time};
use super::*;

/// What becomes of an entry with this time and map.
fn of(time: Vec<u8>, map: Vec<u8>) -> String {
    String::from_utf8(record(&array(&[time, map]), "t")).unwrap()
}

#[test]
fn values_become_what_json_has_for_them() {
    let nested = map(&[
        ("list", array(&[number(-1), vec![0xc0], vec![0xc3], array(&[])])),
        ("map", map(&[])),
    ]);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (number(-5), "-5"),
        (
            vec![0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
            "18446744073709551615",
        ),
        (float(1.5), "1.5"),
        (float(f64::NAN), r#""NaN""#),
        (float(f64::NEG_INFINITY), r#""-inf""#),
        (vec![0xc2], "false"),
        (text("q\"\\\n\u{1}é"), r#""q\"\\\n\u0001é""#),
        (binary("é".as_bytes()), r#""é""#),
        (binary(b"\xffx"), "\"\u{fffd}x\""),
        (raw_text(b"\xff"), "\"\u{fffd}\""),
        (time(0, 1), r#""1970-01-01T00:00:00.000000001Z""#),
        (vec![0xd4, 5, b'x'], r#""x""#),
        (nested, r#"{"list":[-1,null,true,[]],"map":{}}"#),
    ];
    for (value, expected) in cases {
        let record = of(number(0), map(&[("k", value)]));
        assert_eq!(
            record,
            format!(r#"{{"k":{expected},"@timestamp":"1970-01-01T00:00:00Z","@tag":"t"}}"#)
        );
        serde_json::from_str::<serde_json::Value>(&record).unwrap();
    }
}

#[test]
fn keys_become_text() {
    let keys = [number(7), vec![0xc0], binary(b"b"), array(&[number(1)])];
    let pairs: Vec<u8> = keys.iter().flat_map(|key| [key.clone(), number(0)].concat()).collect();
    let record = of(number(0), [vec![0x84], pairs].concat());
    assert_eq!(
        record,
        r#"{"7":0,"null":0,"b":0,"[1]":0,"@timestamp":"1970-01-01T00:00:00Z","@tag":"t"}"#
    );
}

#[test]
fn a_time_is_told_whatever_it_is() {
    for (time, expected) in [
        (time(1_790_000_000, 999_999_999), r#""2026-09-21T14:13:20.999999999Z""#),
        (vec![0xc7, 8, 0, 0, 0, 0, 1, 0, 0, 0, 0], r#""1970-01-01T00:00:01Z""#),
        (
            time(1, 1_000_000_000),
            r#""\u0000\u0000\u0000\u0001;\ufffd\ufffd\u0000""#,
        ),
        (number(-1), r#""1969-12-31T23:59:59Z""#),
        (float(1.25), r#""1970-01-01T00:00:01.25Z""#),
        (float(1e300), "1e+300"),
        (number(i64::MAX), "9223372036854775807"),
        (text("now"), r#""now""#),
        (vec![0xc0], "null"),
    ] {
        let record = of(time, map(&[]));
        let expected = format!(r#"{{"@timestamp":{expected},"@tag":"t"}}"#);
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parsed(&record), parsed(&expected));
    }
}

#[test]
fn what_the_map_has_itself_is_not_added() {
    let own = map(&[("@tag", text("own")), ("@timestamp", number(3)), ("log", text("line"))]);
    assert_eq!(of(number(0), own), r#"{"@tag":"own","@timestamp":3,"log":"line"}"#);
    let metadata = array(&[number(0), map(&[("m", number(1))])]);
    assert_eq!(
        of(metadata, map(&[("log", text("line"))])),
        r#"{"log":"line","@timestamp":"1970-01-01T00:00:00Z","@metadata":{"m":1},"@tag":"t"}"#
    );
}

#[test]
fn what_is_no_entry_is_kept_as_it_came() {
    let deep = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    let deep_key = [vec![0x81], [0x81].repeat(500), vec![0xc0; 501], vec![0xc0]].concat();
    for entry in [
        text("text"),
        array(&[number(1)]),
        array(&[number(1), number(2)]),
        array(&[number(1), map(&[]), map(&[])]),
        array(&[array(&[number(1)]), map(&[])]),
        array(&[number(1), map(&[("k", deep(64))])]),
        array(&[number(1), deep_key]),
        array(&[number(1), map(&[("k", [0x91].repeat(100_000))])]),
        Vec::new(),
    ] {
        assert_eq!(record(&entry, "t"), cut(&entry));
    }
    let record = of(number(0), map(&[("k", deep(63))]));
    assert!(record.starts_with(r#"{"k":[[[["#), "{record}");
}

#[test]
fn a_record_is_no_longer_than_any_other() {
    let long = text(&"\u{1}".repeat(100_000));
    let record = record(&array(&[number(0), map(&[("a", long.clone()), ("b", long)])]), "t");
    assert_eq!(record.len(), RECORD_BYTES_MAX);
}

proptest! {
    #[test]
    fn any_bytes_become_a_record(entry in prop::collection::vec(any::<u8>(), 0..80)) {
        let record = record(&entry, "t");
        prop_assert!(record == entry || serde_json::from_slice::<serde_json::Value>(&record).is_ok());
    }

    #[test]
    fn a_map_of_texts_is_the_same_in_json(pairs in prop::collection::hash_map(".{0,5}", ".{0,9}", 0..6)) {
        let packed: Vec<(&str, Vec<u8>)> = pairs.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
        let record: std::collections::HashMap<String, String> =
            serde_json::from_slice(&record(&array(&[number(0), map(&packed)]), "t")).unwrap();
        for (key, value) in &pairs {
            prop_assert_eq!(record.get(key), Some(value));
        }
        let added = ["@timestamp", "@tag"].iter().filter(|key| !pairs.contains_key(**key)).count();
        prop_assert_eq!(record.len(), pairs.len() + added);
    }
}
