//! The messages of Postfix's services.

use std::sync::LazyLock;

use regex::Regex;

use crate::pattern::{group, pattern};
use crate::reading::{Class, Reading, Status};

/// Stands for the queue id where no mail is queued yet.
pub(super) const NO_QUEUE: &str = "NOQUEUE";

/// What a line adds to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Somebody hands a mail in over the network.
    Client {
        source: &'a str,
        user: Option<&'a str>,
        method: Option<&'a str>,
    },
    /// Somebody hands a mail in on the host itself.
    Pickup { user: &'a str },
    /// The mail has this id.
    MessageId(&'a str),
    /// The mail goes out to so many.
    Active {
        sender: &'a str,
        size: Option<&'a str>,
        recipients: i64,
    },
}

static CLIENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^client=(?P<client>[^,\s]+\](?::\d+)?)(?:, sasl_method=(?P<method>[^,]*))?(?:, sasl_username=(?P<user>.*?))?(?:, sasl_sender=.*?)?(?:, orig_queue_id=\S+)?(?:, orig_client=\S+)?$",
    )
});
static PICKUP: LazyLock<Regex> = LazyLock::new(|| pattern(r"^uid=\d+ from=<(?P<user>.*)>$"));
static MESSAGE_ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:resent-)?message-id=(?P<id>.*)$"));
static ACTIVE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^from=<(?P<sender>.*)>, size=(?P<size>\d+), nrcpt=(?P<count>\d+) \(queue active\)$"));
static SASL_FAILED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:warning: )?(?P<client>[^\s\[]*\[(?P<ip>[^\]]*)\])(?::\d+)?: SASL (?P<method>\S+) authentication (?P<what>failed|aborted)(?:: ?(?P<detail>.*?))?(?:,? ?sasl_username=(?P<user>.*))?$",
    )
});
/// `do_auth : auth failure: [user=hana] [service=smtp] [realm=] [mech=pam] [reason=PAM auth error]`
static SASLAUTHD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"auth failure: \[user=(?P<user>.*)\] \[service=(?P<detail>[^\]]*)\] \[realm=.*$"));
static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<word>(?:milter-|proxy-)?(?:reject|accept|discard|hold|warn|filter|redirect|reject_warning)): (?P<stage>.*?) from (?P<client>[^\s\[]*\[(?P<ip>[^\]]*)\])(?::\d+)?(?:: (?:(?P<code>\d{3}) )?(?:(?P<dsn>\d\.\d+\.\d+) )?(?P<detail>.*))?$",
    )
});
/// What smtpd adds to a refusal; the name that the client gives itself may hold anything.
static ENVELOPE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<sender>.*?)>(?: to=<(?P<recipient>.*?)>)?(?: proto=\S+)?(?: helo=<(?P<helo>.*?)>)?(?: sasl_username=<?(?P<user>[^>\s]*)>?)?$",
    )
});
static DELIVERY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^to=<(?P<recipient>.*?)>,(?: orig_to=<(?P<alias>.*?)>,)? relay=(?P<relay>.*?),.*? dsn=(?P<dsn>[\d.]+), status=(?P<status>\w[\w-]*)(?: \((?P<detail>.*)\))?$",
    )
});
static BRACKETED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[(?P<ip>[0-9a-fA-F.:]+)\]"));
/// `warning: hostname mx.example.net does not resolve to address 192.0.2.1`, and its older form.
static HOST_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^warning: (?:hostname \S+ does not resolve to address (?P<new>[0-9a-fA-F.:]+?)(?::.*)?|(?P<old>[0-9a-fA-F.:]+): (?:hostname|address) .*)$",
    )
});
static LISTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^addr (?P<ip>\S+) listed by domain (?P<detail>.*)$"));

/// Services that talk to clients, so that the first address in brackets is the client's.
const SERVERS: [&str; 7] = [
    "smtpd",
    "postscreen",
    "tlsproxy",
    "cleanup",
    "qmqpd",
    "smtps",
    "submission",
];
/// Services that tell about themselves.
const HOUSEKEEPING: [&str; 16] = [
    "anvil",
    "master",
    "scache",
    "tlsmgr",
    "postfix-script",
    "postsuper",
    "postqueue",
    "postmap",
    "postalias",
    "proxymap",
    "trivial-rewrite",
    "verify",
    "dnsblog",
    "flush",
    "showq",
    "postlog",
];
/// Beginnings of messages by which a server turns a client away, and why.
const TURNED_AWAY: [(&str, &str); 10] = [
    ("too many errors after", "rate_limited"),
    ("warning: Connection rate limit exceeded", "rate_limited"),
    ("warning: Connection concurrency limit exceeded", "rate_limited"),
    ("warning: AUTH command rate limit exceeded", "rate_limited"),
    ("PREGREET", "policy_blocked"),
    ("DNSBL", "policy_blocked"),
    ("BLACKLISTED", "policy_blocked"),
    ("DENYLISTED", "policy_blocked"),
    ("BARE NEWLINE", "policy_blocked"),
    ("NON-SMTP COMMAND", "policy_blocked"),
];

