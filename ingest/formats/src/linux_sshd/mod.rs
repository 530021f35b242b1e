//! The authentication log of a Linux host: OpenSSH, and who else writes there (sudo, su, PAM, login).
//!
//! # Invariants
//! * One failed sign-in is one row of activity `logon` and status 2: the `Failed …` line. What sshd
//!   and PAM write around it says that something failed, but its activity is `other`.
//! * A line with a syslog header gives exactly one row.

mod accounts;
mod pam;
mod privilege;
mod sshd;
#[cfg(test)]
mod tests;

use sekisho_model::{Raw, Snapshot};

use crate::reading::Reading;
use crate::syslog::{self, Frame};
use crate::timestamp::Years;
use crate::{Format, Output, Settings};

const SOURCE: &str = "linux.sshd";
/// The part of a snapshot that holds the years.
const YEARS: &str = "linux.sshd.years";

/// Reads `auth.log` and its like.
#[derive(Debug, Default)]
pub struct LinuxSshd {
    years: Years,
}

impl Format for LinuxSshd {
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
        let mut reading = read(&frame);
        reading.keep("process", frame.program);
        reading.keep("pid", frame.pid);
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

/// Whether the line is of a program that writes to the authentication log.
pub fn sniff(record: &[u8]) -> bool {
    let text = syslog::text(record);
    Frame::parse(&text).is_some_and(|frame| {
        frame.program.is_some_and(|program| reader(program).is_some()) || frame.message.starts_with("pam_")
    })
}

fn read<'a>(frame: &Frame<'a>) -> Reading<'a> {
    let program = frame.program.unwrap_or_default();
    let (count, message) = repeated(frame.message);
    let found = pam::read(program, message).or_else(|| reader(program)?(message));
    let mut reading = found.unwrap_or_else(Reading::unknown);
    if let Some(count) = count {
        reading.count = Some(count.saturating_mul(reading.count.unwrap_or(1)));
    }
    reading
}

/// Reads the messages of one program; `None` is a message of no known kind.
type Reader = fn(&str) -> Option<Reading<'_>>;

fn reader(program: &str) -> Option<Reader> {
    // `sshd(pam_google_authenticator)` is sshd, and so is `/usr/sbin/sshd`.
    let name = program.split('(').next().unwrap_or_default();
    Some(match name.rsplit('/').next().unwrap_or_default() {
        "sshd" | "sshd-session" | "sshd-auth" | "internal-sftp" => sshd::read,
        "sudo" => privilege::sudo,
        "su" => privilege::su,
        "pkexec" => privilege::pkexec,
        "login" => accounts::login,
        "CRON" | "cron" | "crond" => accounts::cron,
        "systemd-logind" => accounts::logind,
        "useradd" | "userdel" | "usermod" | "groupadd" | "groupdel" | "gpasswd" | "adduser" | "deluser" => {
            accounts::change
        }
        "passwd" | "chpasswd" | "chage" | "chfn" | "chsh" => accounts::change,
        _ => return None,
    })
}

/// Takes `message repeated 3 times: [ … ]` apart.
fn repeated(message: &str) -> (Option<i64>, &str) {
    let parts = message.strip_prefix("message repeated ").and_then(|rest| {
        let (count, rest) = rest.split_once(" times: [")?;
        Some((count.parse().ok()?, rest.strip_suffix(']').unwrap_or(rest).trim()))
    });
    parts.map_or((None, message), |(count, message)| (Some(count), message))
}
