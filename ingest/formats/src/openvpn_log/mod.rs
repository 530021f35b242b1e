//! `OpenVPN` server, 2.3 to 2.6, from syslog or from its own file (`--log`), with `verb 3`.
//!
//! Messages are those of `ssl_verify.c`, `push.c` and `multi.c` of `OpenVPN` 2.6.
//!
//! # Invariants
//! * "Peer Connection Initiated" is no success: it is written before the password is judged, and a client
//!   with a wrong one gets that far. Whoever gets a `PUSH_REPLY` is connected.
//! * One failed sign-in counts once, though it is written as "TLS Auth Error" and then as `AUTH_FAILED`.
//!   The first has no name; it is known from an earlier line of the same connection.
//! * A line gives exactly one row.

mod message;
mod peers;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use regex::Regex;
use sekisho_model::{Raw, Snapshot};

pub(crate) use self::peers::PEERS_MAX;
use self::peers::Peers;
use crate::pattern::{bounded, pattern};
use crate::syslog::{self, Frame};
use crate::timestamp::Years;
use crate::{Format, Output, Settings};

const SOURCE: &str = "openvpn.log";
/// The part of a snapshot that holds the years.
const YEARS: &str = "openvpn.log.years";
/// Words by which a line of a file is known, where no program is named.
const WORDS: [&str; 9] = [
    "TLS: Username/Password authentication ",
    "TLS Auth Error: ",
    "SENT CONTROL [",
    "] Peer Connection Initiated with ",
    " VERIFY OK: depth=",
    " VERIFY ERROR: depth=",
    " MULTI: Learn: ",
    " MULTI_sva: ",
    " peer info: IV_",
];

/// Reads the log of `OpenVPN`.
#[derive(Debug, Default)]
pub struct OpenvpnLog {
    years: Years,
    peers: Peers,
}

impl Format for OpenvpnLog {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        if text.trim().is_empty() {
            return out.reject(raw, SOURCE, "expected a line of text");
        }
        let (frame, message) = header_and_message(&text);
        out.rows.begin(raw, SOURCE, 0);
        if let Some(frame) = &frame {
            out.rows.text_opt(sekisho_model::Column::DstHost, frame.host);
            if let Some(time) = frame.time(&mut self.years, raw, settings) {
                out.rows.time(sekisho_model::Column::Time, time);
            }
        }
        let line = message::Line::parse(message);
        let host = frame.and_then(|frame| frame.host).unwrap_or_default();
        let known = self.peers.of(raw, host, line.peer);
        let reading = message::read(&line, &known);
        reading.write(&mut out.rows);
        out.rows.end();
        self.peers.learn(raw, host, line.peer, message::learn(&line));
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.years.snapshot(YEARS, into)?;
        self.peers.snapshot(into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.years.restore(YEARS, from);
        self.peers.restore(from);
    }
}

/// Whether the line is `OpenVPN`'s.
pub fn sniff(record: &[u8]) -> bool {
    let text = syslog::text(record);
    let program = Frame::parse(&text).and_then(|frame| frame.program);
    program.is_some_and(is_openvpn) || WORDS.iter().any(|word| bounded(&text).contains(word))
}

fn is_openvpn(program: &str) -> bool {
    program.starts_with("openvpn") || program.starts_with("ovpn")
}

/// The header of a line and its message. `OpenVPN`'s own file has a time without a program, with the day
/// of the week before it up to 2.4.
fn header_and_message(text: &str) -> (Option<Frame<'_>>, &str) {
    static PEER: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?:[^/\s]+/)?{}:\d+ ", message::ADDRESS)));
    static WEEKDAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) "));
    static CLOCK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:[A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}|\d{4}-\d\d-\d\d [\d:]{8}) (?:us=\d+ )?"));
    let text = WEEKDAY
        .find(text)
        .map_or(text, |day| text.get(day.end()..).unwrap_or_default());
    if let Some(frame) = Frame::parse(text).filter(|frame| frame.program.is_some_and(is_openvpn)) {
        return (Some(frame), frame.message);
    }
    let own = CLOCK.find(text).map(|clock| clock.end());
    let peer = || PEER.find(bounded(text)).map(|peer| peer.start());
    match own.or_else(peer).and_then(|at| text.split_at_checked(at)) {
        Some((head, message)) => (Frame::head(head), bounded(message)),
        None => (Frame::parse(text), bounded(text)),
    }
}
