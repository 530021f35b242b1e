//! The days of a run, in the firm's local time.
//!
//! A run begins on Wednesday, 2026-04-01, in Japan. A day is counted from there.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// Milliseconds since the epoch.
pub(crate) type Millis = i64;

/// Milliseconds in a second.
pub(crate) const SECOND: Millis = 1_000;
/// Milliseconds in a minute.
pub(crate) const MINUTE: Millis = 60 * SECOND;
/// Milliseconds in an hour.
pub(crate) const HOUR: Millis = 60 * MINUTE;
/// Milliseconds in a day.
pub(crate) const DAY: Millis = 24 * HOUR;

/// 2026-04-01 00:00 in Japan.
const BEGIN: Millis = 1_774_969_200_000;
/// The weekday of day 0, counted from Monday.
const BEGIN_WEEKDAY: i64 = 2;
/// Public holidays as days of the run: 29 April, 3 to 6 May, 20 July, 11 August.
const HOLIDAYS: [i64; 7] = [28, 32, 33, 34, 35, 110, 132];

/// A time of a day, in hours since its midnight, which may be more than 24 or less than 0.
pub(crate) fn at(day: i64, hours: f64) -> Millis {
    BEGIN + day * DAY + crate::random::cut(hours * 3_600_000.0)
}

/// The day of a time.
pub(crate) fn day_of(time: Millis) -> i64 {
    (time - BEGIN).div_euclid(DAY)
}

/// Whether a day is a Saturday or a Sunday.
pub(crate) fn is_weekend(day: i64) -> bool {
    (BEGIN_WEEKDAY + day).rem_euclid(7) >= 5
}

/// Whether the firm works on a day.
pub(crate) fn is_business_day(day: i64) -> bool {
    !is_weekend(day) && !HOLIDAYS.contains(&day)
}

/// A time in UTC.
pub(crate) fn utc(time: Millis) -> Timestamp {
    Timestamp::from_millisecond(time).unwrap_or_default()
}

/// A time in Japan.
pub(crate) fn local(time: Millis) -> Zoned {
    utc(time).to_zoned(zone())
}

/// Japan's zone, which has had one offset since 1951.
pub(crate) fn zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(9))
}

/// A day as `2026-04-01`.
pub(crate) fn date(day: i64) -> String {
    local(at(day, 12.0)).strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_begins_on_a_wednesday_in_april() {
        assert_eq!(date(0), "2026-04-01");
        assert_eq!(local(at(0, 0.0)).strftime("%a %H:%M").to_string(), "Wed 00:00");
        assert_eq!(day_of(at(7, 23.9)), 7);
        assert!(is_weekend(3) && is_weekend(4) && !is_weekend(5));
        assert!(HOLIDAYS.map(date).contains(&"2026-05-06".to_owned()));
        assert!(!is_business_day(28) && is_business_day(29));
    }
}
