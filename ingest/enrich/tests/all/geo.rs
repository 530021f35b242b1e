//! Databases of the shapes that are published, and broken ones.

use std::net::IpAddr;

use sekisho_enrich::{Geo, GeoError, NetKind, Place};

use crate::mmdb::{Value, database, map};

const NET: [u8; 4] = [203, 0, 113, 0];

fn open(database_type: &'static str, record: Value) -> Result<Geo, GeoError> {
    Geo::from_bytes(vec![(
        database_type.to_owned(),
        database(database_type, &[(NET, 24, record)]),
    )])
}

fn lookup(record: Value) -> Place {
    open("test", record).unwrap().lookup(IpAddr::from([203, 0, 113, 9]))
}

fn location(place: &Place) -> (Option<&str>, Option<&str>, Option<i64>, Option<&str>) {
    (
        place.country.as_deref(),
        place.city.as_deref(),
        place.asn,
        place.as_org.as_deref(),
    )
}

#[test]
fn the_nested_shape_is_read() {
    let names = map([("ja", Value::Text("東京")), ("en", Value::Text("Tokyo"))]);
    let place = lookup(map([
        ("city", map([("geoname_id", Value::U32(1)), ("names", names)])),
        (
            "country",
            map([
                ("iso_code", Value::Text("JP")),
                ("names", map([("en", Value::Text("Japan"))])),
            ]),
        ),
        (
            "location",
            map([
                ("accuracy_radius", Value::U16(20)),
                ("latitude", Value::Double(35.5)),
                ("longitude", Value::Double(139.5)),
                ("time_zone", Value::Text("Asia/Tokyo")),
            ]),
        ),
        ("registered_country", map([("iso_code", Value::Text("US"))])),
        (
            "subdivisions",
            Value::List(vec![map([("iso_code", Value::Text("13"))])]),
        ),
    ]));
    assert_eq!(location(&place), (Some("JP"), Some("Tokyo"), None, None));
    assert_eq!((place.coordinates, place.accuracy_km), (Some((35.5, 139.5)), Some(20)));
}

#[test]
fn the_flat_shape_is_read() {
    let place = lookup(map([
        ("city", Value::Text("Osaka")),
        ("country_code", Value::Text("JP")),
        ("latitude", Value::Float(34.5)),
        ("longitude", Value::Float(135.5)),
        ("postcode", Value::Text("")),
        ("state1", Value::Text("Osaka")),
        ("timezone", Value::Text("")),
    ]));
    assert_eq!(location(&place), (Some("JP"), Some("Osaka"), None, None));
    assert_eq!((place.coordinates, place.accuracy_km), (Some((34.5, 135.5)), None));

    let unknown_city = lookup(map([
        ("city", Value::Text("")),
        ("country_code", Value::Text("JP")),
        ("latitude", Value::Float(35.5)),
        ("longitude", Value::Float(139.5)),
    ]));
    assert_eq!(location(&unknown_city), (Some("JP"), None, None, None));
    assert_eq!(unknown_city.coordinates, None);
}

#[test]
fn networks_are_read_in_three_spellings() {
    let expected = (None, None, Some(64_500), Some("Example"));
    let maxmind = lookup(map([
        ("autonomous_system_number", Value::U32(64_500)),
        ("autonomous_system_organization", Value::Text("Example")),
    ]));
    assert_eq!(location(&maxmind), expected);
    let as_text = lookup(map([
        ("asn", Value::Text("AS64500")),
        ("as_name", Value::Text("Example")),
    ]));
    assert_eq!(location(&as_text), expected);
    let both = lookup(map([
        ("asn", Value::U32(64_500)),
        ("as_name", Value::Text("Example")),
        ("country", Value::Text("Japan")),
        ("country_code", Value::Text("JP")),
    ]));
    assert_eq!(location(&both), (Some("JP"), None, Some(64_500), Some("Example")));
}

#[test]
fn a_number_may_have_any_width_and_sign() {
    for number in [
        Value::U16(500),
        Value::U32(500),
        Value::I32(500),
        Value::U128(500),
        Value::Text("500"),
    ] {
        assert_eq!(lookup(map([("asn", number.clone())])).asn, Some(500), "{number:?}");
    }
    for number in [
        Value::I32(-1),
        Value::U32(0),
        Value::U128(u128::MAX),
        Value::Double(f64::NAN),
        Value::Flag(true),
    ] {
        let record = map([("asn", number.clone()), ("country_code", Value::Text("JP"))]);
        assert_eq!(lookup(record).asn, None, "{number:?}");
    }
}

