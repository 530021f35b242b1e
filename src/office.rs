//! When people are in the office: what messages wait for, and when the digest comes.

use jiff::civil::{Date, Time as Clock};
use jiff::tz::TimeZone;
use sekisho_alert::outbox::Office;
use sekisho_enrich::{Calendar, OfficeState};
use sekisho_model::Time;

/// The office of the settings.
#[derive(Debug)]
pub(crate) struct OfficeHours {
    calendar: Calendar,
}

impl OfficeHours {
    /// The office of a calendar.
    pub(crate) fn new(calendar: Calendar) -> Self {
        Self { calendar }
    }
}

impl Office for OfficeHours {
    fn is_open(&self, time: Time) -> bool {
        self.calendar.office_state(time) == OfficeState::Open
    }

    fn zone(&self) -> TimeZone {
        self.calendar.zone().clone()
    }
}

/// A digest that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The day that names it.
    pub(crate) day: Date,
    /// Until when it tells.
    pub(crate) until: Time,
    /// Whether it is the first of its week.
    pub(crate) weekly: bool,
}

/// The digest that is due at a time, if the last one told until `told_until`: that of today, on a working
/// day from the hour on. One that was missed is not made up for; the next tells of that time too.
pub(crate) fn due(now: Time, told_until: Time, calendar: &Calendar, at: Clock) -> Option<Due> {
    let day = now.to_jiff().to_zoned(calendar.zone().clone()).date();
    let until = Time::from(day.to_datetime(at).to_zoned(calendar.zone().clone()).ok()?.timestamp());
    let is_due = calendar.is_working_day(day) && until <= now && told_until < until;
    is_due.then(|| Due {
        day,
        until,
        weekly: is_first_of_week(day, calendar),
    })
}

/// Whether no day of its week before was a working day.
fn is_first_of_week(day: Date, calendar: &Calendar) -> bool {
    let before = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
    let mut earlier = std::iter::successors(day.yesterday().ok(), |day| day.yesterday().ok());
    !earlier.by_ref().take(before).any(|day| calendar.is_working_day(day))
}

#[cfg(test)]
mod tests {
    use sekisho_enrich::CalendarSettings;

    use super::*;

    fn tokyo() -> Calendar {
        Calendar::new(CalendarSettings::usual(TimeZone::get("Asia/Tokyo").unwrap())).unwrap()
    }

    fn at(text: &str) -> Time {
        Time::from(text.parse::<jiff::Timestamp>().unwrap())
    }

    fn due_at(now: &str, told_until: &str) -> Option<(String, bool)> {
        let nine = Clock::constant(9, 0, 0, 0);
        due(at(now), at(told_until), &tokyo(), nine).map(|due| (due.day.to_string(), due.weekly))
    }

    #[test]
    fn a_digest_comes_on_working_mornings_once() {
        let told = "2026-11-27T09:00:00+09:00";
        for (now, expected) in [
            ("2026-11-27T23:00:00+09:00", None),
            ("2026-11-28T10:00:00+09:00", None),
            ("2026-11-30T08:59:59+09:00", None),
            ("2026-11-30T09:00:00+09:00", Some(("2026-11-30", true))),
            ("2026-11-30T17:00:00+09:00", Some(("2026-11-30", true))),
            ("2026-12-01T09:00:00+09:00", Some(("2026-12-01", false))),
            // A Monday that is a holiday: the week begins on Tuesday.
            ("2026-10-12T09:30:00+09:00", None),
            ("2027-01-11T09:30:00+09:00", None),
            ("2027-01-12T09:30:00+09:00", Some(("2027-01-12", true))),
        ] {
            let expected = expected.map(|(day, weekly)| (day.to_owned(), weekly));
            assert_eq!(due_at(now, told), expected, "{now}");
        }
        assert_eq!(due_at("2026-11-30T09:00:30+09:00", "2026-11-30T09:00:00+09:00"), None);
    }
}
