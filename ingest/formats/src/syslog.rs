//! The header that syslog puts before a message.
//!
//! Read are RFC 5424, RFC 3164 with and without a host (as a local socket has it), the same with ISO
//! times, and what programs such as Dovecot write into files of their own.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use sekisho_model::{Column, EventBuilder, Raw, Time};

use crate::Settings;
use crate::pattern::bounded;
use crate::timestamp::{self, Yearless, Years, ZoneName};

/// A line with its header taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    stamp: Stamp,
    /// The host that wrote it.
    pub(crate) host: Option<&'a str>,
    /// The program that wrote it, without its process id.
    pub(crate) program: Option<&'a str>,
    /// Its process id.
    pub(crate) pid: Option<&'a str>,
    /// What it wrote.
    pub(crate) message: &'a str,
    /// The offset from UTC that the time stamp names.
    offset: Option<Offset>,
}

/// When, as far as the header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    Missing,
    Zoned(Time),
    Local(DateTime),
    Yearless(Yearless),
}

/// The text of a record: bytes that are not UTF-8 are replaced, line ends and a BOM taken off.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = without_end(bytes);
    String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

/// A line without its end.
pub(crate) fn without_end(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n' | b'\0'))
        .map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

impl<'a> Frame<'a> {
    /// Takes a line apart, and keeps of the message what may be matched; without a priority and without a time stamp it is none of syslog's.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        Self::split(line).map(|frame| Self {
            message: bounded(frame.message),
            ..frame
        })
    }

    fn split(line: &'a str) -> Option<Self> {
        let (_, stamp) = strip_priority(line);
        let stamp = stamp.strip_prefix("1 ").unwrap_or(stamp).trim_start();
        Self::split_fields(line).map(|frame| Self {
            offset: offset(stamp.split(' ').next().unwrap_or_default()),
            ..frame
        })
    }

    fn split_fields(line: &'a str) -> Option<Self> {
        let (priority, rest) = strip_priority(line);
        if let Some(rest) = rest.strip_prefix("1 ").filter(|_| priority) {
            return Self::rfc5424(rest);
        }
        // Cisco writes a colon where others have nothing.
        let rest = rest.trim_start_matches([' ', ':']);
        match stamp(rest) {
            Some((stamp, rest)) => Some(Self::rfc3164(stamp, rest.trim_start())),
            None if priority && !rest.is_empty() => Some(Self::rfc3164(Stamp::Missing, rest)),
            None => None,
        }
    }

    /// What stands before a message that a mark of its vendor begins: the header of a relay, of the
    /// device, or first the one and then the other. The device knows best when it was.
    pub(crate) fn head(text: &'a str) -> Option<Self> {
        let outer = Self::split(text)?;
        let inner = Self::split(outer.message).filter(|inner| inner.stamp != Stamp::Missing);
        let frame = match inner {
            Some(inner) => Self {
                host: inner.host.or(inner.program).or(outer.host),
                ..inner
            },
            None => outer,
        };
        Some(Self {
            host: frame.host.or(frame.program),
            ..frame
        })
    }

    /// When it was written, if the header says so with a zone.
    pub(crate) fn zoned(&self) -> Option<Time> {
        match self.stamp {
            Stamp::Zoned(time) => Some(time),
            Stamp::Missing | Stamp::Local(_) | Stamp::Yearless(_) => None,
        }
    }

    /// When it was written and in which zone, if the header says both with an offset.
    pub(crate) fn clock(&self) -> Option<(Time, TimeZone)> {
        Some((self.zoned()?, TimeZone::fixed(self.offset?)))
    }

    /// When it was written, in the zone and year that the settings give where it says none.
    pub(crate) fn time(&self, years: &mut Years, raw: &Raw<'_>, settings: &Settings) -> Option<Time> {
        match self.stamp {
            Stamp::Missing => None,
            Stamp::Zoned(time) => Some(time),
            Stamp::Local(civil) => timestamp::local(civil, &settings.zone),
            Stamp::Yearless(stamp) => years.place(stamp, &raw.origin.log, raw.observed, settings),
        }
    }

    fn rfc5424(text: &'a str) -> Option<Self> {
        let mut fields = text.splitn(6, ' ');
        let stamp = match fields.next()? {
            "-" => Stamp::Missing,
            text => iso(text)?,
        };
        let mut field = || fields.next().map(|value| Some(value).filter(|value| *value != "-"));
        let (host, program, pid, _message_id) = (field()?, field()?, field()?, field()?);
        let message = after_structured_data(fields.next()?);
        let message = message.strip_prefix('\u{FEFF}').unwrap_or(message);
        // A tag of RFC 3164 may stand where the name of the program belongs.
        let tag = program.and_then(pid_in);
        Some(Self {
            stamp,
            host,
            program: tag.map(|(program, _)| program).or(program),
            pid: pid.or(tag.map(|(_, pid)| pid)),
            message,
            offset: None,
        })
    }

    fn rfc3164(stamp: Stamp, text: &'a str) -> Self {
        let first = text.split(' ').next().unwrap_or_default();
        if let Some((program, pid)) = tag(first) {
            return Self {
                stamp,
                host: None,
                program: Some(program),
                pid,
                message: after(text, first),
                offset: None,
            };
        }
        let rest = after(text, first);
        let second = rest.split(' ').next().unwrap_or_default();
        match tag(second) {
            Some((program, pid)) => Self {
                stamp,
                host: Some(first),
                program: Some(program),
                pid,
                message: after(rest, second),
                offset: None,
            },
            None => Self {
                stamp,
                host: Some(first),
                program: None,
                pid: None,
                message: rest,
                offset: None,
            },
        }
        .without_empty_host()
    }

    fn without_empty_host(mut self) -> Self {
        self.host = self
            .host
            .filter(|host| host.bytes().any(|byte| byte.is_ascii_alphanumeric()));
        self
    }
}

