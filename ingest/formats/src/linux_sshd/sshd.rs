//! The messages of OpenSSH's server.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::address;
use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// What a message of some shape means.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// Somebody signed in.
    Accepted,
    /// A sign-in failed: the one line that counts.
    Failed,
    /// Says that a sign-in fails, beside the line that counts; with the reason.
    Failing(&'static str),
    /// One step of a sign-in went well, and another follows.
    Step,
    /// A session was opened, of which the sign-in was told already.
    Session,
    /// Somebody left.
    LoggedOff,
    /// Of the connection; nothing is known of an account.
    Connection,
    /// The server turned a connection away; with the reason.
    Dropped(&'static str),
}

use Meaning::{Accepted, Connection, Dropped, Failed, Failing, LoggedOff, Session, Step};

/// Where the peer stands in a message, after a word such as `from`; some servers write its name.
const PEER: &str = r"(?P<ip>\S+?)(?: port (?P<port>\d+))?";
/// Where the peer stands without such a word: it must look like an address.
const BARE: &str = r"(?P<ip>\S*[.:]\S*?)(?: port (?P<port>\d+))?";

/// Shape, its name, and what it means. The first that fits counts; `PEER` and `BARE` stand for the
/// address and port of the peer. Names are chosen by who knocks and may hold anything, even ` from 192.0.2.1 port
/// 1`: so they are read greedily, and the peer is what stands last.
const SHAPES: &[(&str, &str, Meaning)] = &[
    (
        r"^Accepted (?P<method>\S+) for (?P<user>.*) from PEER(?: ssh\d?)?(?:: (?P<key>.*))?$",
        "Accepted",
        Accepted,
    ),
    (
        r"^Failed (?P<method>\S+) for (?P<invalid>(?:invalid|illegal) user )?(?P<user>.*) from PEER(?: ssh\d?)?(?:: (?P<key>.*))?$",
        "Failed",
        Failed,
    ),
    (
        r"^Postponed (?P<method>\S+) for (?:invalid user )?(?P<user>.*) from PEER(?: ssh\d?)?$",
        "Postponed",
        Step,
    ),
    (
        r"^Partial (?P<method>\S+) for (?P<user>.*) from PEER(?: ssh\d?)?(?:: (?P<key>.*))?$",
        "Partial",
        Step,
    ),
    (
        r"^(?:Invalid|Illegal) user (?P<user>.*) from PEER$",
        "Invalid user",
        Failing("no_such_user"),
    ),
    (
        r"^input_userauth_request: (?:invalid|illegal) user ?(?P<user>.*)$",
        "Invalid user",
        Failing("no_such_user"),
    ),
    (
        r"^Connection (?P<how>closed|reset) by invalid user (?P<user>.*) BARE$",
        "Connection closed",
        Failing("no_such_user"),
    ),
    (
        r"^Connection (?P<how>closed|reset) by authenticating user (?P<user>.*) BARE$",
        "Connection closed",
        Failing("other"),
    ),
    (
        r"^Connection (?:closed|reset) by PEER$",
        "Connection closed",
        Connection,
    ),
    (
        r"^Disconnected from invalid user (?P<user>.*) BARE$",
        "Disconnected",
        Failing("no_such_user"),
    ),
    (
        r"^Disconnected from authenticating user (?P<user>.*) BARE$",
        "Disconnected",
        Failing("other"),
    ),
    (r"^Disconnected from user (?P<user>.*) BARE$", "Disconnected", LoggedOff),
    (r"^Disconnected from PEER$", "Disconnected", Connection),
    (
        r"^Received disconnect from (?P<ip>\S+?)(?: port (?P<port>\d+))?:(?P<code>\d+|.*?): ?(?P<detail>.*)$",
        "Received disconnect",
        Connection,
    ),
    (
        r"^Disconnecting invalid user (?P<user>.*) BARE: (?P<detail>.*)$",
        "Disconnecting",
        Failing("no_such_user"),
    ),
    (
        r"^Disconnecting authenticating user (?P<user>.*) BARE: (?P<detail>.*)$",
        "Disconnecting",
        Failing("rate_limited"),
    ),
    (
        r"^Disconnecting: Too many authentication failures(?: for (?:invalid user )?(?P<user>.*))?$",
        "Disconnecting",
        Failing("rate_limited"),
    ),
    (
        r"^Disconnecting(?: user (?P<user>.*))? BARE: (?P<detail>.*)$",
        "Disconnecting",
        Connection,
    ),
    (
        r"^maximum authentication attempts exceeded for (?P<invalid>invalid user )?(?P<user>.*) from PEER(?: ssh\d?)?$",
        "maximum authentication attempts exceeded",
        Failing("rate_limited"),
    ),
    (
        r"^User (?P<user>.*) from (?P<ip>\S+) not allowed because (?P<detail>account is locked)$",
        "not allowed",
        Failing("user_locked"),
    ),
    (
        r"^User (?P<user>.*) from (?P<ip>\S+) not allowed because (?P<detail>.*)$",
        "not allowed",
        Failing("policy_blocked"),
    ),
    (
        r"^User (?P<user>.*) not allowed because (?P<detail>account is locked)$",
        "not allowed",
        Failing("user_locked"),
    ),
    (
        r"^User (?P<user>.*) not allowed because (?P<detail>.*)$",
        "not allowed",
        Failing("policy_blocked"),
    ),
    (
        r"^User (?P<user>.*) password has expired \((?P<detail>.*)\)$",
        "password has expired",
        Failing("password_expired"),
    ),
    (
        r"^PAM: (?P<detail>User account has expired) for (?:illegal user )?(?P<user>.*) from PEER$",
        "PAM",
        Failing("account_expired"),
    ),
    (
        r"^PAM: (?P<detail>.*?) for (?P<invalid>illegal user )?(?P<user>.*) from PEER$",
        "PAM",
        Failing("bad_credentials"),
    ),
    (
        r"^Access denied for user (?P<user>.*) by PAM account configuration$",
        "Access denied",
        Failing("policy_blocked"),
    ),
    (
        r"^ROOT LOGIN REFUSED FROM PEER$",
        "ROOT LOGIN REFUSED",
        Failing("policy_blocked"),
    ),
    (
        r"^Authentication tried for (?P<user>.*) with correct key but not from a permitted host \(host=.*, ip=(?P<ip>[^,)]*).*$",
        "not from a permitted host",
        Failing("policy_blocked"),
    ),
    (
        r"^Authentication key (?P<key>.*) revoked by file .*$",
        "key revoked",
        Failing("bad_key"),
    ),
    (
        r"^Starting session: (?P<detail>.*) for (?P<user>\S*) from PEER(?: id \d+)?$",
        "Starting session",
        Session,
    ),
    (
        r"^Close session: user (?P<user>.*) from PEER(?: id \d+)?$",
        "Close session",
        Session,
    ),
    (
        r"^subsystem request for (?P<detail>\S+) by user (?P<user>.*)$",
        "subsystem request",
        Session,
    ),
    (
        r"^session (?:opened|closed) for local user (?P<user>.*) from \[?(?P<ip>[^\]\s]+)\]?.*$",
        "session",
        Session,
    ),
    (
        r"^Timeout before authentication for (?:connection from )?PEER(?: to .*)?$",
        "Timeout before authentication",
        Dropped("other"),
    ),
    (
        r"^drop connection #\d+ from \[?(?P<ip>[^\]\s]+)\]?:(?P<port>\d+) on .*$",
        "drop connection",
        Dropped("rate_limited"),
    ),
    (
        r"^srclimit_penalise: .*? (?:new |added |active |deferred )*(?P<ip>[0-9a-fA-F.:]+)/\d+ .*$",
        "srclimit_penalise",
        Dropped("rate_limited"),
    ),
    (
        r"^refused connect from .*?\(?(?P<ip>[0-9a-fA-F.:]+)\)?$",
        "refused connect",
        Dropped("policy_blocked"),
    ),
    (
        r"^reverse mapping checking getaddrinfo for .* \[(?P<ip>[^\]]+)\] failed.*$",
        "reverse mapping",
        Connection,
    ),
    (r"^Address (?P<ip>\S+) maps to .*$", "reverse mapping", Connection),
    (
        r"^Nasty PTR record .* is set up for (?P<ip>\S+), ignoring$",
        "reverse mapping",
        Connection,
    ),
    (r"^Connection from PEER on .*$", "Connection", Connection),
    (
        r"^.*?(?:[Cc]onnection|string|identification .*|negotiate) (?:from|with) PEER(?:: (?P<detail>.*))?$",
        "Connection",
        Connection,
    ),
    (
        r"^(?P<detail>Corrupted MAC on input|Bad packet length \d+|message authentication code incorrect)\.?$",
        "Connection",
        Connection,
    ),
    (
        r"^(?:kex_exchange_identification|banner exchange|ssh_dispatch_run_fatal|kex_protocol_error|mm_\w+|monitor_\w+|Read error|Write failed).*$",
        "Connection",
        Connection,
    ),
    (
        r"^(?:Server listening on|Received signal|Received SIGHUP|User child is on pid|PAM service\(sshd\) ignoring max retries|beginning MaxStartups|exited MaxStartups|Exiting on signal|Bind to port|Could not load host key|Could not get shadow information|rexec line).*$",
        "server",
        Connection,
    ),
];

static COMPILED: LazyLock<Vec<(Regex, &'static str, Meaning)>> = LazyLock::new(|| {
    SHAPES
        .iter()
        .map(|(text, name, meaning)| {
            (
                pattern(&text.replace("PEER", PEER).replace("BARE", BARE)),
                *name,
                *meaning,
            )
        })
        .collect()
});

