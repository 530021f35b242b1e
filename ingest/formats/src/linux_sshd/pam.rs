//! What PAM writes in the name of a program.

use std::sync::LazyLock;

use regex::Regex;

use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// `pam_unix(sshd:auth): …`
static PREFIX: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?P<module>pam_\w+)\((?P<service>[^:()]+)(?::(?P<kind>\w+))?\): (?P<text>.*)$"));
/// `logname= uid=0 … rhost=192.0.2.1  user=root`; the user's name stands last and may hold anything.
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?P<count>\d+) more )?authentication failures?;(?: logname=(?P<logname>\S*))?(?:.* ruser=(?P<ruser>\S*))?(?:.*? rhost=(?P<rhost>\S*))?(?:.*?\suser=(?P<user>.*))?",
    )
});
static SESSION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^session (?P<what>opened|closed) for user (?P<user>.+?)(?:\(uid=\d+\))?(?: by (?P<by>[^(]*)\(uid=\d+\))?$",
    )
});
static LOCKED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:user (?P<tally>\S+) \(\d+\) tally \d+, deny \d+|Consecutive login failures for user (?P<faillock>\S+) account temporarily locked.*)$",
    )
});
/// Shapes with a user, and why the sign-in fails.
static REASONS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"^check pass; user unknown$", "no_such_user"),
        (r"^user (?P<user>.*) does not exist in .*$", "no_such_user"),
        (r"^account (?P<user>\S+) has expired.*$", "account_expired"),
        (r"^expired password for user (?P<user>\S+).*$", "password_expired"),
        (
            r"^access denied for user [`'](?P<user>.*)' from [`'](?P<ip>[^']*)'.*$",
            "policy_blocked",
        ),
        (r#"^requirement ".*" not met by user "(?P<user>.*)"$"#, "policy_blocked"),
        (
            r"^(?:user|User) (?P<user>\S+) (?:denied access|account has expired|account is locked).*$",
            "policy_blocked",
        ),
        (
            r"^received for user (?P<user>.*): \d+ \((?P<detail>.*)\)$",
            "bad_credentials",
        ),
    ]
    .into_iter()
    .map(|(text, reason)| (pattern(text), reason))
    .collect()
});

/// Services whose program itself says that a sign-in failed; elsewhere PAM's line is the only one.
const SELF_REPORTING: [&str; 10] = [
    "sshd", "sudo", "sudo-i", "su", "su-l", "login", "dovecot", "smtp", "cron", "chpasswd",
];
/// Services whose sessions are those of people who sign in.
const SIGN_INS: [&str; 6] = ["sshd", "login", "gdm-password", "lightdm", "xrdp-sesman", "remote"];

/// Reads a message of PAM, or of a PAM module that has a name of its own.
pub(super) fn read<'a>(program: &str, message: &'a str) -> Option<Reading<'a>> {
    if program.contains("(pam_google_authenticator)") {
        return one_time_code(message);
    }
    if let Some(rest) = message.strip_prefix("PAM ") {
        return failure("sshd", rest);
    }
    let prefix = PREFIX.captures(message)?;
    let service = group(&prefix, "service").unwrap_or_default();
    let text = group(&prefix, "text").unwrap_or_default();
    let mut reading = session(service, text)
        .or_else(|| failure(service, text))
        .or_else(|| other(text))
        .unwrap_or_else(Reading::unknown);
    reading.keep("pam_module", group(&prefix, "module"));
    reading.keep("pam_service", group(&prefix, "service"));
    if service == "sshd" {
        reading.protocol = Some("ssh");
    }
    Some(reading)
}

fn session<'a>(service: &str, text: &'a str) -> Option<Reading<'a>> {
    let captures = SESSION.captures(text)?;
    let closed = group(&captures, "what") == Some("closed");
    let mut reading = Reading {
        class: Class::Authentication,
        activity: if closed && SIGN_INS.contains(&service) {
            "logoff"
        } else {
            "other"
        },
        action: if closed { "session closed" } else { "session opened" },
        status: Status::Success,
        user: group(&captures, "user"),
        ..Reading::default()
    };
    reading.keep("by", group(&captures, "by"));
    Some(reading)
}

fn failure<'a>(service: &str, text: &'a str) -> Option<Reading<'a>> {
    let captures = FAILURE.captures(text)?;
    let at = |name| group(&captures, name).filter(|value| !value.trim().is_empty());
    let mut reading = Reading {
        class: Class::Authentication,
        activity: if SELF_REPORTING.contains(&service) {
            "other"
        } else {
            "logon"
        },
        action: "authentication failure",
        status: Status::Failure,
        reason: Some("bad_credentials"),
        user: at("user").or_else(|| at("ruser")).or_else(|| at("logname")),
        source: at("rhost"),
        count: at("count").and_then(|count| count.parse().ok()),
        ..Reading::default()
    };
    reading.keep("rhost", at("rhost"));
    Some(reading)
}

fn other(text: &str) -> Option<Reading<'_>> {
    let reading = Reading {
        class: Class::Authentication,
        ..Reading::default()
    };
    if let Some(captures) = LOCKED.captures(text) {
        let user = group(&captures, "tally").or_else(|| group(&captures, "faillock"));
        let locks = group(&captures, "faillock").is_some();
        return Some(Reading {
            activity: if locks { "user_lock" } else { "other" },
            action: "account locked",
            status: Status::Failure,
            reason: Some("user_locked"),
            user,
            ..reading
        });
    }
    if let Some(user) = text.strip_prefix("password changed for ") {
        return Some(Reading {
            class: Class::Account,
            activity: "password_change",
            action: "password changed",
            status: Status::Success,
            user: Some(user),
            ..reading
        });
    }
    if text.starts_with("authentication success;") {
        let user = text.rsplit_once(" user=").map(|(_, user)| user);
        return Some(Reading {
            action: "authentication success",
            status: Status::Success,
            user,
            ..reading
        });
    }
    let (captures, reason) = REASONS
        .iter()
        .find_map(|(regex, reason)| Some((regex.captures(text)?, *reason)))?;
    Some(Reading {
        action: "refused",
        status: Status::Failure,
        reason: Some(reason),
        user: group(&captures, "user"),
        source: group(&captures, "ip"),
        ..reading
    })
}

/// `Accepted google_authenticator for hana`, `Invalid verification code for hana`.
fn one_time_code(message: &str) -> Option<Reading<'_>> {
    let reading = Reading {
        class: Class::Authentication,
        activity: "mfa_challenge",
        protocol: Some("ssh"),
        method: Some("otp"),
        ..Reading::default()
    };
    if let Some(user) = message.strip_prefix("Accepted google_authenticator for ") {
        return Some(Reading {
            action: "Accepted",
            status: Status::Success,
            mfa: Some("satisfied"),
            user: Some(user),
            ..reading
        });
    }
    let (_, user) = message.split_once("Invalid verification code for ")?;
    Some(Reading {
        action: "Invalid verification code",
        status: Status::Failure,
        reason: Some("mfa_failed"),
        mfa: Some("failed"),
        user: Some(user),
        ..reading
    })
}
