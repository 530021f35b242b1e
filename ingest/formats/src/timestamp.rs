//! Points in time as sources write them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use sekisho_model::{Snapshot, Time};
use serde::{Deserialize, Serialize};

use crate::{Settings, YearPolicy};

/// How far after its receipt a time without a year may lie: clocks and zones differ.
const FUTURE_MAX: Duration = Duration::from_hours(24);
/// How many years before its receipt a time without a year may lie: 29 February needs up to eight.
const YEARS_BACK_MAX: i16 = 8;
/// How many logs are followed over the turn of a year; a name more costs the smallest its place.
pub(crate) const LOGS_MAX: usize = 4096;

/// Reads RFC 3339 and its looser relatives: a space for the `T`, up to nine digits of fraction, an
/// offset without colon. Without an offset it is UTC.
pub(crate) fn rfc3339(text: &str) -> Option<Time> {
    iso(text, &TimeZone::UTC)
}

/// Like [`rfc3339`], but without an offset it is local time of `zone`.
pub(crate) fn iso(text: &str, zone: &TimeZone) -> Option<Time> {
    let text = without_space(text.trim());
    match text.parse::<Timestamp>() {
        Ok(timestamp) => Some(timestamp.into()),
        Err(_) => local(text.parse().ok()?, zone),
    }
}

/// Names of zones that mean one zone the world over, with its hours ahead of UTC.
const CLEAR_ZONES: [(&str, i8); 3] = [("UTC", 0), ("GMT", 0), ("JST", 9)];
/// Names that stand for several zones, as `IST` for those of India, Ireland and Israel, or that a device
/// keeps through the summer: they tell nothing.
#[rustfmt::skip]
const UNCLEAR_ZONES: [&str; 32] = [
    "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "AKST", "AKDT", "HST", "BST", "IST", "WET", "WEST", "CET",
    "CEST", "EET", "EEST", "MSK", "PKT", "ICT", "WIB", "SGT", "HKT", "PHT", "KST", "AEST", "AEDT", "AWST", "NZST", "NZDT",
];

/// What the name of a zone says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ZoneName {
    /// It is this zone.
    Clear(TimeZone),
    /// It is a name, but of several zones.
    Unclear,
}

/// The zone of that name; none if it is no name of a zone.
pub(crate) fn zone_name(word: &str) -> Option<ZoneName> {
    if UNCLEAR_ZONES.contains(&word) {
        return Some(ZoneName::Unclear);
    }
    let (_, hours) = CLEAR_ZONES.iter().find(|(name, _)| *name == word)?;
    Some(ZoneName::Clear(TimeZone::fixed(jiff::tz::offset(*hours))))
}

/// Takes the name of a zone from the end of a time: the zone is given if the name is clear.
pub(crate) fn without_zone_name(text: &str) -> (&str, Option<TimeZone>) {
    let named = text
        .trim()
        .rsplit_once(' ')
        .and_then(|(time, word)| Some((time.trim_end(), zone_name(word)?)));
    match named {
        Some((time, ZoneName::Clear(zone))) => (time, Some(zone)),
        Some((time, ZoneName::Unclear)) => (time, None),
        None => (text, None),
    }
}

/// Fluentd puts a space before the offset.
fn without_space(text: &str) -> Cow<'_, str> {
    match text.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-']) => Cow::Owned(format!("{time}{offset}")),
        _ => Cow::Borrowed(text),
    }
}

/// The point in time of a local time; where the clock went back, the earlier one.
pub(crate) fn local(civil: DateTime, zone: &TimeZone) -> Option<Time> {
    zone.to_ambiguous_timestamp(civil).compatible().ok().map(Time::from)
}

/// A month's number from the first three letters of its English name.
pub(crate) fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let place = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    i8::try_from(place + 1).ok()
}

/// A time of day: `10:11:12`, with a fraction or without.
pub(crate) fn clock(text: &str) -> Option<jiff::civil::Time> {
    let plain = text.len() >= 8
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b','));
    if plain { text.parse().ok() } else { None }
}