/// Reads a message of sshd.
pub(super) fn read(message: &str) -> Option<Reading<'_>> {
    let message = message.strip_suffix("[preauth]").map_or(message, str::trim_end);
    let message = ["error: ", "fatal: ", "warning: "]
        .iter()
        .find_map(|word| message.strip_prefix(word))
        .unwrap_or(message);
    let (captures, name, meaning) = COMPILED
        .iter()
        .find_map(|(regex, name, meaning)| Some((regex.captures(message)?, *name, *meaning)))?;
    Some(from_captures(&captures, name, meaning))
}

fn from_captures<'a>(captures: &Captures<'a>, name: &'static str, meaning: Meaning) -> Reading<'a> {
    let at = |name| group(captures, name);
    let mut reading = Reading {
        action: name,
        user: at("user"),
        source: at("ip"),
        protocol: Some("ssh"),
        ..Reading::default()
    };
    let method = at("method");
    reading.method = method.map(|method| method_word(method, at("key")));
    (reading.class, reading.status) = match meaning {
        Accepted | LoggedOff | Session => (Class::Authentication, Status::Success),
        Failed | Failing(_) => (Class::Authentication, Status::Failure),
        Step => (Class::Authentication, Status::Interrupted),
        Dropped(_) => (Class::Ssh, Status::Failure),
        Connection => (Class::Ssh, Status::Unknown),
    };
    reading.activity = match meaning {
        Accepted | Failed => "logon",
        LoggedOff => "logoff",
        Failing(_) | Step | Session | Connection | Dropped(_) => "other",
    };
    reading.reason = match meaning {
        _ if at("invalid").is_some() => Some("no_such_user"),
        Failed => Some(failure_word(method.unwrap_or_default())),
        Failing(reason) | Dropped(reason) => Some(reason),
        Step => Some("interrupted"),
        Accepted | LoggedOff | Session | Connection => None,
    };
    if name == "ROOT LOGIN REFUSED" {
        reading.user = Some("root");
    }
    for field in ["port", "method", "detail", "code"] {
        reading.keep(field, at(field));
    }
    reading.keep("client", at("ip").filter(|client| address::parse_ip(client).is_none()));
    keep_key(&mut reading, at("key"));
    reading
}

