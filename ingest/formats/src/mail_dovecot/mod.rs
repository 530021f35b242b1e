//! Dovecot: IMAP, POP3, submission and `ManageSieve`, of versions 2.2 to 2.4, from syslog or from
//! Dovecot's own file.
//!
//! # Invariants
//! * One failed sign-in counts once: the line of the login process counts, and carries how many
//!   attempts it stands for; what the authentication process says about each is of activity `other`.
//! * A line with a header gives exactly one row.

mod message;
#[cfg(test)]
mod tests;

use sekisho_model::{Raw, Snapshot};

use crate::syslog::{self, Frame};
use crate::timestamp::Years;
use crate::{Format, Output, Settings};

const SOURCE: &str = "mail.dovecot";
/// The part of a snapshot that holds the years.
const YEARS: &str = "mail.dovecot.years";

/// Reads the log of Dovecot.
#[derive(Debug, Default)]
pub struct MailDovecot {
    years: Years,
}

impl Format for MailDovecot {
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
        syslog::begin(&mut out.rows, raw, SOURCE, &frame, time);
        let (process, text) = process(&frame);
        let mut reading = message::read(process, text);
        reading.keep("process", Some(process));
        reading.write(&mut out.rows);
        out.rows.end();
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.years.snapshot(YEARS, into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.years.restore(YEARS, from);
    }
}

/// Whether the line is Dovecot's.
pub fn sniff(record: &[u8]) -> bool {
    let text = syslog::text(record);
    Frame::parse(&text)
        .and_then(|frame| frame.program)
        .is_some_and(|program| {
            let process = program.split('(').next().unwrap_or_default();
            match process {
                "dovecot" | "imap-login" | "pop3-login" | "managesieve-login" | "submission-login" | "auth-worker" => {
                    true
                }
                // As names of programs these are common; Dovecot adds whom it works for.
                "imap" | "pop3" | "lmtp" | "lda" | "managesieve" | "submission" => process != program,
                _ => false,
            }
        })
}

/// The process of Dovecot that wrote it, and what it wrote, without its level.
fn process<'a>(frame: &Frame<'a>) -> (&'a str, &'a str) {
    let program = frame.program.unwrap_or_default();
    let (process, text) = match program {
        "dovecot" => frame.message.split_once(": ").unwrap_or(("", frame.message)),
        named => (named, frame.message),
    };
    let levels = ["Info: ", "Warning: ", "Error: ", "Debug: ", "Fatal: ", "Panic: "];
    (
        process,
        levels.iter().find_map(|level| text.strip_prefix(level)).unwrap_or(text),
    )
}
