//! Runs the cases that stand beside every map, and the laws that every map keeps.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Map, Mapped};
use crate::json::cases;
use crate::registry::{MAPS, READ_MAPS};

#[test]
fn every_map_is_sound_and_says_what_it_reads() {
    for written in MAPS {
        let map = Map::read(written.map).unwrap_or_else(|error| panic!("{}: {error}", written.folder));
        assert_eq!(written.folder, map.id.replace('.', "_"), "the folder of {}", map.id);
        for (what, text) in [
            ("title", &map.title),
            ("transports", &map.transports),
            ("prepare", &map.prepare),
        ] {
            assert!(!text.is_empty(), "{}: {what} is empty", map.id);
        }
    }
}

#[test]
fn every_case_is_read_as_written_beside_it() {
    for (written, map) in MAPS.iter().zip(READ_MAPS.iter()) {
        let id = map.id.clone();
        let ours = move |record: &[u8]| crate::classify(record) == id;
        cases::run_all(&mut || Box::new(Mapped::new(Arc::clone(map))), &ours, written.cases);
    }
}

/// A record of one of the cases with a part of it changed, so that it is nearly one of ours.
fn nearly() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let case = (0..MAPS.len()).prop_flat_map(|map| {
        let lines: Vec<&str> = MAPS[map].cases.lines().collect();
        (Just(map), prop::sample::select(lines))
    });
    (
        case,
        any::<prop::sample::Index>(),
        prop::collection::vec(any::<u8>(), 0..4),
    )
        .prop_map(|((map, line), at, bytes)| {
            let mut record = cases::record(line).into_bytes();
            let start = at.index(record.len() + 1);
            let end = (start + bytes.len()).min(record.len());
            record.splice(start..end, bytes);
            (map, record)
        })
}

proptest! {
    #[test]
    fn nearly_any_record_becomes_rows_or_rejects((map, record) in nearly()) {
        let map = Arc::clone(&READ_MAPS[map]);
        let (rows, rejects) = cases::decode(&mut Mapped::new(map), &record, &["a.b", "parameters.x"]);
        prop_assert!(rows.len() + rejects.len() >= 1);
    }

    #[test]
    fn any_json_becomes_rows_or_rejects(map in 0..MAPS.len(), json in cases::any_json()) {
        let map = Arc::clone(&READ_MAPS[map]);
        let (rows, rejects) = cases::decode(&mut Mapped::new(map), json.to_string().as_bytes(), &["a"]);
        prop_assert!(rows.len() + rejects.len() >= 1);
    }
}

#[test]
fn a_forwarded_address_is_believed_behind_a_trusted_proxy_only() {
    for (peer, forwarded, expected) in [
        ("192.0.2.1", r#""203.0.113.9""#, "203.0.113.9"),
        ("192.0.2.1", r#""198.51.100.1, 203.0.113.9, 192.0.2.2""#, "203.0.113.9"),
        ("192.0.2.1", r#"["198.51.100.1", "203.0.113.9"]"#, "203.0.113.9"),
        ("192.0.2.1", r#""-""#, "192.0.2.1"),
        ("198.51.100.7", r#""203.0.113.9""#, "198.51.100.7"),
    ] {
        let record = format!(
            r#"{{"remote_addr": "{peer}", "request": "GET / HTTP/1.1", "status": 200, "x_forwarded_for": {forwarded}}}"#
        );
        let mut format = crate::format_by_id("web.json").unwrap().make();
        let mut out = crate::Output::new(&sekisho_model::Projection::default());
        crate::testing::feed(&mut *format, &[record], 0, &mut out);
        let rows = out.rows.finish();
        assert_eq!(
            rows.text(sekisho_model::Column::SrcIp, 0),
            Some(expected),
            "{peer} {forwarded}"
        );
    }
}
