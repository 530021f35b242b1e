//! Programs that change accounts or keep their sessions.

use std::sync::LazyLock;

use regex::Regex;

use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// Shape, activity and status of a change.
static CHANGES: LazyLock<Vec<(Regex, &'static str, Status)>> = LazyLock::new(|| {
    use Status::{Failure, Success};
    [
        (r"^new user: name=(?P<user>[^,]+),.*$", "user_create", Success),
        (r"^failed adding user '?(?P<user>[^',]+)'?,.*$", "user_create", Failure),
        (r"^delete user '(?P<user>[^']+)'$", "user_delete", Success),
        (r"^lock user '(?P<user>[^']+)' password$", "user_lock", Success),
        (r"^unlock user '(?P<user>[^']+)' password$", "user_unlock", Success),
        (r"^change user '(?P<user>[^']+)' password$", "password_reset", Success),
        (r"^change user '(?P<user>[^']+)' .*$", "user_update", Success),
        (r"^changed password expiry for (?P<user>\S+)$", "user_update", Success),
        (
            r"^add '(?P<user>[^']+)' to (?:shadow )?group '(?P<group>[^']+)'$",
            "group_add",
            Success,
        ),
        (
            r"^delete '(?P<user>[^']+)' from (?:shadow )?group '(?P<group>[^']+)'$",
            "group_remove",
            Success,
        ),
        (
            r"^user (?P<user>\S+) added by (?P<actor>\S+) to group (?P<group>\S+)$",
            "group_add",
            Success,
        ),
        (
            r"^user (?P<user>\S+) removed by (?P<actor>\S+) from group (?P<group>\S+)$",
            "group_remove",
            Success,
        ),
        (r"^new group: name=(?P<group>[^,]+),.*$", "other", Success),
        (r"^group added to \S+: name=(?P<group>[^,]+).*$", "other", Success),
        (r"^(?:removed group|group) '(?P<group>[^']+)' .*$", "other", Success),
        (
            r"^password for '?(?P<user>[^']+?)'? changed by '?(?P<actor>[^']+?)'?$",
            "password_change",
            Success,
        ),
    ]
    .into_iter()
    .map(|(text, activity, status)| (pattern(text), activity, status))
    .collect()
});
static LOGIN: LazyLock<Vec<(Regex, Status)>> = LazyLock::new(|| {
    [
        (r"^FAILED LOGIN(?: SESSION)? (?:\(\d+\) )?(?:on '(?P<tty>[^']*)' )?(?:from '?(?P<ip>[^' ]*)'? )?FOR '?(?P<user>[^',]*)'?.*$", Status::Failure),
        (r"^(?:ROOT )?LOGIN ON (?P<tty>\S+)(?: BY (?P<user>\S+))?(?: FROM (?P<ip>\S+))?$", Status::Success),
        (r"^ROOT LOGIN  ?on '(?P<tty>[^']*)'(?: from '(?P<ip>[^']*)')?$", Status::Success),
    ]
    .into_iter()
    .map(|(text, status)| (pattern(text), status))
    .collect()
});
static LOGIND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<new>New session|Removed session|Session) (?P<session>\w+)(?: of user (?P<user>[^.]+)| logged out.*)?\.?(?: .*)?$",
    )
});
static CRON: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\((?P<user>[^)]+)\) (?P<what>[A-Z ]+) \((?P<command>.*)\)$"));

/// Reads a message of useradd, usermod, passwd and their like.
pub(super) fn change(message: &str) -> Option<Reading<'_>> {
    let (captures, activity, status) = CHANGES
        .iter()
        .find_map(|(regex, activity, status)| Some((regex.captures(message)?, *activity, *status)))?;
    let group_name = group(&captures, "group");
    Some(Reading {
        class: if group_name.is_some() {
            Class::Group
        } else {
            Class::Account
        },
        activity,
        action: message.split([':', '\'']).next().unwrap_or_default().trim(),
        status,
        user: group(&captures, "user"),
        actor: group(&captures, "actor"),
        resource: group_name,
        resource_type: group_name.map(|_| "group"),
        ..Reading::default()
    })
}

/// Reads a message of login, at a console.
pub(super) fn login(message: &str) -> Option<Reading<'_>> {
    let (captures, status) = LOGIN
        .iter()
        .find_map(|(regex, status)| Some((regex.captures(message)?, *status)))?;
    let as_root = message.starts_with("ROOT").then_some("root");
    let mut reading = Reading {
        class: Class::Authentication,
        activity: "logon",
        action: "LOGIN",
        status,
        reason: (status == Status::Failure).then_some("bad_credentials"),
        user: group(&captures, "user").or(as_root),
        source: group(&captures, "ip"),
        protocol: Some("local"),
        ..Reading::default()
    };
    reading.keep("tty", group(&captures, "tty"));
    Some(reading)
}

/// Reads a message of systemd's keeper of sessions.
pub(super) fn logind(message: &str) -> Option<Reading<'_>> {
    let captures = LOGIND.captures(message)?;
    Some(Reading {
        class: Class::Authentication,
        action: group(&captures, "new").unwrap_or_default(),
        status: Status::Success,
        user: group(&captures, "user"),
        session: group(&captures, "session"),
        ..Reading::default()
    })
}

/// Reads a message of cron.
pub(super) fn cron(message: &str) -> Option<Reading<'_>> {
    let captures = CRON.captures(message)?;
    Some(Reading {
        class: Class::Process,
        action: group(&captures, "what").unwrap_or_default(),
        user: group(&captures, "user"),
        resource: group(&captures, "command"),
        protocol: None,
        ..Reading::default()
    })
}