/// A time stamp without a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Yearless {
    /// 1 to 12.
    pub(crate) month: i8,
    /// 1 to 31.
    pub(crate) day: i8,
    /// Time of day.
    pub(crate) clock: jiff::civil::Time,
}

/// The years of logs whose time stamps have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Years {
    logs: BTreeMap<Arc<str>, Turn>,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Turn {
    start: i16,
    year: i16,
    month: i8,
}

impl Years {
    /// The point in time of a stamp in `log`, received at `observed`.
    pub(crate) fn place(
        &mut self,
        stamp: Yearless,
        log: &Arc<str>,
        observed: Time,
        settings: &Settings,
    ) -> Option<Time> {
        match settings.year {
            YearPolicy::Nearest => nearest(stamp, observed, &settings.zone),
            YearPolicy::Starting(start) => at(stamp, self.year(log, start, stamp.month), &settings.zone),
        }
    }

    fn year(&mut self, log: &Arc<str>, start: i16, month: i8) -> i16 {
        let first = Turn {
            start,
            year: start,
            month,
        };
        let turn = self.logs.entry(Arc::clone(log)).or_insert(first);
        if turn.start != start {
            *turn = first;
        }
        let year = match (turn.month, month) {
            (12, 1) => turn.year.saturating_add(1),
            // A line of December that comes after the first ones of January.
            (1, 12) if turn.year > turn.start => return turn.year.saturating_sub(1),
            _ => turn.year,
        };
        *turn = Turn { start, year, month };
        if self.logs.len() > LOGS_MAX {
            self.logs.pop_first();
        }
        year
    }

    /// Saves how far each log has come.
    pub(crate) fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.logs
            .iter()
            .try_for_each(|(log, turn)| into.put(part, &**log, turn))
    }

    /// Goes on from a snapshot.
    pub(crate) fn restore(&mut self, part: &str, from: &Snapshot) {
        self.logs = from
            .part(part)
            .iter()
            .filter_map(|(log, turn)| Some((Arc::from(log.as_str()), serde_json::from_str(turn).ok()?)))
            .collect();
    }
}

fn at(stamp: Yearless, year: i16, zone: &TimeZone) -> Option<Time> {
    let date = Date::new(year, stamp.month, stamp.day).ok()?;
    local(date.to_datetime(stamp.clock), zone)
}