/// Takes the queue id off the beginning: short ones are hexadecimal, long ones have no vowels.
pub(super) fn split_queue_id(message: &str) -> (Option<&str>, &str) {
    let parts = message.split_once(": ").filter(|(id, _)| {
        let short = id.len() >= 6
            && id
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
        let long = id.len() >= 10
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() && !b"aeiouAEIOU".contains(&byte))
            && id.bytes().any(|byte| byte.is_ascii_digit());
        *id == NO_QUEUE || short || long
    });
    parts.map_or((None, message), |(id, rest)| (Some(id), rest))
}

/// What a message adds to a mail, if it does.
pub(super) fn step<'a>(service: &str, message: &'a str) -> Option<Step<'a>> {
    match service {
        "cleanup" => {
            let captures = MESSAGE_ID.captures(message)?;
            Some(Step::MessageId(group(&captures, "id")?))
        }
        "qmgr" | "nqmgr" | "oqmgr" => {
            let captures = ACTIVE.captures(message)?;
            let recipients = group(&captures, "count")?.parse().ok()?;
            Some(Step::Active {
                sender: group(&captures, "sender")?,
                size: group(&captures, "size"),
                recipients,
            })
        }
        "pickup" => {
            let captures = PICKUP.captures(message)?;
            Some(Step::Pickup {
                user: group(&captures, "user")?,
            })
        }
        _ => {
            let captures = CLIENT.captures(message)?;
            let user = group(&captures, "user").filter(|user| !user.is_empty());
            Some(Step::Client {
                source: group(&captures, "client")?,
                user,
                method: group(&captures, "method"),
            })
        }
    }
}

/// The address in brackets of `mx.example.net[192.0.2.1]`.
pub(super) fn bracketed(client: &str) -> Option<&str> {
    BRACKETED.captures(client).and_then(|captures| group(&captures, "ip"))
}

/// The word of `auth_method` for a mechanism of SASL.
pub(super) fn method_word(method: &str) -> &'static str {
    match method.to_ascii_uppercase().as_str() {
        "XOAUTH2" | "OAUTHBEARER" => "oauth2",
        "EXTERNAL" => "cert",
        "GSSAPI" | "GSS-SPNEGO" => "kerberos",
        "ANONYMOUS" => "none",
        _ => "password",
    }
}

/// Reads a message that stands for itself.
pub(super) fn read<'a>(service: &str, queue_id: Option<&str>, message: &'a str) -> Reading<'a> {
    sasl_failure(message)
        .or_else(|| refusal(message))
        .or_else(|| delivery(message))
        .or_else(|| step(service, message).map(|step| of_step(&step)))
        .or_else(|| connection(service, message))
        .unwrap_or_else(|| Reading {
            class: Class::Email,
            action: message.split([':', '=', ',', ' ']).next().unwrap_or_default(),
            unknown: queue_id.is_none() && !HOUSEKEEPING.contains(&service),
            ..Reading::default()
        })
}

fn sasl_failure(message: &str) -> Option<Reading<'_>> {
    if message.starts_with("warning: SASL authentication failure") {
        // The library says it again in the name of the same process, without the client.
        let (class, status) = (Class::Authentication, Status::Failure);
        let protocol = Some("smtp");
        let mut reading = Reading {
            class,
            status,
            action: "SASL authentication failure",
            protocol,
            ..Reading::default()
        };
        reading.keep("detail", Some(message));
        return Some(reading);
    }
    if let Some(captures) = SASLAUTHD.captures(message) {
        // The service that asked writes the line that counts, with the client.
        let mut reading = Reading {
            class: Class::Authentication,
            action: "auth failure",
            status: Status::Failure,
            reason: Some("bad_credentials"),
            user: group(&captures, "user"),
            ..Reading::default()
        };
        reading.keep("asked_by", group(&captures, "detail"));
        return Some(reading);
    }
    let captures = SASL_FAILED.captures(message)?;
    let at = |name| group(&captures, name);
    let detail = at("detail").unwrap_or_default();
    let lower = detail.to_ascii_lowercase();
    let server_fault = [
        "connection lost",
        "generic failure",
        "temporary",
        "cannot connect",
        "no mechanism",
    ];
    let failed = at("what") == Some("failed");
    let mut reading = Reading {
        class: Class::Authentication,
        activity: if failed { "logon" } else { "other" },
        action: "SASL authentication failed",
        status: Status::Failure,
        reason: Some(if server_fault.iter().any(|word| lower.contains(word)) {
            "other"
        } else {
            "bad_credentials"
        }),
        user: at("user"),
        source: at("ip"),
        protocol: Some("smtp"),
        method: at("method").map(method_word),
        ..Reading::default()
    };
    for field in ["client", "method", "detail"] {
        reading.keep(field, at(field));
    }
    Some(reading)
}

