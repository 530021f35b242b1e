//! What a message of `OpenVPN` says.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::peers::{Lesson, Peer};
use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// An address of a peer, with the protocol that newer versions write before it.
pub(super) const ADDRESS: &str =
    r"(?:(?:udp|tcp)[46]?(?:-server)?:)?(?:\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?)";

/// Beginnings of messages that tell of no sign-in.
const OTHERS: [&str; 29] = [
    "peer info",
    "Control Channel",
    "Outgoing Data Channel",
    "Incoming Data Channel",
    "Data Channel",
    "MULTI",
    "PUSH",
    "SENT CONTROL",
    "TLS Error",
    "TLS_ERROR",
    "TLS",
    "VERIFY",
    "Validating certificate",
    "CRL CHECK",
    "AUTH-PAM",
    "PLUGIN",
    "MANAGEMENT",
    "Delayed exit",
    "SIGTERM",
    "SIGUSR1",
    "WARNING",
    "NOTE",
    "OPTIONS IMPORT",
    "Initialization Sequence",
    "OpenVPN",
    "Connection reset",
    "Re-using",
    "Authenticate/Decrypt",
    "OpenSSL",
];

/// A message with what stands before it taken off: `hana/203.0.113.7:45321 text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The name that the server gave the connection once it was complete.
    pub(super) name: Option<&'a str>,
    /// Address and port, as written; empty if the line is of no connection.
    pub(super) peer: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn parse(message: &'a str) -> Self {
        static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
            pattern(&format!(
                r"^(?:(?P<name>[^/\s]+)/)?(?P<peer>{ADDRESS}:\d+) (?P<text>.*)$"
            ))
        });
        let message = message.trim();
        PREFIX.captures(message).map_or(
            Self {
                name: None,
                peer: "",
                text: message,
            },
            |found| Self {
                name: group(&found, "name"),
                peer: group(&found, "peer").unwrap_or_default(),
                text: group(&found, "text").unwrap_or_default(),
            },
        )
    }

    /// The address without its port.
    fn address(&self) -> Option<&'a str> {
        let (address, _port) = self.peer.rsplit_once(':')?;
        let bare = ["udp", "tcp"].iter().find_map(|protocol| {
            address
                .strip_prefix(protocol)
                .and_then(|rest| rest.split_once(':'))
                .map(|(_, rest)| rest)
        });
        Some(bare.unwrap_or(address))
    }
}

/// The kinds of messages that tell of sign-ins.
struct Patterns {
    password: Regex,
    verify: Regex,
    auth_error: Regex,
    control: Regex,
    script: Regex,
    pam: Regex,
    initiated: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    password: pattern(
        r"^TLS: Username/(?P<what>Password|auth-token) authentication (?P<how>succeeded|deferred) for username '(?P<user>[^']*)'",
    ),
    verify: pattern(
        r"^VERIFY (?P<what>[A-Z0-9 /]*?)(?P<how>OK|ERROR): (?:depth=(?P<depth>\d+), )?(?:error=(?P<error>[^:]*): )?(?P<subject>.*)$",
    ),
    auth_error: pattern(
        r"^TLS (?:Auth )?Error: (?P<what>Auth Username/Password (?:verification failed|was not provided)|username attempted|.*authentication failed for common name '(?P<user>[^']*)')",
    ),
    control: pattern(r"^SENT CONTROL \[(?P<user>[^\]]*)\]: '(?P<what>PUSH_REPLY|AUTH_FAILED)(?:,(?P<why>[^']*))?"),
    script: pattern(r"^user '(?P<user>[^']*)' (?P<how>authenticated|could not authenticate)"),
    pam: pattern(r"user '(?P<user>[^']*)' failed to authenticate(?:: (?P<why>.*))?"),
    initiated: pattern(r"^\[(?P<user>[^\]]*)\] Peer Connection Initiated with"),
});

/// What a line teaches about its connection.
pub(super) fn learn<'a>(line: &Line<'a>) -> Lesson<'a> {
    let text = line.text;
    if let Some(found) = PATTERNS.password.captures(text) {
        return named(group(&found, "user"));
    }
    if let Some(found) = PATTERNS.verify.captures(text).filter(is_of_client) {
        return named(group(&found, "subject").and_then(common_name));
    }
    if PATTERNS.auth_error.is_match(text) {
        return Lesson::Failed;
    }
    if is_end(text) { Lesson::Ended } else { Lesson::Nothing }
}

fn named(name: Option<&str>) -> Lesson<'_> {
    name.filter(|name| !name.is_empty())
        .map_or(Lesson::Nothing, Lesson::Name)
}

/// Reads a message; `known` is what earlier lines of the connection said.
pub(super) fn read<'a>(line: &Line<'a>, known: &'a Peer) -> Reading<'a> {
    let mut reading = sign_in(line, known)
        .or_else(|| left(line))
        .or_else(|| step(line.text))
        .unwrap_or_else(|| other(line.text));
    reading.user = reading.user.or(line.name).filter(|name| *name != "UNDEF");
    reading.source = line.address();
    reading.keep("peer", Some(line.peer));
    reading.keep("detail", Some(line.text));
    reading
}

