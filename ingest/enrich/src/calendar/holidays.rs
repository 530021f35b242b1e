//! The public holidays of Japan, computed.
//!
//! The Act on National Holidays of 1948 with its changes: holidays of a fixed day, the "happy
//! Mondays", the equinoxes, the day after a holiday on a Sunday (substitute holiday), and the day
//! between two holidays (citizens' holiday). What was moved or added once, by an act of its own, is
//! data.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

/// The years for which holidays are computed. The rule of Monday holidays begins in 2000; the formula
/// of the equinoxes holds until 2099.
pub(super) const YEARS: std::ops::RangeInclusive<i16> = 2000..=2099;

/// From this year a holiday on a Sunday is made up for on the next day that is no holiday, be it not
/// a Monday.
const SUBSTITUTE_MOVES_ON_SINCE: i16 = 2007;

/// Years beyond any in force.
const EVER: i16 = i16::MAX;

/// When in a year a holiday is.
#[derive(Clone, Copy)]
enum Rule {
    On(i8, i8),
    /// The n-th Monday of a month.
    Monday(i8, i8),
    /// The equinox of March or September: the day of the month is this constant, plus the drift.
    Equinox(i8, f64),
}

use Rule::{Equinox, Monday, On};

/// Each holiday with the first and the last year of its rule.
const RULES: &[(Rule, i16, i16)] = &[
    (On(1, 1), 2000, EVER),
    (Monday(1, 2), 2000, EVER),
    (On(2, 11), 2000, EVER),
    (On(2, 23), 2020, EVER),
    (Equinox(3, 20.8431), 2000, EVER),
    (On(4, 29), 2000, EVER),
    (On(5, 3), 2000, EVER),
    (On(5, 4), 2007, EVER),
    (On(5, 5), 2000, EVER),
    (On(7, 20), 2000, 2002),
    (Monday(7, 3), 2003, 2019),
    (Monday(7, 3), 2022, EVER),
    (On(8, 11), 2016, 2019),
    (On(8, 11), 2022, EVER),
    (On(9, 15), 2000, 2002),
    (Monday(9, 3), 2003, EVER),
    (Equinox(9, 23.2488), 2000, EVER),
    (Monday(10, 2), 2000, 2019),
    (Monday(10, 2), 2022, EVER),
    (On(11, 3), 2000, EVER),
    (On(11, 23), 2000, EVER),
    (On(12, 23), 2000, 2018),
    // The accession and the enthronement.
    (On(5, 1), 2019, 2019),
    (On(10, 22), 2019, 2019),
    // The Olympic Games of Tokyo, planned for 2020 and held in 2021, moved three days in both years.
    (On(7, 23), 2020, 2020),
    (On(7, 24), 2020, 2020),
    (On(8, 10), 2020, 2020),
    (On(7, 22), 2021, 2021),
    (On(7, 23), 2021, 2021),
    (On(8, 8), 2021, 2021),
];

/// Every holiday of [`YEARS`], in order.
pub(super) fn all() -> Vec<Date> {
    YEARS.flat_map(of_year).collect()
}

/// The holidays of one year, in order.
fn of_year(year: i16) -> BTreeSet<Date> {
    let national: BTreeSet<Date> = RULES
        .iter()
        .filter(|(_, first, last)| (*first..=*last).contains(&year))
        .filter_map(|(rule, ..)| rule.day(year))
        .collect();
    let is_national = |day: Option<Date>| day.is_some_and(|day| national.contains(&day));

    let mut days = national.clone();
    for day in &national {
        if day.weekday() == Weekday::Sunday {
            days.extend(substitute(*day, &national));
        }
        // A day between two holidays.
        let next = day.tomorrow().ok();
        let after_next = next.and_then(|next| next.tomorrow().ok());
        if !is_national(next) && is_national(after_next) {
            days.extend(next.filter(|next| next.weekday() != Weekday::Sunday || year >= SUBSTITUTE_MOVES_ON_SINCE));
        }
    }
    days
}

