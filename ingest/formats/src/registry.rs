//! The one list of formats, from which `sekisho sources`, the check of `--source` and the table of
//! Sigma log sources derive.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::mapped::{Map, Mapped, OwnFirst, Sniffer};
use crate::{Format, shipper};

/// What is known about a format.
#[derive(Clone, Debug)]
pub struct FormatSpec {
    /// The parser id, as `--source` and the `source` column have it.
    pub id: &'static str,
    /// What it reads, for people.
    pub title: &'static str,
    /// How it usually comes.
    pub transports: &'static str,
    /// How late its records may be.
    pub lateness: Duration,
    /// What must be switched on at the source.
    pub prepare: &'static str,
    reader: Reader,
}

/// How a format reads.
#[derive(Clone, Debug)]
enum Reader {
    Code {
        /// Whether a record is surely of this format, judged by its first bytes; for `auto`, which never takes a record
        /// for one of a format without it.
        sniff: Option<fn(&[u8]) -> bool>,
        /// Whether its records are lines of text.
        lines: bool,
        make: fn() -> Box<dyn Format>,
    },
    Map(Arc<Map>),
}

impl FormatSpec {
    /// Whether its records are lines of text, so that a JSON document is what a shipper put one into.
    pub(crate) fn reads_lines(&self) -> bool {
        match &self.reader {
            Reader::Code { lines, .. } => *lines,
            Reader::Map(map) => map.reads_lines(),
        }
    }

    /// How late its records may be, in words: `10 min`, `24 h`.
    pub fn late_by(&self) -> String {
        match self.lateness.as_secs() / 60 {
            minutes @ 0..120 => format!("{minutes} min"),
            minutes => format!("{} h", minutes / 60),
        }
    }

    /// Whether it reads only what is named for it, by maps of the administrator's own first: `auto` never takes a record
    /// for one of these.
    pub fn takes_own_maps(&self) -> bool {
        match &self.reader {
            Reader::Code { sniff, .. } => sniff.is_none(),
            Reader::Map(map) => map.knows_no_record(),
        }
    }

    /// A new reader.
    pub fn make(&self) -> Box<dyn Format> {
        match &self.reader {
            Reader::Code { make, .. } => make(),
            Reader::Map(map) if self.takes_own_maps() => Box::new(OwnFirst::new(Arc::clone(map))),
            Reader::Map(map) => Box::new(Mapped::new(Arc::clone(map))),
        }
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Formats that are code, in the order in which `auto` asks them.
static CODE: &[FormatSpec] = &[
    FormatSpec {
        id: "entra.signin",
        title: "Microsoft Entra sign-in logs",
        transports: "Kafka (Event Hubs), HTTP, exported JSON",
        lateness: minutes(120),
        prepare: "Diagnostic settings: SignInLogs, NonInteractiveUserSignInLogs",
        reader: Reader::Code {
            sniff: Some(crate::entra_signin::sniff),
            lines: false,
            make: || Box::new(crate::entra_signin::EntraSignin::default()),
        },
    },
    FormatSpec {
        id: "m365.audit",
        title: "Microsoft 365 unified audit log",
        transports: "HTTP, exported JSON or CSV",
        lateness: minutes(24 * 60),
        prepare: "Microsoft Purview: auditing on",
        reader: Reader::Code {
            sniff: Some(crate::m365_audit::sniff),
            lines: false,
            make: || Box::new(crate::m365_audit::M365Audit::default()),
        },
    },
    FormatSpec {
        id: "windows.security",
        title: "Windows event log, channel Security",
        transports: "HTTP, exported JSON or XML, EVTX file, Snare over syslog",
        lateness: minutes(10),
        prepare: "audit policy: logon, account logon, account management",
        reader: Reader::Code {
            sniff: Some(crate::windows_security::sniff),
            lines: false,
            make: || Box::new(crate::windows_security::WindowsSecurity::default()),
        },
    },
    FormatSpec {
        id: "linux.sudo",
        title: "sudo, su and pkexec of a Linux host",
        transports: "syslog, journal, file",
        lateness: minutes(10),
        prepare: "nothing",
        reader: Reader::Code {
            sniff: Some(crate::linux_sshd::sniff_sudo),
            lines: true,
            make: || Box::new(crate::linux_sshd::LinuxSshd::sudo()),
        },
    },
    FormatSpec {
        id: "linux.sshd",
        title: "OpenSSH server, and the rest of a Linux authentication log",
        transports: "syslog, journal, file",
        lateness: minutes(10),
        prepare: "nothing",
        reader: Reader::Code {
            sniff: Some(crate::linux_sshd::sniff),
            lines: true,
            make: || Box::new(crate::linux_sshd::LinuxSshd::default()),
        },
    },
    FormatSpec {
        id: "mail.postfix",
        title: "Postfix mail server",
        transports: "syslog, journal, file",
        lateness: minutes(10),
        prepare: "nothing",
        reader: Reader::Code {
            sniff: Some(crate::mail_postfix::sniff),
            lines: true,
            make: || Box::new(crate::mail_postfix::MailPostfix::default()),
        },
    },
    FormatSpec {
        id: "mail.dovecot",
        title: "Dovecot IMAP and POP3 server",
        transports: "syslog, journal, file",
        lateness: minutes(10),
        prepare: "nothing",
        reader: Reader::Code {
            sniff: Some(crate::mail_dovecot::sniff),
            lines: true,
            make: || Box::new(crate::mail_dovecot::MailDovecot::default()),
        },
    },
    FormatSpec {
        id: "openvpn.log",
        title: "OpenVPN server",
        transports: "syslog, file",
        lateness: minutes(10),
        prepare: "verb 3",
        reader: Reader::Code {
            sniff: Some(crate::openvpn_log::sniff),
            lines: true,
            make: || Box::new(crate::openvpn_log::OpenvpnLog::default()),
        },
    },
    FormatSpec {
        id: "web.combined",
        title: "nginx and Apache access logs",
        transports: "syslog, file",
        lateness: minutes(10),
        prepare: "log format combined, common or vhost_combined",
        reader: Reader::Code {
            sniff: Some(crate::web_combined::sniff),
            lines: true,
            make: || Box::new(crate::web_combined::WebCombined::default()),
        },
    },
    FormatSpec {
        id: crate::csv_map::ID,
        title: "Tables (CSV, TSV) that begin with a line of headers",
        transports: "file, HTTP",
        lateness: minutes(24 * 60),
        prepare: "name the source: a row alone does not tell what it is",
        reader: Reader::Code {
            sniff: None,
            lines: true,
            make: || Box::new(crate::csv_map::CsvMap::default()),
        },
    },
];

/// A format that is data, as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrittenMap {
    /// The folder it is in: its id with underscores.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests name the folder of a bad map"))]
    pub(crate) folder: &'static str,
    pub(crate) map: &'static str,
    #[cfg(test)]
    pub(crate) cases: &'static str,
}

macro_rules! maps {
    ($($folder:literal)*) => {
        /// Formats that are data. Where records of two look alike, the one that comes first is asked first.
        pub(crate) static MAPS: &[WrittenMap] = &[$(WrittenMap {
            folder: $folder,
            map: include_str!(concat!($folder, "/map.toml")),
            #[cfg(test)]
            cases: include_str!(concat!($folder, "/cases.ndjson")),
        }),*];
    };
}

maps! {
    "entra_audit"
    "aws_alb"
    "aws_cloudtrail"
    "cloudflare_access"
    "cloudflare_gateway"
    "cloudflare_audit"
    "google_login"
    "google_token"
    "google_drive"
    "google_admin"
    "okta_system"
    "onelogin_event"
    "slack_audit"
    "github_audit"
    "duo_auth"
    "box_event"
    "onepassword_signin"
    "cisco_asa"
    "fortigate_event"
    "ivanti_event"
    "panos_globalprotect"
    "sonicwall_event"
    "sophos_event"
    "keycloak_event"
    "auth0_log"
    "jumpcloud_event"
    "dropbox_event"
    "salesforce_login"
    "web_json"
    // Any vendor's record may be written so, and has said more before.
    "ocsf_json"
    "ecs_json"
    // Only where it is named.
    "generic_json"
}

/// The maps of [`MAPS`], read.
#[expect(
    clippy::expect_used,
    reason = "the texts are constants, so the first test finds a mistake"
)]
pub(crate) static READ_MAPS: LazyLock<Vec<Arc<Map>>> = LazyLock::new(|| {
    let read = |written: &WrittenMap| Arc::new(Map::read(written.map).expect("a map"));
    MAPS.iter().map(read).collect()
});