fn sign_in<'a>(line: &Line<'a>, known: &'a Peer) -> Option<Reading<'a>> {
    let text = line.text;
    if let Some(found) = PATTERNS.password.captures(text) {
        return Some(password(line, &found));
    }
    if let Some(found) = PATTERNS.verify.captures(text) {
        return verify(&found);
    }
    if let Some(found) = PATTERNS.auth_error.captures(text) {
        let user = group(&found, "user").or(known.name.as_deref());
        let reason = if group(&found, "what")?.starts_with("Auth ") {
            "bad_credentials"
        } else {
            "policy_blocked"
        };
        return Some(failure("TLS Auth Error", reason, user));
    }
    if let Some(found) = PATTERNS.control.captures(text) {
        return Some(control(&found, known));
    }
    let found = PATTERNS.script.captures(text)?;
    let user = group(&found, "user");
    Some(match group(&found, "how")? {
        "authenticated" => success("logon", "authenticated", user),
        _ => failure("could not authenticate", "bad_credentials", user),
    })
}

/// A password that was accepted. On a connection that has its name already, the keys are made anew.
fn password<'a>(line: &Line<'a>, found: &Captures<'a>) -> Reading<'a> {
    let user = group(found, "user");
    let again = line.name.is_some() || group(found, "what") == Some("auth-token");
    match (group(found, "how"), again) {
        (Some("succeeded"), false) => Reading {
            method: Some("password"),
            ..success("logon", "authentication succeeded", user)
        },
        (Some("succeeded"), true) => success("session_refresh", "authentication succeeded", user),
        _ => Reading {
            action: "authentication deferred",
            user,
            ..Reading::default()
        },
    }
}

/// A certificate. That of an authority (depth above 0) is of no user.
fn verify<'a>(found: &Captures<'a>) -> Option<Reading<'a>> {
    let user = group(found, "subject")
        .and_then(common_name)
        .filter(|_| is_of_client(found));
    if group(found, "how")? == "ERROR" {
        return Some(Reading {
            status_code: group(found, "error"),
            method: Some("cert"),
            ..failure("VERIFY ERROR", "bad_key", user)
        });
    }
    Some(Reading {
        action: "VERIFY OK",
        user,
        ..Reading::default()
    })
}

/// What the server tells the client in the end.
fn control<'a>(found: &Captures<'a>, known: &'a Peer) -> Reading<'a> {
    let user = group(found, "user")
        .filter(|user| *user != "UNDEF")
        .or(known.name.as_deref());
    let why = group(found, "why").unwrap_or_default();
    match group(found, "what") {
        Some("PUSH_REPLY") => success("vpn_connect", "PUSH_REPLY", user),
        // A challenge: the client is to come again with a code.
        _ if why.starts_with("CRV1:") => Reading {
            class: Class::Authentication,
            activity: "mfa_challenge",
            action: "AUTH_FAILED",
            mfa: Some("required"),
            user,
            protocol: Some("sslvpn"),
            ..Reading::default()
        },
        _ if known.failed => Reading {
            action: "AUTH_FAILED",
            status: Status::Failure,
            user,
            ..Reading::default()
        },
        _ if why.starts_with("SESSION:") => failure("AUTH_FAILED", "session_expired", user),
        _ => failure("AUTH_FAILED", "bad_credentials", user),
    }
}

/// The end of a connection that was complete.
fn left<'a>(line: &Line<'a>) -> Option<Reading<'a>> {
    (is_end(line.text) && line.name.is_some()).then(|| Reading {
        class: Class::Authentication,
        activity: "vpn_disconnect",
        action: "client-instance exiting",
        protocol: Some("sslvpn"),
        ..Reading::default()
    })
}

/// A step that names somebody and decides nothing.
fn step(text: &str) -> Option<Reading<'_>> {
    if let Some(found) = PATTERNS.initiated.captures(text) {
        return Some(Reading {
            action: "Peer Connection Initiated",
            user: group(&found, "user"),
            ..Reading::default()
        });
    }
    let found = PATTERNS.pam.captures(text)?;
    Some(Reading {
        action: "AUTH-PAM",
        status: Status::Failure,
        user: group(&found, "user"),
        status_code: group(&found, "why"),
        ..Reading::default()
    })
}

fn other(text: &str) -> Reading<'static> {
    OTHERS
        .iter()
        .find(|known| text.starts_with(**known))
        .map_or_else(Reading::unknown, |known| Reading {
            action: known,
            ..Reading::default()
        })
}

fn is_end(text: &str) -> bool {
    text.ends_with("client-instance exiting") || text.ends_with("client-instance restarting")
}

fn is_of_client(found: &Captures<'_>) -> bool {
    group(found, "depth").is_none_or(|depth| depth == "0")
}

/// Of `C=JP, O=Example, CN=hana` or `/C=JP/CN=hana`, the common name.
fn common_name(subject: &str) -> Option<&str> {
    let (_, name) = subject.split_once("CN=")?;
    let name = name.split([',', '/']).next()?.trim();
    (!name.is_empty()).then_some(name)
}

fn success<'a>(activity: &'static str, action: &'static str, user: Option<&'a str>) -> Reading<'a> {
    Reading {
        class: Class::Authentication,
        activity,
        action,
        status: Status::Success,
        user,
        protocol: Some("sslvpn"),
        ..Reading::default()
    }
}

fn failure<'a>(action: &'static str, reason: &'static str, user: Option<&'a str>) -> Reading<'a> {
    Reading {
        class: Class::Authentication,
        activity: "logon",
        action,
        status: Status::Failure,
        reason: Some(reason),
        user,
        protocol: Some("sslvpn"),
        ..Reading::default()
    }
}
