//! The people, networks and databases of the sample logs.

use sekisho_enrich::{Notices, People};
use sekisho_model::Column::{
    self, Joined, Left, OfficeState, Person, PersonKind, Privileged, SrcAccuracyKm, SrcAsOrg, SrcAsn, SrcCity,
    SrcCountry, SrcIp, SrcIpType, SrcLat, SrcLon, SrcNetKind, UserName, UserUid,
};

use crate::rows::{bare, batch, sample, sample_geo, show};

fn check(cases: &[(Vec<(Column, &str)>, &str)], columns: &[Column]) {
    let rows = batch(cases.iter().map(|(values, _)| (1_790_000_000, values.clone())));
    let rows = sample().enrich(rows);
    for (row, (values, expected)) in cases.iter().enumerate() {
        assert_eq!(show(&rows, row, columns), *expected, "{values:?}");
    }
}

const FROM_ADDRESS: [Column; 9] = [
    SrcIpType,
    SrcCountry,
    SrcCity,
    SrcLat,
    SrcLon,
    SrcAccuracyKm,
    SrcAsn,
    SrcAsOrg,
    SrcNetKind,
];

#[test]
fn an_address_tells_place_and_network() {
    let cases = [
        (
            "203.0.113.9",
            "public | JP | Tokyo | 35.6895 | 139.6917 | 20 | 64496 | Example Fibre | fixed",
        ),
        (
            "203.0.113.70",
            "public | JP | Osaka | 34.6937 | 135.5023 | 20 | 64496 | Example Fibre | fixed",
        ),
        (
            "203.0.113.130",
            "public | JP | Tokyo | 35.6895 | 139.6917 | 5 | 64497 | Example Business Line | office",
        ),
        (
            "203.0.113.200",
            "public | JP | Tokyo | 35.6895 | 139.6917 | 5 | 64497 | Example Business Line | egress",
        ),
        (
            "198.51.100.10",
            "public | NL | Amsterdam | 52.374 | 4.8897 | 20 | 64498 | Example Breedband | fixed",
        ),
        (
            "198.51.100.70",
            "public | NG | Lagos | 6.4541 | 3.3947 | 50 | 64499 | Example Lagos Telecom | fixed",
        ),
        (
            "198.51.100.131",
            "public | DE | Frankfurt am Main | 50.1155 | 8.6842 | 20 | 64500 | Example Rent-a-Server | hosting",
        ),
        (
            "198.51.100.200",
            "public | US | Ashburn | 39.0437 | -77.4875 | 20 | 64501 | Example Cloud | hosting",
        ),
        // The database has a point for it, the middle of Japan within 500 km: that is no place.
        (
            "192.0.2.5",
            "public | JP | - | - | - | - | 64502 | Example Mobile | mobile",
        ),
        (
            "192.0.2.200",
            "public | BR | São Paulo | -23.5475 | -46.6361 | 20 | 64503 | Example Banda Larga | fixed",
        ),
        (
            "2001:db8:1::1",
            "public | JP | Tokyo | 35.6895 | 139.6917 | 20 | 64496 | Example Fibre | fixed",
        ),
        (
            "2001:db8:3:4::1",
            "public | JP | - | - | - | - | 64502 | Example Mobile | mobile",
        ),
        (
            "::ffff:203.0.113.9",
            "public | JP | Tokyo | 35.6895 | 139.6917 | 20 | 64496 | Example Fibre | fixed",
        ),
        ("2001:db8:ffff::1", "public | - | - | - | - | - | - | - | unknown"),
        ("10.1.2.3", "private | - | - | - | - | - | - | - | office"),
        ("192.168.1.1", "private | - | - | - | - | - | - | - | -"),
        ("100.64.3.4", "cgnat | - | - | - | - | - | - | - | -"),
        ("a host", "- | - | - | - | - | - | - | - | -"),
    ];
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(ip, expected)| (vec![(SrcIp, ip)], expected))
        .collect();
    check(&cases, &FROM_ADDRESS);
}

