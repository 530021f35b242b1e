//! Programs by which somebody acts as somebody else. The row is of the person who does it; whose
//! rights are taken stands in `native.run_as`.

use std::sync::LazyLock;

use regex::Regex;

use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// `hana : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls`
static SUDO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?P<user>\S+) : (?:(?P<detail>[^;=]+?) ; )?(?:HOST=\S+ ; )?(?:TTY=(?P<tty>\S+) ; )?(?:PWD=(?P<pwd>.*?) ; )?(?:USER=(?P<run_as>\S+) ; )?(?:GROUP=\S+ ; )?(?:TSID=\S+ ; )?(?:ENV=.*? ; )?COMMAND=(?P<command>.*)$",
    )
});
static SU: LazyLock<Vec<(Regex, Status)>> = LazyLock::new(|| {
    [
        (
            r"^(?i:successful) su for (?P<run_as>.+) by (?P<user>.+)$",
            Status::Success,
        ),
        (r"^FAILED su for (?P<run_as>.+) by (?P<user>.+)$", Status::Failure),
        (
            r"^FAILED SU \(to (?P<run_as>.+)\) (?P<user>\S+) on (?P<tty>\S+)$",
            Status::Failure,
        ),
        (
            r"^\(to (?P<run_as>.+)\) (?P<user>\S+) on (?P<tty>\S+)$",
            Status::Success,
        ),
        (
            r"^BAD SU (?P<user>\S+) to (?P<run_as>\S+) on (?P<tty>\S+)$",
            Status::Failure,
        ),
        (r"^- (?P<tty>\S+) (?P<user>[^:]+)[:-](?P<run_as>\S+)$", Status::Failure),
    ]
    .into_iter()
    .map(|(text, status)| (pattern(text), status))
    .collect()
});
static SU_TERMINAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\+ (?P<tty>\S+) (?P<user>[^:]+)[:-](?P<run_as>\S+)$"));
static PKEXEC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<user>[^:\s]+): (?P<detail>.*?)\s*\[USER=(?P<run_as>[^\]]*)\] \[TTY=(?P<tty>[^\]]*)\] \[CWD=(?P<pwd>.*?)\] \[COMMAND=(?P<command>.*)\]$",
    )
});

/// Reads a message of sudo.
pub(super) fn sudo(message: &str) -> Option<Reading<'_>> {
    let captures = SUDO.captures(message)?;
    let at = |name| group(&captures, name);
    let detail = at("detail");
    let attempts = detail.and_then(|detail| detail.split_once(" incorrect password attempt"));
    let reason = match detail {
        None => None,
        Some(_) if attempts.is_some() => Some("bad_password"),
        Some("a password is required" | "no password was provided") => Some("bad_credentials"),
        Some(_) => Some("policy_blocked"),
    };
    let mut reading = Reading {
        class: Class::Process,
        activity: "admin_command",
        action: "sudo",
        status: if detail.is_some() {
            Status::Failure
        } else {
            Status::Success
        },
        reason,
        user: at("user"),
        resource: at("command"),
        count: attempts.and_then(|(count, _)| count.parse().ok()),
        protocol: Some("local"),
        ..Reading::default()
    };
    for field in ["detail", "tty", "pwd", "run_as"] {
        reading.keep(field, at(field));
    }
    Some(reading)
}

/// Reads a message of su.
pub(super) fn su(message: &str) -> Option<Reading<'_>> {
    let told = SU
        .iter()
        .find_map(|(regex, status)| Some((regex.captures(message)?, *status, "admin_command")));
    // Debian's su writes two lines for one success; the other one counts.
    let again = || {
        SU_TERMINAL
            .captures(message)
            .map(|captures| (captures, Status::Success, "other"))
    };
    let (captures, status, activity) = told.or_else(again)?;
    let mut reading = Reading {
        class: Class::Authentication,
        activity,
        action: "su",
        status,
        reason: (status == Status::Failure).then_some("bad_credentials"),
        user: group(&captures, "user"),
        protocol: Some("local"),
        ..Reading::default()
    };
    for field in ["run_as", "tty"] {
        reading.keep(field, group(&captures, field));
    }
    Some(reading)
}

/// Reads a message of pkexec.
pub(super) fn pkexec(message: &str) -> Option<Reading<'_>> {
    let captures = PKEXEC.captures(message)?;
    let at = |name| group(&captures, name);
    let done = at("detail") == Some("Executing command");
    let mut reading = Reading {
        class: Class::Process,
        activity: "admin_command",
        action: "pkexec",
        status: if done { Status::Success } else { Status::Failure },
        reason: (!done).then_some("policy_blocked"),
        user: at("user"),
        resource: at("command"),
        protocol: Some("local"),
        ..Reading::default()
    };
    for field in ["detail", "tty", "pwd", "run_as"] {
        reading.keep(field, at(field));
    }
    Some(reading)
}
