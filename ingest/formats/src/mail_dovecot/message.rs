//! The messages of Dovecot's processes.

use std::sync::LazyLock;

use regex::Regex;

use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// How many attempts a line stands for.
static ATTEMPTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"auth failed, (?P<count>\d+) attempts?\b"));
/// `sql(hana,192.0.2.1,<session>): Password mismatch`; a name may hold anything, so the address is what
/// stands last.
static LOOKUP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^(?:.*: )?(?P<database>[\w-]+)\(",
        r"(?:(?P<user>.*),(?P<ip>[0-9a-fA-F.:]+)(?:,<(?P<session>[^>]*)>)?|(?P<name>.*))\): (?P<text>.*)$"
    ))
});
/// `imap(hana)<123><session>`
static SESSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?P<service>[\w-]+)\((?P<user>.*)\)(?:<\d+>)?(?:<(?P<session>[^>]*)>)?$"));
static BYTES_OUT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bout=(?P<bytes>\d+)|\bretr=\d+/(?P<retrieved>\d+)"));

/// Words in a message of the authentication process, and what they mean.
const LOOKUPS: [(&str, &str); 12] = [
    ("unknown user", "no_such_user"),
    ("user not known", "no_such_user"),
    ("user not found", "no_such_user"),
    ("account is disabled", "user_disabled"),
    ("user disabled", "user_disabled"),
    ("account expired", "account_expired"),
    ("password expired", "password_expired"),
    ("password mismatch", "bad_password"),
    ("invalid credentials", "bad_password"),
    ("pam_authenticate() failed", "bad_credentials"),
    ("authentication failure", "bad_credentials"),
    ("permission denied", "policy_blocked"),
];

/// Reads a message of one of Dovecot's processes.
pub(super) fn read<'a>(process: &'a str, text: &'a str) -> Reading<'a> {
    let name = process.split('(').next().unwrap_or_default();
    let found = match name {
        _ if name.ends_with("-login") => login(name, text),
        "auth" | "auth-worker" => lookup(text),
        _ => session(process, text),
    };
    found.unwrap_or_else(Reading::unknown)
}

/// `Login: user=<hana>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=7, TLS, session=<x>`
fn login<'a>(process: &str, text: &'a str) -> Option<Reading<'a>> {
    let start = [": user=<", ": method=", ": rip="]
        .iter()
        .find_map(|word| text.find(word))?;
    let (what, fields) = text.split_at_checked(start)?;
    let mut reading = meaning(what);
    reading.protocol = protocol(process);
    reading.user = user(fields);
    reading.source = field(fields, "rip=");
    reading.session = field(fields, "session=").map(|value| value.trim_matches(['<', '>']));
    let method = field(fields, "method=");
    reading.method = method.map(method_word);
    reading.keep("method", method);
    reading.keep("lip", field(fields, "lip="));
    reading.keep("detail", Some(what));
    if fields.contains(", TLS") {
        reading.keep("tls", Some("true"));
    }
    Some(reading)
}

fn meaning(what: &str) -> Reading<'_> {
    let (word, _) = what.split_once([':', '(']).unwrap_or((what, ""));
    let reading = Reading {
        class: Class::Authentication,
        action: word.trim(),
        ..Reading::default()
    };
    let succeeded = (what == "Login" || what.starts_with("Login: ") || what.starts_with("Logged in"))
        || what.starts_with("proxy(") && what.contains("started proxying");
    if succeeded {
        return Reading {
            activity: "logon",
            status: Status::Success,
            ..reading
        };
    }
    if let Some(captures) = ATTEMPTS.captures(what) {
        return Reading {
            activity: "logon",
            status: Status::Failure,
            reason: Some(reason(what).unwrap_or("bad_credentials")),
            count: group(&captures, "count")
                .and_then(|count| count.parse().ok())
                .filter(|count| *count > 1),
            ..reading
        };
    }
    if what.contains("dest auth failed") || what.contains("Login failed") {
        let reason = Some(reason(what).unwrap_or("bad_credentials"));
        return Reading {
            activity: "logon",
            status: Status::Failure,
            reason,
            ..reading
        };
    }
    let refused = [
        ("disallowed plaintext auth", "policy_blocked"),
        ("disabled plaintext auth", "policy_blocked"),
        ("cleartext auth", "policy_blocked"),
        ("Maximum number of connections", "rate_limited"),
        ("Too many invalid commands", "rate_limited"),
    ];
    match refused.iter().find(|(word, _)| what.contains(word)) {
        Some((_, reason)) => Reading {
            status: Status::Failure,
            reason: Some(reason),
            ..reading
        },
        None => reading,
    }
}

