//! Access logs of nginx and Apache, from a file or wrapped in syslog, and their error logs.
//!
//! # Invariants
//! * An access line gives one row of activity `web_request`; a line of an error log one row of
//!   activity `other`, or `logon` where a password was refused.
//! * An address that a client could have made up (`X-Forwarded-For`) counts only where a proxy vouches
//!   for it.

mod access;
pub(crate) mod client;
mod error_log;
mod request;
#[cfg(test)]
mod tests;

use sekisho_model::{Column, EventBuilder, Raw, Time};

use crate::reading::{Class, Reading, Status};
use crate::syslog::{self, Frame};
use crate::{Format, Output, Settings, address};
use access::Access;

const SOURCE: &str = "web.combined";

/// Reads access logs.
#[derive(Debug, Default)]
pub struct WebCombined {}

impl Format for WebCombined {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        if write(&mut out.rows, raw, settings, &text, None) {
            return;
        }
        // nginx and Apache can write to syslog, which puts its header before the line.
        let wrapped = Frame::parse(&text);
        let written = wrapped.is_some_and(|frame| write(&mut out.rows, raw, settings, frame.message, frame.host));
        if !written {
            out.reject(
                raw,
                SOURCE,
                "expected a line of the combined, common or vhost_combined format, or of an error log",
            );
        }
    }
}

/// Whether the line is of an access log or an error log.
pub fn sniff(record: &[u8]) -> bool {
    let text = syslog::text(record);
    let known = |line: &str| Access::parse(line).is_some() || error_log::is_one(line);
    known(&text) || Frame::parse(&text).is_some_and(|frame| known(frame.message))
}

fn write(rows: &mut EventBuilder, raw: &Raw<'_>, settings: &Settings, line: &str, host: Option<&str>) -> bool {
    if let Some(access) = Access::parse(line) {
        begin(rows, raw, access.time(settings), host);
        write_access(rows, settings, &access);
    } else if let Some((stamp, reading)) = error_log::read(line) {
        begin(rows, raw, stamp.time(settings), host);
        reading.write(rows);
    } else {
        return false;
    }
    rows.end();
    true
}

fn begin(rows: &mut EventBuilder, raw: &Raw<'_>, time: Option<Time>, host: Option<&str>) {
    rows.begin(raw, SOURCE, 0);
    if let Some(time) = time {
        rows.time(Column::Time, time);
    }
    rows.text_opt(Column::DstHost, host);
}

fn write_access(rows: &mut EventBuilder, settings: &Settings, access: &Access<'_>) {
    let request = access.request.as_deref().map(request::parse).unwrap_or_default();
    let mut reading = Reading {
        class: Class::Http,
        activity: "web_request",
        action: request.method.unwrap_or_default(),
        status: match access.status {
            Some(..400) => Status::Success,
            Some(_) => Status::Failure,
            None => Status::Unknown,
        },
        reason: match access.status {
            Some(401) => Some("bad_credentials"),
            Some(403) => Some("policy_blocked"),
            Some(429) => Some("rate_limited"),
            _ => None,
        },
        user: access.user,
        protocol: access.user.map(|_| "basic"),
        bytes_out: access.bytes,
        ..Reading::default()
    };
    reading.keep("method", request.method);
    reading.keep("protocol", request.protocol);
    reading.keep("referer", access.referer.as_deref().filter(|referer| *referer != "-"));
    reading.keep(
        "client",
        Some(access.client.as_str()).filter(|client| address::parse_ip(client).is_none()),
    );
    reading.keep("forwarded_for", access.forwarded.as_deref());
    reading.write(rows);

    if let Some(ip) = client::of(&access.client, access.forwarded.as_deref(), &settings.trusted_proxies) {
        address::set_source_ip(rows, ip);
    }
    rows.text_opt(Column::DstHost, access.vhost);
    rows.text_opt(Column::Url, request.url);
    rows.int_opt(Column::HttpStatus, access.status.map(i64::from));
    // A client that sent no name stands as `-`: scripts do so, and rules ask for it.
    if let Some(agent) = access.agent.as_deref() {
        rows.verbatim(Column::UserAgent, agent);
    }
}