/// Begins a row for a line: when and on which host.
pub(crate) fn begin(rows: &mut EventBuilder, raw: &Raw<'_>, source: &str, frame: &Frame<'_>, time: Option<Time>) {
    rows.begin(raw, source, 0);
    if let Some(time) = time {
        rows.time(Column::Time, time);
    }
    rows.text_opt(Column::DstHost, frame.host);
}

/// What follows `first` in `text`, of which it is the beginning, without the space between.
fn after<'a>(text: &'a str, first: &str) -> &'a str {
    text.get(first.len()..).unwrap_or_default().trim_start()
}

fn strip_priority(line: &str) -> (bool, &str) {
    let stripped = line.strip_prefix('<').and_then(|rest| {
        let (digits, rest) = rest.split_once('>')?;
        let number: u8 = digits.parse().ok()?;
        (number <= 191 && digits.len() <= 3).then_some(rest)
    });
    stripped.map_or((false, line), |rest| (true, rest))
}

/// The tag of RFC 3164: `sshd[123]:`, `sudo:`, `postfix/smtpd[7]:`.
fn tag(token: &str) -> Option<(&str, Option<&str>)> {
    let token = token.strip_suffix(':')?;
    let (program, pid) = pid_in(token).map_or((token, None), |(program, pid)| (program, Some(pid)));
    (!program.is_empty()).then_some((program, pid))
}

/// `sshd[123]` taken apart.
fn pid_in(token: &str) -> Option<(&str, &str)> {
    token.strip_suffix(']')?.rsplit_once('[')
}

/// What follows the structured data of RFC 5424.
fn after_structured_data(text: &str) -> &str {
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    while let Some(element) = rest.strip_prefix('[') {
        let (mut quoted, mut escaped) = (false, false);
        let end = element.char_indices().find(|(_, c)| {
            let here = !quoted && *c == ']';
            if *c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = *c == '\\' && !escaped;
            here
        });
        match end.and_then(|(end, _)| element.get(end + 1..)) {
            Some(next) => rest = next,
            None => return text,
        }
    }
    rest.strip_prefix(' ').unwrap_or(rest)
}

/// The time stamp at the beginning of a text, and what follows it.
fn stamp(text: &str) -> Option<(Stamp, &str)> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        iso_stamp(text)
    } else {
        bsd_stamp(text)
    }
}

