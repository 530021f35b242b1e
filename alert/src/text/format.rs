//! Times, durations and numbers, as people write them.

use jiff::Zoned;
use jiff::civil::Date;
use sekisho_model::{Lang, Time};

use super::Zone;

/// A point in time: `2026年10月3日（土）09:47`, `Sat 3 Oct 2026, 09:47 JST`.
pub(super) fn moment(time: Time, zone: &Zone, lang: Lang) -> String {
    let at = time.to_jiff().to_zoned(zone.clone());
    match lang {
        Lang::Ja => format!("{}{}", day_ja(&at), at.strftime("%H:%M")),
        Lang::En => at.strftime("%a %-d %b %Y, %H:%M %Z").to_string(),
    }
}

/// The time of day, for a text that has named the day.
pub(super) fn clock(time: Time, zone: &Zone) -> String {
    time.to_jiff().to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// From when to when, without saying anything twice.
pub(super) fn period(first: Time, last: Time, zone: &Zone, lang: Lang) -> String {
    let (from, to) = (
        first.to_jiff().to_zoned(zone.clone()),
        last.to_jiff().to_zoned(zone.clone()),
    );
    let is_one_minute = first.secs().div_euclid(60) == last.secs().div_euclid(60);
    let is_one_day = from.date() == to.date();
    let until = to.strftime("%H:%M");
    match lang {
        Lang::Ja if is_one_minute => format!("{}（{}）", moment(first, zone, lang), to.strftime("%Z")),
        Lang::Ja if is_one_day => format!("{}〜{until}（{}）", moment(first, zone, lang), to.strftime("%Z")),
        Lang::Ja => format!(
            "{}〜{}（{}）",
            moment(first, zone, lang),
            moment(last, zone, lang),
            to.strftime("%Z")
        ),
        Lang::En if is_one_minute => moment(first, zone, lang),
        Lang::En if is_one_day => format!("{}–{until} {}", from.strftime("%a %-d %b %Y, %H:%M"), to.strftime("%Z")),
        Lang::En => format!(
            "{} to {}",
            from.strftime("%a %-d %b %Y, %H:%M"),
            moment(last, zone, lang)
        ),
    }
}

fn day_ja(at: &Zoned) -> String {
    use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let weekday = match at.weekday() {
        Monday => '月',
        Tuesday => '火',
        Wednesday => '水',
        Thursday => '木',
        Friday => '金',
        Saturday => '土',
        Sunday => '日',
    };
    format!("{}年{}月{}日（{weekday}）", at.year(), at.month(), at.day())
}

/// A day: `2026年3月31日`, `31 March 2026`.
pub(super) fn date(date: Date, lang: Lang) -> String {
    match lang {
        Lang::Ja => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Lang::En => date.strftime("%-d %B %Y").to_string(),
    }
}

/// A duration in its two largest units: `1時間30分`, `1 hour 30 minutes`.
pub(super) fn duration_secs(seconds: i64, lang: Lang) -> String {
    let seconds = seconds.max(0);
    let units = [
        (86_400, ("日", "day")),
        (3_600, ("時間", "hour")),
        (60, ("分", "minute")),
        (1, ("秒", "second")),
    ];
    let mut rest = seconds;
    let mut told: Vec<String> = Vec::new();
    for (size, (ja, en)) in units {
        let count = rest.div_euclid(size);
        // Nobody wants the seconds of an hour.
        let is_negligible = (3_600 <= seconds && size == 1) || (86_400 <= seconds && size == 60);
        if count == 0 || is_negligible {
            continue;
        }
        rest = rest.rem_euclid(size);
        told.push(match lang {
            Lang::Ja => format!("{count}{ja}"),
            Lang::En if count == 1 => format!("1 {en}"),
            Lang::En => format!("{count} {en}s"),
        });
    }
    match (told.is_empty(), lang) {
        (true, Lang::Ja) => "0秒".to_owned(),
        (true, Lang::En) => "0 seconds".to_owned(),
        (false, Lang::Ja) => told.concat(),
        (false, Lang::En) => told.join(" "),
    }
}

/// A count with its thousands parted.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && digits.len().saturating_sub(index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its thousands parted and at most one decimal.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let rounded = (value * 10.0).round() / 10.0;
    let is_whole = rounded.fract() == 0.0 || 100.0 <= rounded.abs();
    let text = if is_whole {
        format!("{rounded:.0}")
    } else {
        format!("{rounded:.1}")
    };
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut parted = String::from(sign);
    let length = whole.chars().count();
    for (index, digit) in whole.chars().enumerate() {
        if 0 < index && length.saturating_sub(index).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    if let Some(fraction) = fraction {
        parted.push('.');
        parted.push_str(fraction);
    }
    parted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokyo() -> Zone {
        Zone::get("Asia/Tokyo").unwrap()
    }

    #[test]
    fn a_time_is_told_in_the_zone_of_the_readers() {
        let time = Time::from_secs(1_790_988_420); // 2026-10-03T00:47:00Z

        assert_eq!(moment(time, &tokyo(), Lang::Ja), "2026年10月3日（土）09:47");
        assert_eq!(moment(time, &tokyo(), Lang::En), "Sat 3 Oct 2026, 09:47 JST");
    }

    #[test]
    fn a_period_says_nothing_twice() {
        let start = Time::from_secs(1_790_988_420);
        for (minutes, ja, en) in [
            (0, "2026年10月3日（土）09:47（JST）", "Sat 3 Oct 2026, 09:47 JST"),
            (
                40,
                "2026年10月3日（土）09:47〜10:27（JST）",
                "Sat 3 Oct 2026, 09:47–10:27 JST",
            ),
            (
                1_440,
                "2026年10月3日（土）09:47〜2026年10月4日（日）09:47（JST）",
                "Sat 3 Oct 2026, 09:47 to Sun 4 Oct 2026, 09:47 JST",
            ),
        ] {
            let end = Time::from_secs(start.secs() + minutes * 60);
            assert_eq!(period(start, end, &tokyo(), Lang::Ja), ja);
            assert_eq!(period(start, end, &tokyo(), Lang::En), en);
        }
    }

    #[test]
    fn durations_leave_out_what_does_not_matter() {
        for (seconds, ja, en) in [
            (0, "0秒", "0 seconds"),
            (45, "45秒", "45 seconds"),
            (600, "10分", "10 minutes"),
            (3_600, "1時間", "1 hour"),
            (5_405, "1時間30分", "1 hour 30 minutes"),
            (183 * 86_400 + 3_661, "183日1時間", "183 days 1 hour"),
        ] {
            assert_eq!(duration_secs(seconds, Lang::Ja), ja);
            assert_eq!(duration_secs(seconds, Lang::En), en);
        }
    }

    #[test]
    fn numbers_have_their_thousands_parted() {
        for (value, text) in [
            (0.0, "0"),
            (13.04, "13"),
            (2.25, "2.3"),
            (9_290.4, "9,290"),
            (-1_234_567.0, "-1,234,567"),
            (999.96, "1,000"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