/// `ED25519 SHA256:…`, or for a certificate `RSA-CERT ID hana (serial 7) CA RSA SHA256:…`.
fn keep_key<'a>(reading: &mut Reading<'a>, key: Option<&'a str>) {
    let Some(key) = key else { return };
    let (kind, rest) = key.split_once(' ').unwrap_or((key, ""));
    reading.keep("key_type", Some(kind));
    let fingerprint = rest
        .split(' ')
        .rfind(|word| word.starts_with("SHA256:") || word.starts_with("MD5:"));
    reading.keep("key_fingerprint", fingerprint.or_else(|| rest.split(' ').next()));
}

fn method_word(method: &str, key: Option<&str>) -> &'static str {
    let key_type = key.and_then(|key| key.split(' ').next()).unwrap_or_default();
    match method.split('/').next().unwrap_or_default() {
        "password" => "password",
        "publickey" if key_type.ends_with("-CERT") => "cert",
        "publickey" if key_type.ends_with("-SK") => "fido2",
        "publickey" => "ssh_key",
        "keyboard-interactive" => "keyboard_interactive",
        "hostbased" => "hostbased",
        "gssapi-with-mic" | "gssapi-keyex" | "gssapi" => "kerberos",
        "none" => "none",
        _ => "other",
    }
}

fn failure_word(method: &str) -> &'static str {
    match method.split('/').next().unwrap_or_default() {
        "password" => "bad_password",
        "publickey" | "hostbased" => "bad_key",
        "none" => "other",
        _ => "bad_credentials",
    }
}