fn substitute(sunday: Date, national: &BTreeSet<Date>) -> Option<Date> {
    let mut day = sunday.tomorrow().ok()?;
    while sunday.year() >= SUBSTITUTE_MOVES_ON_SINCE && national.contains(&day) {
        day = day.tomorrow().ok()?;
    }
    Some(day)
}

impl Rule {
    fn day(self, year: i16) -> Option<Date> {
        match self {
            On(month, day) => Date::new(year, month, day).ok(),
            Monday(month, nth) => Date::new(year, month, 1)
                .ok()?
                .nth_weekday_of_month(nth, Weekday::Monday)
                .ok(),
            Equinox(month, base) => Date::new(year, month, equinox(base, year)?).ok(),
        }
    }
}

/// The day of the month of an equinox, by the usual approximation for 1980 to 2099. The day is
/// announced a year ahead by the National Astronomical Observatory; no announcement has differed.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a day of the month: 19 to 25"
)]
fn equinox(base: f64, year: i16) -> Option<i8> {
    let years = year.checked_sub(1980)?;
    let day = base + 0.242_194 * f64::from(years) - f64::from(years.div_euclid(4));
    (1.0..32.0).contains(&day).then_some(day as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As published by the Cabinet Office.
    const KNOWN: &[(i16, &str)] = &[
        (
            2000,
            "1-1 1-10 2-11 3-20 4-29 5-3 5-4 5-5 7-20 9-15 9-23 10-9 11-3 11-23 12-23",
        ),
        (
            2003,
            "1-1 1-13 2-11 3-21 4-29 5-3 5-5 7-21 9-15 9-23 10-13 11-3 11-23 11-24 12-23",
        ),
        (
            2006,
            "1-1 1-2 1-9 2-11 3-21 4-29 5-3 5-4 5-5 7-17 9-18 9-23 10-9 11-3 11-23 12-23",
        ),
        (
            2008,
            "1-1 1-14 2-11 3-20 4-29 5-3 5-4 5-5 5-6 7-21 9-15 9-23 10-13 11-3 11-23 11-24 12-23",
        ),
        (
            2009,
            "1-1 1-12 2-11 3-20 4-29 5-3 5-4 5-5 5-6 7-20 9-21 9-22 9-23 10-12 11-3 11-23 12-23",
        ),
        (
            2015,
            "1-1 1-12 2-11 3-21 4-29 5-3 5-4 5-5 5-6 7-20 9-21 9-22 9-23 10-12 11-3 11-23 12-23",
        ),
        (
            2019,
            "1-1 1-14 2-11 3-21 4-29 4-30 5-1 5-2 5-3 5-4 5-5 5-6 7-15 8-11 8-12 9-16 9-23 10-14 10-22 11-3 11-4 11-23",
        ),
        (
            2020,
            "1-1 1-13 2-11 2-23 2-24 3-20 4-29 5-3 5-4 5-5 5-6 7-23 7-24 8-10 9-21 9-22 11-3 11-23",
        ),
        (
            2021,
            "1-1 1-11 2-11 2-23 3-20 4-29 5-3 5-4 5-5 7-22 7-23 8-8 8-9 9-20 9-23 11-3 11-23",
        ),
        (
            2024,
            "1-1 1-8 2-11 2-12 2-23 3-20 4-29 5-3 5-4 5-5 5-6 7-15 8-11 8-12 9-16 9-22 9-23 10-14 11-3 11-4 11-23",
        ),
        (
            2026,
            "1-1 1-12 2-11 2-23 3-20 4-29 5-3 5-4 5-5 5-6 7-20 8-11 9-21 9-22 9-23 10-12 11-3 11-23",
        ),
    ];

    #[test]
    fn the_holidays_are_those_that_were_published() {
        for (year, expected) in KNOWN {
            let days: Vec<String> = of_year(*year)
                .iter()
                .map(|day| format!("{}-{}", day.month(), day.day()))
                .collect();
            assert_eq!(days.join(" "), *expected, "{year}");
        }
    }

    #[test]
    fn each_year_has_between_fifteen_and_twenty_two_holidays() {
        for year in YEARS {
            assert!(
                (15..=22).contains(&of_year(year).len()),
                "{year}: {}",
                of_year(year).len()
            );
        }
    }
}
