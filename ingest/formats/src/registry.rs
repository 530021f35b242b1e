//! The one list of formats, from which `sekisho sources`, the check of `--source` and the table of
//! Sigma log sources derive.

use crate::Format;

/// What is known about a format.
#[derive(Clone, Copy, Debug)]
pub struct FormatSpec {
    /// The parser id, as `--source` and the `source` column have it.
    pub id: &'static str,
    /// What it reads, for people.
    pub title: &'static str,
    /// How it usually comes.
    pub transports: &'static str,
    /// How late its records may be.
    pub lateness: std::time::Duration,
    /// What must be switched on at the source.
    pub prepare: &'static str,
    /// Whether a record is surely of this format, judged by its first bytes; for `auto`.
    pub sniff: fn(&[u8]) -> bool,
    /// A new reader.
    pub make: fn() -> Box<dyn Format>,
}

const fn minutes(minutes: u64) -> std::time::Duration {
    std::time::Duration::from_secs(minutes * 60)
}

/// Every format, in the order in which `auto` asks them.
pub static FORMATS: &[FormatSpec] = &[
    FormatSpec {
        id: "entra.signin",
        title: "Microsoft Entra sign-in logs",
        transports: "HTTP, exported JSON",
        lateness: minutes(120),
        prepare: "Diagnostic settings: SignInLogs, NonInteractiveUserSignInLogs",
        sniff: crate::entra_signin::sniff,
        make: || Box::new(crate::entra_signin::EntraSignin::default()),
    },
    FormatSpec {
        id: "m365.audit",
        title: "Microsoft 365 unified audit log",
        transports: "HTTP, exported JSON",
        lateness: minutes(24 * 60),
        prepare: "Microsoft Purview: auditing on",
        sniff: crate::m365_audit::sniff,
        make: || Box::new(crate::m365_audit::M365Audit::default()),
    },
    FormatSpec {
        id: "linux.sshd",
        title: "OpenSSH server, and the rest of a Linux authentication log",
        transports: "syslog, file",
        lateness: minutes(10),
        prepare: "nothing",
        sniff: crate::linux_sshd::sniff,
        make: || Box::new(crate::linux_sshd::LinuxSshd::default()),
    },
    FormatSpec {
        id: "mail.postfix",
        title: "Postfix mail server",
        transports: "syslog, file",
        lateness: minutes(10),
        prepare: "nothing",
        sniff: crate::mail_postfix::sniff,
        make: || Box::new(crate::mail_postfix::MailPostfix::default()),
    },
    FormatSpec {
        id: "mail.dovecot",
        title: "Dovecot IMAP and POP3 server",
        transports: "syslog, file",
        lateness: minutes(10),
        prepare: "nothing",
        sniff: crate::mail_dovecot::sniff,
        make: || Box::new(crate::mail_dovecot::MailDovecot::default()),
    },
    FormatSpec {
        id: "web.combined",
        title: "nginx and Apache access logs",
        transports: "syslog, file",
        lateness: minutes(10),
        prepare: "log format combined, common or vhost_combined",
        sniff: crate::web_combined::sniff,
        make: || Box::new(crate::web_combined::WebCombined::default()),
    },
];

/// The format of that parser id.
pub fn format_by_id(id: &str) -> Option<&'static FormatSpec> {
    FORMATS.iter().find(|spec| spec.id == id)
}

/// The parser id of a record whose source is not named: that of the first format that surely knows
/// it, else `auto`.
pub fn classify(record: &[u8]) -> &'static str {
    FORMATS
        .iter()
        .find(|spec| (spec.sniff)(record))
        .map_or("auto", |spec| spec.id)
}
