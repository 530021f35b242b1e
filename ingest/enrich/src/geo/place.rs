//! What is known about an address.

use super::record::{Record, Scalar};
use crate::NetKind;

/// A place without a city has coordinates only if it lies within this radius, in kilometres.
///
/// Databases put rows that they know to the country only on the country's centre, with a radius of
/// hundreds of kilometres or none at all: over half of the rows of Japan, and a speed computed from
/// such a point is an invention. Within 100 km even the wrong end is a trip of an hour, which no
/// verdict turns on, and city states need no city.
pub const COORDINATES_ACCURACY_KM_MAX: i32 = 100;

/// What is known about an address, or about the vendor's record where there is no address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// English name of the city.
    pub city: Option<String>,
    /// Latitude and longitude in degrees; only with a city, or within
    /// [`COORDINATES_ACCURACY_KM_MAX`].
    pub coordinates: Option<(f64, f64)>,
    /// Radius in kilometres within which the place lies in 67 % of cases; only with coordinates.
    pub accuracy_km: Option<i32>,
    /// Autonomous system number.
    pub asn: Option<i64>,
    /// Operator of the autonomous system.
    pub as_org: Option<String>,
    /// What a database of anonymisers says.
    pub kind: Option<NetKind>,
}

impl Place {
    pub(super) fn from_record(record: &Record<'_>) -> Self {
        let latitude = record.location.latitude.number().or(record.latitude.number());
        let longitude = record.location.longitude.number().or(record.longitude.number());
        let radius = record
            .location
            .accuracy_radius
            .number()
            .or(record.accuracy_radius.number());
        let asn = record.autonomous_system_number.number().or(record.asn.number());
        Self {
            country: [record.country.code, record.country_code]
                .into_iter()
                .find_map(country_code),
            city: record.city.name.text().map(str::to_owned),
            coordinates: latitude.zip(longitude),
            accuracy_km: radius.and_then(whole).and_then(|radius| radius.try_into().ok()),
            asn: asn.and_then(whole),
            as_org: record
                .autonomous_system_organization
                .text()
                .or(record.as_name.text())
                .map(str::to_owned),
            kind: anonymiser(record),
        }
        .with_honest_coordinates()
    }

    /// Drops coordinates that stand for a whole country, or for nothing on Earth.
    pub(crate) fn with_honest_coordinates(mut self) -> Self {
        let narrow = self
            .accuracy_km
            .is_some_and(|radius| (1..=COORDINATES_ACCURACY_KM_MAX).contains(&radius));
        self.coordinates = self.coordinates.filter(|(latitude, longitude)| {
            let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
            on_earth && (self.city.is_some() || narrow)
        });
        self.accuracy_km = self.accuracy_km.filter(|_| self.coordinates.is_some());
        self
    }

    /// Fills what is missing from `other`. A location is taken whole: the finer of the two, and this
    /// one if they are equally fine.
    pub(crate) fn complete(&mut self, other: Self) {
        if self.fineness() < other.fineness() {
            self.country = other.country;
            self.city = other.city;
            self.coordinates = other.coordinates;
            self.accuracy_km = other.accuracy_km;
        }
        if self.asn.is_none() && self.as_org.is_none() {
            self.asn = other.asn;
            self.as_org = other.as_org;
        }
        self.kind = self.kind.or(other.kind);
    }

    fn fineness(&self) -> u8 {
        match (&self.country, &self.city, &self.coordinates) {
            (_, Some(_), Some(_)) => 4,
            (_, Some(_), None) => 3,
            (_, None, Some(_)) => 2,
            (Some(_), None, None) => 1,
            (None, None, None) => 0,
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.fineness() == 0 && self.asn.is_none() && self.as_org.is_none() && self.kind.is_none()
    }
}

/// Two letters; `ZZ` stands for an unknown country.
fn country_code(code: Scalar<'_>) -> Option<String> {
    let code = code.text()?;
    let two_letters = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    (two_letters && !code.eq_ignore_ascii_case("ZZ")).then(|| code.to_ascii_uppercase())
}

/// A number from 1 that fits in 32 bits, without its fraction.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the range is checked; only the fraction is cut"
)]
fn whole(number: f64) -> Option<i64> {
    (1.0..=f64::from(u32::MAX)).contains(&number).then_some(number as i64)
}

fn anonymiser(record: &Record<'_>) -> Option<NetKind> {
    if record.is_tor_exit_node.is_true() {
        Some(NetKind::Tor)
    } else if record.is_anonymous_vpn.is_true()
        || record.is_public_proxy.is_true()
        || record.is_residential_proxy.is_true()
    {
        Some(NetKind::Vpn)
    } else if record.is_hosting_provider.is_true() {
        Some(NetKind::Hosting)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(city: Option<&str>, coordinates: (f64, f64), accuracy_km: Option<i32>) -> Place {
        Place {
            country: Some("JP".to_owned()),
            city: city.map(str::to_owned),
            coordinates: Some(coordinates),
            accuracy_km,
            ..Place::default()
        }
        .with_honest_coordinates()
    }

    #[test]
    fn the_centre_of_a_country_is_no_place() {
        let tokyo = (35.68, 139.69);
        let table = [
            (Some("Tokyo"), tokyo, Some(20), true),
            (Some("Tokyo"), tokyo, Some(500), true),
            (Some("Tokyo"), tokyo, None, true),
            (None, tokyo, Some(100), true),
            (None, tokyo, Some(101), false),
            (None, tokyo, Some(0), false),
            (None, tokyo, None, false),
            (Some("Nowhere"), (91.0, 0.0), Some(1), false),
            (Some("Nowhere"), (0.0, 180.5), Some(1), false),
            (Some("Nowhere"), (f64::NAN, 0.0), Some(1), false),
        ];
        for (city, coordinates, accuracy, kept) in table {
            let place = place(city, coordinates, accuracy);
            assert_eq!(
                place.coordinates.is_some(),
                kept,
                "{city:?} {coordinates:?} {accuracy:?}"
            );
            assert!(kept || place.accuracy_km.is_none(), "a radius around nothing");
        }
    }

    #[test]
    fn of_two_locations_the_finer_one_is_taken_whole() {
        let mut known = Place {
            country: Some("US".to_owned()),
            asn: Some(64_496),
            ..Place::default()
        };
        known.complete(Place {
            asn: Some(64_500),
            ..place(Some("Osaka"), (34.69, 135.5), None)
        });
        assert_eq!(known.country.as_deref(), Some("JP"));
        assert_eq!(known.city.as_deref(), Some("Osaka"));
        assert_eq!(known.asn, Some(64_496));
    }

    #[test]
    fn only_two_letters_are_a_country() {
        for (code, expected) in [
            ("JP", Some("JP")),
            ("jp", Some("JP")),
            ("ZZ", None),
            ("Japan", None),
            ("", None),
            ("日", None),
            ("--", None),
        ] {
            assert_eq!(country_code(Scalar::Text(code)).as_deref(), expected, "{code}");
        }
    }
}
