//! Journeys of a person.

use crate::addresses::{Addresses, Line};
use crate::calendar::is_business_day;
use crate::geography::{City, DESTINATIONS, Kind, SIM_BREAKOUTS, city_at_home};
use crate::people::Person;
use crate::random::Random;

/// Days between journeys to a second base.
const BASE_EVERY_DAYS: i64 = 28;

/// What a phone does abroad.
#[derive(Clone, Debug)]
pub(crate) enum Roaming {
    /// Its traffic goes through the carrier at home.
    Home,
    /// It has a SIM for travellers, or a local one, of an operator in a city.
    Sim(&'static City),
}

/// A journey, from the first to the last day.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) city: &'static City,
    /// The hotel's line, or the one of the second base.
    pub(crate) line: Line,
    pub(crate) roaming: Roaming,
    /// Works on board of the aeroplane.
    pub(crate) inflight: bool,
}

impl Trip {
    pub(crate) fn is_abroad(&self) -> bool {
        self.city.country != "JP"
    }

    /// From when to when in a day, in hours of Japan, the person is there: the rest they travel.
    pub(crate) fn hours_of(&self, day: i64) -> (f64, f64) {
        let (arrives, departs) = if self.is_abroad() { (16.0, 9.0) } else { (12.0, 16.0) };
        match (day == self.first, day == self.last) {
            (true, true) => (arrives, 16.0),
            (true, false) => (arrives, 24.0),
            (false, true) => (0.0, departs),
            (false, false) => (0.0, 24.0),
        }
    }

    /// How many hours later than in Japan it is day there.
    pub(crate) fn shift_hours(&self) -> f64 {
        if self.is_abroad() {
            ((139.7 - self.city.lon) / 15.0).round()
        } else {
            0.0
        }
    }
}

/// The journeys of a person within so many days, none overlapping.
pub(crate) fn trips(person: &Person, days: i64, addresses: &mut Addresses, random: &mut Random) -> Vec<Trip> {
    let mut trips: Vec<Trip> = Vec::new();
    let base = person
        .second_base
        .map(|city| (city, addresses.line(Kind::Fixed, city, random)));
    let first_visit = random.whole(2, 2 + BASE_EVERY_DAYS / 2);
    let mut day = 1;
    while day < days {
        let to_base = base
            .as_ref()
            .filter(|_| (day - first_visit).rem_euclid(BASE_EVERY_DAYS) == 0);
        let trip = match to_base {
            Some((city, line)) => Some(Trip {
                line: line.clone(),
                ..trip(city, (day, day + random.whole(3, 5)), addresses, random)
            }),
            None => usual(day, person, addresses, random),
        };
        day = trip.as_ref().map_or(day, |trip| trip.last + 1) + 1;
        trips.extend(trip);
    }
    trips
}

/// Domestic journeys begin on 2.5 % of business days, journeys abroad on 0.12 %.
fn usual(day: i64, person: &Person, addresses: &mut Addresses, random: &mut Random) -> Option<Trip> {
    if !is_business_day(day) {
        return None;
    }
    let chance = random.unit();
    if chance < 0.0012 {
        let city = random.weighted(&DESTINATIONS);
        let last = day + random.whole(2, 5);
        return Some(trip(city, (day, last), addresses, random));
    }
    if chance < 0.0262 {
        let city = city_at_home(random);
        let last = day + random.whole(0, 1);
        return (city != person.home).then(|| trip(city, (day, last), addresses, random));
    }
    None
}

fn trip(city: &'static City, (first, last): (i64, i64), addresses: &mut Addresses, random: &mut Random) -> Trip {
    let roaming = match random.unit() {
        share if share < 0.5 => Roaming::Home,
        share if share < 0.83 => Roaming::Sim(random.weighted(&SIM_BREAKOUTS)),
        _ => Roaming::Sim(city),
    };
    let abroad = city.country != "JP";
    Trip {
        first,
        last,
        city,
        line: addresses.line(Kind::Fixed, city, random),
        roaming: if abroad { roaming } else { Roaming::Home },
        inflight: abroad && random.chance(0.2),
    }
}
