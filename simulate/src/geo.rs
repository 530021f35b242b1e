//! The geo databases: one that knows the truth, and those that a firm can have.
//!
//! What a firm can have is wrong as databases are. Of fixed lines, 67 % lie within the radius that the
//! record tells (`MaxMind`'s definition), 28 % within three times as much, 5 % in another city and a few
//! in a thousand in another country. Mobile gateways are known to the place where they break out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::addresses::{Addresses, Issued};
use crate::geography::{CARRIER_UNLISTED, City, FIRM_ASN, Kind, middle, other_city, other_country};
use crate::mmdb::{Database, Value};
use crate::random::Random;

/// The share of fixed lines that are placed in another city.
const WRONG_CITY: f64 = 0.05;
/// The share of fixed lines whose record names no city: own estimate. Of the rows of `GeoLite2` for Japan
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
    /// The points that `city` has for addresses, also those that stand for a whole country: for rules
    /// that do not ask how sure a point is.
    pub points: BTreeMap<IpAddr, (f64, f64)>,
}

/// A place as a database knows it.
struct Place {
    city: &'static City,
    point: (f64, f64),
    radius: u16,
    /// Whether the record names the city.
    named: bool,
}

/// Writes the databases of the addresses that were given out.
pub(crate) fn databases(addresses: &Addresses, wrong_country: f64, seed: u64) -> Databases {
    let mut truth = Database::new("Sekisho-Simulated-Truth");
    let mut city = Database::new("Sekisho-Simulated-City");
    let mut asn = Database::new("Sekisho-Simulated-ASN");
    let mut anonymous = Database::new("Sekisho-Simulated-Anonymous-IP");
    let mut points = BTreeMap::new();
    for (address, issued) in &addresses.issued {
        let mut random = Random::of(seed, &[0x6e0, bits(*address)]);
        truth.insert(*address, &Place::exact(issued.city, 1).record());
        let believed = believed(issued, wrong_country, &mut random);
        city.insert(*address, &believed.record());
        points.insert(*address, believed.point);
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
        points,
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

/// The place of an address as a database knows it.
fn believed(issued: &Issued, wrong_country: f64, random: &mut Random) -> Place {
    let city = issued.city;
    if issued.operator.asn == FIRM_ASN {
        return Place::exact(city, 20);
    }
    match issued.operator.kind {
        Kind::Mobile => {
            let radius = random.pick(&[100, 200, 500]);
            if random.chance(0.5) && issued.operator.asn != CARRIER_UNLISTED {
                return Place::near(city, 30.0, radius, random);
            }
            Place::country_of(city)
        }
        Kind::Relay | Kind::Sase | Kind::Inflight if random.chance(0.5) => Place::country_of(city),
        Kind::Relay | Kind::Sase | Kind::Inflight => Place::near(city, 20.0, 100, random),
        _ => fixed(city, wrong_country, random),
    }
}

fn fixed(city: &'static City, wrong_country: f64, random: &mut Random) -> Place {
    let radius = random.pick(&[5, 10, 20, 20, 50, 100]);
    if random.chance(wrong_country) {
        return Place::near(other_country(city, random), 10.0, radius, random);
    }
    if random.chance(NO_CITY) {
        return Place::country_of(city);
    }
    if random.chance(WRONG_CITY) {
        return Place::near(other_city(city, random), 10.0, radius, random);
    }
    let reach = f64::from(radius);
    let distance = if random.chance(0.67 / 0.95) {
        random.between(0.0, reach)
    } else {
        random.between(reach, 3.0 * reach)
    };
    Place::near(city, distance, radius, random)
}

impl Place {
    fn exact(city: &'static City, radius: u16) -> Self {
        Self {
            city,
            point: (city.lat, city.lon),
            radius,
            named: true,
        }
    }

    /// A point so many kilometres from a city, in any direction.
    fn near(city: &'static City, distance_km: f64, radius: u16, random: &mut Random) -> Self {
        let angle = std::f64::consts::TAU * random.unit();
        let north = distance_km * angle.cos() / DEGREE_KM;
        let east = distance_km * angle.sin() / (DEGREE_KM * city.lat.to_radians().cos());
        Self {
            point: (city.lat + north, city.lon + east),
            ..Self::exact(city, radius)
        }
    }

    /// A record without a city stands on one point of the country, with a radius that says so.
    fn country_of(city: &'static City) -> Self {
        let middle = middle(city.country);
        Self {
            point: (middle.lat, middle.lon),
            named: false,
            ..Self::exact(city, 500)
        }
    }

    fn record(&self) -> Value {
        let country = Value::Map(vec![("iso_code", Value::Text(self.city.country.to_owned()))]);
        let location = Value::Map(vec![
            ("accuracy_radius", Value::Small(self.radius)),
            ("latitude", Value::Double(self.point.0)),
            ("longitude", Value::Double(self.point.1)),
        ]);
        let mut parts = vec![("country", country), ("location", location)];
        if self.named {
            let names = Value::Map(vec![("en", Value::Text(self.city.name.to_owned()))]);
            parts.push(("city", Value::Map(vec![("names", names)])));
        }
        Value::Map(parts)
    }
}