#[test]
fn an_account_tells_its_person() {
    let hana = "hana.sato@example.co.jp | member | false | 2019-04-01 | 2026-03-31";
    check(
        &[
            (vec![(UserName, "hana.sato@example.co.jp")], hana),
            (vec![(UserName, "sato@example.co.jp")], hana),
            (vec![(UserName, "example\\hana.sato")], hana),
            (vec![(UserName, "hana")], hana),
            (vec![(UserUid, "hana")], hana),
            (vec![(UserName, "someone@example.net"), (UserUid, "hana")], hana),
            (
                vec![(UserName, "admin.mori@example.co.jp")],
                "admin.mori@example.co.jp | member | true | 2014-04-01 | -",
            ),
            (
                vec![(UserName, "svc-backup")],
                "backup@example.co.jp | service | true | 2020-01-15 | -",
            ),
            (
                vec![(UserName, "order@example.co.jp")],
                "info@example.co.jp | shared | false | 2005-04-01 | -",
            ),
            (
                vec![(UserName, "president@example.co.jp")],
                "makoto.ogawa@example.co.jp | vip | false | 1998-06-01 | -",
            ),
            (
                vec![(UserName, "hana.sato@example.net")],
                "hana.sato@example.net | - | - | - | -",
            ),
            (vec![(UserName, "root")], "root | - | - | - | -"),
            (vec![(UserUid, "3f1c")], "- | - | - | - | -"),
            (vec![], "- | - | - | - | -"),
        ],
        &[Person, PersonKind, Privileged, Joined, Left],
    );
}

#[test]
fn the_time_tells_whether_the_office_is_open() {
    let times = [
        ("2026-11-20T00:00:00Z", "open"),
        ("2026-11-19T23:59:59Z", "closed"),
        ("2026-11-21T03:00:00Z", "closed"),
        ("2026-11-22T15:00:00Z", "holiday"),
        ("2026-12-31T03:00:00Z", "holiday"),
    ];
    let rows = batch(times.map(|(time, _)| (time.parse::<jiff::Timestamp>().unwrap().as_second(), vec![])));
    let rows = sample().enrich(rows);
    for (row, (time, expected)) in times.iter().enumerate() {
        assert_eq!(rows.text(OfficeState, row), Some(*expected), "{time}");
    }
}

