//! The geo databases: one that knows the truth, and those that a firm can have.
//!
//! What a firm can have is wrong as databases are. Of fixed lines, 67 % lie within the radius that the
//! record tells (`MaxMind`'s definition), 28 % within three times as much, 5 % in another city and a few
//! in a thousand in another country. Mobile gateways are known to the place where they break out.

use std::net::IpAddr;

use crate::addresses::{Addresses, Issued};
use crate::geography::{CARRIER_UNLISTED, City, FIRM_ASN, Kind, other_city, other_country};
use crate::mmdb::{Database, Value};
use crate::random::Random;

/// The share of fixed lines that are placed in another city.
const WRONG_CITY: f64 = 0.05;
/// The share of fixed lines whose record names no city: own estimate. Of the rows of GeoLite2 for Japan
/// it is half, but rows are not lines.
const NO_CITY: f64 = 0.2;
/// The share of ranges of rented servers that lists of anonymisers know.
const HOSTING_KNOWN: f64 = 0.87;
/// The same for VPN providers.
const VPN_KNOWN: f64 = 0.7;
/// Kilometres of a degree of latitude.
const DEGREE_KM: f64 = 111.2;

/// Databases as files, by their names.
#[derive(Clone, Debug)]
pub struct Databases {
    /// Where every address is in truth, in the shape of `GeoLite2` City.
    pub truth: Vec<u8>,
    /// Places as a database knows them.
    pub city: Vec<u8>,
    /// Autonomous systems.
    pub asn: Vec<u8>,
    /// Rented servers and VPN providers.
    pub anonymous: Vec<u8>,
}

/// Writes the databases of the addresses that were given out.
pub(crate) fn databases(addresses: &Addresses, wrong_country: f64, seed: u64) -> Databases {
    let mut truth = Database::new("Sekisho-Simulated-Truth");
    let mut city = Database::new("Sekisho-Simulated-City");
    let mut asn = Database::new("Sekisho-Simulated-ASN");
    let mut anonymous = Database::new("Sekisho-Simulated-Anonymous-IP");
    for (address, issued) in &addresses.issued {
        let mut random = Random::of(seed, &[0x6e0, bits(*address)]);
        truth.insert(
            *address,
            &record(issued.city, (issued.city.lat, issued.city.lon), 1, true),
        );
        city.insert(*address, &believed(issued, wrong_country, &mut random));
        asn.insert(*address, &operator(issued));
        if let Some(flag) = anonymiser(*address, issued, seed) {
            anonymous.insert(*address, &Value::Map(vec![(flag, Value::Flag(true))]));
        }
    }
    Databases {
        truth: truth.bytes(),
        city: city.bytes(),
        asn: asn.bytes(),
        anonymous: anonymous.bytes(),
    }
}

/// What stands for an address in the choice of its errors.
fn bits(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => u64::try_from(u128::from(address) >> 64).unwrap_or_default(),
    }
}

fn operator(issued: &Issued) -> Value {
    Value::Map(vec![
        ("autonomous_system_number", Value::Whole(issued.operator.asn)),
        ("autonomous_system_organization", Value::Text(issued.operator.name())),
    ])
}

/// What a list of anonymisers says: it knows ranges, not single addresses.
fn anonymiser(address: IpAddr, issued: &Issued, seed: u64) -> Option<&'static str> {
    let range = bits(address) >> 8;
    let known = Random::of(seed, &[0x115, range]).unit();
    match issued.operator.kind {
        Kind::Hosting => (known < HOSTING_KNOWN).then_some("is_hosting_provider"),
        Kind::Vpn => (known < VPN_KNOWN).then_some("is_anonymous_vpn"),
        _ => issued.mislabelled.then_some("is_hosting_provider"),
    }
}

/// The place as a database knows it.
fn believed(issued: &Issued, wrong_country: f64, random: &mut Random) -> Value {
    let city = issued.city;
    if issued.operator.asn == FIRM_ASN {
        return record(city, (city.lat, city.lon), 20, true);
    }
    match issued.operator.kind {
        Kind::Mobile => {
            let radius = random.pick(&[100, 200, 500]);
            let named = random.chance(0.5) && issued.operator.asn != CARRIER_UNLISTED;
            record(city, near(city, 30.0, random), radius, named)
        }
        Kind::Relay | Kind::Sase | Kind::Inflight => record(city, near(city, 20.0, random), 100, random.chance(0.5)),
        _ => fixed(city, wrong_country, random),
    }
}

fn fixed(city: &'static City, wrong_country: f64, random: &mut Random) -> Value {
    let radius = random.pick(&[5, 10, 20, 20, 50, 100]);
    if random.chance(wrong_country) {
        let wrong = other_country(city, random);
        return record(wrong, near(wrong, 10.0, random), radius, true);
    }
    let named = !random.chance(NO_CITY);
    // A record without a city stands anywhere in its country, with a radius that says so.
    if !named {
        return record(city, near(city, 300.0, random), 500, false);
    }
    if random.chance(WRONG_CITY) {
        let wrong = other_city(city, random);
        return record(wrong, near(wrong, 10.0, random), radius, true);
    }
    let reach = f64::from(radius);
    let distance = if random.chance(0.67 / 0.95) {
        random.between(0.0, reach)
    } else {
        random.between(reach, 3.0 * reach)
    };
    record(city, near(city, distance, random), radius, true)
}

/// A point so many kilometres from a city, in any direction.
fn near(city: &City, distance_km: f64, random: &mut Random) -> (f64, f64) {
    let angle = std::f64::consts::TAU * random.unit();
    let north = distance_km * angle.cos() / DEGREE_KM;
    let east = distance_km * angle.sin() / (DEGREE_KM * city.lat.to_radians().cos());
    (city.lat + north, city.lon + east)
}

fn record(city: &City, (latitude, longitude): (f64, f64), radius: u16, named: bool) -> Value {
    let country = Value::Map(vec![("iso_code", Value::Text(city.country.to_owned()))]);
    let location = Value::Map(vec![
        ("accuracy_radius", Value::Small(radius)),
        ("latitude", Value::Double(latitude)),
        ("longitude", Value::Double(longitude)),
    ]);
    let mut parts = vec![("country", country), ("location", location)];
    if named {
        let names = Value::Map(vec![("en", Value::Text(city.name.to_owned()))]);
        parts.push(("city", Value::Map(vec![("names", names)])));
    }
    Value::Map(parts)
}