#[test]
fn anonymisers_tell_a_kind() {
    let table = [
        (
            vec!["is_anonymous", "is_tor_exit_node", "is_anonymous_vpn"],
            Some(NetKind::Tor),
        ),
        (
            vec!["is_anonymous", "is_anonymous_vpn", "is_hosting_provider"],
            Some(NetKind::Vpn),
        ),
        (vec!["is_residential_proxy"], Some(NetKind::Vpn)),
        (vec!["is_hosting_provider"], Some(NetKind::Hosting)),
        (vec!["is_anonymous"], None),
    ];
    for (flags, expected) in table {
        let mut fields: Vec<_> = flags.iter().map(|flag| (*flag, Value::Flag(true))).collect();
        fields.push(("country_code", Value::Text("JP")));
        assert_eq!(lookup(map(fields)).kind, expected, "{flags:?}");
    }
}

#[test]
fn several_databases_complete_each_other() {
    let country = map([("country_code", Value::Text("US")), ("asn", Value::U32(64_501))]);
    let city = map([("country_code", Value::Text("JP")), ("city", Value::Text("Tokyo"))]);
    let files = vec![
        ("country".to_owned(), database("country", &[(NET, 24, country)])),
        ("city".to_owned(), database("city", &[(NET, 25, city)])),
    ];
    let geo = Geo::from_bytes(files).unwrap();
    assert_eq!(
        location(&geo.lookup([203, 0, 113, 1].into())),
        (Some("JP"), Some("Tokyo"), Some(64_501), None)
    );
    assert_eq!(
        location(&geo.lookup([203, 0, 113, 200].into())),
        (Some("US"), None, Some(64_501), None)
    );
    assert!(geo.lookup([198, 51, 100, 1].into()).is_empty());
    assert!(
        geo.lookup("2001:db8::1".parse().unwrap()).is_empty(),
        "a database of IPv4 knows no IPv6"
    );
}

#[test]
fn a_database_about_something_else_is_refused() {
    for record in [
        map([]),
        map([("domain", Value::Text("example.com"))]),
        map([
            ("connection_type", Value::Text("Cellular")),
            ("latitude", Value::Double(1.0)),
        ]),
        map([("country", map([("iso_code", Value::Text("ZZ"))]))]),
    ] {
        let error = open("GeoIP2-Other", record).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the geo database GeoIP2-Other of type `GeoIP2-Other` has no field"),
            "{error}"
        );
    }
}

#[test]
fn a_record_that_is_no_map_is_refused() {
    for record in [Value::Text("JP"), Value::U32(7), Value::List(vec![Value::Text("JP")])] {
        assert!(matches!(open("odd", record), Err(GeoError::Damaged { .. })));
    }
}

#[test]
fn a_file_that_is_cut_short_or_is_no_database_is_refused() {
    let whole = include_bytes!("../../../../sample-logs/geo/City.mmdb");
    for length in 0..whole.len() {
        let cut = Geo::from_bytes(vec![("City.mmdb".to_owned(), whole[..length].to_vec())]);
        assert!(cut.is_err(), "{length} of {} bytes", whole.len());
    }
    let error = Geo::from_bytes(vec![("City.mmdb".to_owned(), b"<html>404</html>".to_vec())]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the geo database City.mmdb is damaged, fetch it again"
    );
}

#[test]
fn a_search_tree_that_runs_in_circles_is_refused() {
    let record = map([("country_code", Value::Text("JP"))]);
    let sound = database("test", &[(NET, 24, record)]);
    // Each node, in turn, points back to the root, or both its sides to the next node.
    for node in 0..24_usize {
        let mut circle = sound.clone();
        circle[node * 8..node * 8 + 4].copy_from_slice(&0_u32.to_be_bytes());
        assert!(
            Geo::from_bytes(vec![("circle".to_owned(), circle)]).is_err(),
            "node {node}"
        );
    }
    let mut wide = sound;
    for node in 0..23_usize {
        let next = (node as u32 + 1).to_be_bytes();
        wide[node * 8..node * 8 + 4].copy_from_slice(&next);
        wide[node * 8 + 4..node * 8 + 8].copy_from_slice(&next);
    }
    assert!(Geo::from_bytes(vec![("2^23 ends".to_owned(), wide)]).is_err());
}
