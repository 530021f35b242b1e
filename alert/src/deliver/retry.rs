//! Whether and when to try again.

use std::time::Duration;

use jiff::fmt::rfc2822;
use sekisho_model::{Time, ids};

/// The time between attempts; the last is repeated. It is short at first, as most failures pass, and
/// long at the end, as a channel that was down for hours is not helped by more.
pub const SCHEDULE: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
];

/// The age at which a message that still does not arrive is given up: a weekend.
pub const AGE_MAX: Duration = Duration::from_hours(72);

/// The longest time that a channel may ask to be left alone. A mistaken `Retry-After` of a year must
/// not silence it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// How far attempts are scattered around the schedule, in thousandths, so that many messages do not
/// come back at one moment.
const JITTER_MILLIS: u64 = 200;

/// What to do about a message that did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again by the schedule.
    WithBackoff,
    /// Try again when the channel said, and leave it alone until then.
    After(Duration),
    /// It will never arrive.
    Never,
}

/// What an answer means; `None` if the message arrived. `retry_after` is the header, `now` the time to
/// count a date from.
pub(super) fn judge(status: u16, retry_after: Option<&str>, now: Time) -> Option<Retry> {
    match status {
        200..=299 => None,
        408 | 425 | 429 | 500..=599 => Some(
            retry_after
                .and_then(|text| parse_retry_after(text, now))
                .map_or(Retry::WithBackoff, Retry::After),
        ),
        // A redirect is not followed: an address that moved is to be set up anew.
        _ => Some(Retry::Never),
    }
}

/// Seconds, or a date of HTTP; at most [`RETRY_AFTER_MAX`].
fn parse_retry_after(text: &str, now: Time) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let at = Time::from(rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?);
        if at < now { Duration::ZERO } else { at.distance(now) }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// When to try a message again after `attempts` attempts; `None` if it is to be given up.
pub(super) fn next_attempt(retry: Retry, message_id: &str, attempts: u32, created: Time, now: Time) -> Option<Time> {
    let index = usize::try_from(attempts.saturating_sub(1))
        .unwrap_or(usize::MAX)
        .min(SCHEDULE.len().saturating_sub(1));
    let scheduled = SCHEDULE.get(index).copied().unwrap_or(AGE_MAX);
    let wait = match retry {
        Retry::Never => return None,
        Retry::WithBackoff => scatter(scheduled, message_id, attempts),
        // Never sooner than asked.
        Retry::After(asked) => scatter(scheduled, message_id, attempts).max(asked),
    };
    let at = now.plus(wait);
    (at <= created.plus(AGE_MAX)).then_some(at)
}

/// The duration, longer or shorter by up to a fifth; the same for the same attempt, so that tests and
/// replays agree.
fn scatter(wait: Duration, message_id: &str, attempts: u32) -> Duration {
    let hash = ids::content_id(&[message_id.as_bytes(), &attempts.to_le_bytes()]);
    let digits: String = hash.chars().take(8).collect();
    let random = u64::from_str_radix(&digits, 16).unwrap_or_default();
    let span = JITTER_MILLIS.saturating_mul(2).saturating_add(1);
    let thousandths = 1_000_u64.saturating_sub(JITTER_MILLIS).saturating_add(random % span);
    let millis = u64::try_from(wait.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_mul(thousandths);
    Duration::from_micros(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T12:00:00Z, a Saturday.
    const NOW: Time = Time::from_secs(1_795_262_400);

    fn after(seconds: u64) -> Retry {
        Retry::After(Duration::from_secs(seconds))
    }

    #[test]
    fn answers_are_told_apart() {
        for status in [200, 201, 202, 204] {
            assert_eq!(judge(status, None, NOW), None);
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(judge(status, None, NOW), Some(Retry::WithBackoff), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422] {
            assert_eq!(judge(status, Some("5"), NOW), Some(Retry::Never), "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        for (header, expected) in [
            ("0", after(0)),
            ("7", after(7)),
            (" 120 ", after(120)),
            ("3600", after(3_600)),
            ("3601", after(3_600)),
            ("99999999999999999999999", after(3_600)),
            ("Sat, 21 Nov 2026 12:01:30 GMT", after(90)),
            ("Sat, 21 Nov 2026 11:00:00 GMT", after(0)),
            ("Sun, 21 Nov 2027 12:00:00 GMT", after(3_600)),
            ("", Retry::WithBackoff),
            ("-5", Retry::WithBackoff),
            ("1.5", Retry::WithBackoff),
            ("soon", Retry::WithBackoff),
            ("Sat, 41 Nov 2026 12:01:30 GMT", Retry::WithBackoff),
        ] {
            assert_eq!(judge(429, Some(header), NOW), Some(expected), "{header:?}");
            assert_eq!(judge(503, Some(header), NOW), Some(expected), "{header:?}");
        }
    }

    #[test]
    fn attempts_keep_near_the_schedule_and_end_after_a_weekend() {
        let mut now = NOW;
        let mut attempts = 1;
        while let Some(at) = next_attempt(Retry::WithBackoff, "m", attempts, NOW, now) {
            let scheduled = SCHEDULE[usize::try_from(attempts - 1).unwrap().min(8)];
            let wait = at.distance(now);
            assert!(
                scheduled.mul_f64(0.8) <= wait && wait <= scheduled.mul_f64(1.2),
                "{attempts}: {wait:?}"
            );
            (now, attempts) = (at, attempts + 1);
        }
        assert!((14..=20).contains(&attempts), "{attempts}");
        assert!(Duration::from_hours(60) < now.distance(NOW));
    }

    #[test]
    fn what_a_channel_asks_for_is_not_undercut() {
        for seconds in [1, 60, 3_600] {
            let asked = Duration::from_secs(seconds);
            let at = next_attempt(Retry::After(asked), "m", 1, NOW, NOW).unwrap();
            assert!(asked <= at.distance(NOW));
        }
    }

    #[test]
    fn messages_are_scattered() {
        let at = |id: &str| next_attempt(Retry::WithBackoff, id, 6, NOW, NOW);

        assert_ne!(at("a"), at("b"));
        assert_eq!(at("a"), at("a"));
    }
}
