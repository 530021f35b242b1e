//! When the office is open, closed, or everyone has a day off.

mod holidays;

use std::sync::{Arc, LazyLock};

use jiff::civil::{Date, DateTime, Time as Clock, Weekday};
use jiff::tz::TimeZone;
use sekisho_model::Time;

/// Minutes of a day.
const DAY_MINUTES: i32 = 24 * 60;

/// Whether the office is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfficeState {
    /// Within the hours of a working day.
    Open,
    /// Outside the hours, or on a day of the week without work.
    Closed,
    /// A public holiday, or a day off of the whole company.
    Holiday,
}

impl OfficeState {
    pub(crate) const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Holiday];

    /// Its word in the column `office_state`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Holiday => "holiday",
        }
    }
}

/// Which public holidays there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HolidayRule {
    /// Those of Japan, computed for 2000 to 2099.
    #[default]
    Japan,
    /// None.
    None,
}

/// A calendar as it is written in the settings.
#[derive(Clone, Debug)]
pub struct CalendarSettings {
    /// `09:00-18:00`; a shift that ends before it begins ends on the next day.
    pub hours: String,
    /// `mon` to `sun`.
    pub days: Vec<String>,
    /// Which public holidays there are.
    pub holidays: HolidayRule,
    /// Days off of the whole company: `12-29..01-03` each year, `2026-05-01` once.
    pub closed: Vec<String>,
    /// The zone in which all of it is meant.
    pub zone: TimeZone,
}

impl CalendarSettings {
    /// What holds where nothing is set: weekdays from 9 to 18, the holidays of Japan, the days around
    /// New Year.
    pub fn usual(zone: TimeZone) -> Self {
        Self {
            hours: "09:00-18:00".to_owned(),
            days: ["mon", "tue", "wed", "thu", "fri"].map(str::to_owned).to_vec(),
            holidays: HolidayRule::Japan,
            closed: vec!["12-29..01-03".to_owned()],
            zone,
        }
    }
}

/// A calendar that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`calendar.{key}` is `{found}`, expected {expected}")]
pub struct CalendarError {
    key: &'static str,
    found: String,
    expected: &'static str,
}

/// When the office is open.
#[derive(Clone, Debug)]
pub struct Calendar {
    opens: i32,
    /// In minutes from the midnight before `opens`; beyond a day for a shift through midnight.
    closes: i32,
    /// From Monday on.
    days: [bool; 7],
    holidays: HolidayRule,
    closed: Arc<[DaysOff]>,
    zone: TimeZone,
}

#[derive(Clone, Copy, Debug)]
enum DaysOff {
    /// Month and day of the first and the last, each year; the last may lie in the next year.
    Yearly((i8, i8), (i8, i8)),
    Once(Date, Date),
}

static JAPAN: LazyLock<Vec<Date>> = LazyLock::new(holidays::all);

/// Whether a day is a public holiday of Japan; never outside 2000 to 2099.
pub fn is_japanese_holiday(day: Date) -> bool {
    JAPAN.binary_search(&day).is_ok()
}

impl Calendar {
    /// Checks the settings.
    pub fn new(settings: CalendarSettings) -> Result<Self, CalendarError> {
        let CalendarSettings {
            hours,
            days,
            holidays,
            closed,
            zone,
        } = settings;
        let (opens, closes) = parse_hours(&hours).ok_or(CalendarError {
            key: "hours",
            found: hours,
            expected: "two times of day such as 09:00-18:00",
        })?;
        let mut open_days = [false; 7];
        for day in &days {
            let place = weekday_place(day).and_then(|place| open_days.get_mut(place));
            *place.ok_or_else(|| CalendarError {
                key: "days",
                found: day.clone(),
                expected: "mon, tue, wed, thu, fri, sat or sun",
            })? = true;
        }
        let closed: Result<Vec<DaysOff>, CalendarError> = closed
            .into_iter()
            .map(|text| {
                parse_days_off(&text).ok_or(CalendarError {
                    key: "closed",
                    found: text,
                    expected: "a day or a range of days such as 12-29..01-03 or 2026-05-01",
                })
            })
            .collect();
        Ok(Self {
            opens,
            closes,
            days: open_days,
            holidays,
            closed: closed?.into(),
            zone,
        })
    }