#[test]
fn the_place_of_the_vendor_counts_only_without_an_address_or_a_database() {
    let vendor = [
        (SrcCountry, "US"),
        (SrcCity, "Denver"),
        (SrcLat, "39.7"),
        (SrcLon, "-105"),
        (SrcAsn, "64505"),
    ];
    let with = |values: &[(Column, &'static str)]| [&vendor[..], values].concat();
    let columns = [SrcCountry, SrcCity, SrcLat, SrcAsn, SrcNetKind];
    let cases = [
        (with(&[(SrcIp, "203.0.113.9")]), "JP | Tokyo | 35.6895 | 64496 | fixed"),
        (with(&[(SrcIp, "10.1.2.3")]), "- | - | - | - | office"),
        (with(&[]), "US | Denver | 39.7 | 64505 | -"),
        (with(&[(SrcIp, "redacted")]), "US | Denver | 39.7 | 64505 | -"),
        (
            vec![(SrcCountry, "US"), (SrcLat, "39.7"), (SrcLon, "-105")],
            "US | - | - | - | -",
        ),
        (vec![(SrcAsn, "64500")], "- | - | - | 64500 | hosting"),
    ];
    check(&cases, &columns);

    let rows = bare().enrich(batch([
        (0, with(&[(SrcIp, "203.0.113.9")])),
        (0, vec![(SrcIp, "203.0.113.9"), (SrcAsn, "13335")]),
        (0, vec![(SrcIp, "203.0.113.9")]),
    ]));
    assert_eq!(show(&rows, 0, &columns), "US | Denver | 39.7 | 64505 | fixed");
    assert_eq!(show(&rows, 1, &columns), "- | - | - | 13335 | sase");
    assert_eq!(show(&rows, 2, &columns), "- | - | - | - | unknown");
}

#[test]
fn a_database_of_places_alone_leaves_the_vendor_its_networks() {
    let city = include_bytes!("../../../../sample-logs/geo/City.mmdb").to_vec();
    let geo = sekisho_enrich::Geo::from_bytes(vec![("City.mmdb".to_owned(), city)]).unwrap();
    let enricher = bare().with_geo(Some(geo));
    let rows = enricher.enrich(batch([
        (0, vec![(SrcIp, "203.0.113.9"), (SrcCountry, "US"), (SrcAsn, "64505")]),
        (0, vec![(SrcIp, "203.0.113.9"), (SrcAsn, "64506")]),
        (0, vec![(SrcIp, "203.0.113.9")]),
    ]));
    let shown: Vec<String> = (0..3)
        .map(|row| show(&rows, row, &[SrcCountry, SrcCity, SrcAsn]))
        .collect();
    assert_eq!(shown, ["JP | Tokyo | 64505", "JP | Tokyo | 64506", "JP | Tokyo | -"]);
}

#[test]
fn a_class_that_the_format_told_is_kept() {
    let rows = sample().enrich(batch([
        (0, vec![(SrcIp, "203.0.113.9"), (SrcIpType, "service")]),
        (0, vec![(SrcIpType, "redacted")]),
    ]));
    assert_eq!(rows.text(SrcIpType, 0), Some("service"));
    assert_eq!(rows.text(SrcIpType, 1), Some("redacted"));
}

#[test]
fn the_databases_tell_what_they_are() {
    let geo = sample_geo();
    let told: Vec<String> = geo
        .databases()
        .map(|info| {
            format!(
                "{} {} {} {} {}",
                info.name, info.database_type, info.built, info.places, info.networks
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "City.mmdb Sekisho-Sample-City 2026-11-01T00:00:00Z 9 0",
            "ASN.mmdb Sekisho-Sample-ASN 2026-11-01T00:00:00Z 0 8",
        ]
    );
}

#[test]
fn the_databases_are_what_the_list_of_places_says() {
    let geo = sample_geo();
    let mut places = csv::Reader::from_reader(include_bytes!("../../../../sample-logs/geo/places.csv").as_slice());
    let mut lines = 0;
    for line in places.records() {
        let line = line.unwrap();
        let net: ipnet::IpNet = line[0].parse().unwrap();
        let city = Some(&line[2]).filter(|city| !city.is_empty());
        for address in [net.network(), net.broadcast()] {
            let place = geo.lookup(address);
            assert_eq!(place.country.as_deref(), Some(&line[1]), "{address}");
            assert_eq!(place.city.as_deref(), city, "{address}");
            assert_eq!(
                place.coordinates.map(|(lat, _)| lat),
                city.map(|_| line[3].parse().unwrap()),
                "{address}"
            );
            assert_eq!(place.asn, line[6].parse().ok(), "{address}");
            assert_eq!(place.as_org.as_deref(), Some(&line[7]), "{address}");
        }
        lines += 1;
    }
    assert_eq!(lines, 15);
}

#[test]
fn a_travel_notice_is_of_the_person_the_country_and_the_tenants_day() {
    let (notices, _) = Notices::parse(
        "notices.csv",
        "user,country,from,to\nhana.sato@example.co.jp,US,2026-10-01,2026-10-02\n",
    )
    .unwrap();
    let rows = [
        ("2026-09-30T15:00:00Z", "US", Some(true)),
        ("2026-09-30T14:59:59Z", "US", Some(false)),
        ("2026-10-01T03:00:00Z", "FR", Some(false)),
    ];
    let made = rows.map(|(time, country, _)| {
        let time = time.parse::<jiff::Timestamp>().unwrap().as_second();
        (time, vec![(UserName, "hana.sato@example.co.jp"), (SrcCountry, country)])
    });

    let found = bare().with_notices(notices).enrich(batch(made));

    for (row, (time, country, expected)) in rows.iter().enumerate() {
        assert_eq!(found.flag(Column::Noticed, row), *expected, "{time} {country}");
    }
    let without = bare().enrich(batch([(0, vec![(SrcCountry, "US")])]));
    assert_eq!(without.flag(Column::Noticed, 0), None);
}

#[test]
fn the_firms_own_domains_are_those_of_the_row_and_of_the_people_list() {
    let (people, _) = People::parse("people.csv", "user\nhana@example.co.jp\nguest@gmail.com\n").unwrap();
    let rows = batch([
        (
            0,
            vec![(UserName, "taro@example.net"), (Column::ActorName, "admin@example.org")],
        ),
        (0, vec![(UserName, "taro@gmail.com")]),
    ]);

    let found = bare().with_people(people).enrich(rows);

    assert_eq!(
        found.text(Column::OwnDomains, 0),
        Some(
            "@example.net\u{1e}.example.net\u{1e}@example.org\u{1e}.example.org\u{1e}@example.co.jp\u{1e}.example.co.jp"
        )
    );
    assert_eq!(
        found.text(Column::OwnDomains, 1),
        Some("@example.co.jp\u{1e}.example.co.jp")
    );
}