/// The year that puts it nearest to its receipt, and not too far after it.
fn nearest(stamp: Yearless, observed: Time, zone: &TimeZone) -> Option<Time> {
    let this_year = observed.to_jiff().to_zoned(TimeZone::UTC).year();
    let latest = observed.plus(FUTURE_MAX);
    (this_year.saturating_sub(YEARS_BACK_MAX)..=this_year.saturating_add(1))
        .filter_map(|year| at(stamp, year, zone))
        .filter(|time| *time <= latest)
        .min_by_key(|time| time.distance(observed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(year: YearPolicy) -> Settings {
        Settings {
            zone: TimeZone::get("Asia/Tokyo").unwrap(),
            year,
            ..Settings::default()
        }
    }

    fn noon(month: i8, day: i8) -> Yearless {
        Yearless {
            month,
            day,
            clock: jiff::civil::time(12, 0, 0, 0),
        }
    }

    fn years(policy: YearPolicy, observed: &str, stamps: &[(i8, i8)]) -> Vec<Option<String>> {
        let mut years = Years::default();
        let (settings, observed) = (settings(policy), rfc3339(observed).unwrap());
        let log = Arc::from("auth.log");
        stamps
            .iter()
            .map(|(month, day)| {
                years
                    .place(noon(*month, *day), &log, observed, &settings)
                    .map(|time| time.to_string())
            })
            .collect()
    }

    #[test]
    fn iso_times_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("2026-06-05T10:11:12Z", "2026-06-05T10:11:12Z"),
            ("2026-06-05T10:11:12+09:00", "2026-06-05T01:11:12Z"),
            ("2026-06-05T10:11:12.1234567+0900", "2026-06-05T01:11:12.123456Z"),
            ("2026-06-05 10:11:12.123456789Z", "2026-06-05T10:11:12.123456Z"),
            ("2026-06-05T10:11:12", "2026-06-05T10:11:12Z"),
            ("2026-06-05 10:11:12,5", "2026-06-05T10:11:12.5Z"),
            ("2026-06-05 10:11:12 +0900", "2026-06-05T01:11:12Z"),
        ] {
            assert_eq!(
                rfc3339(text).map(|time| time.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["", "yesterday", "2026-13-05T10:11:12Z", "10:11:12"] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_zone_is_believed_if_it_is_clear() {
        let offset = |text: &str| {
            let (time, zone) = without_zone_name(text);
            (
                time.to_owned(),
                zone.map(|zone| zone.to_offset(Timestamp::UNIX_EPOCH).seconds()),
            )
        };
        for (text, expected) in [
            ("2026-06-05 10:11:12 UTC", ("2026-06-05 10:11:12", Some(0))),
            ("2026-06-05 10:11:12 JST", ("2026-06-05 10:11:12", Some(9 * 3600))),
            ("2026-06-05 10:11:12 IST", ("2026-06-05 10:11:12", None)),
            ("2026-06-05 10:11:12 PM", ("2026-06-05 10:11:12 PM", None)),
            ("2026-06-05T10:11:12Z", ("2026-06-05T10:11:12Z", None)),
        ] {
            assert_eq!(offset(text), (expected.0.to_owned(), expected.1), "{text}");
        }
    }

    #[test]
    fn a_time_without_a_year_lies_nearest_to_its_receipt() {
        let at = |observed, stamp| years(YearPolicy::Nearest, observed, &[stamp]).remove(0);
        assert_eq!(
            at("2026-06-05T00:00:00Z", (6, 5)).as_deref(),
            Some("2026-06-05T03:00:00Z")
        );
        assert_eq!(
            at("2026-06-05T00:00:00Z", (6, 6)).as_deref(),
            Some("2025-06-06T03:00:00Z"),
            "over a day ahead"
        );
        assert_eq!(
            at("2026-01-01T00:00:00Z", (12, 31)).as_deref(),
            Some("2025-12-31T03:00:00Z")
        );
        assert_eq!(
            at("2025-12-31T20:00:00Z", (1, 1)).as_deref(),
            Some("2026-01-01T03:00:00Z")
        );
        assert_eq!(
            at("2026-06-05T00:00:00Z", (2, 29)).as_deref(),
            Some("2024-02-29T03:00:00Z")
        );
        assert_eq!(at("2026-06-05T00:00:00Z", (2, 30)), None);
    }

    #[test]
    fn a_year_that_was_given_turns_with_january() {
        let stamps = [(11, 30), (12, 31), (1, 1), (12, 31), (1, 2), (3, 1)];
        let found = years(YearPolicy::Starting(2017), "2026-06-05T00:00:00Z", &stamps);
        let found: Vec<String> = found
            .into_iter()
            .map(|time| time.unwrap().chars().take(4).collect())
            .collect();
        assert_eq!(found, ["2017", "2017", "2018", "2017", "2018", "2018"]);
    }

    #[test]
    fn a_restored_log_stays_in_its_year() {
        let settings = settings(YearPolicy::Starting(2017));
        let (mut first, mut second, log) = (Years::default(), Years::default(), Arc::from("auth.log"));
        first.place(noon(12, 31), &log, Time(0), &settings);
        first.place(noon(1, 1), &log, Time(0), &settings);
        let mut snapshot = Snapshot::default();
        first.snapshot("years", &mut snapshot).unwrap();
        second.restore("years", &snapshot);
        let time = second.place(noon(1, 2), &log, Time(0), &settings).unwrap();
        assert_eq!(time.to_string(), "2018-01-02T03:00:00Z");
    }
}