    /// Whether the office is open at a time.
    ///
    /// A shift belongs to the day on which it begins, also after midnight.
    pub fn office_state(&self, time: Time) -> OfficeState {
        let local = self.zone.to_datetime(time.to_jiff());
        let today = local.date();
        let holiday = self.is_day_off(today);
        let minute = minute_of_day(local);
        let in_shift = |begun: Option<Date>, minute: i32, off: bool| {
            begun.is_some_and(|day| self.is_working_weekday(day)) && !off && (self.opens..self.closes).contains(&minute)
        };
        if in_shift(Some(today), minute, holiday) {
            return OfficeState::Open;
        }
        if self.closes > DAY_MINUTES {
            let yesterday = today.yesterday().ok();
            let off = yesterday.is_some_and(|day| self.is_day_off(day));
            if in_shift(yesterday, minute + DAY_MINUTES, off) {
                return OfficeState::Open;
            }
        }
        if holiday {
            OfficeState::Holiday
        } else {
            OfficeState::Closed
        }
    }

    /// Whether people work on a day.
    pub fn is_working_day(&self, day: Date) -> bool {
        self.is_working_weekday(day) && !self.is_day_off(day)
    }

    /// The zone in which the calendar is meant.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn is_working_weekday(&self, day: Date) -> bool {
        let place = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.days.get(place).copied().unwrap_or_default()
    }

    fn is_day_off(&self, day: Date) -> bool {
        (self.holidays == HolidayRule::Japan && is_japanese_holiday(day))
            || self.closed.iter().any(|days| days.contains(day))
    }
}

impl DaysOff {
    fn contains(self, day: Date) -> bool {
        match self {
            Self::Once(first, last) => (first..=last).contains(&day),
            Self::Yearly(first, last) => {
                let day = (day.month(), day.day());
                if first <= last {
                    first <= day && day <= last
                } else {
                    first <= day || day <= last
                }
            }
        }
    }
}

fn minute_of_day(local: DateTime) -> i32 {
    i32::from(local.hour()) * 60 + i32::from(local.minute())
}

fn parse_hours(text: &str) -> Option<(i32, i32)> {
    let (opens, closes) = text.split_once('-')?;
    let opens = parse_minute(opens.trim()).filter(|minute| *minute < DAY_MINUTES)?;
    let closes = parse_minute(closes.trim())?;
    Some((opens, if closes <= opens { closes + DAY_MINUTES } else { closes }))
}

fn parse_minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.split_once(':')?;
    if text == "24:00" {
        return Some(DAY_MINUTES);
    }
    let clock = Clock::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some(i32::from(clock.hour()) * 60 + i32::from(clock.minute()))
}

fn weekday_place(word: &str) -> Option<usize> {
    let days = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let word = word.trim().to_ascii_lowercase();
    days.iter().position(|day| {
        let name = format!("{day:?}").to_ascii_lowercase();
        word == name || name.get(..3) == Some(&*word)
    })
}

fn parse_days_off(text: &str) -> Option<DaysOff> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (first.trim(), last.trim());
    if let (Ok(first), Ok(last)) = (first.parse::<Date>(), last.parse::<Date>()) {
        return (first <= last).then_some(DaysOff::Once(first, last));
    }
    Some(DaysOff::Yearly(parse_month_day(first)?, parse_month_day(last)?))
}

