//! Postfix: who sends mail through the server, from where, to how many.
//!
//! Postfix tells of one mail in several lines, tied by a queue id: who hands it in (`client=…,
//! sasl_username=…`), what it is (`message-id=…`), and to how many it goes (`nrcpt=…`). They become one
//! row of activity `mail_send`, which stands where its last line stands.
//!
//! # Invariants
//! * No line vanishes: a record with a syslog header gives a row of its own, or is part of exactly one
//!   joined row. The line of a sign-in is both.
//! * The identity of a joined row follows from its first line, not from when it is given out.

mod join;
mod message;
#[cfg(test)]
mod tests;

use sekisho_model::{Column, Raw, Snapshot, Time};

use crate::reading::{Class, Reading, Status};
use crate::syslog::{self, Frame};
use crate::timestamp::Years;
use crate::{Format, Output, Settings};
pub(crate) use join::MAILS_MAX;
use join::{Join, Line};
use message::Step;

const SOURCE: &str = "mail.postfix";
/// The part of a snapshot that holds the years.
const YEARS: &str = "mail.postfix.years";

/// Reads the log of Postfix.
#[derive(Debug, Default)]
pub struct MailPostfix {
    years: Years,
    join: Join,
}

impl Format for MailPostfix {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        let Some(frame) = Frame::parse(&text) else {
            out.reject(
                raw,
                SOURCE,
                "no syslog header: expected a time stamp or a priority at the beginning",
            );
            return;
        };
        let time = frame.time(&mut self.years, raw, settings);
        let service = service(frame.program.unwrap_or_default());
        let (queue_id, message) = message::split_queue_id(frame.message);
        let line = Line {
            raw,
            host: frame.host.unwrap_or_default(),
            queue_id: queue_id.unwrap_or_default(),
            time,
            text: &text,
        };

        let step = message::step(service, message);
        if let Some(Step::Client {
            source,
            user: Some(user),
            method,
        }) = step
        {
            let reading = signed_in(source, user, method);
            write(out, raw, &frame, time, &finish(reading, service, queue_id));
        }
        let joined = match (&step, queue_id) {
            (Some(step), Some(id)) if id != message::NO_QUEUE => self.join.take(&line, step, out),
            (Some(Step::Client { user: Some(_), .. }), _) => true,
            _ => false,
        };
        if !joined {
            if queue_id.is_some() && message == "removed" {
                self.join.give_up(&line, out);
            }
            write(
                out,
                raw,
                &frame,
                time,
                &finish(message::read(service, queue_id, message), service, queue_id),
            );
        }
    }

    fn tick(&mut self, now: Time, offset: i64, out: &mut Output) {
        self.join.tick(now, offset, out);
    }

    fn flush(&mut self, out: &mut Output) {
        self.join.flush(out);
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.years.snapshot(YEARS, into)?;
        self.join.snapshot(into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.years.restore(YEARS, from);
        self.join.restore(from);
    }
}

/// Whether the line is Postfix's, or of the service that checks its passwords.
pub fn sniff(record: &[u8]) -> bool {
    let text = syslog::text(record);
    Frame::parse(&text)
        .and_then(|frame| frame.program)
        .is_some_and(|program| program.starts_with("postfix") || program == "saslauthd")
}

/// `smtpd` of `postfix/submission/smtpd`.
fn service(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

fn signed_in<'a>(source: &'a str, user: &'a str, method: Option<&'a str>) -> Reading<'a> {
    let mut reading = Reading {
        class: Class::Authentication,
        activity: "logon",
        action: "SASL authentication",
        status: Status::Success,
        user: Some(user),
        source: message::bracketed(source),
        protocol: Some("smtp"),
        method: method.map(message::method_word),
        ..Reading::default()
    };
    reading.keep("method", method);
    reading.keep("client", Some(source));
    reading
}

fn finish<'a>(mut reading: Reading<'a>, service: &'a str, queue_id: Option<&'a str>) -> Reading<'a> {
    reading.keep("service", Some(service));
    reading.keep("queue_id", queue_id.filter(|id| *id != message::NO_QUEUE));
    reading
}

fn write(out: &mut Output, raw: &Raw<'_>, frame: &Frame<'_>, time: Option<Time>, reading: &Reading<'_>) {
    syslog::begin(&mut out.rows, raw, SOURCE, frame, time);
    reading.write(&mut out.rows);
    if reading.activity == "logon" && out.rows.current(Column::UserName).is_none() && reading.source.is_none() {
        out.rows.partial();
    }
    out.rows.end();
}
