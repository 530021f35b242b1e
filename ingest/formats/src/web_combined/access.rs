//! A line of an access log, taken apart.

use std::borrow::Cow;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use regex::Regex;
use sekisho_model::Time;

use crate::pattern::{bounded, group, pattern};
use crate::{Settings, address, timestamp};

/// `nginx proxy manager` writes a format of its own, with the time first.
static PROXY_MANAGER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"^\s*(?:\S+ \S+ )?(?P<status>\d{3}) - (?P<method>\S+) \S+ (?P<host>\S+) "(?P<url>(?:[^"\\]|\\.)*)" "#,
        r#"\[Client (?P<client>[^\]]*)\] \[Length (?P<bytes>\d+|-)\](?: \[Gzip [^\]]*\])?(?: \[Sent-to [^\]]*\])? "#,
        r#""(?P<agent>(?:[^"\\]|\\.)*)" "(?P<referer>(?:[^"\\]|\\.)*)"$"#
    ))
});

/// A line of an access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access<'a> {
    stamp: &'a str,
    /// Address or name of the client, or a list of addresses separated by `, `.
    pub(super) client: String,
    /// Virtual host.
    pub(super) vhost: Option<&'a str>,
    /// Who signed in.
    pub(super) user: Option<&'a str>,
    /// The request line.
    pub(super) request: Option<Cow<'a, str>>,
    /// HTTP status.
    pub(super) status: Option<i16>,
    /// Bytes of the answer.
    pub(super) bytes: Option<i64>,
    /// Where the client says it came from.
    pub(super) referer: Option<Cow<'a, str>>,
    /// The client's own description of itself.
    pub(super) agent: Option<Cow<'a, str>>,
    /// `X-Forwarded-For`, where it is logged.
    pub(super) forwarded: Option<Cow<'a, str>>,
}

impl<'a> Access<'a> {
    /// Takes a line apart, if it is of an access log.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (head, stamp, tail) = split_at_stamp(line)?;
        if head.trim().is_empty() {
            return Self::proxy_manager(stamp, tail);
        }
        let head = Head::parse(head)?;
        let mut fields = Fields { rest: tail };
        let request = fields.quoted()?;
        let status = fields.bare()?;
        if !(status == "-" || status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        let bytes = fields.bare().and_then(|bytes| bytes.parse().ok());
        let (referer, agent) = (fields.quoted(), fields.quoted());
        let forwarded = fields.find_map(|field| match field {
            Cow::Borrowed(text) => Some(Cow::Borrowed(text)).filter(|_| is_address_list(text)),
            Cow::Owned(_) => None,
        });
        Some(Self {
            stamp,
            client: head.client,
            vhost: head.vhost,
            user: head.user,
            request: Some(request),
            status: status.parse().ok(),
            bytes,
            referer,
            agent,
            forwarded,
        })
    }

    fn proxy_manager(stamp: &'a str, tail: &'a str) -> Option<Self> {
        let captures = PROXY_MANAGER.captures(bounded(tail))?;
        let at = |name| group(&captures, name);
        let request = format!("{} {} HTTP/", at("method")?, unescape(at("url")?));
        Some(Self {
            stamp,
            client: at("client")?.to_owned(),
            vhost: at("host"),
            user: None,
            request: Some(Cow::Owned(request)),
            status: at("status").and_then(|status| status.parse().ok()),
            bytes: at("bytes").and_then(|bytes| bytes.parse().ok()),
            referer: at("referer").map(unescape),
            agent: at("agent").map(unescape),
            forwarded: None,
        })
    }

    /// When the request was made.
    pub(super) fn time(&self, settings: &Settings) -> Option<Time> {
        let (local, offset) = self.stamp.split_once(' ').unwrap_or((self.stamp, ""));
        let mut parts = local.splitn(4, ['/', ':']);
        let day = parts.next()?.parse().ok()?;
        let month = timestamp::month(parts.next()?)?;
        let year = parts.next()?.parse().ok()?;
        let clock = timestamp::clock(parts.next()?)?;
        let civil = Date::new(year, month, day).ok()?.to_datetime(clock);
        if offset.is_empty() {
            return timestamp::local(civil, &settings.zone);
        }
        let zone = TimeZone::fixed(parse_offset(offset)?);
        zone.to_timestamp(civil)
            .ok()
            .map(|timestamp: Timestamp| timestamp.into())
    }
}

/// `+0900`
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i32 = digits.replace(':', "").parse().ok()?;
    Offset::from_seconds(sign * ((number / 100) * 3600 + (number % 100) * 60)).ok()
}