fn parse_month_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    // A leap year, so that 29 February may be a day off.
    let date = Date::new(2000, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some((date.month(), date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokyo() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(9))
    }

    fn calendar(hours: &str, days: &[&str], closed: &[&str]) -> Result<Calendar, CalendarError> {
        Calendar::new(CalendarSettings {
            hours: hours.to_owned(),
            days: days.iter().map(|&day| day.to_owned()).collect(),
            closed: closed.iter().map(|&days| days.to_owned()).collect(),
            ..CalendarSettings::usual(tokyo())
        })
    }

    fn check(calendar: &Calendar, table: &[(&str, OfficeState)]) {
        for (local, expected) in table {
            let time = local
                .parse::<DateTime>()
                .unwrap()
                .to_zoned(tokyo())
                .unwrap()
                .timestamp();
            assert_eq!(calendar.office_state(time.into()), *expected, "{local}");
        }
    }

    use OfficeState::{Closed, Holiday, Open};

    #[test]
    fn the_usual_office() {
        let calendar = Calendar::new(CalendarSettings::usual(tokyo())).unwrap();
        check(
            &calendar,
            &[
                ("2026-11-20T08:59:59", Closed),
                ("2026-11-20T09:00:00", Open),
                ("2026-11-20T17:59:59", Open),
                ("2026-11-20T18:00:00", Closed),
                ("2026-11-21T12:00:00", Closed),
                ("2026-11-22T12:00:00", Closed),
                ("2026-11-23T12:00:00", Holiday),
                ("2026-11-24T00:00:00", Closed),
                ("2026-12-28T12:00:00", Open),
                ("2026-12-29T12:00:00", Holiday),
                ("2027-01-03T12:00:00", Holiday),
                ("2027-01-04T12:00:00", Open),
                ("1999-11-23T12:00:00", Open),
            ],
        );
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_on_which_it_begins() {
        let calendar = calendar("22:00-06:00", &["mon", "tue", "wed", "thu", "Friday"], &[]).unwrap();
        check(
            &calendar,
            &[
                ("2026-11-20T21:59:00", Closed),
                ("2026-11-20T22:00:00", Open),
                ("2026-11-21T05:59:00", Open),
                ("2026-11-21T06:00:00", Closed),
                ("2026-11-22T22:00:00", Closed),
                ("2026-11-23T05:00:00", Holiday),
                ("2026-11-23T22:00:00", Holiday),
                ("2026-11-24T05:00:00", Closed),
                ("2026-11-24T22:00:00", Open),
            ],
        );
    }

    #[test]
    fn a_shop_that_never_closes_is_open_but_on_its_days_off() {
        let every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        for hours in ["00:00-24:00", "00:00-00:00"] {
            let calendar = calendar(hours, &every, &["2026-05-11..2026-05-12", "02-29"]).unwrap();
            check(
                &calendar,
                &[
                    ("2026-05-09T23:59:59", Open),
                    ("2026-05-10T00:00:00", Open),
                    ("2026-05-11T12:00:00", Holiday),
                    ("2027-05-11T12:00:00", Open),
                    ("2028-02-29T12:00:00", Holiday),
                    ("2027-03-01T12:00:00", Open),
                ],
            );
        }
    }

    #[test]
    fn the_hours_follow_the_clock_on_the_wall() {
        let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        let calendar = Calendar::new(CalendarSettings {
            holidays: HolidayRule::None,
            closed: Vec::new(),
            ..CalendarSettings::usual(zone)
        })
        .unwrap();
        for (utc, expected) in [
            ("2026-03-06T13:59:00Z", Closed),
            ("2026-03-06T14:00:00Z", Open),
            ("2026-03-09T12:59:00Z", Closed),
            ("2026-03-09T13:00:00Z", Open),
            ("2026-11-23T15:00:00Z", Open),
        ] {
            assert_eq!(
                calendar.office_state(utc.parse::<jiff::Timestamp>().unwrap().into()),
                expected,
                "{utc}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for hours in [
            "",
            "9-18",
            "09:00",
            "25:00-26:00",
            "24:00-09:00",
            "09:60-18:00",
            "-1:00-3:00",
        ] {
            let error = calendar(hours, &[], &[]).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("`calendar.hours` is `{hours}`, expected two times of day such as 09:00-18:00")
            );
        }
        for days in ["", "m", "月", "monda", "weekday"] {
            assert!(calendar("09:00-18:00", &[days], &[]).is_err(), "{days}");
        }
        for closed in [
            "",
            "13-01",
            "02-30",
            "2026-05-02..2026-05-01",
            "2026-05-01..05-02",
            "01-01..",
            "1..2",
        ] {
            assert!(calendar("09:00-18:00", &[], &[closed]).is_err(), "{closed}");
        }
    }

    #[test]
    fn any_time_has_a_state() {
        let calendar = calendar("22:00-06:00", &["mon"], &["12-29..01-03"]).unwrap();
        for time in [i64::MIN, -1, 0, i64::MAX] {
            calendar.office_state(Time(time));
        }
    }
}