fn iso_stamp(text: &str) -> Option<(Stamp, &str)> {
    let (first, rest) = text.split_once(' ')?;
    if let Some(stamp) = Some(first).filter(|first| first.len() > 10).and_then(iso) {
        return Some((stamp, rest));
    }
    let clock = rest.split(' ').next()?;
    let stamp = iso(text.get(..first.len() + 1 + clock.len())?)?;
    Some((stamp, after(rest, clock)))
}

/// The offset that an ISO time names.
fn offset(text: &str) -> Option<Offset> {
    Pieces::parse(text).ok()?.to_numeric_offset()
}

fn iso(text: &str) -> Option<Stamp> {
    match text.parse::<Timestamp>() {
        Ok(timestamp) => Some(Stamp::Zoned(timestamp.into())),
        Err(_) => text.parse().ok().map(Stamp::Local),
    }
}

/// `Jun  5 10:11:12`, with a year before or after the clock or none, and with the name of a zone or none.
fn bsd_stamp(text: &str) -> Option<(Stamp, &str)> {
    let (name, rest) = text.split_once(' ')?;
    let month = timestamp::month(name)?;
    let (day, rest) = rest.trim_start().split_once(' ')?;
    let day = day.parse().ok()?;
    let (mut first, mut rest) = word(rest.trim_start());
    let mut year = four_digits(first);
    if year.is_some() {
        (first, rest) = word(rest);
    }
    let clock = timestamp::clock(first.trim_end_matches(':'))?;
    let (next, following) = word(rest);
    if year.is_none() && four_digits(next).is_some() {
        (year, rest) = (four_digits(next), following);
    }
    let (next, following) = word(rest);
    let zone = timestamp::zone_name(next.trim_end_matches(':'));
    if zone.is_some() {
        rest = following;
    }
    let stamp = match (year, zone) {
        (Some(year), Some(ZoneName::Clear(zone))) => {
            let civil = Date::new(year, month, day).ok()?.to_datetime(clock);
            Stamp::Zoned(timestamp::local(civil, &zone)?)
        }
        (Some(year), _) => Stamp::Local(Date::new(year, month, day).ok()?.to_datetime(clock)),
        // Which year is told by the settings, and so is the zone.
        (None, _) => Stamp::Yearless(Yearless { month, day, clock }),
    };
    Some((stamp, rest))
}

fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn four_digits(text: &str) -> Option<i16> {
    text.parse()
        .ok()
        .filter(|year| (1970..=9999).contains(year) && text.len() == 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, &'a str);

    fn parts(line: &str) -> Option<Parts<'_>> {
        Frame::parse(line).map(|frame| (frame.host, frame.program, frame.pid, frame.message))
    }

    #[test]
    fn a_header_is_read_in_all_its_forms() {
        let full = Some((Some("web1"), Some("sshd"), Some("7"), "Server listening"));
        for line in [
            "Jun  5 10:11:12 web1 sshd[7]: Server listening",
            "Jun 05 10:11:12 web1 sshd[7]: Server listening",
            "<38>Jun  5 10:11:12 web1 sshd[7]: Server listening",
            "<38>Jun  5 2026 10:11:12 web1 sshd[7]: Server listening",
            "Jun  5 10:11:12 2026 web1 sshd[7]: Server listening",
            "Jun  5 10:11:12.123456 web1 sshd[7]: Server listening",
            "2026-06-05T10:11:12+09:00 web1 sshd[7]: Server listening",
            "2026-06-05T10:11:12.101+0900 web1 sshd[7]: Server listening",
            "2026-06-05 10:11:12 web1 sshd[7]: Server listening",
            "<38>1 2026-06-05T10:11:12.5Z web1 sshd 7 - - Server listening",
            "<38>1 2026-06-05T10:11:12.5Z web1 sshd 7 ID [a@1 b=\"x]\\\"\"][c] \u{FEFF}Server listening",
            "<38>1 - web1 sshd 7 - - Server listening",
            "<38>1 2026-06-05T10:11:12.5Z web1 sshd[7] - - - Server listening",
        ] {
            assert_eq!(parts(line), full, "{line}");
        }
        assert_eq!(
            parts("<38>Jun  5 10:11:12 sshd[7]: hello"),
            Some((None, Some("sshd"), Some("7"), "hello"))
        );
        assert_eq!(
            parts("<38>sshd[7]: hello"),
            Some((None, Some("sshd"), Some("7"), "hello"))
        );
        assert_eq!(
            parts("Jun  5 10:11:12 mx imap(hana)<1><x>: Info: y").unwrap().1,
            Some("imap(hana)<1><x>")
        );
        assert_eq!(
            parts("Jun  5 10:11:12 web1 last message repeated 2 times").unwrap().1,
            None
        );
    }

    #[test]
    fn what_has_no_header_is_not_read() {
        for line in [
            "",
            "<999>x",
            "hello",
            "sshd[7]: hello",
            "Jun 5",
            "Foo  5 10:11:12 web1 x: y",
            "1 2 3",
            "<38>",
        ] {
            assert_eq!(parts(line), None, "{line}");
        }
    }

    #[test]
    fn a_time_with_a_zone_is_that_time_and_any_other_is_local() {
        let stamp = |line| Frame::parse(line).unwrap().stamp;
        let expected = Stamp::Zoned(timestamp::rfc3339("2026-06-05T01:11:12Z").unwrap());
        assert_eq!(stamp("2026-06-05T10:11:12+09:00 h p: m"), expected);
        assert!(matches!(stamp("2026-06-05T10:11:12 h p: m"), Stamp::Local(_)));
        assert!(matches!(stamp("Jun  5 2026 10:11:12 h p: m"), Stamp::Local(_)));
        assert!(matches!(stamp("Jun  5 10:11:12 h p: m"), Stamp::Yearless(_)));
    }

    #[test]
    fn the_name_of_a_zone_follows_the_clock() {
        for (line, zoned) in [
            ("<166>Jun 05 2026 10:11:12 JST: m", true),
            ("<166>:Jun 05 2026 10:11:12 EDT: m", false),
        ] {
            let frame = Frame::parse(line).unwrap();
            assert_eq!(
                frame.zoned(),
                zoned.then(|| timestamp::rfc3339("2026-06-05T01:11:12Z").unwrap()),
                "{line}"
            );
            assert_ne!(frame.stamp, Stamp::Missing, "{line}");
        }
    }

    #[test]
    fn of_two_headers_the_device_knows_when_and_one_of_them_who() {
        for (head, host, year) in [
            ("<166>Jun 05 2026 10:11:12 fw1 : ", Some("fw1"), true),
            ("<166>Jun 05 2026 10:11:12: ", None, true),
            ("<166>:Jun 05 2026 10:11:12 EDT: ", None, true),
            ("<166>Jun 05 2026 10:11:12 fw1: ", Some("fw1"), true),
            (
                "Jun  5 10:11:13 192.0.2.1 Jun 05 2026 10:11:12: ",
                Some("192.0.2.1"),
                true,
            ),
            ("Jun  5 10:11:13 fw1 : Jun 05 2026 10:11:12: ", Some("fw1"), true),
            ("Jun  5 10:11:13 relay Jun 05 2026 10:11:12 fw1 : ", Some("fw1"), true),
            ("Jun  5 10:11:12 fw1 ", Some("fw1"), false),
            ("<166>fw1 : ", Some("fw1"), false),
            ("<166>:: ", None, false),
        ] {
            let frame = Frame::head(head);
            assert_eq!(frame.and_then(|frame| frame.host), host, "{head}");
            let local = |frame: Frame<'_>| matches!(frame.stamp, Stamp::Local(_));
            assert_eq!(frame.is_some_and(local), year, "{head}");
        }
        assert_eq!(Frame::head(""), None);
        let head = "<166>1 2026-06-05T10:11:12+09:00 fw1 - - - - ";
        assert!(Frame::head(head).unwrap().zoned().is_some());
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_are_not_part_of_the_text() {
        assert_eq!(text(b"\xEF\xBB\xBFhello\r\n\0"), "hello");
        assert_eq!(text(b"a\xFFb"), "a\u{FFFD}b");
        assert_eq!(text(b"\n"), "");
    }
}