/// What stands before `[05/Jun/2026:10:11:12 +0900]`, what is in it, and what follows.
fn split_at_stamp(line: &str) -> Option<(&str, &str, &str)> {
    line.match_indices('[').find_map(|(start, _)| {
        let inside = line.get(start + 1..)?;
        let bytes = inside.as_bytes().get(..20)?;
        let fits = bytes
            .iter()
            .zip(b"00/Aaa/0000:00:00:00")
            .all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'A' | b'a' => byte.is_ascii_alphabetic(),
                other => byte == other,
            });
        let (stamp, tail) = if fits { inside.split_once(']')? } else { return None };
        Some((line.get(..start)?, stamp, tail))
    })
}

/// What stands before the time.
struct Head<'a> {
    client: String,
    vhost: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// `[vhost] client ident user`; the client may be a list, and a proxy may follow it.
    fn parse(head: &'a str) -> Option<Self> {
        let head = head.trim();
        if head.starts_with(['{', '[', '<']) {
            return None;
        }
        let (mut clients, mut rest) = clients(head)?;
        let mut vhost = None;
        let (next, following) = word(rest);
        let next_is_address = address::parse_ip(next.trim_end_matches(',')).is_some();
        let first_is_address = clients.first().is_some_and(|first| address::parse_ip(first).is_some());
        if next_is_address && first_is_address {
            clients.push(next);
            rest = following;
        } else if next_is_address || next != "-" && word(following).0 == "-" && clients.len() == 1 {
            vhost = clients.pop();
            let (more, after) = self::clients(rest)?;
            (clients, rest) = (more, after);
        }
        let (_ident, user) = word(rest);
        let vhost = vhost.map(|vhost| {
            vhost
                .rsplit_once(':')
                .filter(|(_, port)| port.parse::<u16>().is_ok())
                .map_or(vhost, |(host, _)| host)
        });
        Some(Self {
            client: clients.join(", "),
            vhost,
            user: user_name(user),
        })
    }
}

/// The clients at the beginning of a text, and what follows them.
fn clients(text: &str) -> Option<(Vec<&str>, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (list, rest) = rest.split_once('"')?;
        return Some((list.split(',').map(str::trim).collect(), rest.trim_start()));
    }
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        let (first, following) = word(rest);
        rest = following;
        match first.strip_suffix(',') {
            Some(entry) => found.push(entry),
            None => found.push(first),
        }
        if !first.ends_with(',') {
            return (!first.is_empty()).then_some((found, rest));
        }
    }
}

/// The user; some formats put the id of the request before it.
fn user_name(text: &str) -> Option<&str> {
    let text = text.trim();
    let name = match text.split_once(' ') {
        Some((first, last)) if last == "-" || first.len() == 32 && first.bytes().all(|b| b.is_ascii_hexdigit()) => last,
        _ => text,
    };
    (!name.is_empty() && name != "-" && name != "\"\"").then_some(name)
}

fn word(text: &str) -> (&str, &str) {
    text.split_once(' ')
        .map_or((text, ""), |(first, rest)| (first, rest.trim_start()))
}

fn is_address_list(text: &str) -> bool {
    !text.is_empty()
        && text
            .split(',')
            .all(|entry| address::parse_ip(entry).is_some() || entry.trim() == "unknown")
}

/// The fields after the time.
struct Fields<'a> {
    rest: &'a str,
}

impl<'a> Fields<'a> {
    fn bare(&mut self) -> Option<&'a str> {
        let (first, rest) = word(self.rest.trim_start());
        self.rest = rest;
        (!first.is_empty()).then_some(first)
    }

    /// The next field, if it is quoted. A quote ends it if it is not escaped and a space or nothing
    /// follows.
    fn quoted(&mut self) -> Option<Cow<'a, str>> {
        let inside = self.rest.trim_start().strip_prefix('"')?;
        let mut escaped = false;
        let end = inside.char_indices().find_map(|(place, c)| {
            let ends = c == '"'
                && !escaped
                && inside
                    .get(place + 1..)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
            escaped = c == '\\' && !escaped;
            ends.then_some(place)
        })?;
        self.rest = inside.get(end + 1..)?;
        inside.get(..end).map(unescape)
    }
}

/// Every further field that is quoted.
impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(field) = self.quoted() {
                return Some(field);
            }
            self.bare()?;
        }
    }
}

/// Takes back `\"`, `\\` and `\x22`; what is not printable stays escaped.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let hex = after
            .strip_prefix('x')
            .and_then(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok());
        rest = match hex.filter(|byte| (b' '..=b'~').contains(byte)) {
            Some(byte) => {
                plain.push(char::from(byte));
                after.get(3..).unwrap_or_default()
            }
            None if after.starts_with(['"', '\\']) => {
                plain.extend(after.chars().next());
                after.get(1..).unwrap_or_default()
            }
            None => {
                plain.push('\\');
                after
            }
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}
