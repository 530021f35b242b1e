//! The authentication log of a Linux host: OpenSSH, and who else writes there (sudo, su, PAM, login).
//!
//! It has two names, since people send it whole or take what sudo, su and pkexec write apart: `linux.sshd` and
//! `linux.sudo`. Both read every line alike. Where no source is named, the program of the line decides.
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

/// The parser ids.
const SSHD: &str = "linux.sshd";
const SUDO: &str = "linux.sudo";

/// Reads `auth.log` and its like.
#[derive(Debug)]
pub struct LinuxSshd {
    source: &'static str,
    years: Years,
}

impl Default for LinuxSshd {
    fn default() -> Self {
        Self {
            source: SSHD,
            years: Years::default(),
        }
    }
}

impl LinuxSshd {
    /// The same, under the name `linux.sudo`.
    pub fn sudo() -> Self {
        Self {
            source: SUDO,
            ..Self::default()
        }
    }

    /// The part of a snapshot that holds the years.
    fn years_part(&self) -> String {
        format!("{}.years", self.source)
    }
}

impl Format for LinuxSshd {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let text = syslog::text(raw.bytes);
        let Some(frame) = Frame::parse(&text) else {
            out.reject(
                raw,
                self.source,
                "no syslog header: expected a time stamp or a priority at the beginning",
            );
            return;
        };
        let time = frame.time(&mut self.years, raw, settings);
        syslog::begin(&mut out.rows, raw, self.source, &frame, time);
        let mut reading = read(&frame);
        reading.keep("process", frame.program);
        reading.keep("pid", frame.pid);
        reading.write(&mut out.rows);
        out.rows.end();
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.years.snapshot(&self.years_part(), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        let part = self.years_part();
        self.years.restore(&part, from);
    }
}

/// Whether the line is of a program by which somebody acts as somebody else.
pub fn sniff_sudo(record: &[u8]) -> bool {
    let text = syslog::text(record);
    let program = Frame::parse(&text).and_then(|frame| frame.program);
    program.is_some_and(|program| matches!(name(program), "sudo" | "su" | "pkexec"))
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
    let found = pam::read(program, message).or_else(|| match program {
        // The source is named, and whoever took the header off took the program with it.
        "" => sshd::read(message).or_else(|| privilege::sudo(message)),
        program => reader(program)?(message),
    });
    let mut reading = found.unwrap_or_else(Reading::unknown);
    if let Some(count) = count {
        reading.count = Some(count.saturating_mul(reading.count.unwrap_or(1)));
    }
    reading
}

/// Reads the messages of one program; `None` is a message of no known kind.
type Reader = fn(&str) -> Option<Reading<'_>>;

fn reader(program: &str) -> Option<Reader> {
    Some(match name(program) {
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

/// `sshd(pam_google_authenticator)` is sshd, and so is `/usr/sbin/sshd`.
fn name(program: &str) -> &str {
    let name = program.split('(').next().unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default()
}

/// Takes `message repeated 3 times: [ … ]` apart.
fn repeated(message: &str) -> (Option<i64>, &str) {
    let parts = message.strip_prefix("message repeated ").and_then(|rest| {
        let (count, rest) = rest.split_once(" times: [")?;
        Some((count.parse().ok()?, rest.strip_suffix(']').unwrap_or(rest).trim()))
    });
    parts.map_or((None, message), |(count, message)| (Some(count), message))
}
