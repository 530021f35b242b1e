//! What holds for any rows and any bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_enrich::{ContextProblem, Geo, Networks, People, decode_csv};
use sekisho_model::schema::COLUMNS;
use sekisho_model::{Column, EventBatch};

use crate::rows::{FILLED, bare, batch, sample};

/// A row: time, address, name, id, and what the vendor says of place and network.
type Row = (
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<&'static str>,
    Option<&'static str>,
);

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u8..4, any::<u8>()).prop_map(|(net, host)| {
            let net = ["203.0.113", "198.51.100", "192.0.2", "10.0.0"][usize::from(net)];
            format!("{net}.{host}")
        }),
        any::<u128>().prop_map(|bits| std::net::Ipv6Addr::from(bits >> 16 | 0x2001_0db8 << 96).to_string()),
        any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from(bits).to_string()),
        ".{0,12}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("hana.sato@example.co.jp".to_owned()),
        Just("corp\\hana".to_owned()),
        Just("svc-backup".to_owned()),
        "[a-z]{1,3}@example[.]net",
        ".{0,8}",
    ]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let time = -10_000_000_000_i64..10_000_000_000;
    let code = proptest::option::of(proptest::sample::select(vec!["US", "JP"]));
    let city = proptest::option::of(proptest::sample::select(vec!["Denver", "Tokyo"]));
    let option = proptest::option::of::<BoxedStrategy<String>>;
    vec(
        (
            time,
            option(address().boxed()),
            option(name().boxed()),
            option(name().boxed()),
            code,
            city,
        ),
        1..40,
    )
}

fn build(rows: &[Row]) -> EventBatch {
    batch(rows.iter().map(|(time, ip, name, id, country, city)| {
        let mut values = Vec::new();
        let texts = [
            (Column::SrcIp, ip.as_deref()),
            (Column::UserName, name.as_deref()),
            (Column::UserUid, id.as_deref()),
            (Column::SrcCountry, *country),
            (Column::SrcCity, *city),
            (Column::SrcLat, country.map(|_| "39.5")),
            (Column::SrcLon, country.map(|_| "-105")),
            (Column::SrcAsn, city.map(|_| "64500")),
        ];
        for (column, value) in texts {
            values.extend(value.map(|value| (column, value)));
        }
        (*time, values)
    }))
}

fn shown(batch: &EventBatch, row: usize) -> Vec<Option<String>> {
    COLUMNS.iter().map(|spec| batch.display(spec.column, row)).collect()
}

proptest! {
    #[test]
    fn the_rows_stay_and_no_other_column_changes(rows in rows()) {
        let before = build(&rows);
        for enricher in [sample(), bare()] {
            let after = enricher.enrich(before.clone());
            prop_assert_eq!(after.len(), before.len());
            for spec in COLUMNS.iter().filter(|spec| !FILLED.contains(&spec.column)) {
                let index = spec.column.index();
                prop_assert_eq!(after.columns().column(index), before.columns().column(index), "{}", spec.name);
            }
            prop_assert_eq!(after.side("a.b").map(|side| side.get(0)), Some(Some("side")));
        }
    }

    #[test]
    fn it_does_not_matter_how_rows_are_cut_into_batches(rows in rows(), at in any::<prop::sample::Index>()) {
        let whole = build(&rows);
        let at = at.index(whole.len() + 1);
        for enricher in [sample(), bare()] {
            let together = enricher.enrich(whole.clone());
            let first = enricher.enrich(whole.slice(0, at));
            let second = enricher.enrich(whole.slice(at, whole.len() - at));
            for row in 0..whole.len() {
                let apart = if row < at { shown(&first, row) } else { shown(&second, row - at) };
                prop_assert_eq!(shown(&together, row), apart);
            }
        }
    }

    #[test]
    fn enriching_twice_is_enriching_once(rows in rows()) {
        for enricher in [sample(), bare()] {
            let once = enricher.enrich(build(&rows));
            let twice = enricher.enrich(once.clone());
            for row in 0..once.len() {
                prop_assert_eq!(shown(&once, row), shown(&twice, row));
            }
        }
    }

    #[test]
    fn there_are_no_coordinates_without_a_city_or_a_small_radius(rows in rows()) {
        for enricher in [sample(), bare()] {
            let batch = enricher.enrich(build(&rows));
            for row in 0..batch.len() {
                let lat = batch.float(Column::SrcLat, row);
                prop_assert_eq!(lat.is_some(), batch.float(Column::SrcLon, row).is_some());
                let city = batch.text(Column::SrcCity, row);
                let radius = batch.int(Column::SrcAccuracyKm, row);
                prop_assert!(lat.is_none() || city.is_some() || radius.is_some_and(|radius| radius <= 100));
            }
        }
    }

    #[test]
    fn any_bytes_are_a_list_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(text) = decode_csv("list.csv", &bytes) {
            check_list(&text);
        }
    }

    #[test]
    fn anything_below_a_good_header_is_a_line_or_a_problem(body in "(?s)[^a-z]{0,60}|([-a-z0-9.,;:/#\"\r\n\\\\@ ]{0,40}\n){0,6}") {
        check_list(&format!("user,aliases,kind,joined,left,privileged,cidr,asn,label\n{body}"));
    }

    #[test]
    fn any_bytes_are_a_database_or_an_error(bytes in vec(any::<u8>(), 0..400), marked in any::<bool>()) {
        let mut bytes = bytes;
        if marked {
            let at = bytes.len() / 2;
            bytes.splice(at..at, *b"\xab\xcd\xefMaxMind.com");
        }
        if let Ok(geo) = Geo::from_bytes(vec![("any".to_owned(), bytes)]) {
            geo.lookup([203, 0, 113, 9].into());
        }
    }

    #[test]
    fn a_damaged_database_is_refused_or_still_answers(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        addresses in vec(address(), 8),
    ) {
        let mut bytes = include_bytes!("../../../../sample-logs/geo/City.mmdb").to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(geo) = Geo::from_bytes(vec![("City.mmdb".to_owned(), bytes)]) {
            for address in addresses.iter().filter_map(|text| text.parse().ok()) {
                geo.lookup(address);
            }
        }
    }
}

/// Every problem names a line of the text.
fn check_list(text: &str) {
    let last = text.replace("\r\n", "\n").split(['\r', '\n']).count() as u64;
    let problems = |problems: Vec<ContextProblem>| {
        for problem in problems {
            assert!((1..=last).contains(&problem.line), "{problem} in {text:?}");
        }
    };
    if let Ok((people, told)) = People::parse("people.csv", text) {
        people.find("hana");
        problems(told);
    }
    if let Ok((networks, told)) = Networks::parse("networks.csv", text) {
        networks.own(Some([203, 0, 113, 9].into()), Some(64_500));
        problems(told);
    }
}
