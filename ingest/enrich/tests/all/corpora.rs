//! Databases and expectations that others published, where `SEKISHO_CORPORA` says they are.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use sekisho_enrich::{Geo, NetKind};
use serde_json::Value;

/// The folder of a corpus, or a word on standard error that the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn corpus(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SEKISHO_CORPORA").map(|root| Path::new(&root).join(name));
    if folder.is_none() {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
    }
    folder
}

fn open(folder: &Path, names: &[&str]) -> Geo {
    let files = names
        .iter()
        .map(|name| ((*name).to_owned(), fs::read(folder.join(name)).unwrap()))
        .collect();
    Geo::from_bytes(files).unwrap()
}

#[test]
fn every_broken_database_is_refused_with_an_error() {
    let Some(folder) = corpus("geo/broken") else { return };
    let mut refused = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let error = Geo::from_bytes(vec![(name.clone(), fs::read(&path).unwrap())]).expect_err(&name);
        assert!(error.to_string().contains(&name), "{error}");
        refused += 1;
    }
    assert!(refused >= 4, "{refused} broken databases");
}

#[test]
fn the_test_databases_of_maxmind_give_what_their_names_say() {
    let Some(folder) = corpus("geo") else { return };
    let table = [
        ("GeoIP2-City-Test.mmdb", true, false, false),
        ("GeoIP2-Country-Test.mmdb", true, false, false),
        ("GeoLite2-City-Test.mmdb", true, false, false),
        ("GeoLite2-ASN-Test.mmdb", false, true, false),
        ("GeoIP2-Anonymous-IP-Test.mmdb", false, false, true),
    ];
    for (name, places, networks, anonymisers) in table {
        let geo = open(&folder, &[name]);
        let info = geo.databases().next().unwrap();
        assert_eq!(
            (info.places > 0, info.networks > 0, info.anonymisers > 0),
            (places, networks, anonymisers),
            "{info:?}"
        );
    }

    let geo = open(
        &folder,
        &[
            "GeoLite2-City-Test.mmdb",
            "GeoLite2-ASN-Test.mmdb",
            "GeoIP2-Anonymous-IP-Test.mmdb",
        ],
    );
    let place = |address: &str| geo.lookup(address.parse().unwrap());
    let london = place("81.2.69.142");
    assert_eq!(
        (london.country.as_deref(), london.city.as_deref()),
        (Some("GB"), Some("London"))
    );
    assert!(london.coordinates.is_some() && london.accuracy_km.is_some());
    let bhutan = place("67.43.156.1");
    assert_eq!(
        (bhutan.country.as_deref(), bhutan.city.as_deref(), bhutan.coordinates),
        (Some("BT"), None, None)
    );
    assert_eq!(place("1.2.0.1").kind, Some(NetKind::Vpn));
    assert_eq!(place("1.128.0.1").as_org.as_deref(), Some("Telstra Pty Ltd"));
    assert_eq!(place("2001:218::1").country.as_deref(), Some("JP"));
}

#[test]
#[expect(clippy::print_stderr, reason = "the numbers are the point")]
fn what_elastic_expects_of_an_address_is_what_is_found() {
    let Some(root) = corpus("") else { return };
    let geo = open(
        &root.join("geo"),
        &["GeoLite2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb"],
    );
    let lines: Vec<Value> = fs::read_dir(root.join("given"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ndjson"))
        .flat_map(|path| {
            fs::read_to_string(path)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    let mut agree = Vec::new();
    for expect in lines.iter().map(|line| &line["expect"]) {
        let Some(address) = expect["src_ip"].as_str().and_then(|ip| ip.parse::<IpAddr>().ok()) else {
            continue;
        };
        let place = geo.lookup(address);
        agree.extend(
            expect["src_country"]
                .as_str()
                .map(|code| Some(code) == place.country.as_deref()),
        );
        agree.extend(expect["src_asn"].as_i64().map(|asn| Some(asn) == place.asn));
    }
    let right = agree.iter().filter(|agree| **agree).count();
    eprintln!(
        "{right} of {} expected countries and autonomous systems are found",
        agree.len()
    );
    assert!(!agree.is_empty() && right * 100 >= agree.len() * 95);
}