/// Every format.
pub static FORMATS: LazyLock<Vec<FormatSpec>> = LazyLock::new(|| {
    let mapped = READ_MAPS.iter().map(|map| FormatSpec {
        id: &map.id,
        title: &map.title,
        transports: &map.transports,
        lateness: map.lateness,
        prepare: &map.prepare,
        reader: Reader::Map(Arc::clone(map)),
    });
    CODE.iter().cloned().chain(mapped).collect()
});

/// Knows the records of formats that are data.
static SNIFFER: LazyLock<Sniffer> = LazyLock::new(|| {
    let mapped = FORMATS
        .iter()
        .enumerate()
        .filter_map(|(place, spec)| match &spec.reader {
            Reader::Map(map) => Some((place, &**map)),
            Reader::Code { .. } => None,
        });
    Sniffer::new(mapped)
});

/// The format of that parser id.
pub fn format_by_id(id: &str) -> Option<&'static FormatSpec> {
    FORMATS.iter().find(|spec| spec.id == id)
}

/// The parser id of a record whose source is not named: that of the first format that surely knows
/// it, or the line that a shipper put into it, else `auto`. A vendor's record in a shipper's document is
/// `auto`: a format of JSON that is named takes the document for its record.
pub fn classify(record: &[u8]) -> &'static str {
    let shipped = || {
        let place = place_of(shipper::unwrap(record, &TimeZone::UTC, false)?.line.as_bytes())?;
        FORMATS.get(place).filter(|spec| spec.reads_lines())
    };
    let known = place_of(record).and_then(|place| FORMATS.get(place));
    known.or_else(shipped).map_or("auto", |spec| spec.id)
}

/// The place in [`FORMATS`] of the format that surely knows a record. Words that a vendor writes come
/// first: a line of a firewall may look like one of syslog's to others.
pub(crate) fn place_of(record: &[u8]) -> Option<usize> {
    let is_json = matches!(record.trim_ascii_start().first(), Some(b'{' | b'[' | b'\xEF'));
    let by_code = || {
        CODE.iter().position(|spec| match spec.reader {
            Reader::Code { sniff, .. } => sniff.is_some_and(|sniff| sniff(record)),
            Reader::Map(_) => false,
        })
    };
    if is_json {
        by_code().or_else(|| SNIFFER.json(record))
    } else {
        SNIFFER.line(record).or_else(by_code)
    }
}