fn reason(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase().replace('_', " ");
    LOOKUPS
        .iter()
        .find(|(word, _)| text.contains(word))
        .map(|(_, reason)| *reason)
}

/// The name between `user=<` and the field after it. A name may hold `>`, and even a whole field: what
/// Dovecot writes itself stands last.
fn user(fields: &str) -> Option<&str> {
    let (_, rest) = fields.split_once("user=<")?;
    let end = rest
        .rfind(">, method=")
        .or_else(|| rest.rfind(">, rip="))
        .or_else(|| rest.find(">, "))
        .or_else(|| rest.rfind('>'))?;
    rest.get(..end)
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = fields.rsplit_once(name)?;
    rest.split([',', ' ']).next()
}

fn protocol(process: &str) -> Option<&'static str> {
    Some(match process {
        "imap-login" | "imap" => "imap",
        "pop3-login" | "pop3" => "pop3",
        "submission-login" | "submission" => "smtp",
        "managesieve-login" | "managesieve" => "managesieve",
        _ => return None,
    })
}

fn method_word(method: &str) -> &'static str {
    match method.to_ascii_uppercase().as_str() {
        "XOAUTH2" | "OAUTHBEARER" => "oauth2",
        "EXTERNAL" => "cert",
        "GSSAPI" | "GSS-SPNEGO" => "kerberos",
        "ANONYMOUS" => "none",
        _ => "password",
    }
}

/// What the authentication process says about one attempt.
fn lookup(text: &str) -> Option<Reading<'_>> {
    let captures = LOOKUP.captures(text)?;
    let told = group(&captures, "text").unwrap_or_default();
    let reason = reason(told);
    let mut reading = Reading {
        class: Class::Authentication,
        action: group(&captures, "database").unwrap_or_default(),
        status: if reason.is_some() {
            Status::Failure
        } else {
            Status::Unknown
        },
        reason,
        user: group(&captures, "user").or_else(|| group(&captures, "name")),
        source: group(&captures, "ip"),
        session: group(&captures, "session"),
        ..Reading::default()
    };
    reading.keep("detail", Some(told));
    Some(reading)
}

/// What a process says that works for one user.
fn session<'a>(process: &'a str, text: &'a str) -> Option<Reading<'a>> {
    let captures = SESSION.captures(process)?;
    let service = group(&captures, "service").unwrap_or_default();
    let left = protocol(service).is_some()
        && ["Disconnected", "Logged out", "Connection closed"]
            .iter()
            .any(|word| text.starts_with(word));
    let bytes = BYTES_OUT.captures(text).filter(|_| left);
    let bytes = bytes.and_then(|found| group(&found, "bytes").or_else(|| group(&found, "retrieved")));
    let mut reading = Reading {
        class: if left { Class::Authentication } else { Class::Email },
        activity: if left { "logoff" } else { "other" },
        action: text.split([':', ' ']).next().unwrap_or_default(),
        status: if left { Status::Success } else { Status::Unknown },
        user: group(&captures, "user"),
        protocol: protocol(service),
        session: group(&captures, "session"),
        bytes_out: bytes.and_then(|bytes| bytes.parse().ok()),
        ..Reading::default()
    };
    reading.keep("detail", Some(text));
    Some(reading)
}