/// `reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <x>: Relay access denied; from=<a> to=<b> …`
fn refusal(message: &str) -> Option<Reading<'_>> {
    let (told, envelope) = message.split_once("; from=<").unwrap_or((message, ""));
    let captures = REFUSED.captures(told)?;
    let at = |name| group(&captures, name);
    let envelope = ENVELOPE.captures(envelope);
    let around = |name| envelope.as_ref().and_then(|captures| group(captures, name));
    let refused = at("word").is_some_and(|word| word.contains("reject") || word.contains("discard"));
    let mut reading = Reading {
        class: Class::Email,
        action: at("word").unwrap_or_default(),
        status: if refused { Status::Failure } else { Status::Unknown },
        status_code: at("dsn").or_else(|| at("code")),
        reason: refused.then_some("policy_blocked"),
        user: around("user"),
        source: at("ip"),
        protocol: Some("smtp"),
        resource: around("recipient"),
        resource_type: around("recipient").map(|_| "mailbox"),
        ..Reading::default()
    };
    for field in ["stage", "client", "code", "detail"] {
        reading.keep(field, at(field));
    }
    for field in ["sender", "helo"] {
        reading.keep(field, around(field));
    }
    Some(reading)
}

/// `to=<a>, relay=…, delay=…, dsn=2.0.0, status=sent (250 ok)`
fn delivery(message: &str) -> Option<Reading<'_>> {
    let captures = DELIVERY.captures(message)?;
    let at = |name| group(&captures, name);
    let word = at("status").unwrap_or_default();
    let mut reading = Reading {
        class: Class::Email,
        action: word,
        status: match word {
            "sent" | "deliverable" => Status::Success,
            "bounced" | "expired" | "undeliverable" => Status::Failure,
            _ => Status::Unknown,
        },
        status_code: at("dsn"),
        resource: at("recipient"),
        resource_type: Some("mailbox"),
        ..Reading::default()
    };
    for field in ["relay", "alias", "detail"] {
        reading.keep(field, at(field));
    }
    Some(reading)
}

/// A line that belongs to a mail of which the other lines are gone.
fn of_step<'a>(step: &Step<'a>) -> Reading<'a> {
    let mut reading = Reading {
        class: Class::Email,
        status: Status::Success,
        protocol: Some("smtp"),
        ..Reading::default()
    };
    match *step {
        Step::Client { source, user, .. } => {
            (reading.action, reading.user, reading.source) = ("client", user, bracketed(source));
        }
        Step::Pickup { user } => (reading.action, reading.user) = ("pickup", Some(user)),
        Step::MessageId(id) => (reading.action, reading.resource) = ("message-id", Some(id)),
        Step::Active {
            sender,
            size,
            recipients,
        } => {
            (reading.action, reading.count) = ("queue active", Some(recipients));
            reading.keep("sender", Some(sender));
            reading.keep("size", size);
        }
    }
    reading
}

fn connection<'a>(service: &str, message: &'a str) -> Option<Reading<'a>> {
    let named = HOST_NAME
        .captures(message)
        .and_then(|found| group(&found, "new").or_else(|| group(&found, "old")));
    let listed = LISTED.captures(message).and_then(|found| group(&found, "ip"));
    let client = || bracketed(message).filter(|_| SERVERS.contains(&service));
    let source = named.or(listed).or_else(client)?;
    let reason = TURNED_AWAY
        .iter()
        .find(|(word, _)| message.starts_with(word))
        .map(|(_, reason)| *reason);
    let text = message.strip_prefix("warning: ").unwrap_or(message);
    let mut reading = Reading {
        class: Class::Email,
        action: words(text),
        status: if reason.is_some() {
            Status::Failure
        } else {
            Status::Unknown
        },
        reason,
        source: Some(source),
        protocol: Some("smtp"),
        ..Reading::default()
    };
    reading.keep("detail", Some(message));
    Some(reading)
}

/// The words at the beginning of a message, without what differs from one line to the next.
fn words(text: &str) -> &str {
    let end = text
        .find(|c: char| c.is_ascii_digit() || matches!(c, ':' | '[' | '<' | '('))
        .unwrap_or(text.len());
    let words = text.get(..end).unwrap_or_default();
    words.split(" from ").next().unwrap_or_default().trim()
}
