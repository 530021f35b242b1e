//! Points in time as JSON records write them.

use std::fmt::Write as _;

use sekisho_model::Time;

use super::Json;
use crate::timestamp;

/// Below this a number with a fraction is no time: 9 September 2001.
const SECONDS_MIN: i64 = 1_000_000_000;
/// Below this a number counts seconds: 1 January 2400.
const SECONDS_MAX: i64 = 13_569_465_600;
/// Below this a number counts milliseconds.
const MILLIS_MAX: i64 = 13_569_465_600_000;
/// Below this a number counts microseconds; above it, nanoseconds.
const MICROS_MAX: i64 = 13_569_465_600_000_000;

/// Reads a time: RFC 3339 and its relatives, the American form with slashes that .NET writes, or a
/// number since 1970 in a unit told by its size. Without an offset it is UTC.
pub(crate) fn time_of(json: &Json<'_>) -> Option<Time> {
    match json {
        Json::Number(number) => json.int().and_then(since_1970).or_else(|| seconds(&number.to_string())),
        Json::Text(text) => timestamp::rfc3339(text)
            .or_else(|| american(text))
            .or_else(|| json.int().and_then(since_1970))
            .or_else(|| seconds(text)),
        Json::Null | Json::Flag(_) | Json::List(_) | Json::Object(_) => None,
    }
}

/// Seconds since 1970 with a fraction, as nginx, Fluent Bit and GELF write them.
fn seconds(text: &str) -> Option<Time> {
    let (whole, fraction) = text.trim().split_once('.')?;
    let micros = format!("{fraction:0<6}");
    let micros: i64 = micros
        .get(..6)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?
        .parse()
        .ok()?;
    let whole: i64 = whole
        .parse()
        .ok()
        .filter(|whole| (SECONDS_MIN..SECONDS_MAX).contains(whole))?;
    Some(Time(whole * 1_000_000 + micros))
}

fn since_1970(number: i64) -> Option<Time> {
    match number {
        ..=0 => None,
        1..SECONDS_MAX => Some(Time::from_secs(number)),
        SECONDS_MAX..MILLIS_MAX => Some(Time::from_millis(number)),
        MILLIS_MAX..MICROS_MAX => Some(Time(number)),
        MICROS_MAX.. => Some(Time(number / 1_000)),
    }
}

/// `1/9/2007 9:41:00 AM +01:00`: month first, with or without half of day and offset.
fn american(text: &str) -> Option<Time> {
    let mut parts = text.split_whitespace();
    let mut date = parts.next()?.splitn(3, '/');
    let (month, day, year) = (number(date.next()?)?, number(date.next()?)?, number(date.next()?)?);
    let mut clock = parts.next()?.splitn(3, ':');
    let (hour, minute, second) = (
        number(clock.next()?)?,
        number(clock.next()?)?,
        clock.next().unwrap_or("00"),
    );
    let mut next = parts.next();
    let hour = match next.map(str::to_ascii_uppercase).as_deref() {
        Some("AM") => {
            next = parts.next();
            if hour == 12 { 0 } else { hour }
        }
        Some("PM") => {
            next = parts.next();
            if hour < 12 { hour + 12 } else { hour }
        }
        _ => hour,
    };
    let mut iso = String::new();
    write!(
        iso,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:0>2}{}",
        next.unwrap_or("Z")
    )
    .ok()?;
    if parts.next().is_some() {
        None
    } else {
        timestamp::rfc3339(&iso)
    }
}

fn number(digits: &str) -> Option<u16> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_their_forms() {
        for (text, expected) in [
            (r#""02/08/2026 07:05:09""#, "2026-02-08T07:05:09Z"),
            (r#""2/8/2026 07:05:09""#, "2026-02-08T07:05:09Z"),
            (r#""02/08/2026 07:05:09 AM""#, "2026-02-08T07:05:09Z"),
            (r#""2/8/2026 7:05:09 PM""#, "2026-02-08T19:05:09Z"),
            (r#""12/30/2026 12:00:01 AM""#, "2026-12-30T00:00:01Z"),
            (r#""12/30/2026 12:00:01 PM""#, "2026-12-30T12:00:01Z"),
            (r#""2/8/2026 8:05:09 AM +01:00""#, "2026-02-08T07:05:09Z"),
            (r#""2/8/2026 8:05:09.5 AM""#, "2026-02-08T08:05:09.5Z"),
            ("\"2/8/2026 7:05\u{202f}PM\"", "2026-02-08T19:05:00Z"),
            (r#""2026-02-08T07:05:09""#, "2026-02-08T07:05:09Z"),
            (r#""2026-02-08 07:05:09.123""#, "2026-02-08T07:05:09.123Z"),
            (r#""2026-02-08T07:05:09.1Z""#, "2026-02-08T07:05:09.1Z"),
            (r#""2026-02-08T07:05:09.1234567Z""#, "2026-02-08T07:05:09.123456Z"),
            (r#""2026-02-08T07:05:09.123456789Z""#, "2026-02-08T07:05:09.123456Z"),
            (r#""2026-02-08T07:05:09.123456+00:00""#, "2026-02-08T07:05:09.123456Z"),
            (r#""2026-02-08T02:05:09-05:00""#, "2026-02-08T07:05:09Z"),
            ("1770534309", "2026-02-08T07:05:09Z"),
            ("1770534309.5", "2026-02-08T07:05:09.5Z"),
            ("\"1770534309.123\"", "2026-02-08T07:05:09.123Z"),
            ("1770534309123", "2026-02-08T07:05:09.123Z"),
            ("1770534309123456", "2026-02-08T07:05:09.123456Z"),
            ("\"1770534309123456789\"", "2026-02-08T07:05:09.123456Z"),
        ] {
            let time = time_of(&Json::parse(text).unwrap());
            assert_eq!(time.map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_not_guessed_at() {
        for text in [
            "\"\"",
            "\"-\"",
            "null",
            "0",
            "12.5",
            "-5",
            "{}",
            "\"30/12/2026 07:05:09\"",
            "\"2/8/26\"",
            "\"13:00\"",
            "\"2/8/2026 25:00:00\"",
            "\"2/8/2026 7:05:09 AM x y\"",
        ] {
            assert_eq!(time_of(&Json::parse(text).unwrap()), None, "{text}");
        }
    }
}
