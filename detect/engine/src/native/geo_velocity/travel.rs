//! How far apart two places are, and how fast a person can get from one to the other.

use std::time::Duration;

/// The mean radius of the Earth, in kilometres. The sphere is off by at most 0.6 %, which is far less
/// than any geo database.
const EARTH_RADIUS_KM: f64 = 6_371.008_8;

/// The fastest way over land, a Shinkansen, in kilometres an hour.
const LAND_KMH: f64 = 320.0;
/// A jet with the wind behind it, in kilometres an hour.
const AIR_KMH: f64 = 950.0;
/// The least time that a flight takes beyond the flying, in hours.
const AIR_HOURS: f64 = 0.5;

/// The longest time that any journey needs: half the Earth, a little over 21.5 hours. Sign-ins further
/// apart in time prove nothing.
pub(super) const JOURNEY_MAX: Duration = Duration::from_mins(21 * 60 + 36);

/// A point on the Earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Point {
    pub(super) lat: f64,
    pub(super) lon: f64,
}

impl Point {
    /// The point of these coordinates, if there is one.
    pub(super) fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }

    /// The distance along the surface, in kilometres, by the haversine formula.
    pub(super) fn distance_km(self, other: Self) -> f64 {
        let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
        let h = half(self.lat, other.lat)
            + self.lat.to_radians().cos() * other.lat.to_radians().cos() * half(self.lon, other.lon);
        2.0 * EARTH_RADIUS_KM * h.sqrt().min(1.0).asin()
    }
}

/// The least time from door to door over a distance.
pub(super) fn journey(km: f64) -> Duration {
    let hours = (km / LAND_KMH).min(AIR_HOURS + km / AIR_KMH);
    Duration::try_from_secs_f64(hours * 3600.0)
        .unwrap_or_default()
        .min(JOURNEY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn km(a: (f64, f64), b: (f64, f64)) -> f64 {
        Point::new(a.0, a.1).unwrap().distance_km(Point::new(b.0, b.1).unwrap())
    }

    #[test]
    fn distances_are_those_of_the_atlas() {
        for (name, a, b, expected) in [
            ("Tokyo to Osaka", (35.6762, 139.6503), (34.6937, 135.5023), 392.0),
            ("Tokyo to London", (35.6762, 139.6503), (51.5072, -0.1276), 9_559.0),
            ("across the antimeridian", (-17.7, 179.9), (-17.7, -179.9), 21.2),
            ("pole to pole", (90.0, 0.0), (-90.0, 123.0), 20_015.1),
            ("around the pole", (90.0, 10.0), (90.0, -170.0), 0.0),
            ("nowhere", (35.0, 139.0), (35.0, 139.0), 0.0),
            ("half the equator", (0.0, 0.0), (0.0, 180.0), 20_015.1),
        ] {
            assert!((km(a, b) - expected).abs() < 1.0, "{name}: {}", km(a, b));
        }
    }

    #[test]
    fn coordinates_that_are_no_place_are_refused() {
        for (lat, lon) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Point::new(lat, lon), None);
        }
    }

    #[test]
    fn journeys_take_as_long_as_the_fastest_train_or_flight() {
        for (km, minutes) in [
            (0.0, 0.0),
            (160.0, 30.0),
            (403.0, 55.5),
            (9_562.0, 633.9),
            (20_015.1, 1_294.1),
        ] {
            let found = journey(km).as_secs_f64() / 60.0;
            assert!((found - minutes).abs() < 0.1, "{km} km: {found}");
        }
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_at_most_half_the_earth(
            a in (-90.0..=90.0, -180.0..=180.0), b in (-90.0..=90.0, -180.0..=180.0),
        ) {
            prop_assert!((km(a, b) - km(b, a)).abs() < 1e-6);
            prop_assert!((0.0..=20_015.2).contains(&km(a, b)));
            prop_assert!(journey(km(a, b)) <= JOURNEY_MAX);
        }
    }
}
