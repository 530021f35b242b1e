//! Lines of the error logs of nginx and Apache: who was refused, and why.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use regex::Regex;
use sekisho_model::Time;

use crate::pattern::{bounded, group, pattern};
use crate::reading::{Class, Reading, Status};
use crate::{Settings, timestamp};

static APACHE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^\[\w{3} (?P<month>\w{3}) +(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?) (?P<year>\d{4})\] ",
        r"(?:\[(?P<level>[\w:]+)\] )?(?:\[pid [^\]]*\] )?(?:.*?\[client (?P<client>[^\]]*)\] )?(?P<text>.*)$"
    ))
});
static NGINX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^(?P<date>\d{4}/\d\d/\d\d) (?P<clock>\d\d:\d\d:\d\d) \[(?P<level>\w+)\] \d+#\d+: (?:\*\d+ )?",
        r#"(?P<text>.*?)(?:, client: (?P<client>[^\s,]+)(?:, server: (?P<server>[^,]*))?(?:, login: "(?P<login>[^"]*)")?.*)?$"#
    ))
});
/// A password that was refused.
static REFUSED: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r#"^user "(?P<user>.*)": password mismatch$"#, "bad_password"),
        (r#"^user "(?P<user>.*)" was not found in ".*"$"#, "no_such_user"),
        (
            r"^(?:AH01617: )?user (?P<user>.*): authentication failure for .*$",
            "bad_password",
        ),
        (r"^(?:AH01618: )?user (?P<user>.*) not found: .*$", "no_such_user"),
        (
            r"^(?:AH01790: )?user `(?P<user>.*)' in realm .* not found: .*$",
            "no_such_user",
        ),
        (
            r"^(?:AH01794: )?user (?P<user>.*): password mismatch: .*$",
            "bad_password",
        ),
        (
            r#"^client login failed: "(?P<detail>.*)" while in http auth state$"#,
            "bad_credentials",
        ),
    ]
    .into_iter()
    .map(|(text, reason)| (pattern(text), reason))
    .collect()
});

/// A time stamp in the server's own zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalStamp(Option<DateTime>);

impl LocalStamp {
    /// The point in time, in the zone of the settings.
    pub(super) fn time(self, settings: &Settings) -> Option<Time> {
        timestamp::local(self.0?, &settings.zone)
    }
}

/// Whether a line is of an error log.
pub(super) fn is_one(line: &str) -> bool {
    let line = bounded(line);
    APACHE.is_match(line) || NGINX.is_match(line)
}

/// Reads a line of an error log.
pub(super) fn read(line: &str) -> Option<(LocalStamp, Reading<'_>)> {
    let line = bounded(line);
    if let Some(captures) = APACHE.captures(line) {
        let at = |name| group(&captures, name);
        let stamp = date(at("year"), at("month").and_then(timestamp::month), at("day"))
            .zip(at("clock").and_then(timestamp::clock));
        return Some((
            LocalStamp(stamp.map(|(date, clock)| date.to_datetime(clock))),
            reading(at("level"), at("text"), at("client"), None),
        ));
    }
    let captures = NGINX.captures(line)?;
    let at = |name| group(&captures, name);
    let mut day = at("date")?.split('/');
    let date = date(day.next(), day.next().and_then(|month| month.parse().ok()), day.next());
    let stamp = date
        .zip(at("clock").and_then(timestamp::clock))
        .map(|(date, clock)| date.to_datetime(clock));
    let mut reading = reading(at("level"), at("text"), at("client"), at("login"));
    reading.keep("server", at("server"));
    Some((LocalStamp(stamp), reading))
}

fn date(year: Option<&str>, month: Option<i8>, day: Option<&str>) -> Option<Date> {
    Date::new(year?.parse().ok()?, month?, day?.parse().ok()?).ok()
}

fn reading<'a>(
    level: Option<&'a str>,
    text: Option<&'a str>,
    client: Option<&'a str>,
    login: Option<&'a str>,
) -> Reading<'a> {
    let text = text.unwrap_or_default();
    let refused = REFUSED
        .iter()
        .find_map(|(regex, reason)| Some((regex.captures(text)?, *reason)));
    let mut reading = match refused {
        Some((captures, reason)) => Reading {
            class: Class::Authentication,
            activity: "logon",
            action: "authentication failure",
            status: Status::Failure,
            reason: Some(reason),
            user: group(&captures, "user").or(login),
            protocol: login.is_none().then_some("basic"),
            ..Reading::default()
        },
        None if text == "client logged in" => Reading {
            class: Class::Authentication,
            activity: "logon",
            action: "client logged in",
            status: Status::Success,
            user: login,
            ..Reading::default()
        },
        None => Reading {
            class: Class::Http,
            user: login,
            unknown: client.is_none(),
            ..Reading::default()
        },
    };
    reading.source = client;
    reading.keep("level", level);
    reading.keep("detail", Some(text));
    reading
}
