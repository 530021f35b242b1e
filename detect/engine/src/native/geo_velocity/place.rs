//! Where a sign-in came from, and how sure that is.

use std::net::IpAddr;
use std::time::Duration;

use sekisho_model::{Column, EventBatch};
use serde::{Deserialize, Serialize};

use super::travel::{Point, journey};

/// A geo database gives the radius in which the place lies in 67 % of cases; 95 % lie within this
/// many times as much, if the error is as wide in each direction.
const RADIUS_95_FACTOR: f64 = 1.65;

/// The least uncertainty of an own office, in kilometres: the list of networks says where it is.
const OFFICE_KM_MIN: f64 = 15.0;
/// The least uncertainty of a line whose city is known, in kilometres.
const CITY_KM_MIN: f64 = 50.0;
/// The uncertainty of a line whose country alone is known, in kilometres: what stands in the database
/// is then a point in the middle of the country.
const COUNTRY_KM: f64 = 1_000.0;
/// The same for countries that reach further than that from their middle.
const COUNTRIES_KM: [(&str, f64); 13] = [
    ("AR", 2_300.0),
    ("AU", 2_300.0),
    ("BR", 2_700.0),
    ("CA", 3_300.0),
    ("CL", 2_300.0),
    ("CN", 2_900.0),
    ("ID", 2_700.0),
    ("IN", 1_800.0),
    ("JP", 2_000.0),
    ("KZ", 1_700.0),
    ("MX", 1_900.0),
    ("RU", 4_600.0),
    ("US", 6_500.0),
];

/// The least time that two sign-ins are taken to be apart, so that a ratio is never infinite.
const APART_MIN: Duration = Duration::from_mins(1);

/// What kind of network a sign-in came through, as far as it matters for its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::native) enum Line {
    /// An own office.
    Office,
    /// A fixed line, or one of which nothing is known.
    Fixed,
    /// A mobile network: its gateways say which country, and often not even that when roaming.
    Mobile,
}

impl Line {
    /// The kind of a row's network; none where an address says nothing about a place: behind a
    /// company's or a provider's exit, a VPN, Tor or a relay, in a data centre, in the air.
    pub(in crate::native) fn of(batch: &EventBatch, row: usize) -> Option<Self> {
        match batch.text(Column::SrcNetKind, row) {
            Some("office") => Some(Self::Office),
            Some("fixed" | "unknown") | None => Some(Self::Fixed),
            Some("mobile") => Some(Self::Mobile),
            Some(_) => None,
        }
    }
}

/// A place that an address stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::native) struct Place {
    pub(super) ip: IpAddr,
    pub(super) country: String,
    pub(super) point: Point,
    pub(super) asn: Option<i64>,
    pub(super) line: Line,
    pub(super) uncertainty_km: f64,
}

impl Place {
    /// The place of a row, if its address stands for one.
    pub(in crate::native) fn of(batch: &EventBatch, row: usize, line: Line, country: &str) -> Option<Self> {
        let ip: IpAddr = batch.text(Column::SrcIp, row)?.parse().ok()?;
        let point = Point::new(batch.float(Column::SrcLat, row)?, batch.float(Column::SrcLon, row)?)?;
        let least = match line {
            Line::Office => OFFICE_KM_MIN,
            Line::Fixed if batch.text(Column::SrcCity, row).is_some() => CITY_KM_MIN,
            Line::Fixed | Line::Mobile => country_km(country),
        };
        let radius = batch
            .int(Column::SrcAccuracyKm, row)
            .and_then(|km| i32::try_from(km).ok())
            .unwrap_or(0);
        Some(Self {
            ip: ip.to_canonical(),
            country: country.to_owned(),
            point,
            asn: batch.int(Column::SrcAsn, row),
            line,
            uncertainty_km: (RADIUS_95_FACTOR * f64::from(radius)).max(least),
        })
    }
}

impl Place {
    /// What is the same for all addresses that stand for this place: everything but the address.
    pub(in crate::native) fn spot(&self) -> String {
        let Point { lat, lon } = self.point;
        let family = if self.ip.is_ipv4() { 4 } else { 6 };
        let (country, asn, line, km) = (&self.country, self.asn, self.line, self.uncertainty_km);
        format!("{country} {lat} {lon} {asn:?} {line:?} {km} {family}")
    }
}

fn country_km(country: &str) -> f64 {
    COUNTRIES_KM
        .iter()
        .find(|(code, _)| *code == country)
        .map_or(COUNTRY_KM, |(_, km)| *km)
}

/// Two places in two countries that one person cannot be at within [`needed`](Self::needed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::native) struct Journey {
    /// How far apart they stand in the database.
    pub(super) distance_km: f64,
    /// How far apart they are at least.
    pub(super) effective_km: f64,
    /// How long it takes to get from one to the other.
    pub(super) needed: Duration,
}

impl Journey {
    /// The way between places in two countries, whichever comes first; none if nothing can be
    /// concluded from it.
    pub(super) fn between(a: &Place, b: &Place, distance_km_min: f64) -> Option<Self> {
        if a.country == b.country || a.ip == b.ip || is_one_line(a, b) {
            return None;
        }
        Self::over(a, b, distance_km_min)
    }

    /// The same, of places that may be in one country, if their addresses are of one family.
    pub(in crate::native) fn across(a: &Place, b: &Place, distance_km_min: f64) -> Option<Self> {
        let of_one_family = a.ip.is_ipv4() == b.ip.is_ipv4();
        if a.country == b.country && !of_one_family || is_one_line(a, b) {
            return None;
        }
        Self::over(a, b, distance_km_min)
    }

    fn over(a: &Place, b: &Place, distance_km_min: f64) -> Option<Self> {
        let distance_km = a.point.distance_km(b.point);
        // Added before it is taken off, so that swapping the ends gives the same to the last bit.
        let effective_km = (distance_km - (a.uncertainty_km + b.uncertainty_km)).max(0.0);
        (distance_km_min <= effective_km).then(|| Self {
            distance_km,
            effective_km,
            needed: journey(effective_km),
        })
    }

    /// How many times faster than possible it was, `apart` being the time between the two sign-ins.
    pub(super) fn ratio(&self, apart: Duration) -> f64 {
        self.needed.as_secs_f64() / apart.max(APART_MIN).as_secs_f64()
    }
}

/// Whether the addresses may be the two families of one line, which databases put at two places.
fn is_one_line(a: &Place, b: &Place) -> bool {
    a.asn.is_some() && a.asn == b.asn && a.ip.is_ipv4() != b.ip.is_ipv4()
}
